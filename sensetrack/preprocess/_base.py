"""What every image filter is: checked parameters, a survey of the image, and one function on a window of pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.params import Params
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray

State = Mapping[str, NDArray[np.generic]]
"""What a filter knows of the whole image before it changes any window of it; empty for most filters."""


class ImageFilter(Params, ABC):
    """A filter of images; its fields are its parameters.

    It works window by window, so that images of any size pass through it. What it must know of the whole image first
    (a histogram, say) it learns in `fit`. Invalid pixels never take part and are 0 before and after.
    """

    takes_complex: ClassVar[bool] = False
    """Whether it has a meaning for complex pixels."""

    is_shared: ClassVar[bool] = False
    """Whether both images of a pair get what was learnt of the reference."""

    is_first: ClassVar[bool] = False
    """Whether it can only be the first of a chain, as it reads something else of the file."""

    @property
    @abstractmethod
    def margin(self) -> int:
        """Pixels around a window that influence its result; 0 for a filter of single pixels."""

    @property
    def gives_complex(self) -> bool | None:
        """Whether its results are complex; None: as the pixels it is given."""
        return None

    def check(self, image: Image) -> None:
        """Raise where the filter has no meaning for what an image holds.

        Raises
        ------
        InputError
            The image is complex, and the filter does not take that.
        """
        if image.is_complex and not self.takes_complex:
            after = f" after {image.processes[-1].text.split()[0]}" if image.processes else ""
            raise InputError(
                f"{image.name} is complex{after}, which {type(self).__name__} has no meaning for; put it before what "
                "makes the pixels complex, or take the amplitude first with log or decibel"
            )

    def fit(self, image: Image) -> State:
        """Learn what the filter must know of the whole image.

        Parameters
        ----------
        image : Image
            One that passes `check`. Read it in windows: it may be larger than memory; `sensetrack.preprocess._survey`
            has ways.

        Returns
        -------
        mapping of str to ndarray
            Small: it travels with every task.
        """
        return {}

    def bind(self, image: Image, state: State) -> Image:
        """Return an image that is filtered as it is read, with what was learnt of it or of its partner.

        Raises
        ------
        InputError
            The image is complex and the filter has no meaning for it.
        """
        from sensetrack.preprocess._chain import Fitted

        self.check(image)
        return image.processed(Fitted(self, state))

    def apply(
        self,
        pixels: NDArray[np.generic],
        valid: Mask | None = None,
        state: State | None = None,
        origin: tuple[int, int] = (0, 0),
    ) -> tuple[PixelArray, Mask]:
        """Filter an array.

        Parameters
        ----------
        pixels : ndarray
            ``(row, col)``, any real dtype; complex where `takes_complex`.
        valid : ndarray of bool, optional
            Valid pixels; NaN and infinite ones are never valid.
        state : mapping, optional
            From `fit`; default: learnt from this array.
        origin : tuple of int
            Row and column of the array's first pixel in the image, which may be negative.

        Returns
        -------
        pixels : ndarray
            float32 or complex64 of the same shape, 0 where invalid. Within `margin` of the array's border the result
            differs from that for a larger array.
        valid : ndarray of bool

        Raises
        ------
        InputError
            The array is not two-dimensional, ``valid`` has another shape, or the pixels are complex and the filter has
            no meaning for them.
        """
        image = Image.from_array(pixels, valid=valid)
        self.check(image)
        return self.run(*image.read(), self.fit(image) if state is None else state, origin)

    def run(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Filter clean pixels as `Image.read` gives them, with everything known; see `apply`."""
        if not valid.any():
            is_complex = np.iscomplexobj(pixels) if self.gives_complex is None else self.gives_complex
            return np.zeros(valid.shape, np.complex64 if is_complex else np.float32), valid
        out, good = self._apply(pixels, valid, state, origin)
        good = good & np.isfinite(out)
        kind = np.complex64 if np.iscomplexobj(out) else np.float32
        return np.where(good, out, 0).astype(kind), good

    @abstractmethod
    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Return new pixels, of any value where invalid, and where they are valid; inputs are not to be changed."""
