"""Lee's refined speckle filter: local linear least squares in windows that end at edges."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._speckle import LOOKS_HELP, QUANTITY_HELP, Quantity, refuse_negative, speckle_variation
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray


class RefinedLee(ImageFilter):
    """Filters as `lee` in 7 x 7 windows, but at an edge only with the half of the window on the pixel's own side.

    Where the window varies more than speckle does, the means of nine 3 x 3 blocks in it tell along which of four
    directions an edge runs and on which side of it the pixel lies; mean, variance and gain then come from that half
    (Lee 1981, Computer Graphics and Image Processing 15, 380; here with
    speckle for the noise). Valid pixels alone take part;
    where a block has none, the whole window is used.

    Keeps the edges that offset tracking of amplitude lives from, where `lee` blurs or leaves them noisy. For amplitude
    or intensity before they become decibel; not for optical images, and not where speckle itself is tracked.
    """

    looks: float = param(4.0, LOOKS_HELP, gt=0, le=1000)
    quantity: Quantity = param("intensity", QUANTITY_HELP)

    @property
    def margin(self) -> int:
        """Half the window."""
        return 3

    def fit(self, image: Image) -> State:
        """Learn nothing, but refuse images that cannot have speckle."""
        refuse_negative(image, "refined-lee")
        return {}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        from sensetrack.preprocess._refined_lee import refined_lee

        return refined_lee(np.asarray(pixels, np.float32), valid, speckle_variation(self.looks, self.quantity)), valid
