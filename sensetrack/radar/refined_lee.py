"""Lee's refined filter of speckle, in the form that SNAP has.

It differs from `sensetrack.preprocess.refined_lee`, which is meant for trackers and takes the number of looks from its
user: here the strength of speckle is estimated in every window.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray, Mask

SIZE = 7
"""Rows and columns of the window."""


def refined_lee(pixels: FloatArray, valid: Mask) -> FloatArray:
    """Return an image filtered within the half of each window that lies on the pixel's side of an edge.

    Nine blocks of 3 x 3, two apart, make up a window of 7 x 7. The speckle is the mean of the five smallest of their
    variances over squared means. The strongest of four differences between opposite blocks tells the direction of an
    edge, and the one of both that is nearer to the block in the middle the half to take. A window that is not complete
    counts as a whole.

    Parameters
    ----------
    pixels : ndarray of float32
        Amplitude or intensity ``(row, col)`` with 3 pixels more on every side; 0 where invalid.
    valid : ndarray of bool

    Returns
    -------
    ndarray of float32
        Without the margin; 0 where invalid.

    References
    ----------
    Lee, J.-S. (1981), Refined filtering of image noise using local statistics. Computer Graphics and Image Processing
    15(4).
    """
    mean = np.empty((pixels.shape[0] - 2, pixels.shape[1] - 2))
    variation = np.empty_like(mean)
    _blocks(pixels, valid, mean, variation)
    out = np.zeros((pixels.shape[0] - SIZE + 1, pixels.shape[1] - SIZE + 1), np.float32)
    _filter(pixels, valid, mean, variation, _parts(), out)
    return out


def _halves() -> Mask:
    """Return the eight halves ``(2 * direction + side, row, col)``: W E, NE SW, N S, NW SE."""
    y, x = np.mgrid[:SIZE, :SIZE]
    return np.stack([x <= 3, x >= 3, x >= y, x <= y, y <= 3, y >= 3, x + y <= 6, x + y >= 6])


def _parts() -> NDArray[np.int64]:
    """Return the first column and the one behind the last of each row of the halves, and of the whole window.

    ``(part, row, 2)``; the two are the same where a half has nothing of a row.
    """
    parts = np.concatenate([_halves(), np.ones((1, SIZE, SIZE), np.bool_)])
    first = np.where(parts.any(2), parts.argmax(2), 0)
    return np.stack([first, first + parts.sum(2)], axis=-1)


@njit(cache=True, nogil=True)
def _blocks(pixels: FloatArray, valid: Mask, mean: DoubleArray, variation: DoubleArray) -> None:
    """Fill mean, and variance over squared mean, of each block of 3 x 3; NaN where one is not complete or is 0."""
    for row in range(mean.shape[0]):
        for col in range(mean.shape[1]):
            total, complete = 0.0, True
            for i in range(row, row + 3):
                for j in range(col, col + 3):
                    total += pixels[i, j]
                    complete &= valid[i, j]
            mean[row, col] = total / 9 if complete else np.nan
            squares = 0.0
            for i in range(row, row + 3):
                for j in range(col, col + 3):
                    squares += (pixels[i, j] - total / 9) ** 2
            usable = complete and total != 0.0
            variation[row, col] = squares / 8 / (total / 9) ** 2 if usable else np.nan


@njit(cache=True, nogil=True)
def _filter(
    pixels: FloatArray,
    valid: Mask,
    mean: DoubleArray,
    variation: DoubleArray,
    parts: NDArray[np.int64],
    out: FloatArray,
) -> None:
    smallest = np.empty(9)
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            if not valid[row + 3, col + 3]:
                continue
            speckle = _speckle(variation, row, col, smallest)
            half = _half(mean, row, col)
            # All of a complete window is valid; of another one all rows count, and what is invalid is left out.
            is_complete = half >= 0
            part = half if is_complete else 8
            centre = np.float64(pixels[row + 3, col + 3])
            total, squares, n = 0.0, 0.0, 0
            for i in range(7):
                for j in range(parts[part, i, 0], parts[part, i, 1]):
                    if is_complete or valid[row + i, col + j]:
                        # Differences from the pixel keep their digits where the window is far from 0.
                        difference = pixels[row + i, col + j] - centre
                        total += difference
                        squares += difference * difference
                        n += 1
            offset = total / n
            local = centre + offset
            variance = max((squares - total * offset) / (n - 1), 0.0) if n > 1 else 0.0
            ground = max((variance - local * local * speckle) / (1.0 + speckle), 0.0)
            gain = ground / variance if variance > 0.0 else 0.0
            out[row, col] = local - gain * offset


@njit(cache=True, nogil=True)
def _speckle(variation: DoubleArray, row: int, col: int, smallest: DoubleArray) -> float:
    """Return the mean of the five smallest variations of nine blocks; of fewer where there are fewer."""
    n = 0
    for i in range(0, 5, 2):
        for j in range(0, 5, 2):
            value = variation[row + i, col + j]
            if np.isnan(value):
                continue
            place = n
            while place > 0 and smallest[place - 1] > value:
                smallest[place] = smallest[place - 1]
                place -= 1
            smallest[place] = value
            n += 1
    used = min(n, 5)
    total = 0.0
    for number in range(used):
        total += smallest[number]
    return total / used if used else 0.0


@njit(cache=True, nogil=True)
def _half(mean: DoubleArray, row: int, col: int) -> int:
    """Return the half on the pixel's side of the strongest edge; -1 where a block is not complete."""
    nw, n, ne = mean[row, col], mean[row, col + 2], mean[row, col + 4]
    w, centre, e = mean[row + 2, col], mean[row + 2, col + 2], mean[row + 2, col + 4]
    sw, s, se = mean[row + 4, col], mean[row + 4, col + 2], mean[row + 4, col + 4]
    if np.isnan(nw + n + ne + w + centre + e + sw + s + se):
        return -1
    firsts, seconds = (w, ne, n, nw), (e, sw, s, se)
    best, strongest = 0, -1.0
    for direction in range(4):
        step = abs(firsts[direction] - seconds[direction])
        if step > strongest:
            best, strongest = direction, step
    nearer = abs(firsts[best] - centre) < abs(seconds[best] - centre)
    return 2 * best + (0 if nearer else 1)
