"""The peak of a sampled correlation surface: where it is, how far it stands out, and its place between the samples."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.correlation.ncc_surface import EXCLUDED
from sensetrack.correlation.spline import prefilter_line, spline_weights
from sensetrack.types import DoubleArray, FloatArray

APART = 3
"""Lags from the peak at which correlations no longer belong to it."""

NONE, QUADRATIC, GAUSSIAN, SPLINE = 0, 1, 2, 3
"""Ways to find the peak between the samples."""

SPARE = 6
"""Samples on every side of the peak through which a spline is drawn."""


@njit(cache=True, nogil=True)
def scan(surface: FloatArray, out: DoubleArray) -> None:
    """Find the highest correlation and what stands beside it. In place.

    Parameters
    ----------
    surface : ndarray of float32
        ``(lag row, lag col)``, the search range only.
    out : ndarray of float64
        ``(6,)``, written: row and column of the peak; its height (`EXCLUDED` without any correlation); the height of
        the next local maximum, at least 0; the root mean square of all correlations `APART` lags away or more (0
        without any); 1 where the peak lies on the edge of what was searched.
    """
    rows, cols = surface.shape
    tops = np.empty(rows, np.float32)
    best, row, col = EXCLUDED, 0, 0
    for r in range(rows):
        tops[r] = _highest(surface[r])
        if tops[r] > best:
            best, row = tops[r], r
    for c in range(cols):
        if surface[row, c] == best:
            col = c
            break
    on_edge = row == 0 or col == 0 or row == rows - 1 or col == cols - 1
    squares, count = 0.0, 0
    second = np.float32(0)
    for r in range(rows):
        power, number = _power(surface[r])
        squares += power
        count += number
        if abs(r - row) < APART:
            power, number = _power(surface[r, max(0, col - APART + 1) : col + APART])
            squares -= power
            count -= number
        if tops[r] > second and 0 < r < rows - 1:
            second = _second(surface, r, row, col, second)
    if not on_edge:
        for r in range(row - 1, row + 2):
            for c in range(col - 1, col + 2):
                on_edge |= surface[r, c] == EXCLUDED
    out[0], out[1], out[2], out[3] = row, col, best, second
    out[4] = np.sqrt(squares / count) if count > 0 else 0.0
    out[5] = 1.0 if on_edge else 0.0


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _highest(values: FloatArray) -> float:
    top: float = values[0]
    for value in values:
        top = max(top, value)
    return top


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _power(values: FloatArray) -> tuple[float, int]:
    """Return the sum of squares of the correlations in a row, and their number."""
    total, count = np.float32(0), 0
    for value in values:
        known = value != EXCLUDED
        total += value * value if known else np.float32(0)
        count += 1 if known else 0
    return float(total), count


@njit(cache=True, nogil=True)
def _second(surface: FloatArray, r: int, row: int, col: int, least: float) -> float:
    """Return the highest local maximum above ``least`` in row ``r`` other than that at ``row, col``; else ``least``."""
    line, above, below = surface[r], surface[r - 1], surface[r + 1]
    for c in range(1, line.size - 1):
        value = line[c]
        if value <= least or value < line[c - 1] or value < line[c + 1] or (r == row and c == col):
            continue
        if max(above[c - 1], above[c], above[c + 1], below[c - 1], below[c], below[c + 1]) <= value:
            least = value
    return least


@njit(cache=True, nogil=True)
def between(surface: FloatArray, row: int, col: int, method: int) -> tuple[float, float]:
    """Return the peak's row and column offset from the sample at ``row, col``, each within a pixel.

    ``QUADRATIC`` fits a paraboloid to the 3 x 3 samples by least squares, ``GAUSSIAN`` one to their logarithms, and
    ``SPLINE`` climbs the cubic spline through the samples, as ever finer oversampling would.

    Parameters
    ----------
    surface : ndarray of float32
        ``(lag row, lag col)``.
    row, col : int
        Highest sample; not on the edge, and with no `EXCLUDED` neighbour.
    method : int
    """
    patch = np.empty((3, 3))
    for r in range(3):
        for c in range(3):
            value = np.float64(surface[row + r - 1, col + c - 1])
            patch[r, c] = np.log(max(value, 1e-3)) if method == GAUSSIAN else value
    dy, dx = _paraboloid(patch)
    if method == SPLINE:
        dy, dx = _climb(surface, row, col, min(0.5, max(-0.5, dy)), min(0.5, max(-0.5, dx)))
    return dy, dx


@njit(cache=True, nogil=True)
def _paraboloid(patch: DoubleArray) -> tuple[float, float]:
    """Return the top of the least-squares paraboloid through 3 x 3 samples, as far as a pixel from the middle."""
    upper, lower = patch[0, 0] + patch[0, 1] + patch[0, 2], patch[2, 0] + patch[2, 1] + patch[2, 2]
    left, right = patch[0, 0] + patch[1, 0] + patch[2, 0], patch[0, 2] + patch[1, 2] + patch[2, 2]
    third = (upper + lower + patch[1, 0] + patch[1, 1] + patch[1, 2]) / 3
    gy, gx = (lower - upper) / 6, (right - left) / 6
    hyy, hxx = upper + lower - 2 * third, left + right - 2 * third
    hxy = (patch[0, 0] + patch[2, 2] - patch[0, 2] - patch[2, 0]) / 4
    det = hyy * hxx - hxy * hxy
    if not (det > 0 and hyy < 0):
        return 0.0, 0.0
    dy, dx = (hxy * gx - hxx * gy) / det, (hxy * gy - hyy * gx) / det
    return min(1.0, max(-1.0, dy)), min(1.0, max(-1.0, dx))


@njit(cache=True, nogil=True)
def _climb(surface: FloatArray, row: int, col: int, dy: float, dx: float) -> tuple[float, float]:
    """Climb the cubic spline through the samples around a peak by Newton's method."""
    half = SPARE
    up, left = min(half, row), min(half, col)
    height = up + min(half, surface.shape[0] - 1 - row) + 1
    width = left + min(half, surface.shape[1] - 1 - col) + 1
    c = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            value = surface[row - up + i, col - left + j]
            c[i, j] = 0.0 if value == EXCLUDED else value
    for i in range(height):
        prefilter_line(c[i])
    for j in range(width):
        prefilter_line(c[:, j])
    y, x = dy, dx
    weights = np.empty((2, 3, 4))
    for _ in range(12):
        below, right = int(np.floor(y)), int(np.floor(x))
        spline_weights(y - below, weights[0])
        spline_weights(x - right, weights[1])
        g = np.zeros((3, 3))
        for i in range(4):
            r = min(height - 1, max(0, up + below - 1 + i))
            for j in range(4):
                value = c[r, min(width - 1, max(0, left + right - 1 + j))]
                for k in range(3):
                    for m in range(3 - k):
                        g[k, m] += weights[0, k, i] * weights[1, m, j] * value
        det = g[2, 0] * g[0, 2] - g[1, 1] * g[1, 1]
        if not (det > 0 and g[2, 0] < 0):
            return dy, dx
        step_y = (g[1, 1] * g[0, 1] - g[0, 2] * g[1, 0]) / det
        step_x = (g[1, 1] * g[1, 0] - g[2, 0] * g[0, 1]) / det
        y += min(0.3, max(-0.3, step_y))
        x += min(0.3, max(-0.3, step_x))
        if max(abs(y), abs(x)) > 1:
            return dy, dx
        if max(abs(step_y), abs(step_x)) < 1e-5:
            break
    return y, x
