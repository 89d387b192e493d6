"""Cubic B-splines through the samples of lines and images, for interpolation inside compiled kernels.

Source: Unser (1999), *Splines: a perfect fit for signal and image processing*, IEEE Signal Processing Magazine 16 (6).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray, FloatArray, Mask

TAIL = 12
"""Samples over which the coefficients of one sample fade to 1e-7."""

_POLE = np.sqrt(3.0) - 2.0


@njit(cache=True, nogil=True)
def prefilter_line(values: DoubleArray) -> None:
    """Turn samples into the coefficients of the spline through them, mirrored at both ends. In place.

    Parameters
    ----------
    values : ndarray of float64
    """
    n = values.size
    if n < 2:
        return
    total, power = values[0], _POLE
    for k in range(1, min(n, 2 * TAIL)):
        total += power * values[k]
        power *= _POLE
    values[0] = total
    for k in range(1, n):
        values[k] += _POLE * values[k - 1]
    values[n - 1] = _POLE / (_POLE * _POLE - 1) * (values[n - 1] + _POLE * values[n - 2])
    for k in range(n - 2, -1, -1):
        values[k] = _POLE * (values[k + 1] - values[k])
    for k in range(n):
        values[k] *= 6


@njit(cache=True, nogil=True)
def spline_weights(t: float, out: DoubleArray) -> None:
    """Write the weights of four coefficients at fraction ``t`` between the middle two, and their derivatives. In place.

    Parameters
    ----------
    t : float
        0..1.
    out : ndarray of float64
        ``(3, 4)``, written: weights, first and second derivatives.
    """
    s = 1 - t
    out[0, 0], out[0, 3] = s * s * s / 6, t * t * t / 6
    out[0, 1], out[0, 2] = 2 / 3 - t * t * (1 - t / 2), 2 / 3 - s * s * (1 - s / 2)
    out[1, 0], out[1, 3] = -s * s / 2, t * t / 2
    out[1, 1], out[1, 2] = t * (1.5 * t - 2), s * (2 - 1.5 * s)
    out[2, 0], out[2, 1], out[2, 2], out[2, 3] = s, 3 * t - 2, 3 * s - 2, t


@njit(cache=True, nogil=True, fastmath=True)
def prefilter_columns(image: FloatArray, first: int, last: int) -> None:
    """Prefilter columns ``first`` to ``last`` of an image along themselves. In place.

    The recursion runs down all columns at once, row by row, which the processor does many at a time.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``.
    first, last : int
    """
    rows, width = image.shape[0], last - first
    if rows < 2:
        return
    pole = np.float32(_POLE)
    power = pole
    top = image[0, first:last]
    for r in range(1, min(rows, 2 * TAIL)):
        here = image[r, first:last]
        for c in range(width):
            top[c] += power * here[c]
        power *= pole
    for r in range(1, rows):
        above, here = image[r - 1, first:last], image[r, first:last]
        for c in range(width):
            here[c] += pole * above[c]
    factor = np.float32(_POLE / (_POLE * _POLE - 1))
    above, here = image[rows - 2, first:last], image[rows - 1, first:last]
    for c in range(width):
        here[c] = np.float32(6) * factor * (here[c] + pole * above[c])
    for r in range(rows - 2, -1, -1):
        here, below = image[r, first:last], image[r + 1, first:last]
        for c in range(width):
            here[c] = pole * (below[c] - np.float32(6) * here[c])


@njit(cache=True, nogil=True)
def fill(image: FloatArray, valid: Mask) -> None:
    """Give invalid pixels a value like those beside them, so that no edge spreads from them. In place.

    A sweep from the upper left takes the mean of the known pixels to the left and above, one from the lower right
    fills what is left.

    Parameters
    ----------
    image : ndarray of float32
    valid : ndarray of bool
        Changed: True wherever a value was given.
    """
    rows, cols = image.shape
    for r in range(rows):
        for c in range(cols):
            if not valid[r, c]:
                _take(image, valid, r, c, -1)
    for r in range(rows - 1, -1, -1):
        for c in range(cols - 1, -1, -1):
            if not valid[r, c]:
                _take(image, valid, r, c, 1)


@njit(cache=True, nogil=True)
def _take(image: FloatArray, valid: Mask, r: int, c: int, step: int) -> None:
    total, count = np.float32(0), 0
    if 0 <= r + step < image.shape[0] and valid[r + step, c]:
        total += image[r + step, c]
        count += 1
    if 0 <= c + step < image.shape[1] and valid[r, c + step]:
        total += image[r, c + step]
        count += 1
    if count > 0:
        image[r, c] = total / count
        valid[r, c] = True
