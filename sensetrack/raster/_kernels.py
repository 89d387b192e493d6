"""Compiled loops of the resampler."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray, Mask, PixelArray

_SNAP = 1e-6
"""Positions this near to a pixel centre are on it: shifts by whole pixels then copy exactly."""


@njit(cache=True, nogil=True)
def _weight(kernel: int, distance: float) -> float:
    t = abs(distance)
    if kernel == 1:
        return max(0.0, 1.0 - t)
    if kernel == 2:
        if t < 1.0:
            return (1.5 * t - 2.5) * t * t + 1.0
        if t < 2.0:
            return ((-0.5 * t + 2.5) * t - 4.0) * t + 2.0
        return 0.0
    if t < 1e-9:
        return 1.0
    if t < 3.0:
        x = math.pi * t
        return 3.0 * math.sin(x) * math.sin(x / 3.0) / (x * x)
    return 0.0


@njit(cache=True, nogil=True)
def _fill_weights(weights: DoubleArray, kernel: int, position: float, stretch: float) -> tuple[int, int]:
    """Fill the taps of one axis; return the first tap's pixel and how many there are."""
    if kernel == 4:
        low, high = position - 0.5 * stretch, position + 0.5 * stretch
        first = math.floor(low + 0.5)
        count = math.floor(high + 0.5) - first + 1
        for k in range(count):
            edge = first + k - 0.5
            weights[k] = max(0.0, min(high, edge + 1.0) - max(low, edge))
        return first, count
    reach = kernel * stretch  # the radius of bilinear, cubic and lanczos is 1, 2 and 3: their numbers
    first = math.floor(position - reach) + 1
    count = math.ceil(position + reach) - first
    for k in range(count):
        weights[k] = _weight(kernel, (first + k - position) / stretch)
    return first, count


@njit(cache=True, nogil=True)
def sample_into(
    out: PixelArray,
    good: Mask,
    pixels: PixelArray,
    valid: Mask,
    row: DoubleArray,
    col: DoubleArray,
    kernel: int,
    stretch: tuple[float, float],
    origin: tuple[int, int],
    row_weights: DoubleArray,
    col_weights: DoubleArray,
) -> None:
    """Interpolate at every position; ``row_weights`` and ``col_weights`` are room for the taps."""
    height, width = valid.shape
    by_weight = kernel == 4 or stretch[0] > 1.0 or stretch[1] > 1.0
    for i in range(row.shape[0]):
        for j in range(row.shape[1]):
            r, c = row[i, j], col[i, j]
            if not (math.isfinite(r) and math.isfinite(c)):
                continue
            if abs(r - np.rint(r)) < _SNAP:
                r = np.rint(r)
            if abs(c - np.rint(c)) < _SNAP:
                c = np.rint(c)
            near_row = math.floor(r + 0.5) - origin[0]
            near_col = math.floor(c + 0.5) - origin[1]
            if near_row < 0 or near_row >= height or near_col < 0 or near_col >= width:
                continue
            if kernel == 0:
                if valid[near_row, near_col]:
                    out[i, j] = pixels[near_row, near_col]
                    good[i, j] = True
                continue
            shape = kernel
            while True:
                first_row, rows = _fill_weights(row_weights, shape, r, stretch[0])
                first_col, cols = _fill_weights(col_weights, shape, c, stretch[1])
                total = pixels[0, 0] * 0.0
                weight = 0.0
                whole = 0.0
                complete = True
                for a in range(rows):
                    y = first_row + a - origin[0]
                    for b in range(cols):
                        w = row_weights[a] * col_weights[b]
                        if w == 0.0:
                            continue
                        whole += w
                        x = first_col + b - origin[1]
                        if y < 0 or y >= height or x < 0 or x >= width or not valid[y, x]:
                            complete = False
                        else:
                            total += w * pixels[y, x]
                            weight += w
                if complete or shape == 1 or shape == 4:
                    break
                shape = 1
            if complete:
                enough = True
            elif by_weight:
                enough = weight >= 0.5 * whole
            else:
                enough = valid[near_row, near_col]
            if enough and weight > 0.0:
                out[i, j] = total / weight
                good[i, j] = True
