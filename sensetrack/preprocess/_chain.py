"""Image filters one after the other, on an image or a pair, as it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PixelArray


@dataclass(frozen=True, eq=False)
class Fitted:
    """An image filter with what it learnt of an image: changes its pixels as they are read.

    Attributes
    ----------
    filter : ImageFilter
    state : mapping of str to ndarray
    """

    filter: ImageFilter
    state: State

    @property
    def margin(self) -> int:
        """Pixels around a window that influence its result."""
        return self.filter.margin

    @property
    def is_complex(self) -> bool | None:
        """Whether its results are complex; None: as what it is given."""
        return self.filter.gives_complex

    @property
    def text(self) -> str:
        """Name and parameters, for provenance."""
        return describe(self.filter)

    def __call__(self, pixels: PixelArray, valid: Mask, block: Block) -> tuple[PixelArray, Mask]:
        """Return the filtered window at ``block`` and where it is valid."""
        return self.filter.run(pixels, valid, self.state, (block.row, block.col))


def preprocess_image(image: Image, filters: Sequence[ImageFilter]) -> Image:
    """Return an image that passes through filters, the first one first, as it is read.

    Parameters
    ----------
    image : Image
        Resampled already, if it is to be.
    filters : sequence of ImageFilter

    Raises
    ------
    InputError
        A filter cannot work on what comes out of the one before it.
    """
    for each in filters:
        each.check(image)
        image = each.bind(image, each.fit(image))
    return image


def preprocess_pair(reference: Image, secondary: Image, filters: Sequence[ImageFilter]) -> tuple[Image, Image]:
    """Return two images that both pass through filters as they are read.

    Each image is judged by itself (its own histogram, say), but for filters whose result would else mean something
    else in each, such as the principal component of its bands: there the reference speaks for both.

    Parameters
    ----------
    reference, secondary : Image
        On any grids.
    filters : sequence of ImageFilter

    Raises
    ------
    InputError
        As `preprocess_image`.
    """
    for each in filters:
        each.check(reference)
        each.check(secondary)
        state = each.fit(reference)
        other = state if each.is_shared else each.fit(secondary)
        reference, secondary = each.bind(reference, state), each.bind(secondary, other)
    return reference, secondary


def describe(filter_: ImageFilter) -> str:
    """Return the name and the parameters of an image filter as one line."""
    from sensetrack.preprocess import registry

    return f"{registry.name_of(type(filter_))} {filter_.to_json()}"
