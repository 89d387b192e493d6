"""Power without its thermal noise."""

from __future__ import annotations

import numpy as np

from sensetrack.types import DoubleArray

SMALLEST = 1e-5
"""What power that is less than its noise becomes: not 0, which means nodata."""


def without_noise(power: DoubleArray, noise: DoubleArray, *, clips: bool = True) -> DoubleArray:
    """Return ``power - noise``; the power itself where the noise is 0.

    Parameters
    ----------
    power, noise : ndarray of float64
    clips : bool
        Raise what comes out below 0 to `SMALLEST`; else it stays below 0, as means over many pixels want it.
    """
    rest = np.where(noise == 0, power, power - noise)
    return np.where(rest < 0, SMALLEST, rest) if clips else rest
