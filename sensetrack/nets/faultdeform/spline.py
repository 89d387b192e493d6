"""Images as quintic B-splines, resampled anywhere to about a hundredth of a pixel (Thévenaz et al. 2000)."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from sensetrack.types import DoubleArray, FloatArray

BORDER = 3
"""Pixels at the border of an image that a position may not enter."""


def coefficients(image: NDArray[np.floating]) -> FloatArray:
    """Return the coefficients of the quintic B-spline through the pixels of an image, ``(row, col)``."""
    found = ndimage.spline_filter(image, 5, output=np.float32, mode="mirror")
    return np.ascontiguousarray(found)


def resample(coefficients: FloatArray, row: DoubleArray, col: DoubleArray) -> FloatArray:
    """Return a spline at positions, float32; beyond the image at the nearest position that is `BORDER` inside.

    Parameters
    ----------
    coefficients : ndarray of float32
        From `coefficients`.
    row, col : ndarray of float64
        Positions of one shape, ``(row, col)``.
    """
    out = np.empty(row.shape, np.float32)
    _resample(coefficients, np.ascontiguousarray(row), np.ascontiguousarray(col), out)
    return out


@njit(cache=True, nogil=True, inline="always")
def _weights(t: float, out: DoubleArray) -> None:
    for k in range(6):
        x = abs(t - (k - 2))
        if x < 1:
            out[k] = 11 / 20 - x * x / 2 + x**4 / 4 - x**5 / 12
        elif x < 2:
            out[k] = 17 / 40 + 5 * x / 8 - 7 * x * x / 4 + 5 * x**3 / 4 - 3 * x**4 / 8 + x**5 / 24
        elif x < 3:
            out[k] = (3 - x) ** 5 / 120
        else:
            out[k] = 0.0


@njit(cache=True, nogil=True)
def _resample(coefficients: FloatArray, row: DoubleArray, col: DoubleArray, out: FloatArray) -> None:
    height, width = coefficients.shape
    down, right = np.empty(6), np.empty(6)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            y = min(max(row[i, j], BORDER - 1.0), height - BORDER - 1.001)
            x = min(max(col[i, j], BORDER - 1.0), width - BORDER - 1.001)
            top, left = int(y), int(x)
            _weights(y - top, down)
            _weights(x - left, right)
            total = 0.0
            for m in range(6):
                line = 0.0
                for n in range(6):
                    line += right[n] * coefficients[top + m - 2, left + n - 2]
                total += down[m] * line
            out[i, j] = total
