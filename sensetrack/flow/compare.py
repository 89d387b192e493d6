"""Moves the secondary back by a flow, and sums up over cells how it then differs from the reference."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.lattice import CELL, cells_of
from sensetrack.flow.spline import coefficients, value_at
from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.flow.weights import FADE
from sensetrack.types import DoubleArray, FloatArray

SUMS = (
    "weight",
    "dx",
    "dy",
    "reference",
    "secondary",
    "reference^2",
    "secondary^2",
    "reference x secondary",
    "gradient^2",
    "texture xx",
    "texture yy",
    "texture xy",
    "pull x",
    "pull y",
    "miss xx",
    "miss yy",
    "miss xy",
    "count",
)
"""What is summed over every cell, each weighted with what is valid in both images: the flow; brightnesses; the mean
squared gradient of the two images; products of the gradients of the one and the other, in which their independent
noise averages out; the gradient of the mean times what the images differ by; and by what the way there and back misses
its start. Last, how many pixels are valid in both, not weighted."""


def compare(
    reference: FloatArray,
    secondary: FloatArray,
    reference_weight: FloatArray,
    secondary_weight: FloatArray,
    there: tuple[FloatArray, FloatArray],
    back: tuple[FloatArray, FloatArray] | None,
) -> tuple[DoubleArray, FloatArray]:
    """Compare two images along a flow.

    Parameters
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``, evened out, 0 where invalid.
    reference_weight, secondary_weight : ndarray of float32
        0..1, 0 where invalid.
    there : tuple of ndarray of float32
        dx and dy at every pixel of the reference.
    back : tuple of ndarray of float32 or None
        The flow from the secondary to the reference, where it is known.

    Returns
    -------
    sums : ndarray of float64
        ``(len(SUMS), row, col)`` of cells.
    miss : ndarray of float32
        ``(row, col)``: pixels by which the way there and back misses its start, 0 where it is not known; NaN where the
        pixel is invalid or shows what is invalid in the secondary or beyond its border.
    """
    sums = np.zeros((len(SUMS), *cells_of(reference.shape)))
    miss = np.empty_like(reference)
    spline = coefficients(secondary)
    returns = back if back is not None else there
    weights = reference_weight, secondary_weight

    def run(tile: Tile) -> None:
        _compare(reference, spline, weights, there, returns, back is not None, tile, sums, miss)

    over_tiles(reference.shape, run)
    return sums, miss


@njit(cache=True, nogil=True)
def bilinear(values: FloatArray, row: float, col: float) -> np.float32:
    """Return a value between pixels; the position lies inside the array."""
    top, left = min(int(row), values.shape[0] - 2), min(int(col), values.shape[1] - 2)
    t, u = np.float32(row - top), np.float32(col - left)
    upper = values[top, left] + u * (values[top, left + 1] - values[top, left])
    lower = values[top + 1, left] + u * (values[top + 1, left + 1] - values[top + 1, left])
    return np.float32(upper + t * (lower - upper))


@njit(cache=True, nogil=True)
def _compare(
    reference: FloatArray,
    spline: FloatArray,
    weights: tuple[FloatArray, FloatArray],
    there: tuple[FloatArray, FloatArray],
    back: tuple[FloatArray, FloatArray],
    has_back: bool,
    tile: Tile,
    sums: DoubleArray,
    miss: FloatArray,
) -> None:
    top, bottom, left, right = tile
    height, width = reference.shape
    dx, dy = there
    least = np.float32(0.5 / (FADE + 1))
    moved = np.zeros((bottom - top + 2, right - left + 2), np.float32)
    weight = np.zeros_like(moved)
    for r in range(max(top - 1, 0), min(bottom + 1, height)):
        for c in range(max(left - 1, 0), min(right + 1, width)):
            y, x = r + dy[r, c], c + dx[r, c]
            is_mine = top <= r < bottom and left <= c < right
            if is_mine:
                miss[r, c] = np.nan
            if not (weights[0][r, c] > 0 and 0 <= y <= height - 1 and 0 <= x <= width - 1):
                continue
            target = bilinear(weights[1], y, x)
            if target < least:
                continue
            weight[r - top + 1, c - left + 1] = weights[0][r, c] * target
            moved[r - top + 1, c - left + 1] = value_at(spline, y, x)
            if is_mine:
                miss[r, c] = 0
    for i in range(top // CELL, -(-bottom // CELL)):
        for j in range(left // CELL, -(-right // CELL)):
            _sum_up(reference, moved, weight, there, back, has_back, (top, left), (i, j), miss, sums[:, i, j])


@njit(cache=True, nogil=True, forceinline=True)
def _sum_up(
    reference: FloatArray,
    moved: FloatArray,
    weight: FloatArray,
    there: tuple[FloatArray, FloatArray],
    back: tuple[FloatArray, FloatArray],
    has_back: bool,
    corner: tuple[int, int],
    cell: tuple[int, int],
    miss: FloatArray,
    out: DoubleArray,
) -> None:
    """Write the sums of one cell, and how far the way back misses."""
    height, width = reference.shape
    dx, dy = there
    half = np.float32(0.5)
    n = mean_x = mean_y = first_1 = second_1 = first_2 = second_2 = product = steep = 0.0
    xx = yy = xy = pull_x = pull_y = miss_xx = miss_yy = miss_xy = count = 0.0
    for r in range(cell[0] * CELL, min((cell[0] + 1) * CELL, height)):
        row = r - corner[0] + 1
        above, below = max(r - 1, 0), min(r + 1, height - 1)
        for c in range(cell[1] * CELL, min((cell[1] + 1) * CELL, width)):
            col = c - corner[1] + 1
            w = weight[row, col]
            if w <= 0:
                continue
            first, second = reference[r, c], moved[row, col]
            first_x = half * (reference[r, min(c + 1, width - 1)] - reference[r, max(c - 1, 0)])
            first_y = half * (reference[below, c] - reference[above, c])
            second_x = half * (moved[row, col + 1] - moved[row, col - 1])
            second_y = half * (moved[row + 1, col] - moved[row - 1, col])
            rest = w * (second - first)
            if has_back:
                y, x = r + dy[r, c], c + dx[r, c]
                miss_x, miss_y = dx[r, c] + bilinear(back[0], y, x), dy[r, c] + bilinear(back[1], y, x)
                miss[r, c] = np.sqrt(miss_x * miss_x + miss_y * miss_y)
                miss_xx += w * miss_x * miss_x
                miss_yy += w * miss_y * miss_y
                miss_xy += w * miss_x * miss_y
            n += w
            mean_x += w * dx[r, c]
            mean_y += w * dy[r, c]
            first_1 += w * first
            second_1 += w * second
            first_2 += w * first * first
            second_2 += w * second * second
            product += w * first * second
            steep += w * half * (first_x * first_x + first_y * first_y + second_x * second_x + second_y * second_y)
            xx += w * first_x * second_x
            yy += w * first_y * second_y
            xy += w * half * (first_x * second_y + first_y * second_x)
            pull_x += rest * half * (first_x + second_x)
            pull_y += rest * half * (first_y + second_y)
            count += 1.0
    values = (
        n, mean_x, mean_y, first_1, second_1, first_2, second_2, product, steep,
        xx, yy, xy, pull_x, pull_y, miss_xx, miss_yy, miss_xy, count,
    )  # fmt: skip
    for k, value in enumerate(values):
        out[k] = value
