"""Decibel of radar backscatter, amplitude or complex pixels."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._speckle import QUANTITY_HELP, Quantity
from sensetrack.preprocess.log import logarithm
from sensetrack.types import Mask, PixelArray

_PER_NEPER = {"intensity": 10 / math.log(10), "amplitude": 20 / math.log(10)}


class Decibel(ImageFilter):
    """Takes ``10 log10`` of intensity or ``20 log10`` of amplitude; complex pixels give that of their amplitude.

    Speckle becomes additive with the same strength everywhere (about 5.6 dB for one look), and bright points no longer
    dominate a window. Pixels that are not positive become invalid, or ``floor`` where that is given. After it `lee`
    and its kin no longer apply; filter speckle first.
    """

    takes_complex: ClassVar[bool] = True

    quantity: Quantity = param("intensity", QUANTITY_HELP)
    floor: float | None = param(
        None,
        "Least result; lower ones, and those of pixels that are not positive, are raised to it. "
        "Default: pixels that are not positive become invalid.",
        unit="dB",
        ge=-300,
        le=300,
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
        is_complex = np.iscomplexobj(pixels)
        scale = _PER_NEPER["amplitude" if is_complex else self.quantity]
        floor = None if self.floor is None else math.exp(self.floor / scale)
        values, good = logarithm(np.abs(pixels) if is_complex else pixels, valid, floor)
        return values * np.float32(scale), good
