"""Evens out brightness and contrast, so that nothing that follows depends on gain, offset or the type of pixels."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.lattice import CELL, cells_of, place, window_sums
from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.types import DoubleArray, FloatArray, Mask

FLOOR = 1e-6
"""Least local deviation relative to the local level: what is below is the rounding of float32."""


def moments(image: FloatArray, valid: Mask) -> DoubleArray:
    """Return what brightness, contrast and texture are made of, for every cell.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``, sides multiples of `sensetrack.flow.lattice.CELL`; any range.
    valid : ndarray of bool
        Invalid pixels take no part.

    Returns
    -------
    ndarray of float64
        ``(4, row, col)`` of cells: the number of valid pixels, and the sums of their values, of the squares, and of
        the squared differences to the valid neighbours below and to the right.
    """
    out = np.zeros((4, *cells_of(image.shape)))
    over_tiles(image.shape, lambda tile: _moments(image, valid, tile, out))
    return out


@njit(cache=True, nogil=True)
def _moments(image: FloatArray, valid: Mask, tile: Tile, out: DoubleArray) -> None:
    height, width = image.shape
    for r in range(tile[0], tile[1]):
        for c in range(tile[2], tile[3]):
            if valid[r, c]:
                value = np.float64(image[r, c])
                change = 0.0
                if r + 1 < height and valid[r + 1, c]:
                    change += (image[r + 1, c] - value) ** 2
                if c + 1 < width and valid[r, c + 1]:
                    change += (image[r, c + 1] - value) ** 2
                i, j = r // CELL, c // CELL
                out[0, i, j] += 1.0
                out[1, i, j] += value
                out[2, i, j] += value * value
                out[3, i, j] += change


def even_out(image: FloatArray, valid: Mask, weight: FloatArray, sums: DoubleArray, size: int) -> FloatArray:
    """Return an image of zero local mean and unit local deviation, weighted.

    Mean and deviation are those of the valid pixels around each, under a pyramid of weights (a box twice), summed in
    float64, so that any range and any offset will do. The deviation takes fluctuations of every kind alike: where
    there is nothing but noise, noise gets unit deviation, and it is for the errors of what is measured to say so.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``.
    valid : ndarray of bool
        Invalid pixels take no part.
    weight : ndarray of float32
        What the result is multiplied with.
    sums : ndarray of float64
        From `moments`.
    size : int
        Side of the window in pixels, a multiple of ``2 * CELL``.

    Returns
    -------
    ndarray of float32
        0 where invalid. Depends on ``size // 2 + CELL`` pixels around each.
    """
    number, total, squares = window_sums(sums[:3], size // (2 * CELL), times=2)
    number = np.maximum(number, 1.0)
    mean, level = total / number, squares / number
    deviation = np.sqrt(np.maximum(level - mean * mean, FLOOR * FLOOR * level))
    gain = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    out = np.zeros_like(image)
    over_tiles(image.shape, lambda tile: _apply(image, valid, weight, mean, gain, tile, out))
    return out


@njit(cache=True, nogil=True)
def _apply(
    image: FloatArray,
    valid: Mask,
    weight: FloatArray,
    mean: DoubleArray,
    gain: DoubleArray,
    tile: Tile,
    out: FloatArray,
) -> None:
    rows, cols = mean.shape
    first, last = max(0, tile[2] // CELL - 1), min(cols, tile[3] // CELL + 2)
    means, gains = np.empty(cols), np.empty(cols)
    for r in range(tile[0], tile[1]):
        top, bottom, down = place(r, rows)
        for j in range(first, last):
            means[j] = mean[top, j] + down * (mean[bottom, j] - mean[top, j])
            gains[j] = gain[top, j] + down * (gain[bottom, j] - gain[top, j])
        for c in range(tile[2], tile[3]):
            if valid[r, c]:
                left, right, across = place(c, cols)
                level = means[left] + across * (means[right] - means[left])
                factor = gains[left] + across * (gains[right] - gains[left])
                out[r, c] = (image[r, c] - level) * factor * weight[r, c]
