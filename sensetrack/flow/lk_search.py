"""Finds the displacement at the coarsest level by trying all: normalised cross-correlation of small windows."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.boxes import across
from sensetrack.flow.lk_level import Flow
from sensetrack.flow.lk_smooth import median
from sensetrack.flow.lk_sums import window_sums
from sensetrack.flow.tiling import over_rows
from sensetrack.types import FloatArray

PREFERENCE = 0.002
"""By how much more windows must correlate at a longer lag, so that ground without texture stays where it is."""


def search(reference: FloatArray, secondary: FloatArray, reach: int, radius: int) -> Flow:
    """Return the whole lags at which windows correlate best, and their median over 5 x 5.

    The correlation coefficient at lag l is ``(sum I J - sum I sum J / n) / sqrt(..)`` with J taken at ``x + l`` and all
    sums over the window of n pixels, of which invalid ones are 0, about the mean.

    Parameters
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``, without their local mean, 0 where invalid.
    reach : int
        Longest lag along rows and columns.
    radius : int
        Half the side of the windows.
    """
    count = np.float32((2 * radius + 1) ** 2)
    means, powers = [], []
    for image in (reference, secondary):
        total, squares = window_sums(np.stack([image, image * image]), radius)
        means.append(total / np.sqrt(count))
        powers.append(np.sqrt(np.maximum(squares - total * total / count, 0)))
    least = np.float32(1e-6) * max(float(powers[0].max()), float(powers[1].max()), 1e-20)
    powers = [np.maximum(power, least) for power in powers]
    shape = reference.shape
    best = np.full(shape, -2, np.float32)
    found = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    images, moments = (reference, secondary), (*means, *powers)
    sides = range(-reach, reach + 1)
    for lag in sorted(((i, j) for i in sides for j in sides), key=lambda lag: lag[0] ** 2 + lag[1] ** 2):
        over_rows(
            shape[0],
            lambda top, bottom: _try(images, moments, lag, radius, top, bottom, best, found),  # noqa: B023
        )
    return median(found, 5)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _try(
    images: tuple[FloatArray, FloatArray],
    moments: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    lag: tuple[int, int],
    radius: int,
    top: int,
    bottom: int,
    best: FloatArray,
    found: Flow,
) -> None:
    """Keep a lag where it correlates better than the best so far. In place."""
    reference, secondary = images
    height, width = reference.shape
    # Columns of the reference whose partners lie inside, and so rows.
    left, right = max(0, -lag[1]), min(width, width - lag[1])
    first, last = max(0, -lag[0]), min(height, height - lag[0])
    if left >= right:
        return
    line, scratch = np.zeros(width + 2 * radius, np.float32), np.empty((2, width + 2 * radius), np.float32)
    sums = np.empty(width, np.float32)
    inner = line[radius + left : radius + right]
    for r in range(max(top - 1 - radius, first), min(top + radius, last)):
        one, other = reference[r, left:right], secondary[r + lag[0], left + lag[1] : right + lag[1]]
        for k in range(one.size):
            inner[k] += one[k] * other[k]
    for r in range(top, bottom):
        for turn in range(2):
            row, sign = (r + radius, np.float32(1)) if turn == 0 else (r - radius - 1, np.float32(-1))
            if first <= row < last:
                one, other = reference[row, left:right], secondary[row + lag[0], left + lag[1] : right + lag[1]]
                for k in range(one.size):
                    inner[k] += sign * one[k] * other[k]
        if not first <= r < last:
            continue
        across(line, 2 * radius + 1, scratch, sums)
        mine, my_mean, top_score = moments[2][r, left:right], moments[0][r, left:right], best[r, left:right]
        theirs = moments[3][r + lag[0], left + lag[1] : right + lag[1]]
        their_mean = moments[1][r + lag[0], left + lag[1] : right + lag[1]]
        dx, dy, here = found[0][r, left:right], found[1][r, left:right], sums[left:right]
        for k in range(mine.size):
            score = (here[k] - my_mean[k] * their_mean[k]) / (mine[k] * theirs[k])
            if score > top_score[k] + np.float32(PREFERENCE):
                top_score[k] = score
                dx[k] = np.float32(lag[1])
                dy[k] = np.float32(lag[0])
