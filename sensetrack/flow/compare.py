"""Moves the secondary back by a flow, and sums up over cells how it then differs from the reference."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.flow.lattice import CELL, cells_of
from sensetrack.flow.spline import bilinear_row, coefficients, warp_row
from sensetrack.flow.tiling import KEEPS_NAN, Tile, over_tiles
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
    weights = reference_weight, secondary_weight

    def run(tile: Tile) -> None:
        _compare(reference, spline, weights, there, back or there, back is not None, tile, sums, miss)

    over_tiles(reference.shape, run)
    return sums, miss


@njit(cache=True, nogil=True, fastmath=KEEPS_NAN, error_model="numpy")
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
    # Gradients look one pixel further: three rows of the image moved back are at hand, and the pixels beside the tile.
    first, last = max(left - 1, 0), min(right + 1, width)
    at, size = 1 - (left - first), right - left
    ring_moved = np.zeros((3, size + 2), np.float32)
    ring_weight = np.zeros((3, size + 2), np.float32)
    places, shares = np.empty(size + 2, np.uint32), np.empty((2, size + 2), np.float32)
    across, beside = np.zeros((2, size + 2), np.float32), np.zeros((3, size + 2), np.float32)
    totals = np.zeros((len(SUMS), size + CELL), np.float32)
    for r in range(top - 1, bottom + 1):
        moved, weight = ring_moved[r % 3], ring_weight[r % 3]
        for c in range(size + 2):
            moved[c] = weight[c] = np.float32(0)
        if 0 <= r < height:
            _move(spline, weights, there, r, first, last, places, shares, moved[at:], weight[at:])
        if r <= top:
            continue
        here = r - 1
        for k in range(3):
            row, target = reference[min(max(here - 1 + k, 0), height - 1)], beside[k]
            for c in range(first, last):
                target[c - first + at] = row[c]
            if left == 0:
                beside[k, 0] = row[0]
            if right == width:
                beside[k, size + 1] = row[width - 1]
        dx, dy, missed = there[0][here, left:right], there[1][here, left:right], miss[here, left:right]
        if has_back:
            for part in range(2):
                bilinear_row(back[part], here, left, dx, dy, np.float32(0), across[part, :size])
        _count(beside, ring_moved, ring_weight[here % 3], here, dx, dy, across, has_back, missed, totals[:, :size])
        if (here + 1) % CELL == 0 or here == bottom - 1:
            for j in range(left // CELL, -(-right // CELL)):
                start = j * CELL - left
                for k in range(len(SUMS)):
                    total = 0.0
                    for c in range(start, start + CELL):
                        total += totals[k, c]
                    sums[k, here // CELL, j] = total
            for k in range(len(SUMS)):
                for c in range(size + CELL):
                    totals[k, c] = np.float32(0)


@njit(cache=True, nogil=True, fastmath=KEEPS_NAN, forceinline=True)
def _move(
    spline: FloatArray,
    weights: tuple[FloatArray, FloatArray],
    flow: tuple[FloatArray, FloatArray],
    row: int,
    first: int,
    last: int,
    places: NDArray[np.uint32],
    shares: FloatArray,
    moved: FloatArray,
    weight: FloatArray,
) -> None:
    """Write the secondary where a row's flow leads and the weight of both there, 0 where either is invalid."""
    count, least, zero = last - first, np.float32(0.5 / (FADE + 1)), np.float32(0)
    dx, dy, own = flow[0][row, first:last], flow[1][row, first:last], weights[0][row, first:last]
    warp_row(spline, row, first, dx, dy, places, shares, moved[:count])
    bilinear_row(weights[1], row, first, dx, dy, zero, weight[:count])
    for c in range(count):
        is_known = (own[c] > zero) & (weight[c] >= least)
        weight[c] = own[c] * weight[c] if is_known else zero
        moved[c] = moved[c] if is_known else zero


@njit(cache=True, nogil=True, fastmath=KEEPS_NAN, forceinline=True)
def _count(
    reference: FloatArray,
    moved: FloatArray,
    weight: FloatArray,
    row: int,
    dx: FloatArray,
    dy: FloatArray,
    back: FloatArray,
    has_back: bool,
    miss: FloatArray,
    totals: FloatArray,
) -> None:
    """Add a row's products to the sums of its columns, and write how far the way back misses."""
    half, zero, one = np.float32(0.5), np.float32(0), np.float32(1 if has_back else 0)
    above, here, below = reference[0], reference[1], reference[2]
    higher, level, lower = moved[(row + 2) % 3], moved[row % 3], moved[(row + 1) % 3]
    for c in range(dx.size):
        w = weight[c + 1]
        x, y = dx[c] if w > zero else zero, dy[c] if w > zero else zero
        a, b = here[c + 1], level[c + 1]
        ax, ay = half * (here[c + 2] - here[c]), half * (below[c + 1] - above[c + 1])
        bx, by = half * (level[c + 2] - level[c]), half * (lower[c + 1] - higher[c + 1])
        rest = w * (b - a) * half
        u, v = one * (x + back[0, c]), one * (y + back[1, c])
        miss[c] = np.sqrt(u * u + v * v) if w > zero else np.float32(np.nan)
        wa, wb = w * a, w * b
        totals[0, c] += w
        totals[1, c] += w * x
        totals[2, c] += w * y
        totals[3, c] += wa
        totals[4, c] += wb
        totals[5, c] += wa * a
        totals[6, c] += wb * b
        totals[7, c] += wa * b
        totals[8, c] += w * half * (ax * ax + ay * ay + bx * bx + by * by)
        totals[9, c] += w * ax * bx
        totals[10, c] += w * ay * by
        totals[11, c] += w * half * (ax * by + ay * bx)
        totals[12, c] += rest * (ax + bx)
        totals[13, c] += rest * (ay + by)
        totals[14, c] += w * u * u
        totals[15, c] += w * v * v
        totals[16, c] += w * u * v
        totals[17, c] += np.float32(1) if w > zero else zero
