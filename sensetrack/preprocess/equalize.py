"""Spreads the grey values of the image evenly over 0..1."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._survey import percentiles
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray


class Equalize(ImageFilter):
    """Replaces each value by the share of pixels that are darker: global histogram equalisation.

    The same mapping everywhere, from a sample of the image (all of it up to 4 million pixels), linear between
    ``levels`` quantiles; equal values stay equal and get the middle of their ranks. Makes two dates of different
    exposure or haze alike, and tames outliers. Where most of the image is nearly even, such as sea, its noise is
    spread over most of the range: mask it, or use `clahe`, which limits that.
    """

    levels: int = param(1024, "Quantiles of the mapping.", ge=2, le=65_536)

    @property
    def margin(self) -> int:
        """None: single pixels."""
        return 0

    def fit(self, image: Image) -> State:
        """Learn the quantiles."""
        ranks = np.concatenate([[0.0], (np.arange(self.levels) + 0.5) / self.levels, [1.0]])
        values, which = np.unique(percentiles(image, list(100 * ranks)), return_inverse=True)
        return {"values": values, "ranks": np.bincount(which, ranks) / np.bincount(which)}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        values, ranks = (state[name].astype(np.float64) for name in ("values", "ranks"))
        return np.interp(pixels.astype(np.float64), values, ranks).astype(np.float32), valid
