"""Finds the displacement at the coarsest level by trying all: normalised cross-correlation of small windows."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.flow.boxes import across
from sensetrack.flow.lk_level import Flow
from sensetrack.flow.lk_smooth import median
from sensetrack.flow.tiling import over_rows
from sensetrack.types import FloatArray

SPACING = 4
"""Pixels between the windows that are looked for; those around them start from what these have found."""

SIDE = 3 * SPACING
"""Side of these windows."""

PREFERENCE = 0.002
"""By how much more windows must correlate at a longer lag, so that ground without texture stays where it is."""


def search(reference: FloatArray, secondary: FloatArray, reach: int) -> tuple[Flow, Flow]:
    """Return the whole lags at which windows correlate best, and their median over 5 x 5, there and back.

    The correlation coefficient at lag l is ``(sum I J - sum I sum J / n) / sqrt(..)`` with J taken at ``x + l`` and all
    sums over the window of n pixels, of which invalid ones are 0, about the mean.

    Parameters
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``, without their local mean, 0 where invalid; sides are multiples of `SPACING`.
    reach : int
        Longest lag along rows and columns.

    Returns
    -------
    there : tuple of ndarray of float32
        From the reference to the secondary.
    back : tuple of ndarray of float32
        From the secondary to the reference.
    """
    sides = range(-reach, reach + 1)
    lags = np.array(sorted(((i, j) for i in sides for j in sides), key=lambda lag: lag[0] ** 2 + lag[1] ** 2))
    first, second = _moments(reference), _moments(secondary)
    return _best(reference, secondary, first, second, lags), _best(secondary, reference, second, first, lags)


def _moments(image: FloatArray) -> FloatArray:
    """Return the sum over the root of n, and the inverse deviation, of the windows that begin `SPACING` before pixels.

    The latter is 0 where there is no texture, so that no lag is preferred.
    """
    out = np.empty((2, *image.shape), np.float32)
    over_rows(len(image), lambda top, bottom: _sum_windows(image, top, bottom, out))
    means, squares = out[0] / np.float32(SIDE), out[1]
    deviations = np.sqrt(np.maximum(squares - means * means, 0))
    least = np.float32(1e-6) * max(float(deviations.max()), 1e-20)
    return np.stack([means, np.divide(1, deviations, out=np.zeros_like(means), where=deviations > least)])


@njit(cache=True, nogil=True, fastmath=True)
def _sum_windows(image: FloatArray, top: int, bottom: int, out: FloatArray) -> None:
    """Write the sums of values and of squares."""
    height, width = image.shape
    line, scratch = np.zeros((2, width + SIDE - 1), np.float32), np.empty((2, width + SIDE - 1), np.float32)
    for r in range(top, bottom):
        total, squares = line[0, SPACING : SPACING + width], line[1, SPACING : SPACING + width]
        total[:] = 0
        squares[:] = 0
        for k in range(max(r - SPACING, 0), min(r - SPACING + SIDE, height)):
            row = image[k]
            for c in range(width):
                total[c] += row[c]
                squares[c] += row[c] * row[c]
        for part in range(2):
            across(line[part], SIDE, scratch, out[part, r])


def _best(
    image: FloatArray, other: FloatArray, moments: FloatArray, others: FloatArray, lags: NDArray[np.int64]
) -> Flow:
    """Return the best lag of each window of an image in another, at every pixel."""
    found = np.zeros((2, *image.shape), np.float32)
    over_rows(len(image), lambda top, bottom: _search(image, other, moments, others, lags, top, bottom, found))
    return median((found[0], found[1]))


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _search(
    image: FloatArray,
    other: FloatArray,
    moments: FloatArray,
    others: FloatArray,
    lags: NDArray[np.int64],
    top: int,
    bottom: int,
    found: FloatArray,
) -> None:
    """Write dx and dy into a strip of rows."""
    height, width = image.shape
    rows, cols = (bottom - top) // SPACING, width // SPACING
    best = np.full((rows, cols), np.float32(-2))
    lag = np.zeros((2, rows, cols), np.float32)
    products, cells = np.empty(width, np.float32), np.zeros((3, cols + 2), np.float32)
    score = np.empty(cols, np.float32)
    for n in range(len(lags)):
        down, right = lags[n, 0], lags[n, 1]
        start, stop = max(0, -right), min(width, width - right)
        if start >= stop:
            continue
        # Cells whose own corner has a partner: only for these are there moments.
        first_cell, last_cell = -(-start // SPACING), -(-stop // SPACING)
        for i in range(-1, rows + 1):
            cell = cells[i % 3]
            _sum_cells(image, other, top + i * SPACING, down, right, products, cell[1 : cols + 1])
            r = top + (i - 1) * SPACING
            if i < 1 or not 0 <= r + down < height:
                continue
            a, b, c = cells[0], cells[1], cells[2]
            mean, scale = moments[0, r], moments[1, r]
            other_mean, other_scale = others[0, r + down], others[1, r + down]
            for k in range(first_cell, last_cell):
                total = a[k] + a[k + 1] + a[k + 2] + b[k] + b[k + 1] + b[k + 2] + c[k] + c[k + 1] + c[k + 2]
                at = k * SPACING
                partner = at + right
                score[k] = (total - mean[at] * other_mean[partner]) * scale[at] * other_scale[partner]
            top_score, dx, dy = best[i - 1], lag[0, i - 1], lag[1, i - 1]
            for k in range(first_cell, last_cell):
                is_better = score[k] > top_score[k] + np.float32(PREFERENCE)
                top_score[k] = score[k] if is_better else top_score[k]
                dx[k] = np.float32(right) if is_better else dx[k]
                dy[k] = np.float32(down) if is_better else dy[k]
    for part in range(2):
        for r in range(top, bottom):
            line, row = lag[part, (r - top) // SPACING], found[part, r]
            for c in range(width):
                row[c] = line[c // SPACING]


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _sum_cells(
    image: FloatArray, other: FloatArray, row: int, down: int, right: int, products: FloatArray, out: FloatArray
) -> None:
    """Write the sums over a row of cells of the products of two images at a lag; beyond the border there is nothing."""
    height, width = image.shape
    start, stop = max(0, -right), min(width, width - right)
    products[:] = np.float32(0)
    inner = products[start:stop]
    for r in range(max(row, 0, -down), min(row + SPACING, height, height - down)):
        one, two = image[r, start:stop], other[r + down, start + right : stop + right]
        for k in range(one.size):
            inner[k] += one[k] * two[k]
    for k in range(out.size):
        at = k * SPACING
        out[k] = products[at] + products[at + 1] + products[at + 2] + products[at + 3]
