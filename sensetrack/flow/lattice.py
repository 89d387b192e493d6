"""A lattice of cells of 4 x 4 pixels, on which everything lives that varies slowly.

Sums over windows of tens of pixels need no more than one value per cell: a sixteenth of the work. Arrays must start at
a multiple of `CELL` in their image, so that cells lie alike wherever an array was cut out.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.boxes import sum_across, sum_down
from sensetrack.flow.tiling import each_of
from sensetrack.types import DoubleArray

CELL = 4
"""Side of a cell in pixels."""


def cells_of(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the rows and columns of cells that cover an array of ``shape``."""
    return -(-shape[0] // CELL), -(-shape[1] // CELL)


def window_sums(sums: DoubleArray, side: int, times: int = 1) -> DoubleArray:
    """Return the sums of cells in a square window around each.

    Parameters
    ----------
    sums : ndarray of float64
        ``(channel, row, col)`` of cells; beyond them there is nothing.
    side : int
        Side of the window in cells. Where it is even, the outermost cells count half.
    times : int
        How often the window is applied: 2 makes a pyramid of weights.

    Returns
    -------
    ndarray of float64
        Same shape; depends on ``times * side // 2`` cells around each.
    """
    out = np.empty(sums.shape)
    channels = np.ascontiguousarray(sums)
    each_of(len(sums), lambda k: _window_sums(channels[k : k + 1], side, times, out[k : k + 1]))
    return out


@njit(cache=True, nogil=True)
def _window_sums(sums: DoubleArray, side: int, times: int, out: DoubleArray) -> None:
    count, rows, cols = sums.shape
    half = side // 2
    high, long = rows + 2 * half, cols + 2 * half
    for channel in range(count):
        layer = out[channel]
        for r in range(rows):
            for c in range(cols):
                layer[r, c] = sums[channel, r, c]
        for _ in range(times):
            wide = np.zeros((high, long))
            for r in range(rows):
                for c in range(cols):
                    wide[r + half, c + half] = layer[r, c]
            across, down = np.empty((high, long - side + 1)), np.empty((high - side + 1, cols))
            sum_across(wide, side, across)
            if side % 2 == 0:
                for r in range(high):
                    for c in range(cols):
                        across[r, c] = (across[r, c] + across[r, c + 1]) / 2
            sum_down(across[:, :cols].copy(), side, down)
            for r in range(rows):
                for c in range(cols):
                    layer[r, c] = (down[r, c] + down[r + 1, c]) / 2 if side % 2 == 0 else down[r, c]


@njit(cache=True, nogil=True)
def place(position: float, count: int) -> tuple[int, int, float]:
    """Return the two cells on either side of a position along an axis, and the share of the second.

    Parameters
    ----------
    position : float
        Pixels; whole numbers are centres of pixels.
    count : int
        Cells along the axis; beyond the centres of the outermost ones their values go on.
    """
    at = min(max((position + 0.5) / CELL - 0.5, 0.0), count - 1.0)
    first = int(at)
    return first, min(first + 1, count - 1), at - first
