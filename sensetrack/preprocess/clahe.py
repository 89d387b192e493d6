"""Spreads the grey values of every neighbourhood over the whole range, within limits (CLAHE)."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._survey import percentiles
from sensetrack.preprocess._tiles import equalize_tiles
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray


class Clahe(ImageFilter):
    """Equalises the histogram tile by tile, with limited contrast; the result is 0..1.

    Contrast-limited adaptive histogram equalisation (Zuiderveld 1994, Graphics Gems IV, 474): each tile's cumulative
    histogram, whose slope is at most ``limit``, is its mapping, and every pixel gets the bilinear mean of the four
    nearest tiles' mappings. Tiles begin at the image's corner. Only valid pixels count, and a tile counts by its share
    of them. Between the bins the mapping is linear, so no grey values are lost.

    For pictures whose texture hides in shadows or snow. A mapping bends grey values, not places; but contrast that
    depends on the surroundings differs between two dates, so for tracking through changing light `orientation` or
    `wallis` are better.
    """

    tile: int = param(64, "Side of a tile.", unit="px", ge=16, le=1024)
    limit: float = param(
        3.0, "Largest slope of the mappings, to which spreading what is above adds 1 at most.", ge=1, le=100
    )
    bins: int = param(256, "Bins of the histograms.", ge=16, le=1024)
    tails: float = param(
        0.1, "Share of values at each end of the range that may lie beyond the bins; 0 takes the sample's range.",
        unit="%", ge=0, le=20,
    )  # fmt: skip

    @property
    def margin(self) -> int:
        """One and a half tiles: the tiles on either side of a pixel's own half."""
        return 3 * self.tile // 2

    def fit(self, image: Image) -> State:
        """Learn the range of values."""
        return {"range": percentiles(image, [self.tails, 100 - self.tails])}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        low, high = (float(value) for value in state["range"])
        if low == high:
            return np.full(pixels.shape, 0.5, np.float32), valid
        levels = np.clip((pixels - low) / (high - low), 0, 1).astype(np.float32)
        return equalize_tiles(levels, np.ascontiguousarray(valid), origin, self.tile, self.bins, self.limit), valid
