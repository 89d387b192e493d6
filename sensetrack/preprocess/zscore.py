"""Shifts and scales the image to zero mean and unit deviation."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._survey import sample_values
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray

_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation, for a Gaussian."""

_FLAT = 1e-7
"""Deviation, relative to the values, below which an image is constant."""


class Zscore(ImageFilter):
    """Subtracts the image's mean and divides by its standard deviation, or by the robust pair of both.

    One gain and one offset for the whole image, from a sample of it (all of it up to 4 million pixels). The trackers
    here need no such scaling; it is for what is shown, exported or learnt from. A constant image becomes 0.
    """

    centre: Literal["mean", "median"] = param(
        "mean", "Mean and standard deviation, or median and scaled median absolute deviation, which ignore outliers."
    )

    @property
    def margin(self) -> int:
        """None: single pixels."""
        return 0

    def fit(self, image: Image) -> State:
        """Learn centre and deviation."""
        values = sample_values(image).astype(np.float64)
        if not values.size:
            return {"centre": np.zeros(()), "deviation": np.zeros(())}
        if self.centre == "mean":
            centre, deviation = values.mean(), values.std()
        else:
            centre = np.median(values)
            deviation = _TO_SIGMA * np.median(np.abs(values - centre))
        if deviation <= _FLAT * np.abs(values).max():
            deviation = values.dtype.type(0)
        return {"centre": np.asarray(centre), "deviation": np.asarray(deviation)}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        deviation = float(state["deviation"])
        if deviation == 0:
            return np.zeros_like(pixels), valid
        return (pixels - float(state["centre"])) / deviation, valid
