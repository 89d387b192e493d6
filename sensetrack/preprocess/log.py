"""Natural logarithm of the pixels, so that ratios become differences."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.types import Mask, PixelArray


class Log(ImageFilter):
    """Takes ``ln(pixel + offset)``; complex pixels give that of their amplitude.

    Turns gain into an offset, multiplicative noise into additive, and brings bright outliers down. Pixels that are not
    positive with the offset have no logarithm: they become invalid, or are raised to ``floor`` first where that is
    given. Dark noise grows: choose ``offset`` near the noise level, or a ``floor``.
    """

    takes_complex: ClassVar[bool] = True

    offset: float = param(0.0, "Added to the pixels first.")
    floor: float | None = param(
        None,
        "Least value, offset included, of which the logarithm is taken; smaller ones are raised to it. "
        "Default: pixels that are not positive become invalid.",
        gt=0,
    )

    @property
    def gives_complex(self) -> bool:
        """Never."""
        return False

    @property
    def margin(self) -> int:
        """None: single pixels."""
        return 0

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        amplitude = np.abs(pixels) if np.iscomplexobj(pixels) else pixels
        return logarithm(amplitude + np.float32(self.offset), valid, self.floor)


def logarithm(values: PixelArray, valid: Mask, floor: float | None) -> tuple[PixelArray, Mask]:
    """Return natural logarithms and where they are valid: of positive values, or of all when there is a floor."""
    if floor is not None:
        return np.log(np.maximum(values, np.float32(floor))), valid
    good = valid & (values > 0)
    return np.log(np.where(good, values, 1)), good
