"""The guide of the next flow: the last one, smoothed over a window by a plane through it."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.boxes import sum_around
from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.types import FloatArray

UNKNOWN = np.float32(1e-3)
"""Weight of pixels without any: they decide only where there is no other."""

PART = (64, 128)
"""Rows and columns that are worked on together."""

CAUTION = np.float32(0.02)
"""Share of an undivided window's spread that is added to every window's: where little is known, planes lie flatter."""


def fit(weight: FloatArray, size: int) -> FloatArray:
    """Return what the sums over each window count in the plane that is fitted to it.

    Least squares with the weights of the pixels under a pyramid of weights, a box of ``size`` x ``size``, twice. In the
    middle of what is known the plane goes through the mean; at its edges, a mean would be that of the inner side, and
    flatten every slope there. Pixels that are not known themselves get the mean: slopes are not drawn out.

    Parameters
    ----------
    weight : ndarray of float32
        ``(row, col)``, what each pixel counts, 0..1: flow that was only drawn in from around counts next to nothing.
    size : int
        Side of the box, odd.

    Returns
    -------
    ndarray of float32
        ``(3, row, col)``: factors of the weighted sums of the values, and of their products with the distance to the
        right and down in units of ``size``.
    """
    out = np.empty((3, *weight.shape), np.float32)
    over_tiles(weight.shape, lambda tile: _fit(weight, size, tile, out))
    return out


def smooth(values: FloatArray, weight: FloatArray, planes: FloatArray, size: int) -> FloatArray:
    """Return the height, at every pixel, of the plane fitted to the window around it.

    Parameters
    ----------
    values : ndarray of float32
        ``(row, col)``.
    weight, size
        As in `fit`.
    planes : ndarray of float32
        From `fit`.

    Returns
    -------
    ndarray of float32
    """
    out = np.empty_like(values)
    over_tiles(values.shape, lambda tile: _smooth(values, weight, planes, size, tile, out))
    return out


@njit(cache=True, nogil=True)
def _parts(tile: Tile) -> list[Tile]:
    """Cut a tile into small parts: most are even, and even ones are cheap."""
    top, bottom, left, right = tile
    return [
        (row, min(row + PART[0], bottom), col, min(col + PART[1], right))
        for row in range(top, bottom, PART[0])
        for col in range(left, right, PART[1])
    ]


@njit(cache=True, nogil=True)
def _is_even(weight: FloatArray, part: Tile, halo: int) -> bool:
    """Whether all is fully known in and around a part, so that all planes go through the mean."""
    top, bottom, left, right = part[0] - halo, part[1] + halo, part[2] - halo, part[3] + halo
    if top < 0 or left < 0 or bottom > weight.shape[0] or right > weight.shape[1]:
        return False
    for r in range(top, bottom):
        least = np.float32(1)
        for c in range(left, right):
            least = min(least, weight[r, c])
        if least < 1:
            return False
    return True


@njit(cache=True, nogil=True)
def _fit(weight: FloatArray, size: int, tile: Tile, out: FloatArray) -> None:
    for part in _parts(tile):
        top, bottom, left, right = part
        if _is_even(weight, part, size - 1):
            out[0, top:bottom, left:right] = np.float32(1 / (size**4 * (1 + np.float64(UNKNOWN))))
            out[1:, top:bottom, left:right] = 0
        else:
            _fit_part(weight, size, part, out)


@njit(cache=True, nogil=True)
def _fit_part(weight: FloatArray, size: int, part: Tile, out: FloatArray) -> None:
    top, bottom, left, right = part
    height, width = weight.shape
    halo = size - 1
    shape = (bottom - top + 2 * halo, right - left + 2 * halo)
    w, wx, wy = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    wxx, wxy, wyy = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    unit = np.float32(1 / size)
    for r in range(max(top - halo, 0), min(bottom + halo, height)):
        y = unit * np.float32(r - (top + bottom) // 2)
        i, first = r - top + halo, left - halo
        for c in range(max(first, 0), min(right + halo, width)):
            x = unit * np.float32(c - (left + right) // 2)
            known = weight[r, c] + UNKNOWN
            w[i, c - first], wx[i, c - first], wy[i, c - first] = known, known * x, known * y
            wxx[i, c - first], wxy[i, c - first], wyy[i, c - first] = known * x * x, known * x * y, known * y * y
    w, wx, wy = sum_around(w, size), sum_around(wx, size), sum_around(wy, size)
    wxx, wxy, wyy = sum_around(wxx, size), sum_around(wxy, size), sum_around(wyy, size)
    caution = CAUTION * (np.float32(1) - unit * unit) / np.float32(6)
    for r in range(top, bottom):
        y = unit * np.float32(r - (top + bottom) // 2)
        for c in range(left, right):
            x = unit * np.float32(c - (left + right) // 2)
            i, j = r - top, c - left
            n = w[i, j]
            if weight[r, c] <= 0:
                out[0, r, c] = np.float32(1) / n
                out[1, r, c] = out[2, r, c] = 0
                continue
            mean_x, mean_y = wx[i, j] / n, wy[i, j] / n
            xx = wxx[i, j] / n - mean_x * mean_x + caution
            yy = wyy[i, j] / n - mean_y * mean_y + caution
            xy = wxy[i, j] / n - mean_x * mean_y
            det = n * (xx * yy - xy * xy)
            by_x = ((x - mean_x) * yy - (y - mean_y) * xy) / det
            by_y = ((y - mean_y) * xx - (x - mean_x) * xy) / det
            out[0, r, c] = np.float32(1) / n + by_x * (x - mean_x) + by_y * (y - mean_y)
            out[1, r, c], out[2, r, c] = by_x, by_y


@njit(cache=True, nogil=True)
def _smooth(values: FloatArray, weight: FloatArray, planes: FloatArray, size: int, tile: Tile, out: FloatArray) -> None:
    for part in _parts(tile):
        if _is_even(weight, part, size - 1):
            _average_part(values, size, part, planes[0, part[0], part[2]], out)
        else:
            _smooth_part(values, weight, planes, size, part, out)


@njit(cache=True, nogil=True)
def _average_part(values: FloatArray, size: int, part: Tile, share: np.float32, out: FloatArray) -> None:
    """Write the mean, where all is known and the planes count it by ``share``."""
    top, bottom, left, right = part
    halo = size - 1
    whole = share * (np.float32(1) + UNKNOWN)
    total = sum_around(values[top - halo : bottom + halo, left - halo : right + halo].copy(), size)
    for r in range(top, bottom):
        for c in range(left, right):
            out[r, c] = whole * total[r - top, c - left]


@njit(cache=True, nogil=True)
def _smooth_part(
    values: FloatArray, weight: FloatArray, planes: FloatArray, size: int, part: Tile, out: FloatArray
) -> None:
    top, bottom, left, right = part
    height, width = values.shape
    halo = size - 1
    shape = (bottom - top + 2 * halo, right - left + 2 * halo)
    total, by_x, by_y = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    unit = np.float32(1 / size)
    middle = values[(top + bottom) // 2, (left + right) // 2]  # what is small has more digits left
    for r in range(max(top - halo, 0), min(bottom + halo, height)):
        y = unit * np.float32(r - (top + bottom) // 2)
        first, last = max(left - halo, 0), min(right + halo, width)
        line, known = values[r, first:last], weight[r, first:last]
        into = slice(first - left + halo, last - left + halo)
        sums, sums_x, sums_y = total[r - top + halo, into], by_x[r - top + halo, into], by_y[r - top + halo, into]
        x = unit * np.float32(first - (left + right) // 2)
        for c in range(line.size):
            product = (known[c] + UNKNOWN) * (line[c] - middle)
            sums[c] = product
            sums_x[c] = product * (x + unit * np.float32(c))
            sums_y[c] = product * y
    total, by_x, by_y = sum_around(total, size), sum_around(by_x, size), sum_around(by_y, size)
    for r in range(top, bottom):
        y = unit * np.float32(r - (top + bottom) // 2)
        for c in range(left, right):
            x = unit * np.float32(c - (left + right) // 2)
            i, j = r - top, c - left
            away_x, away_y = by_x[i, j] - x * total[i, j], by_y[i, j] - y * total[i, j]
            slant = planes[1, r, c] * away_x + planes[2, r, c] * away_y
            out[r, c] = middle + planes[0, r, c] * total[i, j] + slant
