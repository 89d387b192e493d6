"""The Gauss-Newton step: what is left between the images, and the displacement that explains it best in each window.

With the reference I, its gradient g, the secondary J and a flow u, the difference ``e(x) = I(x) - J(x + u(x))`` falls
to nothing by the displacement d for which, over the window around each pixel,

    sum w g g^T d = sum w g e                   (`rest`: what is missing from u)
    sum w g g^T d = sum w g (e + g^T u)         (`whole`: one displacement for the window, in place of all u in it)

(Lucas & Kanade 1981; the second form, which leaves neither the noise of u nor its curvature, is that of Le Besnerais &
Champagnat 2005, *Dense optical flow by iterative local window registration*, eq. 6.)
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.boxes import across
from sensetrack.flow.lk_level import LEAST_RIDGE, Flow, Level
from sensetrack.flow.lk_sums import begin, enter
from sensetrack.flow.spline import warp_row
from sensetrack.flow.tiling import over_rows
from sensetrack.types import FloatArray


def pulls(level: Level, flow: Flow, whole: bool) -> FloatArray:
    """Return ``w g e`` along x and y, or ``w g (e + g^T u)`` if ``whole``, and ``w e^2``; ``(3, row, col)``."""
    out = np.empty((3, *level.reference.shape), np.float32)
    over_rows(
        len(level.reference),
        lambda top, bottom: _pulls(
            level.reference, level.spline, level.slope_x, level.slope_y, level.weight, flow, whole, top, bottom, out
        ),
    )
    return out


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _pulls(
    reference: FloatArray,
    spline: FloatArray,
    slope_x: FloatArray,
    slope_y: FloatArray,
    weight: FloatArray,
    flow: Flow,
    whole: bool,
    top: int,
    bottom: int,
    out: FloatArray,
) -> None:
    width = reference.shape[1]
    places, shares = np.empty(width, np.uint32), np.empty((2, width), np.float32)
    moved = np.empty(width, np.float32)
    keep = np.float32(1 if whole else 0)
    for r in range(top, bottom):
        u, v, image, w = flow[0][r], flow[1][r], reference[r], weight[r]
        x, y = slope_x[r], slope_y[r]
        pull_x, pull_y, square = out[0, r], out[1, r], out[2, r]
        warp_row(spline, r, 0, u, v, places, shares, moved)
        for c in range(width):
            e = image[c] - moved[c] + keep * (x[c] * u[c] + y[c] * v[c])
            pull_x[c] = w[c] * x[c] * e
            pull_y[c] = w[c] * y[c] * e
            square[c] = w[c] * e * e


def solve(level: Level, pull: FloatArray, radius: int, strength: float, prior: Flow, energy: FloatArray) -> Flow:
    """Return the displacement of each window, drawn towards a prior.

    Added to the diagonal of the structure tensor's sum is ``strength`` times what the step before has left in the
    window, and `sensetrack.flow.lk_level.LEAST_RIDGE` times the trace.

    Parameters
    ----------
    level : Level
    pull : ndarray of float32
        From `pulls`.
    radius : int
        Half the side of the windows.
    strength : float
    prior : tuple of ndarray of float32
    energy : ndarray of float32
        ``(row, col)``: the sum of squares left in the window; overwritten with the new one.
    """
    out = np.empty_like(pull[0]), np.empty_like(pull[0])
    tensor, weight = level.tensor_sums(radius), np.float32(strength)
    over_rows(len(out[0]), lambda top, bottom: _solve(tensor, pull, radius, weight, prior, top, bottom, out, energy))
    return out


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _solve(
    tensor: FloatArray,
    pull: FloatArray,
    radius: int,
    strength: np.float32,
    prior: Flow,
    top: int,
    bottom: int,
    out: Flow,
    energy: FloatArray,
) -> None:
    width = pull.shape[2]
    line, scratch = np.empty((3, width + 2 * radius), np.float32), np.empty((2, width + 2 * radius), np.float32)
    sums, two, least = np.empty((3, width), np.float32), np.float32(2), np.float32(LEAST_RIDGE)
    pull_x, pull_y, square = sums[0], sums[1], sums[2]
    begin(pull, top, radius, line)
    for r in range(top, bottom):
        enter(pull, r, radius, line)
        for k in range(3):
            across(line[k], 2 * radius + 1, scratch, sums[k])
        xx, xy, yy = tensor[0, r], tensor[1, r], tensor[2, r]
        u, v, dx, dy, rest = prior[0][r], prior[1][r], out[0][r], out[1][r], energy[r]
        for c in range(width):
            extra = strength * rest[c] + least * (xx[c] + yy[c])
            a, b, d = xx[c] + extra, xy[c], yy[c] + extra
            p, q = pull_x[c] + extra * u[c], pull_y[c] + extra * v[c]
            scale = np.float32(1) / (a * d - b * b)
            x, y = (d * p - b * q) * scale, (a * q - b * p) * scale
            dx[c], dy[c] = x, y
            left = square[c] - two * (pull_x[c] * x + pull_y[c] * y)
            rest[c] = left + xx[c] * x * x + two * b * x * y + yy[c] * y * y
