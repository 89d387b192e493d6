"""Matches the chips of a group, whose sums of products are made together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.correlation.ncc_chance import independent_samples, significance
from sensetrack.correlation.ncc_peak import NONE, QUADRATIC, between, scan
from sensetrack.correlation.ncc_plan import has_holes, layout_of, valid_pixels
from sensetrack.correlation.ncc_refine import RESULTS, RING, fit_chip
from sensetrack.correlation.ncc_source import ChipSource
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
"""Numbers that are found for each chip, in the order in which `match_groups` writes them."""

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
    has_errors : bool
        Whether the covariance is wanted; without it, and unless the lag is fitted, a match is made faster.
    """

    plain: NDArray[np.int64]
    masked: NDArray[np.int64]
    method: int
    spare: int
    least: float
    has_errors: bool


@njit(cache=True, nogil=True)
def match_groups(
    first: ChipSource,
    second: ChipSource,
    corners: NDArray[np.int64],
    step: int,
    size: int,
    extents: NDArray[np.int64],
    ranges: NDArray[np.int64],
    wanted: Mask,
    given: FloatArray,
    how: How,
    again: Mask,
    out: DoubleArray,
) -> None:
    """Match the wanted chips of some groups. In place.

    Parameters
    ----------
    first, second : ChipSource
    corners : ndarray of int64
        ``(group, 2)``: upper left pixel of the first chip of each.
    step, size : int
        Distance and side of the chips.
    extents : ndarray of int64
        ``(group, 10)``, as from `sensetrack.correlation.ncc_plan.split_tile`.
    ranges : ndarray of int64
        ``(3, row, col)``: row and column lag around which each chip is searched, and how far.
    wanted : ndarray of bool
        ``(row, col)``: which chips to match.
    given : ndarray of float32
        ``(group, sum, 1, 1, lag row, lag col)``: sums of products of single chips that are known already, or none.
    how : How
    again : ndarray of bool
        ``(row, col)``: set for chips for which float32 sums of their group are too coarse, to be matched alone.
    out : ndarray of float64
        ``(row, col, len(FIELDS))``, written where ``wanted``.
    """
    count = len(first.planes)
    levels, peak, fit, here = np.empty((2, count)), np.empty(6), np.empty(RESULTS), np.empty((2, count))
    method, spare, least = how.method, how.spare, how.least
    for group in range(len(extents)):
        extent, corner = extents[group], (corners[group, 0], corners[group, 1])
        masked = extent[9] > 0
        table = how.masked if masked else how.plain
        rows, cols = extent[1] - extent[0], extent[3] - extent[2]
        lag_rows, lag_cols = extent[5] - extent[4] + 1, extent[7] - extent[6] + 1
        height, width = (rows - 1) * step + size, (cols - 1) * step + size
        planes = count + (2 if masked else 0)
        ground = np.empty((planes, height, width), np.float32)
        area = np.empty((planes, height + lag_rows - 1, width + lag_cols - 1), np.float32)
        load(first.planes, first.valid, corner[0], corner[1], masked, levels[0], ground)
        load(second.planes, second.valid, corner[0] + extent[4], corner[1] + extent[6], masked, levels[1], area)
        chips = _examine(first.holes, ground, levels[0], extent, corner, step, size, least, wanted, again, out)
        if len(given) > 0:
            products = given[group]
        else:
            cell, per_chip, per_step = layout_of(extent, size, step)
            products = np.empty((table[-1, 3] + 1, rows, cols, lag_rows, lag_cols), np.float32)
            chip_sums(ground, area, table, cell, per_chip, per_step, chips[:, :, 0] > 0, products)
        sums = np.empty((count, area.shape[1] - size + 1, area.shape[2] - size + 1), np.float32)
        scale = np.empty((sums.shape[1], sums.shape[2]), np.float32)
        if not masked:
            plain_scales(area, levels[1], size, sums, scale)
        is_free = len(products) == (9 if masked else 2)
        for i in range(rows):
            for j in range(cols):
                if chips[i, j, 0] == 0:
                    continue
                dy, dx, reach = (
                    ranges[0, extent[0] + i, extent[2] + j],
                    ranges[1, extent[0] + i, extent[2] + j],
                    ranges[2, extent[0] + i, extent[2] + j],
                )
                row, col = dy - reach - extent[4], dx - reach - extent[6]
                surface = np.empty((2 * reach + 1, 2 * reach + 1), np.float32)
                place, spot = (i, j, row, col), (i * step + row, j * step + col)
                enough = 1
                if masked:
                    enough = masked_surface(products, place, count == 2, least * size * size, surface)
                else:
                    plain_surface(products, place, chips[i, j, 2:], chips[i, j, 0], sums, scale, spot, surface)
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
                        here[1, p] = levels[1, p] + sums[p, spot[0] + y, spot[1] + x] / (size * size)
                start = dy - reach + y + offset_y, dx - reach + x + offset_x
                found[0], found[1], found[2] = start[0], start[1], peak[2]
                fitted = True
                if how.has_errors or method == LEAST_SQUARES:
                    at = corner[0] + i * step, corner[1] + j * step
                    there = at[0] + int(np.floor(start[0])) - RING, at[1] + int(np.floor(start[1])) - RING
                    is_whole = not (
                        has_holes(first.holes, at[0] - RING, at[1] - RING, size + 2 * RING, size + 2 * RING)
                        or has_holes(second.holes, there[0], there[1], size + 2 * RING, size + 2 * RING)
                    )
                    moves = method == LEAST_SQUARES and peak[5] == 0
                    chip, moved = (first.values, first.sound), (second.values, second.sound)
                    fit_chip(chip, moved, at, size, start, here, is_whole, is_free, moves, fit)
                    fitted = fit[6] > 0 and np.isfinite(fit[3] + fit[4])
                    found[3], found[4], found[5] = fit[3], fit[4], fit[5]
                    if fitted:
                        found[0], found[1], found[2] = fit[0], fit[1], fit[2]
                found[6] = peak[2] / peak[4] if peak[4] > 0 else 0.0
                found[7] = peak[3]
                found[9] = products[1, i, j, row + y, col + x] / (size * size) if masked else 1.0
                found[8] = significance(peak[2], chips[i, j, 1] * found[9], count == 2, is_free)
                found[10] = ON_EDGE if peak[5] > 0 else MATCHED if fitted else NOT_FITTED


@njit(cache=True, nogil=True)
def _examine(
    holes: NDArray[np.int32],
    ground: FloatArray,
    level: DoubleArray,
    extent: NDArray[np.int64],
    corner: tuple[int, int],
    step: int,
    size: int,
    least: float,
    wanted: Mask,
    again: Mask,
    out: DoubleArray,
) -> DoubleArray:
    """Look at the chips of a group before they are matched.

    Returns one over the norm of each chip (0 where it is not to be matched), its number of independent samples, and its
    means less the level; marks in ``again`` which chips lie too far from the level to be matched with their group.
    """
    top, left = corner
    rows, cols = extent[1] - extent[0], extent[3] - extent[2]
    count = level.size
    tables = np.empty((count + 1, ground.shape[1] + 1, ground.shape[2] + 1))
    integrals(ground, count, tables)
    chips = np.zeros((rows, cols, 2 + count))
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
                again[extent[0] + i, extent[2] + j] = True
            else:
                chips[i, j, 0] = 1 / np.sqrt(variance)
                chips[i, j, 1] = independent_samples(ground, i * step, j * step, size, chips[i, j, 2:])
    return chips
