"""Compiled loop that makes coarse pixels of all fine ones under them."""

from __future__ import annotations

import numpy as np
from numba import njit

FIRST, MIN, MAX, MEAN, MEDIAN, AND, OR, MEDIAN_AND, MEDIAN_OR = range(9)

_BITS = 32


@njit(cache=True, nogil=True)
def aggregate_into(out, good, pixels, valid, top, bottom, left, right, origin, how):  # type: ignore[no-untyped-def]
    """Fill ``out`` and ``good`` (rows, cols) from ``pixels`` and ``valid``, whose first pixel is ``origin``.

    Row i takes what lies between the edges ``top[i]`` and ``bottom[i]``, column j between ``left[j]`` and ``right[j]``,
    in pixels of the whole image, 0 at the edge of the first. What lies outside of ``pixels`` counts as invalid.
    """
    height, width = pixels.shape
    most = 1
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            rows = int(np.ceil(bottom[i])) - int(np.floor(top[i])) + 1
            cols = int(np.ceil(right[j])) - int(np.floor(left[j])) + 1
            most = max(most, rows * cols)
    values = np.empty(most, np.float64)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = 0
            good[i, j] = False
            row0, col0 = int(np.floor(top[i] + 1e-6)), int(np.floor(left[j] + 1e-6))
            if how == FIRST:
                row, col = row0 - origin[0], col0 - origin[1]
                if 0 <= row < height and 0 <= col < width and valid[row, col]:
                    out[i, j] = pixels[row, col]
                    good[i, j] = True
                continue
            row1 = max(row0 + 1, int(np.ceil(bottom[i] - 1e-6)))
            col1 = max(col0 + 1, int(np.ceil(right[j] - 1e-6)))
            count, total, weights = 0, 0.0, 0.0
            for row in range(max(row0, origin[0]), min(row1, origin[0] + height)):
                for col in range(max(col0, origin[1]), min(col1, origin[1] + width)):
                    if not valid[row - origin[0], col - origin[1]]:
                        continue
                    value = float(pixels[row - origin[0], col - origin[1]])
                    values[count] = value
                    count += 1
                    weight = (min(bottom[i], row + 1.0) - max(top[i], float(row))) * (
                        min(right[j], col + 1.0) - max(left[j], float(col))
                    )
                    weight = max(weight, 0.0)
                    total += weight * value
                    weights += weight
            if count == 0:
                continue
            good[i, j] = True
            if how == MEAN:
                good[i, j] = weights > 0
                out[i, j] = total / weights if weights > 0 else 0.0
            elif how == MIN:
                out[i, j] = values[:count].min()
            elif how == MAX:
                out[i, j] = values[:count].max()
            elif how == MEDIAN:
                ordered = np.sort(values[:count])
                half = count // 2
                out[i, j] = ordered[half] if count % 2 else (ordered[half - 1] + ordered[half]) / 2
            else:
                out[i, j] = _flags(values[:count], how)


@njit(cache=True, nogil=True)
def _flags(values, how):  # type: ignore[no-untyped-def]
    """Return the number whose bits are set where they are set in all, in any, or in most of some numbers."""
    result = np.int64(0)
    for bit in range(_BITS):
        mask = np.int64(1) << bit
        count = 0
        for value in values:
            if np.int64(value) & mask:
                count += 1
        is_set = (
            (how == AND and count == values.size)
            or (how == OR and count > 0)
            or (how == MEDIAN_AND and 2 * count > values.size)
            or (how == MEDIAN_OR and 2 * count >= values.size)
        )
        if is_set:
            result |= mask
    return float(result)
