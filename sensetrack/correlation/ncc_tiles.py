"""Matches all chips of a tile of a lattice at once, or split where they look in different places."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.correlation.ncc_chance import independent_samples, significance
from sensetrack.correlation.ncc_peak import NONE, QUADRATIC, between, scan
from sensetrack.correlation.ncc_plan import cost_of, extent_of, has_holes, is_masked, layout_of, valid_pixels
from sensetrack.correlation.ncc_refine import RESULTS, RING, fit_chip
from sensetrack.correlation.ncc_sums import chip_sums
from sensetrack.correlation.ncc_surface import (
    EXCLUDED,
    box,
    integrals,
    is_flat,
    load,
    masked_surface,
    plain_scales,
    plain_surface,
)
from sensetrack.types import DoubleArray, FloatArray, Mask

TILE = 16
"""Chips along each side of a tile."""

MOST_SAMPLES = 2**19
"""Correlation samples of a tile, so that they stay in a core's own cache."""

_FAR = 400.0
"""Squared distance of a chip's mean from its tile's, in the chip's variances, that is too far for float32 sums."""

FIELDS = (
    "dy",
    "dx",
    "correlation",
    "variance_dy",
    "variance_dx",
    "covariance",
    "snr",
    "second",
    "significance",
    "share",
    "status",
)
"""Numbers that are found for each chip, in the order in which `match_tile` writes them."""

UNUSED, MATCHED, NO_DATA, NO_TEXTURE, ON_EDGE, NOT_FITTED = 0, 1, 2, 3, 4, 5
"""Values of ``status``: the last two are matches on the edge of the search range, and without a fit between pixels."""

LEAST_SQUARES = 4
"""Way to find the peak between the samples, beside those of `sensetrack.correlation.ncc_peak`."""


class How(NamedTuple):
    """How chips are matched.

    Attributes
    ----------
    plain, masked : ndarray of int64
        Products to sum up without and with invalid pixels, as from `sensetrack.correlation.ncc_surface.product_table`.
    method : int
        How to find the peak between the samples.
    spare : int
        Lags at the edge of each range that are looked at for the peak's shape, but not searched.
    least : float
        Least share of a chip's pixels that is valid in both images.
    """

    plain: NDArray[np.int64]
    masked: NDArray[np.int64]
    method: int
    spare: int
    least: float


@njit(cache=True, nogil=True)
def match_tile(
    first: tuple[FloatArray, Mask, NDArray[np.int32], FloatArray, Mask],
    second: tuple[FloatArray, Mask, NDArray[np.int32], FloatArray, Mask],
    origin: tuple[int, int],
    step: int,
    size: int,
    tile: tuple[int, int, int, int],
    ranges: NDArray[np.int64],
    wanted: Mask,
    how: How,
    out: DoubleArray,
) -> None:
    """Match the wanted chips of a tile of a lattice. In place.

    Chips that search the same lags share their products; where a tile falls into parts that search elsewhere, or where
    only a part has invalid pixels, it is split as long as that saves work.

    Parameters
    ----------
    first, second : tuple of ndarray
        Planes, valid and holes of each `sensetrack.correlation.ncc_source.ChipSource`; then, of the first, smooth and
        slopes_valid, of the second, coefficients and between_valid.
    origin : tuple of int
        Row and column of the upper left pixel of the lattice's first chip.
    step, size : int
        Distance and side of the chips.
    tile : tuple of int
        First row, row end, first column, column end in the lattice.
    ranges : ndarray of int64
        ``(3, row, col)``: row and column lag around which each chip is searched, and how far.
    wanted : ndarray of bool
        ``(row, col)``: which chips to match.
    how : How
    out : ndarray of float64
        ``(row, col, len(FIELDS))``, written where ``wanted``.
    """
    stack = [tile]
    while len(stack) > 0:
        part = stack.pop()
        extent = extent_of(ranges, wanted, part)
        if extent[8] == 0:
            continue
        with_holes = is_masked(first[2], second[2], extent, origin, size, step)
        cost, samples = cost_of(extent, size, step, len(how.masked) if with_holes else len(how.plain))
        if extent[8] > 1:
            middle_row, middle_col = (extent[0] + extent[1] + 1) // 2, (extent[2] + extent[3] + 1) // 2
            quarters = [
                (extent[0], middle_row, extent[2], middle_col),
                (extent[0], middle_row, middle_col, extent[3]),
                (middle_row, extent[1], extent[2], middle_col),
                (middle_row, extent[1], middle_col, extent[3]),
            ]
            together = 0.0
            for quarter in quarters:
                piece = extent_of(ranges, wanted, quarter)
                if piece[8] > 0:
                    holes = is_masked(first[2], second[2], piece, origin, size, step)
                    together += cost_of(piece, size, step, len(how.masked) if holes else len(how.plain))[0]
            if samples > MOST_SAMPLES or together < 0.9 * cost:
                stack.extend(quarters)
                continue
        again = _match(first, second, origin, step, size, extent, ranges, wanted, how, with_holes, out)
        for i in range(again.shape[0]):
            for j in range(again.shape[1]):
                if again[i, j]:
                    row, col = extent[0] + i, extent[2] + j
                    alone = extent_of(ranges, wanted, (row, row + 1, col, col + 1))
                    _match(first, second, origin, step, size, alone, ranges, wanted, how, with_holes, out)


