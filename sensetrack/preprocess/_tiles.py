"""Histograms of tiles, and mappings of grey values that change smoothly from tile to tile."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import FloatArray, Mask


@njit(cache=True, nogil=True)
def equalize_tiles(
    levels: FloatArray, valid: Mask, origin: tuple[int, int], tile: int, bins: int, limit: float
) -> FloatArray:
    """Equalise each tile's histogram, limited, and blend the mappings of the four nearest tiles.

    Parameters
    ----------
    levels : ndarray of float32
        ``(row, col)``, 0..1.
    valid : ndarray of bool
        Pixels that count.
    origin : tuple of int
        Where the first pixel lies in the image; tiles begin at multiples of ``tile`` there.
    tile : int
        Side of a tile in pixels.
    bins : int
        Of the histograms, over 0..1.
    limit : float
        Largest height of a bin, in mean heights; what is above is spread over all bins.

    Returns
    -------
    ndarray of float32
        0..1; 0 where invalid. Mappings are weighted by their distance and by how much of their tile is valid.
    """
    height, width = levels.shape
    top, left = origin[0] // tile, origin[1] // tile
    rows, cols = (origin[0] + height - 1) // tile - top + 1, (origin[1] + width - 1) // tile - left + 1
    counts = np.zeros((rows, cols), np.int64)
    mappings = np.zeros((rows, cols, bins + 1), np.float32)
    for r in range(height):
        i = (origin[0] + r) // tile - top
        for c in range(width):
            if valid[r, c]:
                j = (origin[1] + c) // tile - left
                counts[i, j] += 1
                mappings[i, j, min(int(levels[r, c] * bins), bins - 1) + 1] += 1
    for i in range(rows):
        for j in range(cols):
            if counts[i, j]:
                _cumulate(mappings[i, j], counts[i, j], limit)

    out = np.zeros((height, width), np.float32)
    for r in range(height):
        i, down = _between((origin[0] + r + 0.5) / tile - 0.5 - top)
        for c in range(width):
            if not valid[r, c]:
                continue
            j, right = _between((origin[1] + c + 0.5) / tile - 0.5 - left)
            position = levels[r, c] * bins
            level = min(int(position), bins - 1)
            part = position - level
            total = weights = 0.0
            for ii in range(max(i, 0), min(i + 2, rows)):
                near = down if ii > i else 1 - down
                for jj in range(max(j, 0), min(j + 2, cols)):
                    weight = near * (right if jj > j else 1 - right) * counts[ii, jj]
                    if weight > 0:
                        mapping = mappings[ii, jj]
                        total += weight * (mapping[level] + part * (mapping[level + 1] - mapping[level]))
                        weights += weight
            out[r, c] = total / weights
    return out


@njit(cache=True, nogil=True)
def _between(position: float) -> tuple[int, float]:
    """Return the whole number below and what is above it."""
    below = int(np.floor(position))
    return below, position - below


@njit(cache=True, nogil=True)
def _cumulate(heights: NDArray[np.float32], count: int, limit: float) -> None:
    """Turn the heights of bins, from the second entry on, into limited shares of values below each edge. In place."""
    bins = heights.size - 1
    most = limit * count / bins
    excess = 0.0
    for k in range(1, bins + 1):
        if heights[k] > most:
            excess += heights[k] - most
    total = 0.0
    for k in range(1, bins + 1):
        total += min(np.float64(heights[k]), most) + excess / bins
        heights[k] = total / count
