"""Compiled loops over the windows of an array; reached through `sensetrack.neighbours`, which imports this lazily.

The median loop keeps the window of a row as one sorted list while it slides: a step replaces a column, and both the
median and the median absolute deviation are read from the sorted list. What comes out depends on the set of values in
the window alone, never on their order, so blocks, flips and engines give the same bits.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray


@njit(cache=True, nogil=True)
def _find(window: FloatArray, count: int, value: np.float32) -> int:
    """First index whose value is not below ``value``."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if window[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _exchange(window: FloatArray, count: int, old: np.float32, new: np.float32) -> int:
    """Replace ``old`` by ``new`` in the sorted list; NaN on either side makes it a removal or an insertion."""
    if np.isnan(old):
        if np.isnan(new):
            return count
        place = count
        count += 1
    else:
        place = _find(window, count, old)
        if np.isnan(new):
            count -= 1
            for k in range(place, count):
                window[k] = window[k + 1]
            return count
    while place + 1 < count and window[place + 1] < new:
        window[place] = window[place + 1]
        place += 1
    while place > 0 and window[place - 1] > new:
        window[place] = window[place - 1]
        place -= 1
    window[place] = new
    return count


@njit(cache=True, nogil=True)
def _at(window: FloatArray, index: int, hole: int) -> np.float64:
    """Value ``index`` of the sorted list from which the one at ``hole`` is left out (``hole`` = -1: none)."""
    if hole >= 0 and index >= hole:
        index += 1
    return np.float64(window[index])


@njit(cache=True, nogil=True)
def _deviation(window: FloatArray, count: int, hole: int, median: float) -> float:
    """Median of ``|value - median|``, from the list that is sorted by value.

    The differences grow outwards from the middle on either side. A binary search finds how many of the
    ``count // 2 + 1`` smallest ones lie below the median; the largest of them, and for an even count also the one
    before it, are wanted.
    """
    middle = count // 2
    wanted = middle + 1
    low, high = max(0, wanted - (count - middle)), min(wanted, middle)
    while low < high:
        below = (low + high) // 2
        next_below = median - _at(window, middle - 1 - below, hole)
        last_above = _at(window, middle + wanted - below - 1, hole) - median
        if next_below < last_above:
            low = below + 1
        else:
            high = below
    below, above = low, wanted - low
    largest_below = median - _at(window, middle - below, hole) if below > 0 else -1.0
    largest_above = _at(window, middle + above - 1, hole) - median if above > 0 else -1.0
    largest = max(largest_below, largest_above)
    if count % 2 == 1:
        return largest
    if largest_below > largest_above:
        second_below = median - _at(window, middle - below + 1, hole) if below > 1 else -1.0
        return 0.5 * (largest + max(second_below, largest_above))
    second_above = _at(window, middle + above - 2, hole) - median if above > 1 else -1.0
    return 0.5 * (largest + max(largest_below, second_above))


@njit(cache=True, nogil=True)
def medians(
    values: FloatArray,
    size: int,
    with_centre: bool,
    with_deviation: bool,
    median: DoubleArray,
    deviation: DoubleArray,
    count: NDArray[np.int32],
) -> None:
    """Write median, median absolute deviation and count of the finite values of every window whose centre is finite.

    ``median`` and ``deviation`` start as NaN and stay so where the window holds no value; ``count`` starts as 0.
    """
    rows, cols = values.shape
    half = size // 2
    nothing = np.float32(np.nan)
    window = np.empty(size * size + 1, np.float32)
    for row in range(rows):
        top, bottom = max(row - half, 0), min(row + half + 1, rows)
        held = 0
        for col in range(-half, cols):
            leaving, entering = col - half - 1, col + half
            for r in range(top, bottom):
                old = values[r, leaving] if leaving >= 0 else nothing
                new = values[r, entering] if entering < cols else nothing
                held = _exchange(window, held, old, new)
            if col < 0 or np.isnan(values[row, col]):
                continue
            hole = -1 if with_centre else _find(window, held, values[row, col])
            number = held if with_centre else held - 1
            count[row, col] = number
            if number == 0:
                continue
            upper = _at(window, number // 2, hole)
            middle = upper if number % 2 == 1 else 0.5 * (_at(window, number // 2 - 1, hole) + upper)
            median[row, col] = middle
            if with_deviation:
                deviation[row, col] = _deviation(window, number, hole, middle)


@njit(cache=True, nogil=True)
def agreeing(dx: FloatArray, dy: FloatArray, size: int, tolerance: float, count: NDArray[np.int32]) -> None:
    """Count the pixels of each window, its centre included, that differ by at most ``tolerance`` in dx and in dy."""
    rows, cols = dx.shape
    half = size // 2
    for row in range(rows):
        for col in range(cols):
            x, y = np.float64(dx[row, col]), np.float64(dy[row, col])
            if np.isnan(x) or np.isnan(y):
                continue
            found = 0
            for r in range(max(row - half, 0), min(row + half + 1, rows)):
                for c in range(max(col - half, 0), min(col + half + 1, cols)):
                    if abs(dx[r, c] - x) <= tolerance and abs(dy[r, c] - y) <= tolerance:
                        found += 1
            count[row, col] = found