@njit(cache=True, nogil=True)
def _match(
    first: tuple[FloatArray, Mask, NDArray[np.int32], FloatArray, Mask],
    second: tuple[FloatArray, Mask, NDArray[np.int32], FloatArray, Mask],
    origin: tuple[int, int],
    step: int,
    size: int,
    extent: NDArray[np.int64],
    ranges: NDArray[np.int64],
    wanted: Mask,
    how: How,
    masked: bool,
    out: DoubleArray,
) -> Mask:
    """Match the chips of ``extent`` together; return which ones float32 sums are too coarse for, to match alone."""
    table = how.masked if masked else how.plain
    method, spare, least = how.method, how.spare, how.least
    cell, per_chip, per_step = layout_of(extent, size, step)
    rows, cols = extent[1] - extent[0], extent[3] - extent[2]
    lag_rows, lag_cols = extent[5] - extent[4] + 1, extent[7] - extent[6] + 1
    top, left = origin[0] + extent[0] * step, origin[1] + extent[2] * step
    height, width = (rows - 1) * step + size, (cols - 1) * step + size
    count = len(first[0])
    more = 2 if masked else 0
    ground = np.empty((count + more, height, width), np.float32)
    area = np.empty((count + more, height + lag_rows - 1, width + lag_cols - 1), np.float32)
    levels = np.empty((2, count))
    load(first[0], first[1], top, left, masked, levels[0], ground)
    load(second[0], second[1], top + extent[4], left + extent[6], masked, levels[1], area)
    again: Mask
    chips, again = _examine(first[2], ground, levels[0], extent, top, left, step, size, least, wanted, out)
    products = np.empty((table[-1, 3] + 1, rows, cols, lag_rows, lag_cols), np.float32)
    chosen = chips[:, :, 0] > 0
    chip_sums(ground, area, table, cell, per_chip, per_step, chosen, products)
    sums = np.empty((count, area.shape[1] - size + 1, area.shape[2] - size + 1), np.float32)
    scale = np.empty((sums.shape[1], sums.shape[2]), np.float32)
    if not masked:
        tables = np.empty((count + 1, area.shape[1] + 1, area.shape[2] + 1))
        integrals(area, count, tables)
        plain_scales(tables, levels[1], size, sums, scale)
    is_free = len(products) == (9 if masked else 2)
    peak, fit, here = np.empty(6), np.empty(RESULTS), np.empty((2, count))
    for i in range(rows):
        for j in range(cols):
            if not chosen[i, j]:
                continue
            dy, dx, reach = (
                ranges[0, extent[0] + i, extent[2] + j],
                ranges[1, extent[0] + i, extent[2] + j],
                ranges[2, extent[0] + i, extent[2] + j],
            )
            row, col = dy - reach - extent[4], dx - reach - extent[6]
            surface = np.empty((2 * reach + 1, 2 * reach + 1), np.float32)
            place, corner = (i, j, row, col), (i * step + row, j * step + col)
            enough = 1
            if masked:
                enough = masked_surface(products, place, count == 2, least * size * size, surface)
            else:
                plain_surface(products, place, chips[i, j, 2:], chips[i, j, 0], sums, scale, corner, surface)
            inner = surface if spare == 0 else surface[spare:-spare, spare:-spare].copy()
            scan(inner, peak)
            found = out[extent[0] + i, extent[2] + j]
            if peak[2] == EXCLUDED:
                found[10] = NO_TEXTURE if enough > 0 else NO_DATA
                continue
            y, x = int(peak[0]) + spare, int(peak[1]) + spare
            offset_y = offset_x = 0.0
            if peak[5] == 0 and method != NONE:
                offset_y, offset_x = between(surface, y, x, QUADRATIC if method == LEAST_SQUARES else method)
            for p in range(count):
                here[0, p] = levels[0, p] + chips[i, j, 2 + p]
                if masked:
                    joint = products[1, i, j, row + y, col + x]
                    here[1, p] = levels[1, p] + products[5 + 2 * p, i, j, row + y, col + x] / joint
                else:
                    here[1, p] = levels[1, p] + sums[p, corner[0] + y, corner[1] + x] / (size * size)
            start = dy - reach + y + offset_y, dx - reach + x + offset_x
            moves = method == LEAST_SQUARES and peak[5] == 0
            at = top + i * step, left + j * step
            there = at[0] + int(np.floor(start[0])) - RING, at[1] + int(np.floor(start[1])) - RING
            is_whole = not (
                has_holes(first[2], at[0] - RING, at[1] - RING, size + 2 * RING, size + 2 * RING)
                or has_holes(second[2], there[0], there[1], size + 2 * RING, size + 2 * RING)
            )
            fit_chip(
                (first[3], first[4]),
                (second[3], second[4]),
                at,
                size,
                start,
                here,
                is_whole,
                is_free,
                moves,
                fit,
            )
            fitted = fit[6] > 0 and np.isfinite(fit[3] + fit[4])
            found[0], found[1] = (fit[0], fit[1]) if fitted else start
            found[2] = fit[2] if fitted else peak[2]
            found[3], found[4], found[5] = fit[3], fit[4], fit[5]
            found[6] = peak[2] / peak[4] if peak[4] > 0 else 0.0
            found[7] = peak[3]
            found[9] = products[1, i, j, row + y, col + x] / (size * size) if masked else 1.0
            found[8] = significance(peak[2], chips[i, j, 1] * found[9], count == 2, is_free)
            found[10] = ON_EDGE if peak[5] > 0 else MATCHED if fitted else NOT_FITTED
    return again


