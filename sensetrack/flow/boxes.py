"""Sums over square windows around every pixel, by doubling: sums of 2, 4, 8, ... pixels are added up.

Nothing is ever subtracted, so that a large value leaves nothing behind once the window has passed it, and the order of
the additions is the same at every pixel, so that results do not depend on where an array was cut out of an image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def across(line: NDArray[Any], size: int, scratch: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the sums of ``size`` neighbours of a line.

    Parameters
    ----------
    line : ndarray
        ``(n + size - 1,)``, floating.
    size : int
    scratch : ndarray
        ``(2, >= n + size - 1)``.
    out : ndarray
        ``(n,)``: ``out[k]`` is the sum of ``line[k : k + size]``.
    """
    count = out.size
    source, target = line, scratch[0]
    done, width, turn = 0, 1, 0
    while True:
        if size & width:
            more = source[done : done + count]
            if done == 0:
                for k in range(count):
                    out[k] = more[k]
            else:
                for k in range(count):
                    out[k] += more[k]
            done += width
        if done == size:
            break
        length = line.size - 2 * width + 1
        shifted = source[width : width + length]
        for k in range(length):
            target[k] = source[k] + shifted[k]
        source = target
        turn = 1 - turn
        target = scratch[turn]
        width *= 2


@njit(cache=True, nogil=True, fastmath=True)
def sum_across(values: NDArray[Any], size: int, out: NDArray[Any]) -> None:
    """Write the sums of ``size`` neighbours along each row.

    Parameters
    ----------
    values : ndarray
        ``(rows, cols)``, floating.
    size : int
    out : ndarray
        ``(rows, cols - size + 1)``: ``out[r, c]`` is the sum of ``values[r, c : c + size]``.
    """
    scratch = np.empty((2, values.shape[1]), values.dtype)
    for r in range(values.shape[0]):
        across(values[r], size, scratch, out[r])


@njit(cache=True, nogil=True, fastmath=True)
def sum_down(values: NDArray[Any], size: int, out: NDArray[Any]) -> None:
    """Write the sums of ``size`` neighbours along each column; ``values`` are overwritten.

    Parameters
    ----------
    values : ndarray
        ``(rows, cols)``, floating.
    size : int
    out : ndarray
        ``(rows - size + 1, cols)``: ``out[r, c]`` is the sum of ``values[r : r + size, c]``.
    """
    rows, cols = values.shape
    count = rows - size + 1
    out[:, :] = 0
    done, width = 0, 1
    while True:
        if size & width:
            for r in range(count):
                line, more = out[r], values[r + done]
                for c in range(cols):
                    line[c] += more[c]
            done += width
        if done == size:
            break
        for r in range(rows - 2 * width + 1):
            line, more = values[r], values[r + width]
            for c in range(cols):
                line[c] += more[c]
        width *= 2


@njit(cache=True, nogil=True)
def sum_around(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the sums under a pyramid of weights: a box of ``size`` x ``size`` pixels, twice.

    Parameters
    ----------
    values : ndarray
        ``(rows, cols)``, floating; overwritten.
    size : int

    Returns
    -------
    ndarray
        ``(rows - 2 * (size - 1), cols - 2 * (size - 1))``, for the middles of the windows.
    """
    for _ in range(2):
        across = np.empty((values.shape[0], values.shape[1] - size + 1), values.dtype)
        sum_across(values, size, across)
        values = np.empty((across.shape[0] - size + 1, across.shape[1]), values.dtype)
        sum_down(across, size, values)
    return values
