"""Statistics of the windows around every pixel: median and spread, agreement, sum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray, Mask


@dataclass(frozen=True, eq=False)
class Medians:
    """Statistics of every pixel's window, all ``(row, col)``; NaN and 0 where the pixel itself has no value.

    Attributes
    ----------
    median : ndarray of float64
        Median of the values; of an even number, the mean of the two in the middle.
    deviation : ndarray of float64
        Median of the absolute differences from that median, not scaled.
    count : ndarray of int32
        Number of values.
    """

    median: DoubleArray
    deviation: DoubleArray
    count: NDArray[np.int32]


def window_medians(values: FloatArray, size: int, *, centre: bool, deviation: bool = True) -> Medians:
    """Return the median and the median absolute deviation in the window around every pixel.

    Parameters
    ----------
    values : ndarray of float32
        ``(row, col)``; NaN is missing.
    size : int
        Side of the window in pixels, odd.
    centre : bool
        Whether the pixel itself belongs to its window.
    deviation : bool
        Whether the deviation is wanted; without it, it stays NaN.

    Returns
    -------
    Medians
    """
    from sensetrack.neighbours import _kernels as kernels

    median = np.full(values.shape, np.nan)
    spread = np.full(values.shape, np.nan)
    count = np.zeros(values.shape, np.int32)
    kernels.medians(np.ascontiguousarray(values, np.float32), size, centre, deviation, median, spread, count)
    return Medians(median, spread, count)


def agreeing(dx: FloatArray, dy: FloatArray, size: int, tolerance: float) -> NDArray[np.int32]:
    """Count the pixels of every window, its centre included, whose dx and dy both differ by at most ``tolerance``.

    Parameters
    ----------
    dx, dy : ndarray of float32
        ``(row, col)``; NaN is missing.
    size : int
        Side of the window in pixels, odd.
    tolerance : float
        Largest difference from the centre in either component that still agrees, inclusive.

    Returns
    -------
    ndarray of int32
        0 where the pixel itself has no value.
    """
    from sensetrack.neighbours import _kernels as kernels

    count = np.zeros(dx.shape, np.int32)
    kernels.agreeing(np.ascontiguousarray(dx, np.float32), np.ascontiguousarray(dy, np.float32), size, tolerance, count)
    return count


def window_sum(values: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the sum over the window around every pixel, centre included.

    Integers, because only their sums are the same in every order.

    Parameters
    ----------
    values : ndarray of int64
        ``(row, col)``; 0 is missing.
    size : int
        Side of the window in pixels, odd.
    """
    half = size // 2
    total = values
    for axis in (0, 1):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (half + 1, half)
        running = np.cumsum(np.pad(total, pad), axis=axis)
        length = values.shape[axis]
        total = running.take(range(size, size + length), axis) - running.take(range(length), axis)
    return total


def only_usable(values: FloatArray, usable: Mask) -> FloatArray:
    """Return the values with NaN wherever they may not serve as evidence."""
    return np.where(usable, values, np.float32(np.nan))
