"""Keeps flows smooth where nothing speaks against it: medians, means weighted by confidence, means over windows."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.flow.boxes import across
from sensetrack.flow.lk_level import LEAST_RIDGE, Flow, Level
from sensetrack.flow.lk_sums import weighted_means
from sensetrack.flow.tiling import over_rows
from sensetrack.types import FlagArray, FloatArray

LITTLE = 0.01
"""Weight of a pixel below which its own flow means nothing."""

NEAR = 4
"""Half the side of the window from which a flow is drawn in."""

FEWEST = 0.5
"""What the pixels of a window must count together for it to say anything of the noise."""


def median(flow: Flow, side: int = 5) -> Flow:
    """Return the median of each component over windows of 3 or 5 pixels."""
    import cv2

    reach, rows = side // 2, len(flow[0])
    out = np.empty_like(flow[0]), np.empty_like(flow[1])

    def run(top: int, bottom: int) -> None:
        first, last = max(top - reach, 0), min(bottom + reach, rows)
        for component, target in zip(flow, out, strict=True):
            target[top:bottom] = cv2.medianBlur(component[first:last], side)[top - first : bottom - first]

    over_rows(rows, run)
    return out


def confident_mean(flow: Flow, level: Level, radius: int, strength: float, energy: FloatArray) -> Flow:
    """Return the mean flow around every pixel; pixels count by how much their window says beside the ridge.

    A window with the least diagonal element h of its tensor and the ridge l counts ``(h / (h + 4 l))^2``.

    Parameters
    ----------
    flow : tuple of ndarray of float32
    level : Level
    radius : int
        Half the side of the windows that the flow is of, and a quarter of the side, about, of that of the mean.
    strength : float
    energy : ndarray of float32
        ``(row, col)``; with ``strength`` it makes the ridge, as in `sensetrack.flow.lk_step.solve`.
    """
    channels, tensor = np.empty((3, *flow[0].shape), np.float32), level.tensor_sums(radius)
    weight = np.float32(strength)
    over_rows(len(energy), lambda top, bottom: _confide(flow, tensor, weight, energy, top, bottom, channels))
    dx, dy = weighted_means(channels, 2 * radius)
    return dx, dy


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _confide(
    flow: Flow, tensor: FloatArray, strength: np.float32, energy: FloatArray, top: int, bottom: int, out: FloatArray
) -> None:
    ridge, four, tiny, little = np.float32(LEAST_RIDGE), np.float32(4), np.float32(1e-30), np.float32(1e-3)
    for r in range(top, bottom):
        xx, yy, rest, u, v = tensor[0, r], tensor[2, r], energy[r], flow[0][r], flow[1][r]
        wu, wv, ww = out[0, r], out[1, r], out[2, r]
        for c in range(rest.size):
            least = min(xx[c], yy[c])
            share = least / (least + four * (strength * rest[c] + ridge * (xx[c] + yy[c])) + tiny)
            w = share * share + little
            wu[c], wv[c], ww[c] = w * u[c], w * v[c], w


def window_mean(flow: Flow, weight: FloatArray, number: FlagArray, radii: tuple[int, ...], share: float) -> Flow:
    """Return the flow averaged over a share of the window that each pixel and those beside it have chosen.

    Parameters
    ----------
    flow : tuple of ndarray of float32
    weight : ndarray of float32
        What each pixel counts.
    number : ndarray of uint8
        Which of the windows each has chosen; see `sensetrack.flow.lk_select.select`.
    radii : tuple of int
    share : float
    """
    import cv2

    kernel = np.ones((5, 5), np.uint8)
    reaches = np.array([int(radius * share) for radius in radii])
    out, rows = (np.empty_like(flow[0]), np.empty_like(flow[1])), len(weight)

    def run(top: int, bottom: int) -> None:
        first, last = max(top - 2, 0), min(bottom + 2, rows)
        least = cv2.erode(number[first:last], kernel)[top - first : bottom - first]
        _window_mean(flow, weight, np.asarray(least, np.uint8), reaches, top, bottom, out)

    over_rows(rows, run)
    return out


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _window_mean(
    flow: Flow, weight: FloatArray, least: FlagArray, reaches: NDArray[np.int64], top: int, bottom: int, out: Flow
) -> None:
    """Write the means where at least window ``k`` was chosen and anything counts."""
    height, width = weight.shape
    for r in range(top, bottom):
        for c in range(width):
            out[0][r, c], out[1][r, c] = flow[0][r, c], flow[1][r, c]
    for k in range(len(reaches)):
        reach = reaches[k]
        if reach < 1:
            continue
        line, scratch = np.zeros((3, width + 2 * reach), np.float32), np.empty((2, width + 2 * reach), np.float32)
        sums, inner = np.empty((3, width), np.float32), line[:, reach : reach + width]
        for r in range(max(top - 1 - reach, 0), min(top + reach, height)):
            _count_in(flow[0][r], flow[1][r], weight[r], np.float32(1), inner)
        for r in range(top, bottom):
            if r + reach < height:
                _count_in(flow[0][r + reach], flow[1][r + reach], weight[r + reach], np.float32(1), inner)
            if r - reach - 1 >= 0:
                _count_in(flow[0][r - reach - 1], flow[1][r - reach - 1], weight[r - reach - 1], np.float32(-1), inner)
            for part in range(3):
                across(line[part], 2 * reach + 1, scratch, sums[part])
            which, dx, dy = least[r - top], out[0][r], out[1][r]
            for c in range(width):
                is_meant = (which[c] >= k) & (sums[2, c] > np.float32(FEWEST))
                n = max(sums[2, c], np.float32(FEWEST))
                dx[c] = sums[0, c] / n if is_meant else dx[c]
                dy[c] = sums[1, c] / n if is_meant else dy[c]


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _count_in(dx: FloatArray, dy: FloatArray, weight: FloatArray, sign: np.float32, line: FloatArray) -> None:
    """Add a row's weighted flow and weights to sums down the columns. In place."""
    u, v, n = line[0], line[1], line[2]
    for c in range(weight.size):
        w = sign * weight[c]
        u[c] += w * dx[c]
        v[c] += w * dy[c]
        n[c] += w


