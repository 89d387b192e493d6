"""Interpolating cubic B-splines of whole images, single precision, for moving one image onto another."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.types import FloatArray

REACH = 12
"""Pixels after which the prefilter, which falls by 3.7 per pixel, is cut: what is left is 1e-7."""

_POLE = np.sqrt(3.0) - 2.0
TAPS = (_POLE ** np.abs(np.arange(-REACH, REACH + 1))).astype(np.float32)
TAPS /= TAPS.sum()
"""The prefilter along one axis, of ``2 * REACH + 1`` pixels."""


def coefficients(image: FloatArray) -> FloatArray:
    """Return the coefficients of the cubic B-spline that passes through the pixels of an image.

    Source: Unser (1999), *Splines: a perfect fit for signal and image processing*, IEEE Signal Processing Magazine
    16 (6), 22, box 2; the recursive filter there as a plain one, which depends on few pixels around each.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``; beyond its border the outermost pixels go on.

    Returns
    -------
    ndarray of float32
    """
    out = np.empty_like(image)
    over_tiles(image.shape, lambda tile: _coefficients(image, tile, TAPS, out))
    return out


@njit(cache=True, nogil=True, fastmath=True)
def _coefficients(image: FloatArray, tile: Tile, taps: FloatArray, out: FloatArray) -> None:
    top, bottom, left, right = tile
    height, width = image.shape
    cols = right - left
    line = np.empty(cols + 2 * REACH, np.float32)
    across = np.empty((bottom - top + 2 * REACH, cols), np.float32)
    for k in range(bottom - top + 2 * REACH):
        row = image[min(max(top - REACH + k, 0), height - 1)]
        for c in range(cols + 2 * REACH):
            line[c] = row[min(max(left - REACH + c, 0), width - 1)]
        target = across[k]
        target[:] = 0
        for t in range(taps.size):
            tap, shifted = taps[t], line[t : t + cols]
            for c in range(cols):
                target[c] += tap * shifted[c]
    for r in range(top, bottom):
        target = out[r, left:right]
        target[:] = 0
        for t in range(taps.size):
            tap, source = taps[t], across[r - top + t]
            for c in range(cols):
                target[c] += tap * source[c]


@njit(cache=True, nogil=True)
def value_at(coefficients: FloatArray, row: float, col: float) -> float:
    """Return the spline at a position at least 1 pixel inside the border, or the nearest such position."""
    height, width = coefficients.shape
    row = min(max(row, 1.0), height - 2.001)
    col = min(max(col, 1.0), width - 2.001)
    top, left = int(row), int(col)
    t, u = np.float32(row - top), np.float32(col - left)
    one, six = np.float32(1), np.float32(1 / 6)
    s, v = one - t, one - u
    a0, a3 = s * s * s * six, t * t * t * six
    a1 = np.float32(2 / 3) - t * t * (one - t * np.float32(0.5))
    a2 = one - a0 - a1 - a3
    b0, b3 = v * v * v * six, u * u * u * six
    b1 = np.float32(2 / 3) - u * u * (one - u * np.float32(0.5))
    b2 = one - b0 - b1 - b3
    total = np.float32(0)
    for k in range(4):
        line = coefficients[top - 1 + k]
        a = a0 if k == 0 else (a1 if k == 1 else (a2 if k == 2 else a3))
        total += a * (b0 * line[left - 1] + b1 * line[left] + b2 * line[left + 1] + b3 * line[left + 2])
    return float(total)
