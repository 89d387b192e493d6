"""Compiled loops over windows of pixels, of which only valid ones count."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray, FloatArray, Mask


@njit(cache=True, nogil=True)
def moments(pixels: FloatArray, valid: Mask, height: int, width: int, mean: DoubleArray, variance: DoubleArray) -> None:
    """Fill mean and variance (over n - 1) of the valid pixels of each window.

    Sums are made anew for every window, so that they do not depend on where an array begins.

    Parameters
    ----------
    pixels, valid : ndarray
        With ``height - 1`` more rows and ``width - 1`` more columns than the others; 0 where invalid.
    height, width : int
    mean, variance : ndarray of float64
        0 where a window holds too few.
    """
    columns = pixels.shape[1]
    count, total, squares = np.zeros(columns), np.zeros(columns), np.zeros(columns)
    for row in range(mean.shape[0]):
        count[:], total[:], squares[:] = 0.0, 0.0, 0.0
        for i in range(row, row + height):
            for col in range(columns):
                value = np.float64(pixels[i, col])
                count[col] += valid[i, col]
                total[col] += value
                squares[col] += value * value
        for col in range(mean.shape[1]):
            n, first, second = 0.0, 0.0, 0.0
            for j in range(col, col + width):
                n += count[j]
                first += total[j]
                second += squares[j]
            mean[row, col] = first / n if n > 0 else 0.0
            variance[row, col] = max((second - first * first / n) / (n - 1), 0.0) if n > 1 else 0.0


@njit(cache=True, nogil=True)
def medians(pixels: FloatArray, valid: Mask, height: int, width: int, wanted: Mask, out: FloatArray) -> None:
    """Fill ``out``, where it is wanted, with element ``n // 2`` of the n sorted valid pixels of each window."""
    values = np.empty(height * width, np.float32)
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            if not wanted[row, col]:
                continue
            n = 0
            for i in range(row, row + height):
                for j in range(col, col + width):
                    if valid[i, j]:
                        values[n] = pixels[i, j]
                        n += 1
            if n:
                out[row, col] = _select(values, n, n // 2)


@njit(cache=True, nogil=True)
def _select(values: FloatArray, count: int, rank: int) -> float:
    """Return the element of a rank among the first ``count``, whose order it changes."""
    low, high = 0, count - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return float(values[rank])


@njit(cache=True, nogil=True)
def frost(
    pixels: FloatArray,
    valid: Mask,
    height: int,
    width: int,
    damping: float,
    mean: DoubleArray,
    variance: DoubleArray,
    out: FloatArray,
) -> None:
    """Fill ``out`` with means weighted by ``exp(-damping * variance / mean^2 * distance)``, by the longer axis."""
    reach = max(height, width) // 2
    weights = np.empty(reach + 1)
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            if mean[row, col] == 0.0:
                continue
            rate = damping * variance[row, col] / (mean[row, col] * mean[row, col])
            for distance in range(reach + 1):
                weights[distance] = np.exp(-rate * distance)
            total, norm = 0.0, 0.0
            for i in range(height):
                for j in range(width):
                    if valid[row + i, col + j]:
                        weight = weights[max(abs(i - height // 2), abs(j - width // 2))]
                        total += weight * pixels[row + i, col + j]
                        norm += weight
            out[row, col] = total / norm
