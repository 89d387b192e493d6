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
from numpy.typing import NDArray

from sensetrack.flow.boxes import across
from sensetrack.flow.lk_level import BORDER, Flow, Level
from sensetrack.flow.lk_sums import begin, enter
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
def warp_row(
    spline: FloatArray,
    row: int,
    left: int,
    dx: FloatArray,
    dy: FloatArray,
    places: NDArray[np.uint32],
    shares: FloatArray,
    out: FloatArray,
) -> None:
    """Write the secondary where a row's flow leads, or at the nearest position in the image.

    In two goes, so that a processor does many pixels at once: first where each pixel comes from, then the cubic
    B-spline there.

    Parameters
    ----------
    spline : ndarray of float32
        Coefficients, `sensetrack.flow.lk_level.BORDER` pixels larger on every side.
    row, left : int
        Of the first pixel.
    dx, dy : ndarray of float32
        ``(n,)``.
    places : ndarray of uint32
        ``(>= n,)``, scratch.
    shares : ndarray of float32
        ``(2, >= n)``, scratch.
    out : ndarray of float32
        ``(n,)``.
    """
    height, width = spline.shape
    flat = spline.reshape(-1)
    border, zero = np.float32(BORDER), np.float32(0)
    last_row, last_col = np.float32(height - 1 - 2 * BORDER), np.float32(width - 1 - 2 * BORDER)
    along, down = shares[0], shares[1]
    for k in range(out.size):
        y = min(max(np.float32(row) + dy[k], zero), last_row) + border
        x = min(max(np.float32(left + k) + dx[k], zero), last_col) + border
        i, j = np.int32(y), np.int32(x)
        down[k], along[k] = y - np.float32(i), x - np.float32(j)
        places[k] = np.uint32((i - np.int32(1)) * np.int32(width) + j - np.int32(1))
    one, six, half, two_thirds = np.float32(1), np.float32(1 / 6), np.float32(0.5), np.float32(2 / 3)
    stride, first, second, third = np.uint32(width), np.uint32(1), np.uint32(2), np.uint32(3)
    for k in range(out.size):
        t, u = down[k], along[k]
        s, v = one - t, one - u
        a0, a3, a1 = s * s * s * six, t * t * t * six, two_thirds - t * t * (one - half * t)
        b0, b3, b1 = v * v * v * six, u * u * u * six, two_thirds - u * u * (one - half * u)
        a2, b2 = one - a0 - a1 - a3, one - b0 - b1 - b3
        at = places[k]
        total = a0 * (b0 * flat[at] + b1 * flat[at + first] + b2 * flat[at + second] + b3 * flat[at + third])
        at += stride
        total += a1 * (b0 * flat[at] + b1 * flat[at + first] + b2 * flat[at + second] + b3 * flat[at + third])
        at += stride
        total += a2 * (b0 * flat[at] + b1 * flat[at + first] + b2 * flat[at + second] + b3 * flat[at + third])
        at += stride
        total += a3 * (b0 * flat[at] + b1 * flat[at + first] + b2 * flat[at + second] + b3 * flat[at + third])
        out[k] = total


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
