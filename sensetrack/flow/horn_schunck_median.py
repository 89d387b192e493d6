"""Medians of a flow over square windows, many at once."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.types import FloatArray

LANES = 128
"""Pixels of a row that are worked on together."""


def window_median(values: FloatArray, size: int) -> FloatArray:
    """Return the median over the window around every pixel.

    Parameters
    ----------
    values : ndarray of float32
        ``(row, col)``, finite; beyond the border the outermost values go on.
    size : int
        Side of the window, odd.

    Returns
    -------
    ndarray of float32
    """
    keys = _flip(np.pad(values, size // 2, mode="edge").view(np.int32))
    out = np.empty(values.shape, np.int32)
    over_tiles(values.shape, lambda tile: _median(keys, size, tile, out))
    return _flip(out).view(np.float32)


def _flip(bits: NDArray[np.int32]) -> NDArray[np.int32]:
    """Turn the bits of floating-point numbers into integers of the same order, or back."""
    return bits ^ ((bits >> 31) & np.int32(2**31 - 1))


@njit(cache=True, nogil=True)
def _median(keys: NDArray[np.int32], size: int, tile: Tile, out: NDArray[np.int32]) -> None:
    """Halve, for a line of pixels at once, the range between the least and the largest key of each window."""
    top, bottom, left, right = tile
    wanted = np.int32(size * size // 2 + 1)
    least, most = np.empty(LANES + size, np.int32), np.empty(LANES + size, np.int32)
    low, high = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    middle, count = np.empty(LANES, np.int32), np.empty(LANES, np.int32)
    for r in range(top, bottom):
        for first in range(left, right, LANES):
            lanes = min(LANES, right - first)
            wide = lanes + size - 1
            least[:wide] = keys[r, first : first + wide]
            most[:wide] = least[:wide]
            for i in range(1, size):
                line = keys[r + i, first : first + wide]
                for c in range(wide):
                    least[c] = min(least[c], line[c])
                    most[c] = max(most[c], line[c])
            low[:lanes], high[:lanes] = least[:lanes], most[:lanes]
            for j in range(1, size):
                for c in range(lanes):
                    low[c] = min(low[c], least[c + j])
                    high[c] = max(high[c], most[c + j])
            while True:
                is_open = False
                for c in range(lanes):
                    is_open |= low[c] < high[c]
                    middle[c] = (low[c] & high[c]) + ((low[c] ^ high[c]) >> 1)  # a mean that cannot overflow
                    count[c] = 0
                if not is_open:
                    break
                for i in range(size):
                    for j in range(size):
                        line = keys[r + i, first + j : first + j + lanes]
                        for c in range(lanes):
                            count[c] += np.int32(line[c] <= middle[c])
                for c in range(lanes):
                    enough = count[c] >= wanted
                    high[c] = middle[c] if enough else high[c]
                    low[c] = low[c] if enough else middle[c] + 1
            out[r, first : first + lanes] = low[:lanes]
