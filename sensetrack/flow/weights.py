"""How much each pixel counts: 0 where invalid, rising to 1 within a few pixels."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import FloatArray, Mask

FADE = 4
"""Pixels over which weights rise from the edge of what is invalid."""


def fade(valid: Mask) -> FloatArray:
    """Return weights by the chessboard distance to the nearest invalid pixel; beyond the array all are invalid.

    Parameters
    ----------
    valid : ndarray of bool
        ``(row, col)``.

    Returns
    -------
    ndarray of float32
        0 where invalid, ``1 / (FADE + 1)`` beside, 1 from ``FADE + 1`` pixels on.
    """
    rows, cols = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 1 for size in valid.shape)
    nearest = np.minimum(np.minimum(rows[:, None], cols), FADE + 1)
    distance = np.where(valid, nearest, 0).astype(np.float32)
    if not valid.all():
        _sweep(distance)
    distance /= np.float32(FADE + 1)
    return distance


@njit(cache=True, nogil=True)
def _sweep(weights: FloatArray) -> None:
    """Lower every weight to the chessboard distance to the nearest 0, in two sweeps. In place."""
    height, width = weights.shape
    for r in range(height):
        for c in range(width):
            near = weights[r, c]
            if near > 0:
                if r > 0:
                    near = min(near, weights[r - 1, c] + 1)
                    if c > 0:
                        near = min(near, weights[r - 1, c - 1] + 1)
                    if c < width - 1:
                        near = min(near, weights[r - 1, c + 1] + 1)
                if c > 0:
                    near = min(near, weights[r, c - 1] + 1)
                weights[r, c] = near
    for r in range(height - 1, -1, -1):
        for c in range(width - 1, -1, -1):
            near = weights[r, c]
            if near > 0:
                if r < height - 1:
                    near = min(near, weights[r + 1, c] + 1)
                    if c > 0:
                        near = min(near, weights[r + 1, c - 1] + 1)
                    if c < width - 1:
                        near = min(near, weights[r + 1, c + 1] + 1)
                if c < width - 1:
                    near = min(near, weights[r, c + 1] + 1)
                weights[r, c] = near
