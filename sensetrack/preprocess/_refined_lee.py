"""Compiled loops of Lee's refined filter."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray, FloatArray, Mask


def refined_lee(pixels: FloatArray, valid: Mask, speckle: float) -> FloatArray:
    """Return an image filtered by `sensetrack.preprocess.refined_lee.RefinedLee`.

    Parameters
    ----------
    pixels : ndarray of float32
        ``(row, col)``, 0 where invalid.
    valid : ndarray of bool
    speckle : float
        Variance over squared mean of the speckle.
    """
    padded, known = np.pad(pixels, 3), np.pad(valid, 3)
    out = np.zeros_like(pixels)
    _filter(padded, known, _block_means(padded, known), _halves(), speckle, out)
    return out


def _halves() -> Mask:
    """Return the eight halves of a 7 x 7 window, middle line included: ``(2 * direction + side, row, col)``.

    Directions are those across which the blocks differ: along columns, along rows, along either diagonal; side 0 lies
    towards the first of the blocks that `_edge` compares.
    """
    row, col = np.mgrid[-3:4, -3:4]
    return np.stack([half for across in (col, row, col - row, row + col) for half in (across <= 0, across >= 0)])


@njit(cache=True, nogil=True)
def _block_means(pixels: FloatArray, valid: Mask) -> DoubleArray:
    """Return the mean of the valid pixels of each 3 x 3 block, NaN where there are none."""
    means = np.full(pixels.shape, np.nan)
    for row in range(1, pixels.shape[0] - 1):
        for col in range(1, pixels.shape[1] - 1):
            total, count = 0.0, 0
            for i in range(row - 1, row + 2):
                for j in range(col - 1, col + 2):
                    if valid[i, j]:
                        total += pixels[i, j]
                        count += 1
            if count:
                means[row, col] = total / count
    return means


@njit(cache=True, nogil=True)
def _filter(pixels: FloatArray, valid: Mask, means: DoubleArray, halves: Mask, speckle: float, out: FloatArray) -> None:
    """Fill ``out``, which lacks the 3 pixels that pad the other arrays."""
    whole = np.ones((7, 7), np.bool_)
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            if not valid[row + 3, col + 3]:
                continue
            mean, variance = _moments(pixels, valid, row, col, whole)
            if variance > speckle * mean * mean:
                half = _edge(means, row + 3, col + 3)
                if half >= 0:
                    mean, variance = _moments(pixels, valid, row, col, halves[half])
            ground = (variance - speckle * mean * mean) / (1.0 + speckle)
            gain = ground / variance if ground > 0.0 else 0.0
            out[row, col] = mean + gain * (pixels[row + 3, col + 3] - mean)


@njit(cache=True, nogil=True)
def _moments(pixels: FloatArray, valid: Mask, row: int, col: int, part: Mask) -> tuple[float, float]:
    """Return mean and variance of the valid pixels of a part of the window that starts at ``(row, col)``."""
    total, count = 0.0, 0
    for i in range(7):
        for j in range(7):
            if part[i, j] and valid[row + i, col + j]:
                total += pixels[row + i, col + j]
                count += 1
    mean = total / count
    squares = 0.0
    for i in range(7):
        for j in range(7):
            if part[i, j] and valid[row + i, col + j]:
                squares += (pixels[row + i, col + j] - mean) ** 2
    return mean, squares / count


@njit(cache=True, nogil=True)
def _edge(means: DoubleArray, row: int, col: int) -> int:
    """Return which half of the window lies on the pixel's side of the strongest edge; -1 where blocks are missing."""
    a, b, c = means[row - 2, col - 2], means[row - 2, col], means[row - 2, col + 2]
    d, e, f = means[row, col - 2], means[row, col], means[row, col + 2]
    g, h, i = means[row + 2, col - 2], means[row + 2, col], means[row + 2, col + 2]
    steps = (c + f + i - a - d - g, g + h + i - a - b - c, b + c + f - d - g - h, f + h + i - a - b - d)
    firsts, seconds = (d, b, g, a), (f, h, c, i)
    best, strongest = -1, -1.0
    for direction in range(4):
        strength = abs(steps[direction])
        if np.isnan(strength):
            return -1
        if strength > strongest:
            strongest = strength
            nearer = abs(firsts[direction] - e) <= abs(seconds[direction] - e)
            best = 2 * direction + (0 if nearer else 1)
    return best
