"""Windows as large as the displacement stays constant over: intersection of confidence intervals, at every pixel.

The displacement is solved for in windows of growing radius at once. A larger window has less noise, until it reaches
over a bend or a step of the displacement; then its answer leaves the confidence region of a smaller one. At each pixel
the largest window is taken whose answer lies in the regions of all smaller ones,

    (d_k - d_s)^T H_s (d_k - d_s) <= bound * noise      for all s < k,

with the sum H_s of the structure tensor over the smaller window: noise H_s^-1 is its covariance (Goldenshluger &
Nemirovski 1997, *On spatially adaptive estimation of nonparametric regression*, Math. Methods Stat. 6, 135; Katkovnik
1999, *A new method for varying adaptive bandwidth selection*, IEEE Trans. Signal Process. 47, 2567).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.boxes import across
from sensetrack.flow.lk_level import Flow, Level
from sensetrack.flow.lk_sums import begin, enter
from sensetrack.flow.tiling import over_rows
from sensetrack.types import FlagArray, FloatArray


def select(
    level: Level, pull: FloatArray, prior: Flow, radii: tuple[int, ...], noise: FloatArray, bound: float
) -> tuple[Flow, FlagArray]:
    """Return the displacement of the chosen windows, and their number, 0 for the smallest.

    Parameters
    ----------
    level : Level
    pull : ndarray of float32
        From `sensetrack.flow.lk_step.pulls`.
    prior : tuple of ndarray of float32
        Where a direction without texture stays.
    radii : tuple of int
        Half the sides of the windows, growing.
    noise : ndarray of float32
        ``(row, col)``: variance of a pixel's difference between the images.
    bound : float
        Of the squared distance in standard deviations.

    Returns
    -------
    flow : tuple of ndarray of float32
    number : ndarray of uint8
    """
    shape = level.reference.shape
    out: Flow = np.empty_like(noise), np.empty_like(noise)
    number: FlagArray = np.empty(shape, np.uint8)
    tensors = tuple(level.tensor_sums(radius) for radius in radii)
    over_rows(
        shape[0],
        lambda top, bottom: _select(tensors, pull, prior, radii, noise, np.float32(bound), top, bottom, out, number),
    )
    return out, number


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _select(
    tensors: tuple[FloatArray, ...],
    pull: FloatArray,
    prior: Flow,
    radii: tuple[int, ...],
    noise: FloatArray,
    bound: np.float32,
    top: int,
    bottom: int,
    out: Flow,
    number: FlagArray,
) -> None:
    count, width = len(radii), pull.shape[2]
    widest = radii[count - 1]
    lines = np.zeros((count, 2, width + 2 * widest), np.float32)
    scratch, sums = np.empty((2, width + 2 * widest), np.float32), np.empty((2, width), np.float32)
    found = np.empty((count, 2, width), np.float32)
    fits, worst = np.empty(width, np.float32), np.empty(width, np.float32)
    for k in range(count):
        begin(pull[:2], top, radii[k], lines[k, :, : width + 2 * radii[k]])
    for r in range(top, bottom):
        for k in range(count):
            radius = radii[k]
            line = lines[k, :, : width + 2 * radius]
            enter(pull[:2], r, radius, line)
            for p in range(2):
                across(line[p], 2 * radius + 1, scratch, sums[p])
            xx, xy, yy = tensors[k][0, r], tensors[k][1, r], tensors[k][2, r]
            for c in range(width):
                extra = np.float32(1e-3) * (xx[c] + yy[c])
                a, d, b = xx[c] + extra, yy[c] + extra, xy[c]
                scale = np.float32(1) / (a * d - b * b)
                p, q = sums[0, c] + extra * prior[0][r, c], sums[1, c] + extra * prior[1][r, c]
                found[k, 0, c] = (d * p - b * q) * scale
                found[k, 1, c] = (a * q - b * p) * scale
        u, v, which = out[0][r], out[1][r], number[r]
        for c in range(width):
            fits[c] = np.float32(1)
            u[c], v[c], which[c] = found[0, 0, c], found[0, 1, c], 0
        for k in range(1, count):
            worst[:] = 0
            for s in range(k):
                xx, xy, yy = tensors[s][0, r], tensors[s][1, r], tensors[s][2, r]
                for c in range(width):
                    x, y = found[k, 0, c] - found[s, 0, c], found[k, 1, c] - found[s, 1, c]
                    apart = xx[c] * x * x + np.float32(2) * xy[c] * x * y + yy[c] * y * y
                    worst[c] = max(worst[c], apart)
            for c in range(width):
                if worst[c] > bound * noise[r, c]:
                    fits[c] = np.float32(0)
                if fits[c] > 0:
                    u[c], v[c], which[c] = found[k, 0, c], found[k, 1, c], k
