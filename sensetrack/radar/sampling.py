"""Interpolates radar images as SNAP does: where a pixel that takes part is missing, so is the result."""

from __future__ import annotations

import math
from typing import Literal, get_args

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray, Mask, PixelArray

Kernel = Literal["nearest", "bilinear", "cubic", "sinc-5", "sinc-11", "sinc-21"]
"""``cubic`` is that of Catmull and Rom; ``sinc-N`` a sinc over N pixels under the window of Hann."""

_TAPS: dict[Kernel, int] = dict(zip(get_args(Kernel), (1, 2, 4, 5, 11, 21), strict=True))


def reach(kernel: Kernel) -> int:
    """Return the pixels around a position that a kernel needs."""
    return _TAPS[kernel] // 2 + 1


def sample_all(
    pixels: PixelArray,
    valid: Mask,
    row: DoubleArray,
    col: DoubleArray,
    kernel: Kernel,
    origin: tuple[int, int] = (0, 0),
    shape: tuple[int, int] | None = None,
) -> tuple[PixelArray, Mask]:
    """Interpolate an image at fractional positions, from valid pixels only.

    A position is valid when ``0 <= row < rows - 1``, ``0 <= col < columns - 1``, and every pixel that has a weight is
    valid; beyond the borders of the image wide kernels take the pixels at the border again.

    Parameters
    ----------
    pixels : ndarray of float32 or complex64
        A window of the image.
    valid : ndarray of bool
    row, col : ndarray of float64
        ``(n, m)``: whole numbers at pixel centres; NaN where there is nothing to find.
    kernel : {"nearest", "bilinear", "cubic", "sinc-5", "sinc-11", "sinc-21"}
    origin : tuple of int
        Row and column of the window in the image.
    shape : tuple of int, optional
        Of the whole image; default: that of the window.

    Returns
    -------
    samples : ndarray
        Same dtype as ``pixels``, 0 where invalid.
    valid : ndarray of bool
    """
    out = np.zeros(row.shape, pixels.dtype)
    good = np.zeros(row.shape, np.bool_)
    taps = _TAPS[kernel]
    _sample_into(
        out,
        good,
        np.ascontiguousarray(pixels),
        np.ascontiguousarray(valid),
        np.ascontiguousarray(row),
        np.ascontiguousarray(col),
        taps,
        origin,
        shape or valid.shape,
        np.empty(taps),
        np.empty(taps),
    )
    return out, good


@njit(cache=True, nogil=True)
def _fill(weights: DoubleArray, position: float) -> int:
    """Fill the weights of the pixels around a position; return the first pixel."""
    taps = len(weights)
    if taps == 1:
        weights[0] = 1.0
        return math.floor(position + 0.5)
    if taps == 2:
        first = math.floor(position)
        t = position - first
        weights[0], weights[1] = 1.0 - t, t
        return first
    if taps == 4:
        first = math.floor(position)
        t = position - first
        weights[0] = ((-0.5 * t + 1.0) * t - 0.5) * t
        weights[1] = (1.5 * t - 2.5) * t * t + 1.0
        weights[2] = ((-1.5 * t + 2.0) * t + 0.5) * t
        weights[3] = (0.5 * t - 0.5) * t * t
        return first - 1
    first = math.floor(position + 0.5) - taps // 2
    # From pixel to pixel the sine changes its sign, and the angle of the window grows by one step.
    x = first - position
    sine = math.sin(math.pi * x)
    step = 2.0 * math.pi / (taps + 1)
    real, imaginary = math.cos(step * x), math.sin(step * x)
    turn_real, turn_imaginary = math.cos(step), math.sin(step)
    total = 0.0
    for k in range(taps):
        weight = 1.0 if abs(x) < 1e-9 else sine / (math.pi * x) * (0.5 + 0.5 * real)
        if abs(weight) < 1e-12:
            weight = 0.0
        weights[k] = weight
        total += weight
        x, sine = x + 1.0, -sine
        real, imaginary = real * turn_real - imaginary * turn_imaginary, real * turn_imaginary + imaginary * turn_real
    for k in range(taps):
        weights[k] /= total
    return first


@njit(cache=True, nogil=True)
def _sample_into(
    out: PixelArray,
    good: Mask,
    pixels: PixelArray,
    valid: Mask,
    row: DoubleArray,
    col: DoubleArray,
    taps: int,
    origin: tuple[int, int],
    shape: tuple[int, int],
    row_weights: DoubleArray,
    col_weights: DoubleArray,
) -> None:
    last_row, last_col = shape[0] - 1, shape[1] - 1
    height, width = valid.shape
    for i in range(row.shape[0]):
        for j in range(row.shape[1]):
            r, c = row[i, j], col[i, j]
            if not (0.0 <= r < last_row and 0.0 <= c < last_col):
                continue
            first_row, first_col = _fill(row_weights, r), _fill(col_weights, c)
            total = pixels[0, 0] * 0.0
            complete = True
            for a in range(taps):
                if row_weights[a] == 0.0:
                    continue
                y = min(max(first_row + a, 0), last_row) - origin[0]
                line = pixels[0, 0] * 0.0
                for b in range(taps):
                    if col_weights[b] == 0.0:
                        continue
                    x = min(max(first_col + b, 0), last_col) - origin[1]
                    if not (0 <= y < height and 0 <= x < width and valid[y, x]):
                        complete = False
                        break
                    line += col_weights[b] * pixels[y, x]
                if not complete:
                    break
                total += row_weights[a] * line
            if complete:
                out[i, j] = total
                good[i, j] = True
