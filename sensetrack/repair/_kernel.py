"""The compiled loop that fills gaps by local regression; reached through `sensetrack.repair`."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray

EVIDENCE = 5
"""Usable pixels that a fill needs: a lone match is never spread over its surroundings."""

SIDE = 3.0 * 1.4826
"""Median absolute deviations within which a value belongs to the majority: three sigmas of Gaussian noise."""

SPREAD = 0.1
"""Variance of positions (output px squared) from which on a slope along that direction is known."""


@njit(cache=True, nogil=True)
def _plane(
    rows: DoubleArray, cols: DoubleArray, weights: DoubleArray, values: DoubleArray, count: int
) -> tuple[float, float]:
    """Weighted plane through ``values``: its height at (0, 0) and its mean squared misfit.

    The height leaves the range of the values by the width of that range at most, which an even slope never reaches
    within the distances that are filled and a slope that is only noise may.
    """
    total = row_mean = col_mean = mean = 0.0
    for k in range(count):
        total += weights[k]
        row_mean += weights[k] * rows[k]
        col_mean += weights[k] * cols[k]
        mean += weights[k] * values[k]
    row_mean, col_mean, mean = row_mean / total, col_mean / total, mean / total
    rr = rc = cc = rv = cv = 0.0
    lowest, highest = np.inf, -np.inf
    for k in range(count):
        w, r, c, v = weights[k] / total, rows[k] - row_mean, cols[k] - col_mean, values[k] - mean
        rr, rc, cc = rr + w * r * r, rc + w * r * c, cc + w * c * c
        rv, cv = rv + w * r * v, cv + w * c * v
        lowest, highest = min(lowest, values[k]), max(highest, values[k])
    # Slopes along the two axes of the positions' spread; an axis along which there is none has no slope.
    half, gap = (rr + cc) / 2, np.hypot((rr - cc) / 2, rc)
    angle = 0.5 * np.arctan2(2 * rc, rr - cc)
    row_slope = col_slope = 0.0
    for variance, turn in ((half + gap, angle), (half - gap, angle + np.pi / 2)):
        if variance > SPREAD:
            along_row, along_col = np.cos(turn), np.sin(turn)
            slope = (rv * along_row + cv * along_col) / variance
            row_slope, col_slope = row_slope + slope * along_row, col_slope + slope * along_col
    misfit = 0.0
    for k in range(count):
        height = mean + row_slope * (rows[k] - row_mean) + col_slope * (cols[k] - col_mean)
        misfit += weights[k] / total * (values[k] - height) ** 2
    value = mean - row_slope * row_mean - col_slope * col_mean
    span = highest - lowest
    return min(max(value, lowest - span), highest + span), misfit


@njit(cache=True, nogil=True)
def _mean_variance(sigmas: DoubleArray, weights: DoubleArray, count: int) -> float:
    """Weighted mean of the squares of the finite ``sigmas``; 0 when there is none."""
    total = mean = 0.0
    for k in range(count):
        if np.isfinite(sigmas[k]):
            total += weights[k]
            mean += weights[k] * sigmas[k] ** 2
    return mean / total if total > 0 else 0.0


@njit(cache=True, nogil=True)
def _majority(values: DoubleArray, weights: DoubleArray) -> tuple[float, float]:
    """Centre and half width of the values that most agree with: the median and three robust sigmas.

    Of an even number the median is not the mean of the two in the middle, which lie on either side of a fault when
    both sides have as many pixels, but the one that has more weight beyond it; and the smaller of the two middle
    deviations counts.
    """
    count = values.size
    ordered = np.partition(values, count // 2)
    centre = ordered[count // 2]
    if count % 2 == 0:
        lower = ordered[: count // 2].max()
        if weights[values <= lower].sum() >= weights[values >= centre].sum():
            centre = lower
    deviations = np.partition(np.abs(values - centre), (count - 1) // 2)
    return centre, SIDE * deviations[(count - 1) // 2]


@njit(cache=True, nogil=True)
def fill(
    layers: FloatArray,
    row_index: NDArray[np.int64],
    col_index: NDArray[np.int64],
    distance: DoubleArray,
    radius: DoubleArray,
    filled: DoubleArray,
) -> None:
    """Fill pixels ``(row_index, col_index)`` from the usable pixels within ``radius``.

    Parameters
    ----------
    layers : ndarray of float32
        ``(4, row, col)``: dx, dy, sigma_dx, sigma_dy; dx is NaN where not usable.
    row_index, col_index : ndarray of int64
        Pixels to fill.
    distance, radius : ndarray of float64
        Of each pixel: to the nearest usable one, and of the disc around it that serves as evidence.
    filled : ndarray of float64
        ``(4, pixel)``, of NaN: written where there is enough evidence.
    """
    height, width = layers.shape[1], layers.shape[2]
    most = (2 * int(np.ceil(radius.max())) + 1) ** 2
    rows, cols, weights = np.empty(most), np.empty(most), np.empty(most)
    values = np.empty((4, most))
    for pixel in range(row_index.size):
        row, col, reach = row_index[pixel], col_index[pixel], radius[pixel]
        span = int(np.ceil(reach))
        count = 0
        for r in range(max(row - span, 0), min(row + span + 1, height)):
            for c in range(max(col - span, 0), min(col + span + 1, width)):
                near = 1.0 - ((r - row) ** 2 + (c - col) ** 2) / reach**2
                if near > 0 and not np.isnan(layers[0, r, c]):
                    rows[count], cols[count], weights[count] = r - row, c - col, near * near
                    for k in range(4):
                        values[k, count] = layers[k, r, c]
                    count += 1
        if count < EVIDENCE:
            continue
        x, x_limit = _majority(values[0, :count], weights[:count])
        y, y_limit = _majority(values[1, :count], weights[:count])
        chosen = 0
        for k in range(count):
            if abs(values[0, k] - x) <= x_limit and abs(values[1, k] - y) <= y_limit:
                rows[chosen], cols[chosen], weights[chosen] = rows[k], cols[k], weights[k]
                for layer in range(4):
                    values[layer, chosen] = values[layer, k]
                chosen += 1
        if chosen < EVIDENCE:
            continue
        for k in range(2):
            value, misfit = _plane(rows, cols, weights, values[k], chosen)
            filled[k, pixel] = value
            known = _mean_variance(values[k + 2], weights, chosen)
            filled[k + 2, pixel] = np.sqrt(known + misfit * distance[pixel])