@njit(cache=True, nogil=True)
def _examine(
    holes: NDArray[np.int32],
    ground: FloatArray,
    level: DoubleArray,
    extent: NDArray[np.int64],
    top: int,
    left: int,
    step: int,
    size: int,
    least: float,
    wanted: Mask,
    out: DoubleArray,
) -> tuple[DoubleArray, Mask]:
    """Return what is needed of each chip: one over its norm (0 where it cannot be matched here), its number of
    independent samples and its means; and which chips lie too far from their tile's level to be matched with it."""
    rows, cols = extent[1] - extent[0], extent[3] - extent[2]
    count = level.size
    tables = np.empty((count + 1, ground.shape[1] + 1, ground.shape[2] + 1))
    integrals(ground, count, tables)
    chips, again = np.zeros((rows, cols, 2 + count)), np.zeros((rows, cols), np.bool_)
    for i in range(rows):
        for j in range(cols):
            if not wanted[extent[0] + i, extent[2] + j]:
                continue
            found = out[extent[0] + i, extent[2] + j]
            number = float(valid_pixels(holes, top + i * step, left + j * step, size))
            if number < max(least * size * size, 3.0):
                found[10] = NO_DATA
                continue
            variance = box(tables[count], i * step, j * step, size)
            power = distance = 0.0
            for p in range(count):
                mean = box(tables[p], i * step, j * step, size) / number
                chips[i, j, 2 + p] = mean
                variance -= number * mean * mean
                distance += mean * mean
                power += (level[p] + mean) ** 2
            if is_flat(variance, power, number):
                found[10] = NO_TEXTURE
            elif rows * cols > 1 and distance * number > _FAR * variance:
                again[i, j] = True
            else:
                chips[i, j, 0] = 1 / np.sqrt(variance)
                chips[i, j, 1] = independent_samples(ground, i * step, j * step, size, chips[i, j, 2:])
    return chips, again


@njit(cache=True, nogil=True)
def match_places(
    first: tuple[FloatArray, Mask, NDArray[np.int32], FloatArray, Mask],
    second: tuple[FloatArray, Mask, NDArray[np.int32], FloatArray, Mask],
    places: NDArray[np.int64],
    ranges: NDArray[np.int64],
    size: int,
    how: How,
    out: DoubleArray,
) -> None:
    """Match chips that lie anywhere, one by one. In place.

    Parameters
    ----------
    places : ndarray of int64
        ``(2, n)``: rows and columns of their upper left pixels.
    ranges : ndarray of int64
        ``(3, n)``, as in `match_tile`.
    out : ndarray of float64
        ``(n, len(FIELDS))``, written.
    first, second, size, how
        As in `match_tile`.
    """
    wanted = np.ones((1, 1), np.bool_)
    for k in range(places.shape[1]):
        own = ranges[:, k : k + 1].copy().reshape(3, 1, 1)
        extent = extent_of(own, wanted, (0, 1, 0, 1))
        origin = places[0, k], places[1, k]
        with_holes = is_masked(first[2], second[2], extent, origin, size, 1)
        target = out[k : k + 1].reshape(1, 1, out.shape[1])
        _match(first, second, origin, 1, size, extent, own, wanted, how, with_holes, target)
