"""The guide of the next flow: the last one, averaged over a window."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.boxes import sum_around
from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.types import FloatArray

UNKNOWN = np.float32(1e-3)
"""Weight of pixels without any: they decide only where there is no other."""


def average(values: FloatArray, weight: FloatArray, size: int) -> FloatArray:
    """Return the weighted mean around every pixel, under a pyramid of weights: a box of ``size`` x ``size``, twice.

    Parameters
    ----------
    values : ndarray of float32
        ``(row, col)``.
    weight : ndarray of float32
        What each value counts, 0..1: a flow that was only drawn in from its surroundings counts next to nothing.
    size : int
        Side of the box, odd.

    Returns
    -------
    ndarray of float32
    """
    out = np.empty_like(values)
    over_tiles(values.shape, lambda tile: _average(values, weight, size, tile, out))
    return out


@njit(cache=True, nogil=True)
def _average(values: FloatArray, weight: FloatArray, size: int, tile: Tile, out: FloatArray) -> None:
    top, bottom, left, right = tile
    height, width = values.shape
    halo = size - 1
    around = np.zeros((bottom - top + 2 * halo, right - left + 2 * halo), np.float32)
    count = np.zeros_like(around)
    for r in range(max(top - halo, 0), min(bottom + halo, height)):
        first, last = max(left - halo, 0), min(right + halo, width)
        line, known = values[r, first:last], weight[r, first:last]
        into = slice(first - left + halo, last - left + halo)
        weighted, counted = around[r - top + halo, into], count[r - top + halo, into]
        for c in range(line.size):
            counted[c] = known[c] + UNKNOWN
            weighted[c] = counted[c] * line[c]
    sums, counts = sum_around(around, size), sum_around(count, size)
    for r in range(top, bottom):
        for c in range(left, right):
            out[r, c] = sums[r - top, c - left] / counts[r - top, c - left]
