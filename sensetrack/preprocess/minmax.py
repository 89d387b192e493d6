"""Scales the image to 0..1, from its least to its largest value."""

from __future__ import annotations

import numpy as np

from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._survey import extremes
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray


class Minmax(ImageFilter):
    """Maps the least valid value of the image to 0 and the largest to 1.

    All of the image is read for it. One outlier takes all the range: `clip` with ``rescale`` does not mind them. A
    constant image becomes 0.
    """

    @property
    def margin(self) -> int:
        """None: single pixels."""
        return 0

    def fit(self, image: Image) -> State:
        """Learn the range."""
        return {"range": np.asarray(extremes(image))}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        return to_unit(pixels, state), valid


def to_unit(pixels: PixelArray, state: State) -> PixelArray:
    """Return pixels with the ``range`` of a state mapped to 0..1; 0 when that range is a point."""
    low, high = (float(value) for value in state["range"])
    scaled: PixelArray = (pixels - low) / (high - low) if high > low else np.zeros_like(pixels)
    return scaled
