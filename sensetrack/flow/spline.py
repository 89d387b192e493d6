"""Interpolating cubic B-splines of whole images, single precision, for moving one image onto another."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.flow.tiling import KEEPS_NAN, Tile, over_tiles
from sensetrack.types import FloatArray

REACH = 12
"""Pixels after which the prefilter, which falls by 3.7 per pixel, is cut: what is left is 1e-7."""

BORDER = 2
"""Pixels by which coefficients reach beyond the image on every side: a cubic spline looks as far."""

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
        `BORDER` pixels larger on every side.
    """
    out = np.empty((image.shape[0] + 2 * BORDER, image.shape[1] + 2 * BORDER), np.float32)
    over_tiles(out.shape, lambda tile: _coefficients(image, tile, TAPS, out))
    return out


@njit(cache=True, nogil=True, fastmath=True)
def _coefficients(image: FloatArray, tile: Tile, taps: FloatArray, out: FloatArray) -> None:
    top, bottom, left, right = tile
    height, width = image.shape
    cols = right - left
    line = np.empty(cols + 2 * REACH, np.float32)
    across = np.empty((bottom - top + 2 * REACH, cols), np.float32)
    for k in range(bottom - top + 2 * REACH):
        row = image[min(max(top - BORDER - REACH + k, 0), height - 1)]
        for c in range(cols + 2 * REACH):
            line[c] = row[min(max(left - BORDER - REACH + c, 0), width - 1)]
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
    """Return the spline at a position in the image, or the nearest such position; see `warp_row` for many at once."""
    height, width = coefficients.shape
    row = min(max(row, 0.0), height - 1.0 - 2 * BORDER) + BORDER
    col = min(max(col, 0.0), width - 1.0 - 2 * BORDER) + BORDER
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


@njit(cache=True, nogil=True, fastmath=KEEPS_NAN, forceinline=True)
def warp_row(
    spline: FloatArray,
    row: int,
    left: int,
    dx: FloatArray,
    dy: FloatArray,
    places: NDArray[np.uint32],
    shares: FloatArray,
    out: FloatArray,
) -> None:
    """Write the secondary where a row's flow leads, or at the nearest position in the image.

    In two goes, so that a processor does many pixels at once: first where each pixel comes from, then the cubic
    B-spline there.

    Parameters
    ----------
    spline : ndarray of float32
        Coefficients, from `coefficients`.
    row, left : int
        Of the first pixel.
    dx, dy : ndarray of float32
        ``(n,)``; where it is NaN, the first pixel is meant.
    places : ndarray of uint32
        ``(>= n,)``, scratch.
    shares : ndarray of float32
        ``(2, >= n)``, scratch.
    out : ndarray of float32
        ``(n,)``.
    """
    height, width = spline.shape
    flat = spline.reshape(-1)
    border, zero = np.float32(BORDER), np.float32(0)
    last_row, last_col = np.float32(height - 1 - 2 * BORDER), np.float32(width - 1 - 2 * BORDER)
    along, down = shares[0], shares[1]
    for k in range(out.size):
        y, x = np.float32(row) + dy[k], np.float32(left + k) + dx[k]
        # In this order NaN ends at 0, not at an address.
        y, x = y if y > zero else zero, x if x > zero else zero
        y, x = min(y, last_row) + border, min(x, last_col) + border
        i, j = np.int32(y), np.int32(x)
        down[k], along[k] = y - np.float32(i), x - np.float32(j)
        places[k] = np.uint32((i - np.int32(1)) * np.int32(width) + j - np.int32(1))
    one, six, half, two_thirds = np.float32(1), np.float32(1 / 6), np.float32(0.5), np.float32(2 / 3)
    stride, first, second, third = np.uint32(width), np.uint32(1), np.uint32(2), np.uint32(3)
    for k in range(out.size):
        t, u = down[k], along[k]
        s, v = one - t, one - u
        a0, a3, a1 = s * s * s * six, t * t * t * six, two_thirds - t * t * (one - half * t)
        b0, b3, b1 = v * v * v * six, u * u * u * six, two_thirds - u * u * (one - half * u)
        a2, b2 = one - a0 - a1 - a3, one - b0 - b1 - b3
        at = places[k]
        total = a0 * (b0 * flat[at] + b1 * flat[at + first] + b2 * flat[at + second] + b3 * flat[at + third])
        at += stride
        total += a1 * (b0 * flat[at] + b1 * flat[at + first] + b2 * flat[at + second] + b3 * flat[at + third])
        at += stride
        total += a2 * (b0 * flat[at] + b1 * flat[at + first] + b2 * flat[at + second] + b3 * flat[at + third])
        at += stride
        total += a3 * (b0 * flat[at] + b1 * flat[at + first] + b2 * flat[at + second] + b3 * flat[at + third])
        out[k] = total


@njit(cache=True, nogil=True)
def bilinear(values: FloatArray, row: float, col: float) -> np.float32:
    """Return a value between pixels; the position lies inside the array."""
    top, left = min(int(row), values.shape[0] - 2), min(int(col), values.shape[1] - 2)
    t, u = np.float32(row - top), np.float32(col - left)
    upper = values[top, left] + u * (values[top, left + 1] - values[top, left])
    lower = values[top + 1, left] + u * (values[top + 1, left + 1] - values[top + 1, left])
    return np.float32(upper + t * (lower - upper))


@njit(cache=True, nogil=True, fastmath=KEEPS_NAN, forceinline=True)
def bilinear_row(
    values: FloatArray, row: int, left: int, dx: FloatArray, dy: FloatArray, beyond: np.float32, out: FloatArray
) -> None:
    """Write values between pixels where a row's flow leads, and ``beyond`` beyond the border.

    Parameters
    ----------
    values : ndarray of float32
        ``(row, col)``, at least 2 x 2.
    row, left : int
        Of the first pixel.
    dx, dy : ndarray of float32
        ``(n,)``; NaN leads beyond the border.
    beyond : float32
    out : ndarray of float32
        ``(n,)``.
    """
    height, width = values.shape
    flat, zero = values.reshape(-1), np.float32(0)
    last_row, last_col = np.float32(height - 1), np.float32(width - 1)
    stride, one = np.uint32(width), np.uint32(1)
    for k in range(out.size):
        y, x = np.float32(row) + dy[k], np.float32(left + k) + dx[k]
        inside = (y >= zero) & (y <= last_row) & (x >= zero) & (x <= last_col)
        y, x = y if y > zero else zero, x if x > zero else zero
        y, x = min(y, last_row), min(x, last_col)
        i, j = min(np.int32(y), np.int32(height - 2)), min(np.int32(x), np.int32(width - 2))
        t, u = y - np.float32(i), x - np.float32(j)
        at = np.uint32(i * np.int32(width) + j)
        upper = flat[at] + u * (flat[at + one] - flat[at])
        at += stride
        lower = flat[at] + u * (flat[at + one] - flat[at])
        out[k] = upper + t * (lower - upper) if inside else beyond