def settle(flow: Flow, weight: FloatArray) -> Flow:
    """Draw the flow in from around where pixels count next to nothing, at edges of what is valid. In place."""
    over_rows(len(weight), lambda top, bottom: _settle(flow, weight, top, bottom))
    return flow


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _settle(flow: Flow, weight: FloatArray, top: int, bottom: int) -> None:
    """Only pixels that count are looked at and only others are written, so that the order does not matter."""
    height, width = weight.shape
    little, few, zero = np.float32(LITTLE), np.float32(FEWEST), np.float32(0)
    for r in range(top, bottom):
        w = weight[r]
        for c in range(width):
            if w[c] >= little:
                continue
            n = u = v = zero
            for i in range(max(r - NEAR, 0), min(r + NEAR + 1, height)):
                for j in range(max(c - NEAR, 0), min(c + NEAR + 1, width)):
                    if weight[i, j] >= little:
                        n += weight[i, j]
                        u += weight[i, j] * flow[0][i, j]
                        v += weight[i, j] * flow[1][i, j]
            if n > few:
                flow[0][r, c], flow[1][r, c] = u / n, v / n


def noise_map(energy: FloatArray, count: FloatArray, cell: int) -> FloatArray:
    """Return the variance of a pixel's difference: of windows, their mean over cells, the median of 5 x 5 of these.

    The median passes by what lies along a step of the displacement, where no window fits.

    Parameters
    ----------
    energy : ndarray of float32
        ``(row, col)``: sum of squares that is left in the window around each pixel; sides are multiples of ``cell``.
    count : ndarray of float32
        What its pixels count together.
    cell : int
        Side of a cell, a divisor of `sensetrack.flow.tiling.STRIP`.
    """
    import cv2

    rows, cols = energy.shape
    total, number = np.empty((2, rows // cell, cols // cell), np.float32)

    def shrink(top: int, bottom: int) -> None:
        for layer, cells in ((energy, total), (count, number)):
            here = cells[top // cell : bottom // cell]
            here[:] = cv2.resize(layer[top:bottom], here.shape[::-1], interpolation=cv2.INTER_AREA)

    over_rows(rows, shrink)
    around, counted = (cv2.blur(layer, (5, 5), borderType=cv2.BORDER_ISOLATED) for layer in (total, number))
    everywhere = total.mean() / max(float(number.mean()), 1e-6)
    spread = np.divide(around, counted, out=np.full_like(total, everywhere), where=counted > FEWEST)
    cells = cv2.medianBlur(np.divide(total, number, out=spread, where=number > FEWEST), 5)
    out = np.empty_like(energy)
    over_rows(rows, lambda top, bottom: _between(np.maximum(cells, np.float32(1e-20)), cell, top, bottom, out))
    return out


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _between(cells: FloatArray, cell: int, top: int, bottom: int, out: FloatArray) -> None:
    """Write values of cells to pixels, bilinear between their centres."""
    rows, cols = cells.shape
    line = np.empty(cols + 2, np.float32)
    for r in range(top, bottom):
        at = min(max((r + 0.5) / cell - 0.5, 0.0), rows - 1.0)
        first = int(at)
        down, second = np.float32(at - first), min(first + 1, rows - 1)
        for j in range(cols):
            line[j + 1] = cells[first, j] + down * (cells[second, j] - cells[first, j])
        line[0], line[cols + 1] = line[1], line[cols]
        for k in range(cell):
            place = (k + 0.5) / cell - 0.5
            shift = 0 if place < 0 else 1
            share = np.float32(place + 1 if place < 0 else place)
            left, right, target = line[shift : shift + cols], line[shift + 1 :], out[r, k::cell]
            for j in range(cols):
                target[j] = left[j] + share * (right[j] - left[j])
