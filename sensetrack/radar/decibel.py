"""Decibel of linear quantities."""

from __future__ import annotations

import numpy as np

from sensetrack.types import FloatArray, PixelArray

SMALLEST = 1e-30
"""What is smaller has no decibel."""


def to_decibel(values: PixelArray) -> FloatArray:
    """Return ``10 log10(value)``; where a value is below `SMALLEST`, or negative, minus that: nearly 0 dB.

    The last is what SNAP does and no physics: mask what is not above 0 beforehand, or take the odd exact value for
    missing. Also of amplitudes the factor is 10.

    Parameters
    ----------
    values : ndarray
        Linear, real.

    Returns
    -------
    ndarray of float32
    """
    linear = np.asarray(values.real, np.float64)
    is_small = linear < SMALLEST
    return np.asarray(np.where(is_small, -SMALLEST, 10 * np.log10(np.where(is_small, 1.0, linear))), np.float32)


def from_decibel(values: PixelArray) -> FloatArray:
    """Return ``10 ** (value / 10)``, float32."""
    with np.errstate(over="ignore"):
        return np.asarray(10 ** (np.asarray(values.real, np.float64) / 10), np.float32)
