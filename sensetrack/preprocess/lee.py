"""Lee's speckle filter: local linear least squares in a square window."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._speckle import (
    LOOKS_HELP,
    QUANTITY_HELP,
    Quantity,
    refuse_negative,
    speckle_variation,
    window_sum,
)
from sensetrack.preprocess._windows import OddWindow
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray


class Lee(ImageFilter):
    """Draws each pixel towards its local mean, the less the more the window varies beyond what speckle explains.

    With the mean ``m`` and variance ``v`` of the valid pixels of the window, and speckle of relative variance ``c``
    (1 / looks for intensity), the ground has the variance ``g = (v - c m^2) / (1 + c)``, and the estimate of least
    squared error that is linear in the pixel ``z`` is ``m + (g / v) (z - m)`` (Lee 1980, IEEE Trans. Pattern Anal.
    Mach. Intell. 2, 165; the product of ground and speckle is not linearised here). Where the ground is even, that is
    the mean.

    For amplitude or intensity before they become decibel. Not for offset tracking by speckle itself, whose texture it
    takes away, nor for optical images; `refined-lee` keeps edges sharper at a higher price.
    """

    window: OddWindow = param(7, "Side of the window, odd.", unit="px", ge=3, le=51)
    looks: float = param(4.0, LOOKS_HELP, gt=0, le=1000)
    quantity: Quantity = param("intensity", QUANTITY_HELP)

    @property
    def margin(self) -> int:
        """Half the window."""
        return self.window // 2

    def fit(self, image: Image) -> State:
        """Learn nothing, but refuse images that cannot have speckle."""
        refuse_negative(image, "lee")
        return {}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        values = pixels.astype(np.float64)
        count = np.maximum(window_sum(valid.astype(np.float64), self.window), 1)
        mean = window_sum(values, self.window) / count
        variance = np.maximum(window_sum(values * values, self.window) / count - mean * mean, 0)
        speckle = speckle_variation(self.looks, self.quantity)
        ground = np.maximum(variance - speckle * mean * mean, 0) / (1 + speckle)
        gain = np.divide(ground, variance, out=np.zeros_like(ground), where=variance > 0)
        return mean + gain * (values - mean), valid
