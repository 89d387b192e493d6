"""Keeps flows smooth where nothing speaks against it: medians, means weighted by confidence, means over windows."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.lk_level import Flow
from sensetrack.flow.lk_sums import window_sums
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


def confident_mean(flow: Flow, tensor: FloatArray, ridge: FloatArray, radius: int) -> Flow:
    """Return the mean flow around every pixel; pixels count by how much their window says beside the ridge.

    A window with the least diagonal element h of its tensor and the ridge l counts ``(h / (h + 4 l))^2``.

    Parameters
    ----------
    flow : tuple of ndarray of float32
    tensor : ndarray of float32
        ``(3, row, col)``, summed over windows.
    ridge : ndarray of float32
    radius : int
        Half the side of the window of the mean.
    """
    channels = np.empty((3, *flow[0].shape), np.float32)
    over_rows(len(flow[0]), lambda top, bottom: _confide(flow, tensor, ridge, top, bottom, channels))
    sums = window_sums(channels, radius)
    return sums[0] / sums[2], sums[1] / sums[2]


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _confide(flow: Flow, tensor: FloatArray, ridge: FloatArray, top: int, bottom: int, out: FloatArray) -> None:
    for r in range(top, bottom):
        for c in range(ridge.shape[1]):
            least = min(tensor[0, r, c], tensor[2, r, c])
            share = least / (least + np.float32(4) * ridge[r, c] + np.float32(1e-30))
            w = share * share + np.float32(1e-3)
            out[0, r, c], out[1, r, c], out[2, r, c] = w * flow[0][r, c], w * flow[1][r, c], w


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

    least = cv2.erode(number, np.ones((5, 5), np.uint8))
    out = flow[0].copy(), flow[1].copy()
    channels = np.stack([flow[0] * weight, flow[1] * weight, weight])
    for k, radius in enumerate(radii):
        reach = int(radius * share)
        if reach >= 1 and (least >= k).any():
            sums = window_sums(channels, reach)
            over_rows(len(weight), lambda top, bottom: _take(sums, least, k, top, bottom, out))  # noqa: B023
    return out


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _take(sums: FloatArray, least: FlagArray, k: int, top: int, bottom: int, out: Flow) -> None:
    """Write the means where at least window ``k`` was chosen and anything counts."""
    for r in range(top, bottom):
        for c in range(least.shape[1]):
            if least[r, c] >= k and sums[2, r, c] > np.float32(0.5):
                out[0][r, c] = sums[0, r, c] / sums[2, r, c]
                out[1][r, c] = sums[1, r, c] / sums[2, r, c]


def settle(flow: Flow, weight: FloatArray) -> Flow:
    """Return the flow, drawn in from around where pixels count next to nothing: at edges of what is valid."""
    unsure = weight < LITTLE
    if not unsure.any():
        return flow
    counts = np.where(unsure, np.float32(0), weight)
    sums = window_sums(np.stack([flow[0] * counts, flow[1] * counts, counts]), NEAR)
    unsure &= sums[2] > FEWEST
    total = np.maximum(sums[2], FEWEST)
    return np.where(unsure, sums[0] / total, flow[0]), np.where(unsure, sums[1] / total, flow[1])


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
        Side of a cell.
    """
    import cv2

    rows, cols = energy.shape
    size = (cols // cell, rows // cell)
    total, number = (cv2.resize(layer, size, interpolation=cv2.INTER_AREA) for layer in (energy, count))
    around, counted = (cv2.blur(layer, (5, 5), borderType=cv2.BORDER_ISOLATED) for layer in (total, number))
    everywhere = total.mean() / max(float(number.mean()), 1e-6)
    spread = np.divide(around, counted, out=np.full_like(total, everywhere), where=counted > FEWEST)
    cells = cv2.medianBlur(np.divide(total, number, out=spread, where=number > FEWEST), 5)
    return np.asarray(np.maximum(cv2.resize(cells, (cols, rows), interpolation=cv2.INTER_LINEAR), np.float32(1e-20)))
