"""The Gauss-Newton step: what is left between the images, and the displacement that explains it best in each window.

With the reference I, its gradient g, the secondary J and a flow u, the difference ``e(x) = I(x) - J(x + u(x))`` falls
to nothing by the displacement d for which, over the window around each pixel,

    sum w g g^T d = sum w g e                   (`rest`: what is missing from u)
    sum w g g^T d = sum w g (e + g^T u)         (`whole`: one displacement for the window, in place of all u in it)

(Lucas & Kanade 1981; the second form, which leaves neither the noise of u nor its curvature, is that of Le Besnerais &
Champagnat 2005, *Dense optical flow by iterative local window registration*, eq. 6.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from sensetrack.flow.lk_level import BORDER, Flow, Level
from sensetrack.flow.lk_sums import across, begin, enter
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


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def spline_at(spline: FloatArray, row: np.float32, col: np.float32) -> Any:
    """Return the cubic B-spline at a position in the image, or at the nearest one inside."""
    height, width = spline.shape
    one, six = np.float32(1), np.float32(1 / 6)
    y = min(max(row, np.float32(0)), np.float32(height - 1 - 2 * BORDER)) + np.float32(BORDER)
    x = min(max(col, np.float32(0)), np.float32(width - 1 - 2 * BORDER)) + np.float32(BORDER)
    i, j = int(y), int(x)
    t, u = y - np.float32(i), x - np.float32(j)
    s, v = one - t, one - u
    a0, a3 = s * s * s * six, t * t * t * six
    a1 = np.float32(2 / 3) - t * t * (one - np.float32(0.5) * t)
    a2 = one - a0 - a1 - a3
    b0, b3 = v * v * v * six, u * u * u * six
    b1 = np.float32(2 / 3) - u * u * (one - np.float32(0.5) * u)
    b2 = one - b0 - b1 - b3
    p, q, m, n = spline[i - 1], spline[i], spline[i + 1], spline[i + 2]
    first = b0 * p[j - 1] + b1 * p[j] + b2 * p[j + 1] + b3 * p[j + 2]
    second = b0 * q[j - 1] + b1 * q[j] + b2 * q[j + 1] + b3 * q[j + 2]
    third = b0 * m[j - 1] + b1 * m[j] + b2 * m[j + 1] + b3 * m[j + 2]
    fourth = b0 * n[j - 1] + b1 * n[j] + b2 * n[j + 1] + b3 * n[j + 2]
    return a0 * first + a1 * second + a2 * third + a3 * fourth


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
    dx, dy = flow
    keep = np.float32(1 if whole else 0)
    for r in range(top, bottom):
        for c in range(reference.shape[1]):
            u, v = dx[r, c], dy[r, c]
            w = weight[r, c]
            moved = spline_at(spline, np.float32(r) + v, np.float32(c) + u)
            x, y = slope_x[r, c], slope_y[r, c]
            e = reference[r, c] - moved + keep * (x * u + y * v)
            out[0, r, c] = w * x * e
            out[1, r, c] = w * y * e
            out[2, r, c] = w * e * e


def solve(level: Level, pull: FloatArray, radius: int, ridge: FloatArray, prior: Flow, energy: FloatArray) -> Flow:
    """Return the displacement of each window, drawn towards a prior with a weight of ``ridge``.

    Parameters
    ----------
    level : Level
    pull : ndarray of float32
        From `pulls`.
    radius : int
        Half the side of the windows.
    ridge : ndarray of float32
        ``(row, col)``: what is added to the diagonal of the structure tensor's sum.
    prior : tuple of ndarray of float32
    energy : ndarray of float32
        ``(row, col)``, written: the sum of squares left in the window.
    """
    out = np.empty_like(pull[0]), np.empty_like(pull[0])
    tensor = level.tensor_sums(radius)
    over_rows(len(out[0]), lambda top, bottom: _solve(tensor, pull, radius, ridge, prior, top, bottom, out, energy))
    return out


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _solve(
    tensor: FloatArray,
    pull: FloatArray,
    radius: int,
    ridge: FloatArray,
    prior: Flow,
    top: int,
    bottom: int,
    out: Flow,
    energy: FloatArray,
) -> None:
    width = pull.shape[2]
    line, scratch = np.empty((3, width + 2 * radius), np.float32), np.empty((2, width + 2 * radius), np.float32)
    sums = np.empty((3, width), np.float32)
    begin(pull, top, radius, line)
    for r in range(top, bottom):
        enter(pull, r, radius, line)
        for k in range(3):
            across(line[k], 2 * radius + 1, scratch, sums[k])
        xx, xy, yy = tensor[0, r], tensor[1, r], tensor[2, r]
        u, v = prior[0][r], prior[1][r]
        for c in range(width):
            extra = ridge[r, c]
            a, b, d = xx[c] + extra, xy[c], yy[c] + extra
            p, q = sums[0, c] + extra * u[c], sums[1, c] + extra * v[c]
            scale = np.float32(1) / (a * d - b * b)
            x, y = (d * p - b * q) * scale, (a * q - b * p) * scale
            out[0][r, c], out[1][r, c] = x, y
            rest = sums[2, c] - np.float32(2) * (sums[0, c] * x + sums[1, c] * y)
            energy[r, c] = rest + xx[c] * x * x + np.float32(2) * b * x * y + yy[c] * y * y
