"""Solves the linear system of Horn & Schunck's flow: red-black successive over-relaxation of both components at once.

Pixels are coloured like a chessboard: those of one colour have neighbours of the other only, so a half sweep over one
colour gives the same bits in whatever order its pixels are visited. A strip of rows needs one more row on either side
for every half sweep, so threads work on strips that overlap by that much, each on its own copy, and what they find
does not depend on how many there are.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.device import cores
from sensetrack.engine import Serial, Threads
from sensetrack.types import FloatArray

BATCH = 8
"""Sweeps between exchanges of rows: their half sweeps follow each other down the image, within a core's own cache."""

LEAST = 64
"""Least rows of a strip: fewer are not worth a thread."""


def packed(values: FloatArray) -> FloatArray:
    """Return an array with even and odd columns apart, so that the pixels of one colour of a row are contiguous.

    Parameters
    ----------
    values : ndarray of float32
        ``(row, col)``, an even number of columns.

    Returns
    -------
    ndarray of float32
        ``(2, rows + 2, cols / 2 + 2)``, with a border of zeros.
    """
    rows, cols = values.shape
    out = np.zeros((2, rows + 2, cols // 2 + 2), np.float32)
    out[0, 1:-1, 1:-1], out[1, 1:-1, 1:-1] = values[:, ::2], values[:, 1::2]
    return out


def unpacked(values: FloatArray) -> FloatArray:
    """Undo `packed`."""
    out = np.empty((values.shape[1] - 2, 2 * (values.shape[2] - 2)), np.float32)
    out[:, ::2], out[:, 1::2] = values[0, 1:-1, 1:-1], values[1, 1:-1, 1:-1]
    return out


def factors(relaxation: float, sweeps: int) -> FloatArray:
    """Return the relaxation factor of every half sweep, rising from 1 to ``relaxation``.

    Constant over-relaxation lets errors grow before they shrink; with Chebyshev's sequence they shrink from the first
    half sweep on, and as fast in the end (Golub & Varga 1961, *Chebyshev semi-iterative methods, successive
    over-relaxation iterative methods, and second order Richardson iterative methods*, Numerische Mathematik 3, 147).

    Parameters
    ----------
    relaxation : float
        1 (Gauss-Seidel) to 2 (exclusive).
    sweeps : int
    """
    radius = 1.0 - (2.0 / relaxation - 1.0) ** 2  # squared spectral radius for which `relaxation` is best
    out = np.ones(2 * sweeps)
    for k in range(1, out.size):
        out[k] = 1.0 / (1.0 - radius * (0.5 if k == 1 else 0.25 * out[k - 1]))
    return out.astype(np.float32)


def relax(
    dx: FloatArray, dy: FloatArray, system: FloatArray, factor: FloatArray, tolerance: float
) -> tuple[FloatArray, FloatArray]:
    """Return an improved solution.

    Parameters
    ----------
    dx, dy : ndarray of float32
        Start, as `packed` gives it.
    system : ndarray of float32
        ``(5, 2, rows, cols / 2)``: with the sums s and t of dx and dy over the four neighbours, the best values of a
        pixel are ``system[0] + system[2] * s + system[3] * t`` and ``system[1] + system[3] * s + system[4] * t``.
    factor : ndarray of float32
        Relaxation factor of every half sweep.
    tolerance : float
        Stop when no value has changed by more than this over `BATCH` sweeps.

    Returns
    -------
    tuple of ndarray of float32
        dx and dy, `packed`.
    """
    rows = system.shape[2]
    number = max(1, min(cores(), rows // LEAST))
    strips = list(pairwise(rows * k // number for k in range(number + 1)))
    engine = Threads(number) if number > 1 else Serial()
    old, new = (dx, dy), (np.zeros_like(dx), np.zeros_like(dy))
    for first in range(0, factor.size, 2 * BATCH):
        batch = partial(_sweep, old, new, system, factor[first : first + 2 * BATCH])
        change = max(engine.map(batch, strips))
        old, new = new, (np.zeros_like(dx), np.zeros_like(dy))
        if change < tolerance:
            break
    return old


def _sweep(
    old: tuple[FloatArray, FloatArray],
    new: tuple[FloatArray, FloatArray],
    system: FloatArray,
    factor: FloatArray,
    strip: tuple[int, int],
) -> float:
    return float(_relax(*old, system, factor, *strip, *new))


@njit(cache=True, nogil=True)
def _relax(
    dx: FloatArray,
    dy: FloatArray,
    system: FloatArray,
    factor: FloatArray,
    top: int,
    bottom: int,
    new_dx: FloatArray,
    new_dy: FloatArray,
) -> np.float32:
    """Write the rows ``top`` to ``bottom`` after all half sweeps; return the largest change."""
    rows, half = system.shape[2], system.shape[3]
    sweeps = factor.size
    low, high = max(0, top - sweeps), min(rows, bottom + sweeps)
    x, y = dx[:, low : high + 2].copy(), dy[:, low : high + 2].copy()
    sum_x, sum_y = np.empty(half, np.float32), np.empty(half, np.float32)
    for step in range(high - low + sweeps - 1):
        for s in range(sweeps):
            row = low + step - s
            # A copied strip loses one row per half sweep at every edge that is not one of the image.
            if row < (low + s + 1 if low > 0 else 0) or row >= (high - s - 1 if high < rows else rows):
                continue
            k = row - low + 1
            side = (row + s) & 1
            _add_neighbours(x[1 - side, k], x[side, k - 1], x[side, k + 1], side, sum_x)
            _add_neighbours(y[1 - side, k], y[side, k - 1], y[side, k + 1], side, sum_y)
            lines = system[:, side, row]
            _move(x[side, k], lines[0], lines[2], lines[3], sum_x, sum_y, factor[s])
            _move(y[side, k], lines[1], lines[3], lines[4], sum_x, sum_y, factor[s])
    change = np.float32(0)
    for side in range(2):
        for row in range(top, bottom):
            for values, old, new in (
                (x[side, row - low + 1], dx[side, row + 1], new_dx[side, row + 1]),
                (y[side, row - low + 1], dy[side, row + 1], new_dy[side, row + 1]),
            ):
                for c in range(1, half + 1):
                    change = max(change, abs(values[c] - old[c]))
                new[:] = values
    return change


@njit(cache=True, nogil=True)
def _add_neighbours(
    beside: NDArray[np.float32], above: NDArray[np.float32], below: NDArray[np.float32], side: int, out: FloatArray
) -> None:
    """Sum the four neighbours of the even (``side`` 0) or odd pixels of a row, all lines with their borders."""
    left, right = beside[side : side + out.size], beside[side + 1 : side + 1 + out.size]
    up, down = above[1 : out.size + 1], below[1 : out.size + 1]
    for c in range(out.size):
        out[c] = (left[c] + right[c]) + (up[c] + down[c])


@njit(cache=True, nogil=True)
def _move(
    values: FloatArray,
    constant: FloatArray,
    by_x: FloatArray,
    by_y: FloatArray,
    sum_x: FloatArray,
    sum_y: FloatArray,
    factor: np.float32,
) -> None:
    """Move a line of values towards, and by ``factor`` beyond, the best ones."""
    line = values[1 : constant.size + 1]
    for c in range(constant.size):
        line[c] += factor * (constant[c] + by_x[c] * sum_x[c] + by_y[c] * sum_y[c] - line[c])
