"""Least-squares matching: moves a chip between the pixels until it fits, and says how well it is placed there.

The correlation surface is known at whole lags only, and every curve through it prefers some fractions of a pixel.
Here the search area itself is interpolated, with the cubic B-spline through its pixels, and the lag is that of the best
fit in the least-squares sense, with a gain and an offset left free: the maximum of the correlation coefficient over
all real lags (Gruen 1985, *Adaptive least squares correlation*, S. Afr. J. Photogramm. 14, 175).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.correlation.ncc_rows import (
    AX,
    AY,
    PAIRS,
    A,
    V,
    add_products,
    cross,
    fill_strips,
    fill_weights,
    turn,
)
from sensetrack.correlation.sandwich import sandwich
from sensetrack.correlation.spline import spline_weights
from sensetrack.types import DoubleArray, FloatArray, Mask

TOLERANCE = 2e-3
"""Step in pixels below which the fit has converged; the error left is a tenth of it."""

MOST_STEPS = 10

FARTHEST = 1.0
"""Pixels along each axis that the fit may move away from its start."""

BLOCKS = 4
"""Blocks along each side of a chip within which misfits may hang together, down to `LEAST_BLOCK` pixels each."""

LEAST_BLOCK = 8
"""Least side of a block in pixels; even."""

RESULTS = 8
"""Numbers that `fit_chip` writes."""

LEAST_PIXELS = 16
"""Fewest pixels of a chip from which a lag can be told."""

RING = 4
"""Pixels around a chip, at its start, that a fit may look at."""

_AT_ONCE = 512
"""Pixels that are summed up at a time in float32."""


@njit(cache=True, nogil=True)
def _cut(image: FloatArray, valid: Mask, row: int, col: int, size: int) -> tuple[FloatArray, Mask]:
    """Return a square of an image, 0 and invalid where it reaches beyond it."""
    out, good = np.zeros((len(image), size, size), np.float32), np.zeros((size, size), np.bool_)
    height, width = valid.shape
    r0, r1, c0, c1 = max(row, 0), min(row + size, height), max(col, 0), min(col + size, width)
    for r in range(r0, r1):
        good[r - row, c0 - col : max(c1, c0) - col] = valid[r, c0 : max(c1, c0)]
        for p in range(len(image)):
            out[p, r - row, c0 - col : max(c1, c0) - col] = image[p, r, c0 : max(c1, c0)]
    return out, good


@njit(cache=True, nogil=True)
def fit_chip(
    first: tuple[FloatArray, Mask],
    second: tuple[FloatArray, Mask],
    place: tuple[int, int],
    size: int,
    start: tuple[float, float],
    levels: DoubleArray,
    is_whole: bool,
    is_free: bool,
    moves: bool,
    out: DoubleArray,
) -> None:
    """Fit a chip to the search area between its pixels. In place.

    With ``a`` the chip's pixels less their mean, ``v`` the interpolated search area at lag ``d``, ``g`` the gain and
    ``J`` the slopes of the chip, from which what ``a`` and a constant explain was taken: Newton's method finds the zero
    of ``sum J (v / g - a)``, whose derivative is ``M = sum J (dv/dd)^T / g``. ``M`` takes one slope from each image, so
    that their noise does not add to it. The covariance is the sandwich ``M^-1 V M^-1``: ``V`` is the scatter of the
    pulls ``J (v / g - a)`` summed over blocks of pixels, where misfits hang together (see
    `sensetrack.correlation.misfit`), or that of independent pixels, whichever is larger.

    Parameters
    ----------
    first : tuple of ndarray
        The reference: pixels ``(plane, row, col)`` with invalid ones filled, and where a pixel is sound.
    second : tuple of ndarray
        The secondary: spline coefficients of the same shape, and where all pixels at and right below a place are sound.
    place : tuple of int
        Row and column of the chip's upper left pixel in the reference.
    size : int
        Its side.
    start : tuple of float
        Row and column lag to start from.
    levels : ndarray of float64
        ``(2, plane)``: mean of the chip and of the search area there, roughly.
    is_whole : bool
        Whether everything within `RING` pixels of the chip is sound in both images, and inside.
    is_free : bool
        Whether complex images differ by a constant phase.
    moves : bool
        Whether to move to the best fit, or only to say how good the start is.
    out : ndarray of float64
        ``(RESULTS,)``, written: row and column lag; correlation coefficient there; variances of the row and column
        lag and their covariance in px^2, infinite where nothing is known; 1 where the fit converged; and the share of
        the chip's pixels that took part.
    """
    chips, sound = first
    splines, fine = second
    row, col = place
    base = row + int(np.floor(start[0])), col + int(np.floor(start[1]))
    shift = int(np.floor(start[0])), int(np.floor(start[1]))
    if not is_whole:
        chips, sound = _cut(chips, sound, row - RING, col - RING, size + 2 * RING)
        splines, fine = _cut(splines, fine, base[0] - RING, base[1] - RING, size + 2 * RING)
        row, col, base = RING, RING, (RING, RING)
    planes = len(chips)
    strips, weights = np.empty((planes, 6, size * size), np.float32), np.ones(size * size, np.float32)
    spline, linear, squares = np.empty((2, 3, 4)), np.empty((planes, 6)), np.empty(len(PAIRS))
    dy, dx, phase, count = start[0], start[1], 0.0, float(size * size)
    converged = not moves
    out[2], out[3], out[4], out[5] = 0.0, np.inf, np.inf, 0.0
    for step in range(MOST_STEPS):
        below, right = int(np.floor(dy)), int(np.floor(dx))
        spline_weights(dy - below, spline[0])
        spline_weights(dx - right, spline[1])
        top, left = base[0] + below - shift[0], base[1] + right - shift[1]
        fill_strips(chips, splines, (row, col), (top, left), size, step == 0, spline, levels, strips)
        if not is_whole:
            count = fill_weights(sound, fine, (row, col), (top, left), size, weights)
        linear[:] = 0
        squares[:] = 0
        turned = 0.0
        if is_free:
            turn(strips[0], strips[1], phase)
            turned = cross(strips[0], strips[1], weights)
        for p in range(planes):
            for begin in range(0, size * size, _AT_ONCE):
                add_products(strips[p], weights, begin, min(begin + _AT_ONCE, size * size), linear[p], squares)
        if count < LEAST_PIXELS:
            converged = False
            break
        for k in range(len(PAIRS)):
            for p in range(planes):
                squares[k] -= linear[p, PAIRS[k, 0]] * linear[p, PAIRS[k, 1]] / count
        if is_free:
            turned -= (linear[0, A] * linear[1, V] - linear[1, A] * linear[0, V]) / count
            angle = np.arctan2(turned, squares[1])
            phase += angle
            if abs(angle) > 0.05:
                continue
        own, both, other = squares[0], squares[1], squares[2]
        if not (own > 0 and other > 0 and both > 0):
            converged = False
            break
        out[2] = both / np.sqrt(own * other)
        gain, y, x = both / own, squares[3] / own, squares[4] / own
        pull_y, pull_x = (squares[5] - y * both) / gain, (squares[6] - x * both) / gain
        myy, myx = (squares[12] - y * squares[10]) / gain, (squares[13] - y * squares[11]) / gain
        mxy, mxx = (squares[14] - x * squares[10]) / gain, (squares[15] - x * squares[11]) / gain
        det = myy * mxx - myx * mxy
        if not (det > 0 and myy > 0):
            converged = False
            break
        if moves:
            step_y, step_x = (mxx * pull_y - myx * pull_x) / det, (myy * pull_x - mxy * pull_y) / det
            converged = max(abs(step_y), abs(step_x)) < TOLERANCE
            if max(abs(dy - step_y - start[0]), abs(dx - step_x - start[1])) > FARTHEST:
                break
        if converged:
            scatter = _scatter(strips, weights, size, linear / count, gain, y, x)
            noise = scatter[3] / max(count * planes - 4.0, 1.0)
            m = myy, mxx, (myx + mxy) / 2
            scale = 1 / (gain * gain)
            local = sandwich(*m, scale * scatter[0], scale * scatter[1], scale * scatter[2])
            noise *= scale
            white = sandwich(
                *m,
                noise * (squares[7] - y * y * own),
                noise * (squares[9] - x * x * own),
                noise * (squares[8] - x * y * own),
            )
            out[3], out[4], out[5] = local if local[0] + local[1] > white[0] + white[1] else white
        if moves:
            dy -= step_y
            dx -= step_x
        if converged:
            break
    out[0], out[1] = dy, dx
    out[6], out[7] = 1.0 if converged else 0.0, count / (size * size)


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _pull(
    strip: FloatArray,
    weights: FloatArray,
    begin: int,
    means: DoubleArray,
    fit: tuple[float, float, float],
    down: FloatArray,
    across: FloatArray,
) -> float:
    """Add the pulls of a row of one plane to ``down`` and ``across``; return its sum of squared misfits."""
    size = down.size
    own, other = np.float32(means[A]), np.float32(means[V])
    mean_y, mean_x = np.float32(means[AY]), np.float32(means[AX])
    gain, y, x = np.float32(fit[0]), np.float32(fit[1]), np.float32(fit[2])
    a, v = strip[A, begin : begin + size], strip[V, begin : begin + size]
    ay, ax = strip[AY, begin : begin + size], strip[AX, begin : begin + size]
    weight = weights[begin : begin + size]
    total = np.float32(0)
    for k in range(size):
        value = a[k] - own
        misfit = weight[k] * (v[k] - other - gain * value)
        down[k] += misfit * (ay[k] - mean_y - y * value)
        across[k] += misfit * (ax[k] - mean_x - x * value)
        total += misfit * misfit
    return float(total)


@njit(cache=True, nogil=True)
def _scatter(
    strips: FloatArray, weights: FloatArray, size: int, means: DoubleArray, gain: float, y: float, x: float
) -> DoubleArray:
    """Return the sums over blocks of ``p_y^2, p_x^2, p_y p_x`` of their pulls, and the sum of squared misfits.

    Averaged over two sets of blocks, half a block apart, and made larger by what the fit took from few of them: all
    pulls add up to zero. ``y`` and ``x`` are the slopes that the chip itself explains.
    """
    half = max(LEAST_BLOCK, size // BLOCKS) // 2
    cells = -(-size // half)
    pulls = np.zeros((2, cells + 2, cells + 2))
    down, across = np.zeros(size, np.float32), np.zeros(size, np.float32)
    out = np.zeros(4)
    for r in range(size):
        for p in range(len(strips)):
            out[3] += _pull(strips[p], weights, r * size, means[p], (gain, y, x), down, across)
        if (r + 1) % half == 0 or r == size - 1:
            for c in range(size):
                pulls[0, r // half + 1, c // half + 1] += down[c]
                pulls[1, r // half + 1, c // half + 1] += across[c]
            down[:] = 0
            across[:] = 0
    for offset in range(2):
        for i in range(offset, cells + 1, 2):
            for j in range(offset, cells + 1, 2):
                py = pulls[0, i, j] + pulls[0, i, j + 1] + pulls[0, i + 1, j] + pulls[0, i + 1, j + 1]
                px = pulls[1, i, j] + pulls[1, i, j + 1] + pulls[1, i + 1, j] + pulls[1, i + 1, j + 1]
                out[0] += py * py / 2
                out[1] += px * px / 2
                out[2] += py * px / 2
    blocks = max(2.0, (cells / 2) ** 2)
    out[:3] *= blocks / (blocks - 1)
    return out
