"""The soft rank of every pixel among those around it."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import FloatArray, Mask


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def soft_ranks(image: FloatArray, valid: Mask, softness: FloatArray, reach: int) -> FloatArray:
    """Return the mean of ``d / sqrt(d^2 + s^2)`` over the valid pixels around each, ``d`` being its value less theirs.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``.
    valid : ndarray of bool
    softness : ndarray of float32
        ``(row, col)``, above 0: the difference s that counts 0.7.
    reach : int
        Half the side of the window.

    Returns
    -------
    ndarray of float32
        -1 where a pixel is far below all others, 1 where it is far above; 0 where it or all others are invalid.
    """
    height, width = image.shape
    out = np.zeros_like(image)
    total, number = np.empty(width, np.float32), np.empty(width, np.float32)
    one, zero = np.float32(1), np.float32(0)
    for r in range(height):
        total[:] = zero
        number[:] = zero
        here, soft = image[r], softness[r]
        for i in range(max(r - reach, 0), min(r + reach + 1, height)):
            for j in range(-reach, reach + 1):
                if i == r and j == 0:
                    continue
                first, last = max(0, -j), min(width, width - j)
                there, known = image[i, first + j : last + j], valid[i, first + j : last + j]
                mine, scale = here[first:last], soft[first:last]
                sums, counts = total[first:last], number[first:last]
                for k in range(mine.size):
                    d = mine[k] - there[k]
                    n = one if known[k] else zero
                    sums[k] += n * d / np.sqrt(d * d + scale[k] * scale[k])
                    counts[k] += n
        target, own = out[r], valid[r]
        for c in range(width):
            target[c] = total[c] / max(number[c], one) if own[c] else zero
    return out
