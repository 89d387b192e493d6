"""Tries the displacements of pixels some way off, where they differ, and keeps what fits better.

Least squares only finds a displacement that it starts close to, and beside a step of the displacement it starts on the
wrong side. The right one is known a few pixels away.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.flow.boxes import across
from sensetrack.flow.lk_level import Flow, Level
from sensetrack.flow.spline import warp_row
from sensetrack.flow.tiling import Tile, over_squares
from sensetrack.types import FloatArray

TRUNCATION = 16.0
"""Squared difference, in variances of the noise, beyond which a pixel speaks no louder."""

APART = 0.5
"""Pixels from which another displacement is worth a try; a step of least squares finds what is nearer."""

DONOR = 0.5
"""What a pixel must count for others to take over its displacement; at the rim it is made up of what lies inside."""


def propagate(
    level: Level, flow: Flow, noise: FloatArray, distances: tuple[int, ...], radius: int, gain: float
) -> Flow:
    """Return the flow with displacements replaced by those of pixels ``distances`` away that fit clearly better.

    Parameters
    ----------
    level : Level
    flow : tuple of ndarray of float32
    noise : ndarray of float32
        ``(row, col)``: variance of a pixel's difference between the images.
    distances : tuple of int
        In pixels, in all eight directions.
    radius : int
        Half the side of the window over which the fit is judged.
    gain : float
        Share of its own misfit that another displacement must stay below.
    """
    out = flow[0].copy(), flow[1].copy()
    images, offsets = (level.reference, level.spline, level.weight), np.array(distances)
    over_squares(
        flow[0].shape, lambda tile: _propagate(images, flow, noise, offsets, radius, np.float32(gain), tile, out)
    )
    return out


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _misfit(
    images: tuple[FloatArray, FloatArray, FloatArray],
    flow: Flow,
    noise: FloatArray,
    tile: Tile,
    radius: int,
    offset: tuple[int, int],
    cost: FloatArray,
    down: FloatArray,
    scratch: FloatArray,
    out: FloatArray,
) -> None:
    """Write the sum over windows of the truncated squared difference under the flow of pixels ``offset`` away."""
    reference, spline, weight = images
    height, width = reference.shape
    top, bottom, left, right = tile
    rows, cols = bottom - top, right - left
    wide = cols + 2 * radius
    first, last = max(left - radius, 0), min(right + radius, width)
    u, v, moved = np.empty(wide, np.float32), np.empty(wide, np.float32), np.empty(wide, np.float32)
    places, shares = np.empty(wide, np.uint32), np.empty((2, wide), np.float32)
    count, begin = last - first, first - left + radius
    for k in range(rows + 2 * radius):
        r = min(max(top - radius + k, 0), height - 1)
        rr = min(max(r + offset[0], 0), height - 1)
        for j in range(count):
            cc = min(max(first + j + offset[1], 0), width - 1)
            u[j], v[j] = flow[0][rr, cc], flow[1][rr, cc]
        warp_row(spline, r, first, u[:count], v[:count], places, shares, moved[:count])
        line = cost[k]
        line[:] = np.float32(0)
        here, w, n = reference[r, first:last], weight[r, first:last], noise[r, first:last]
        target = line[begin : begin + count]
        for j in range(count):
            e = here[j] - moved[j]
            target[j] = w[j] * min(e * e, np.float32(TRUNCATION) * n[j])
    down[:] = np.float32(0)
    for k in range(2 * radius):
        for j in range(down.size):
            down[j] += cost[k, j]
    for k in range(rows):
        entering, leaving = cost[k + 2 * radius], cost[k]
        for j in range(down.size):
            down[j] += entering[j]
        across(down, 2 * radius + 1, scratch, out[k])
        for j in range(down.size):
            down[j] -= leaving[j]


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _breaks(flow: Flow, tile: Tile, offset: tuple[int, int]) -> bool:
    """Return whether the flow of any pixel is `APART` from going on evenly between those ``offset`` away on both sides.

    Where it does, however steep, least squares has had a good start.
    """
    height, width = flow[0].shape
    top, bottom, left, right = tile
    down, along = offset
    limit, two = np.float32(APART * APART), np.float32(2)
    first, last = max(left, abs(along)), min(right, width - abs(along))
    for r in range(max(top, abs(down)), min(bottom, height - abs(down))):
        most = np.float32(0)
        dx, dy = flow[0][r, first:last], flow[1][r, first:last]
        ahead_x = flow[0][r + down, first + along : last + along]
        ahead_y = flow[1][r + down, first + along : last + along]
        behind_x = flow[0][r - down, first - along : last - along]
        behind_y = flow[1][r - down, first - along : last - along]
        for k in range(dx.size):
            x, y = ahead_x[k] + behind_x[k] - two * dx[k], ahead_y[k] + behind_y[k] - two * dy[k]
            most = max(most, x * x + y * y)
        if most > limit:
            return True
    return False


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _propagate(
    images: tuple[FloatArray, FloatArray, FloatArray],
    flow: Flow,
    noise: FloatArray,
    distances: NDArray[np.int64],
    radius: int,
    gain: np.float32,
    tile: Tile,
    out: Flow,
) -> None:
    height, width = flow[0].shape
    top, bottom, left, right = tile
    rows, cols = bottom - top, right - left
    cost = np.empty((rows + 2 * radius, cols + 2 * radius), np.float32)
    down, scratch = np.empty(cols + 2 * radius, np.float32), np.empty((2, cols + 2 * radius), np.float32)
    best, other = np.empty((rows, cols), np.float32), np.empty((rows, cols), np.float32)
    is_known = False
    for n in range(len(distances)):
        d = distances[n]
        for i in range(-1, 2):
            for j in range(-1, 2):
                if (i == 0 and j == 0) or not _breaks(flow, tile, (i * d, j * d)):
                    continue
                if not is_known:
                    _misfit(images, flow, noise, tile, radius, (0, 0), cost, down, scratch, best)
                    for k in range(rows):
                        for m in range(cols):
                            best[k, m] *= gain
                    is_known = True
                _misfit(images, flow, noise, tile, radius, (i * d, j * d), cost, down, scratch, other)
                for k in range(rows):
                    rr = min(max(top + k + i * d, 0), height - 1)
                    for m in range(cols):
                        if other[k, m] < best[k, m]:
                            cc = min(max(left + m + j * d, 0), width - 1)
                            if images[2][rr, cc] < np.float32(DONOR):
                                continue
                            best[k, m] = other[k, m]
                            out[0][top + k, left + m] = flow[0][rr, cc]
                            out[1][top + k, left + m] = flow[1][rr, cc]
