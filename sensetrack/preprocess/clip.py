"""Cuts off the darkest and brightest values at percentiles of the image."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import model_validator

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._survey import percentiles
from sensetrack.preprocess.minmax import to_unit
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray


class Clip(ImageFilter):
    """Raises values below one percentile of the image to it and lowers those above another.

    Keeps single bright targets, glint and dead pixels from dominating a window. The percentiles are those of a sample
    (all of the image up to 4 million pixels). What is cut off becomes flat: with narrow percentiles whole bright or
    dark areas lose their texture and can no longer be tracked.
    """

    low: float = param(0.5, "Percentile to which lower values are raised.", unit="%", ge=0, lt=100)
    high: float = param(99.5, "Percentile to which higher values are lowered.", unit="%", gt=0, le=100)
    rescale: bool = param(False, "Whether the range that is left is mapped to 0..1.")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low = {self.low:g} must be below high = {self.high:g}")
        return self

    @property
    def margin(self) -> int:
        """None: single pixels."""
        return 0

    def fit(self, image: Image) -> State:
        """Learn the two percentiles."""
        return {"range": percentiles(image, [self.low, self.high])}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        low, high = (np.float32(value) for value in state["range"])
        cut = np.clip(pixels, low, high)
        return (np.clip(to_unit(cut, state), 0, 1) if self.rescale else cut), valid
