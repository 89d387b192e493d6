"""How the work on a tile of chips is shared: which chips look at which lags, and what that costs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from sensetrack.correlation.ncc_sums import UNIT
from sensetrack.types import Mask

TILE = 16
"""Chips along each side of a tile."""

MOST_SAMPLES = 2**20
"""Correlation samples that a group may keep."""

_PER_TRANSFORM = 7.0
"""Multiplications in whose time an FFT advances by one, of ``size^2 log2(size)``; measured."""


@njit(cache=True, nogil=True)
def extent_of(ranges: NDArray[np.int64], wanted: Mask, tile: tuple[int, int, int, int]) -> NDArray[np.int64]:
    """Return the smallest tile that holds the wanted chips of ``tile``, and the range of lags that they search.

    Parameters
    ----------
    ranges : ndarray of int64
        ``(3, row, col)``: row and column lag around which each chip is searched, and how far.
    wanted : ndarray of bool
        ``(row, col)``.
    tile : tuple of int
        First row, row end, first column, column end in the lattice.

    Returns
    -------
    ndarray of int64
        Row, row end, column, column end; first and last lag row, first and last lag column; number of chips.
    """
    out = np.array([tile[1], tile[0], tile[3], tile[2], 2**30, -(2**30), 2**30, -(2**30), 0])
    for i in range(tile[0], tile[1]):
        for j in range(tile[2], tile[3]):
            if wanted[i, j]:
                dy, dx, reach = ranges[0, i, j], ranges[1, i, j], ranges[2, i, j]
                out[0], out[1] = min(out[0], i), max(out[1], i + 1)
                out[2], out[3] = min(out[2], j), max(out[3], j + 1)
                out[4], out[5] = min(out[4], dy - reach), max(out[5], dy + reach)
                out[6], out[7] = min(out[6], dx - reach), max(out[7], dx + reach)
                out[8] += 1
    return out


@njit(cache=True, nogil=True)
def layout_of(extent: NDArray[np.int64], size: int, step: int) -> tuple[int, int, int]:
    """Return the side of the cells of which the chips of an extent consist, and the cells per chip and per step.

    Parameters
    ----------
    extent : ndarray of int64
        As from `extent_of`.
    size, step : int
        Side and distance of the chips in pixels.
    """
    if extent[1] - extent[0] == 1 and extent[3] - extent[2] == 1:
        return size, 1, 1
    a, b = size, step
    while b:
        a, b = b, a % b
    return a, size // a, step // a


@njit(cache=True, nogil=True)
def cost_of(extent: NDArray[np.int64], size: int, step: int, sums: int) -> tuple[float, float]:
    """Return roughly how many multiplications an extent takes, and how many samples it keeps.

    Parameters
    ----------
    extent, size, step
        As in `layout_of`.
    sums : int
        Products per pair of pixels.
    """
    if extent[8] == 0:
        return 0.0, 0.0
    cell, per_chip, per_step = layout_of(extent, size, step)
    rows, cols = extent[1] - extent[0], extent[3] - extent[2]
    lag_rows, lag_cols = extent[5] - extent[4] + 1, extent[7] - extent[6] + 1
    run = lag_rows * (lag_cols + UNIT - 1)
    cell_rows, cell_cols = (rows - 1) * per_step + per_chip, (cols - 1) * per_step + per_chip
    padded = -(-cell // UNIT) * UNIT
    products = cell_rows * cell_cols * padded * padded * run
    additions = (cell_cols * cell_rows * run + extent[8] * run) * per_chip * 2
    places = (cell_rows * cell + lag_rows) * (cell_cols * cell + lag_cols)
    samples = float(sums * rows * cols * lag_rows * lag_cols)
    return sums * (products + additions) + 40.0 * places + 20_000.0, samples


@njit(cache=True, nogil=True)
def has_holes(holes: NDArray[np.int32], top: int, left: int, height: int, width: int) -> bool:
    """Whether anything of a region is invalid or beyond the image.

    Parameters
    ----------
    holes : ndarray of int32
        Summed-area table of invalid pixels.
    top, left, height, width : int
    """
    bottom, right = top + height, left + width
    if top < 0 or left < 0 or bottom >= holes.shape[0] or right >= holes.shape[1]:
        return True
    count: int = holes[bottom, right] - holes[top, right] - holes[bottom, left] + holes[top, left]
    return count > 0


@njit(cache=True, nogil=True)
def is_masked(
    first_holes: NDArray[np.int32],
    second_holes: NDArray[np.int32],
    extent: NDArray[np.int64],
    origin: tuple[int, int],
    size: int,
    step: int,
) -> bool:
    """Whether anything that the chips of an extent look at is invalid.

    Parameters
    ----------
    first_holes, second_holes : ndarray of int32
        Of either image, as in `has_holes`.
    extent, size, step
        As in `layout_of`.
    origin : tuple of int
        Row and column of the upper left pixel of the lattice's first chip.
    """
    top, left = origin[0] + extent[0] * step, origin[1] + extent[2] * step
    height, width = (extent[1] - extent[0] - 1) * step + size, (extent[3] - extent[2] - 1) * step + size
    if has_holes(first_holes, top, left, height, width):
        return True
    height, width = height + extent[5] - extent[4], width + extent[7] - extent[6]
    masked: bool = has_holes(second_holes, top + extent[4], left + extent[6], height, width)
    return masked


@njit(cache=True, nogil=True)
def valid_pixels(holes: NDArray[np.int32], row: int, col: int, size: int) -> int:
    """Return how many pixels of a chip are valid and inside the image.

    Parameters
    ----------
    holes : ndarray of int32
        As in `has_holes`.
    row, col, size : int
    """
    height, width = holes.shape
    top, left = min(max(row, 0), height - 1), min(max(col, 0), width - 1)
    bottom, right = min(max(row + size, 0), height - 1), min(max(col + size, 0), width - 1)
    invalid = holes[bottom, right] - holes[top, right] - holes[bottom, left] + holes[top, left]
    return int((bottom - top) * (right - left) - invalid)


@njit(cache=True, nogil=True)
def split_tile(
    first_holes: NDArray[np.int32],
    second_holes: NDArray[np.int32],
    origin: tuple[int, int],
    step: int,
    size: int,
    tile: tuple[int, int, int, int],
    ranges: NDArray[np.int64],
    wanted: Mask,
    plain: int,
    masked: int,
) -> NDArray[np.int64]:
    """Return the groups into which a tile is best split.

    Chips that search the same lags share their products; where a tile falls into parts that search elsewhere, or where
    only a part has invalid pixels, it is split as long as that saves work.

    Parameters
    ----------
    first_holes, second_holes, origin, step, size
        As in `is_masked`.
    tile, ranges, wanted
        As in `extent_of`.
    plain, masked : int
        Products per pair of pixels without and with invalid ones.

    Returns
    -------
    ndarray of int64
        ``(group, 10)``: the extent of each, and 1 where anything that it looks at is invalid.
    """
    stack = [tile]
    count = 0
    out = np.empty(((tile[1] - tile[0]) * (tile[3] - tile[2]), 10), np.int64)
    while len(stack) > 0:
        extent = extent_of(ranges, wanted, stack.pop())
        if extent[8] == 0:
            continue
        holes = is_masked(first_holes, second_holes, extent, origin, size, step)
        if extent[8] > 1:
            cost, samples = cost_of(extent, size, step, masked if holes else plain)
            row, col = (extent[0] + extent[1] + 1) // 2, (extent[2] + extent[3] + 1) // 2
            quarters = [
                (extent[0], row, extent[2], col),
                (extent[0], row, col, extent[3]),
                (row, extent[1], extent[2], col),
                (row, extent[1], col, extent[3]),
            ]
            together = 0.0
            for quarter in quarters:
                piece = extent_of(ranges, wanted, quarter)
                if piece[8] > 0:
                    part = is_masked(first_holes, second_holes, piece, origin, size, step)
                    together += cost_of(piece, size, step, masked if part else plain)[0]
            if samples > MOST_SAMPLES or together < 0.9 * cost:
                stack.extend(quarters)
                continue
        out[count, :9] = extent
        out[count, 9] = 1 if holes else 0
        count += 1
    return out[:count]


@njit(cache=True, nogil=True)
def single_extents(
    first_holes: NDArray[np.int32],
    second_holes: NDArray[np.int32],
    places: NDArray[np.int64],
    ranges: NDArray[np.int64],
    size: int,
) -> NDArray[np.int64]:
    """Return chips that lie anywhere as groups of their own, in a lattice of one row.

    Parameters
    ----------
    first_holes, second_holes, size
        As in `is_masked`.
    places : ndarray of int64
        ``(2, n)``: rows and columns of their upper left pixels.
    ranges : ndarray of int64
        ``(3, n)``.

    Returns
    -------
    ndarray of int64
        ``(n, 10)``, as from `split_tile`.
    """
    out = np.empty((places.shape[1], 10), np.int64)
    wanted = np.ones((1, places.shape[1]), np.bool_)
    lattice = ranges.copy().reshape(3, 1, places.shape[1])
    for k in range(len(out)):
        extent = extent_of(lattice, wanted, (0, 1, k, k + 1))
        out[k, :9] = extent
        extent[2], extent[3] = 0, 1
        out[k, 9] = 1 if is_masked(first_holes, second_holes, extent, (places[0, k], places[1, k]), size, 1) else 0
    return out


@lru_cache(maxsize=1024)
def is_spectral(size: int, step: int, reach: int, planes: int, sums: int) -> bool:
    """Whether chips of a lattice, all searched in ranges of one width, are better summed up by FFT.

    That depends on nothing but the arguments, so that a chip is matched in the same way in any block.

    Parameters
    ----------
    size, step : int
        Side and distance of the chips in pixels.
    reach : int
        Largest lag of the range.
    planes : int
        Planes of both images together.
    sums : int
        Products per pair of pixels.
    """
    best = np.inf
    for side in (1, 2, 4, 8, TILE):
        extent = np.array([0, side, 0, side, -reach, reach, -reach, reach, side * side])
        cost, samples = cost_of(extent, size, step, sums)
        if side == 1 or samples <= MOST_SAMPLES:
            best = min(best, cost / (side * side))
    width = transform_size(size, reach)
    return bool((planes + sums) * _PER_TRANSFORM * width * width * np.log2(width) < best)


def transform_size(size: int, reach: int) -> int:
    """Return the side of the FFT for a chip and its search area, at which no lag searched wraps around."""
    return int(next_fast_len(size + 2 * reach, real=True))
