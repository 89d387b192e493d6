"""Makes one image of several bands: one of them, their mean, a component, or the best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import model_validator

from sensetrack.errors import InputError
from sensetrack.log import logger
from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._components import principal_weights
from sensetrack.preprocess._texture import texture_scores
from sensetrack.raster.bands import names_of_bands, number_of_band, with_bands
from sensetrack.raster.image import Image
from sensetrack.types import DoubleArray, Mask, PixelArray

_log = logger(__name__)


class Bands(ImageFilter):
    """Reads a weighted sum of the file's bands in place of the band, or the mean of colours, that is read otherwise.

    `pca` is the first principal component of the bands, each divided by its standard deviation first, as bands differ
    in scale (Jolliffe 2002, Principal Component Analysis, sect. 2.3). Its weights are then scaled so that their
    absolute values add up to 1, and signed so that bright ground stays bright: where all bands agree it is their mean,
    in their units. `best-texture` takes the band whose structure stands above its noise up to the finest scales, where
    what other bands confirm is structure and the rest noise: the mean squared coherence with them, weighted by squared
    frequency as in the information on a shift.

    Weights are found on the reference and serve both images of a pair, so that both show the same; the secondary's
    bands are found by name, or by number where they have no names. A pixel is valid where all bands that count are. It
    must be the first filter, and stands in place of the option ``band``.

    For multi-spectral images whose bands show the same ground. The component is not for bands that differ in what moves
    (clouds in cirrus bands), nor for phases: of complex bands only one can be taken.
    """

    takes_complex: ClassVar[bool] = True
    is_shared: ClassVar[bool] = True
    is_first: ClassVar[bool] = True

    method: Literal["one", "mean", "pca", "best-texture"] = param(
        "pca", "What to make of the bands; 'one' takes the band that is named."
    )
    band: int | str | None = param(None, "The one band, by number from 1, name or colour.")
    among: tuple[int | str, ...] = param((), "Bands that take part, by number, name or colour; default: all.")

    @model_validator(mode="before")
    @classmethod
    def _a_band_is_one(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("band") is not None and "method" not in values:
            return {**values, "method": "one"}
        return values

    @model_validator(mode="after")
    def _fits(self) -> Bands:
        if (self.method == "one") != (self.band is not None):
            raise ValueError(
                f"method = '{self.method}' with band = {self.band!r}: name a band for 'one', and none for the others"
            )
        if self.method == "one" and self.among:
            raise ValueError(f"among = {self.among!r} has no meaning for one band; leave it out")
        return self

    @property
    def margin(self) -> int:
        """0: each pixel stands for itself."""
        return 0

    def check(self, image: Image) -> None:
        """Raise where the bands cannot be reached or combined.

        Raises
        ------
        InputError
            Something changes the pixels before; or they are complex and are to be combined.
        """
        if image.processes and len(names_of_bands(image)) > 1:
            raise InputError(
                f"{image.name}: bands must be the first image filter, since it reads other bands of the file"
            )
        if image.is_complex and self.method != "one" and len(names_of_bands(image)) > 1:
            raise InputError(f"{image.name} is complex: the phases of its bands differ, so name one with bands:band=N")

    def fit(self, image: Image) -> State:
        """Learn the ``numbers``, ``names`` and ``weights`` of the bands that count."""
        names = names_of_bands(image)
        if self.method == "one":
            assert self.band is not None
            numbers, weights = [number_of_band(image, self.band)], np.ones(1)
        else:
            numbers = sorted({number_of_band(image, band) for band in self.among}) or list(names)
            weights = self._weights([with_bands(image, (number,)) for number in numbers])
        counts = [index for index, weight in enumerate(weights) if weight]
        found = {numbers[index]: float(weights[index]) for index in counts}
        said = ", ".join(f"{weight:.3g} x {names.get(number) or number}" for number, weight in found.items())
        _log.info("%s: bands %s", image.name, said)
        return {
            "numbers": np.array(list(found), np.int64),
            "names": np.array([names.get(number, "") for number in found]),
            "weights": np.array(list(found.values())),
        }

    def _weights(self, images: Sequence[Image]) -> DoubleArray:
        """Return the weight of each of some bands."""
        if len(images) == 1 or self.method == "mean":
            return np.full(len(images), 1 / len(images))
        if self.method == "pca":
            return principal_weights(images)
        best: DoubleArray = np.zeros(len(images))
        best[int(np.argmax(texture_scores(images)))] = 1
        return best

    def bind(self, image: Image, state: State) -> Image:
        """Return the image that reads the bands, wherever its file has them.

        Raises
        ------
        InputError
            As `check`; or it lacks one of them.
        """
        self.check(image)
        numbers = _places(image, [str(name) for name in state["names"]], [int(n) for n in state["numbers"]])
        weights = tuple(float(weight) for weight in state["weights"])
        return super().bind(with_bands(image, numbers, None if weights == (1.0,) else weights), state)

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        return pixels, valid


def _places(image: Image, names: Sequence[str], numbers: Sequence[int]) -> tuple[int, ...]:
    """Return where an image has bands: by their names, or by their numbers where names are lacking."""
    own = names_of_bands(image)
    if all(names) and any(own.values()):
        by_name = {name: number for number, name in own.items()}
        lacking = [name for name in names if name not in by_name]
        if lacking:
            has = ", ".join(name or str(number) for number, name in own.items())
            raise InputError(f"{image.name} has no band '{lacking[0]}', which the other image has; it has {has}")
        return tuple(by_name[name] for name in names)
    if not set(numbers) <= set(own):
        raise InputError(
            f"{image.name} has {len(own)} bands, so it lacks band {max(numbers)}, which is taken of the other image"
        )
    return tuple(numbers)
