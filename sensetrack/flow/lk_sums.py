"""Sums over square windows around every pixel, of several channels at once, in strips of rows.

Down the columns a sum runs along: the row that enters is added and the one that leaves is taken out. Along each row
sums of 1, 2, 4, ... pixels are added up, which a processor does for many pixels at once.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.boxes import across
from sensetrack.flow.tiling import over_rows
from sensetrack.types import FloatArray


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def enter(channels: FloatArray, row: int, radius: int, line: FloatArray) -> None:
    """Turn sums over the columns around ``row - 1`` into those around ``row``. In place.

    Parameters
    ----------
    channels : ndarray of float32
        ``(channel, row, col)``; beyond its border there is nothing.
    row, radius : int
    line : ndarray of float32
        ``(channel, col + 2 * radius)``; column c is at ``c + radius``.
    """
    count, height, width = channels.shape
    for c in range(count):
        total = line[c, radius : radius + width]
        if row + radius < height:
            source = channels[c, row + radius]
            for x in range(width):
                total[x] += source[x]
        if row - radius - 1 >= 0:
            source = channels[c, row - radius - 1]
            for x in range(width):
                total[x] -= source[x]


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def begin(channels: FloatArray, row: int, radius: int, line: FloatArray) -> None:
    """Write sums over the columns around ``row - 1``, from which `enter` goes on. In place."""
    count, height, width = channels.shape
    line[:, :] = 0
    for c in range(count):
        total = line[c, radius : radius + width]
        for r in range(max(row - 1 - radius, 0), min(row + radius, height)):
            source = channels[c, r]
            for x in range(width):
                total[x] += source[x]


def window_sums(channels: FloatArray, radius: int) -> FloatArray:
    """Return the sums over windows of ``2 * radius + 1`` pixels around every pixel.

    Parameters
    ----------
    channels : ndarray of float32
        ``(channel, row, col)``; beyond its border there is nothing.
    radius : int

    Returns
    -------
    ndarray of float32
        Of the same shape.
    """
    out = np.empty_like(channels)
    over_rows(channels.shape[1], lambda top, bottom: _window_sums(channels, radius, top, bottom, out))
    return out


@njit(cache=True, nogil=True)
def _window_sums(channels: FloatArray, radius: int, top: int, bottom: int, out: FloatArray) -> None:
    count, _, width = channels.shape
    line, scratch = np.empty((count, width + 2 * radius), np.float32), np.empty((2, width + 2 * radius), np.float32)
    begin(channels, top, radius, line)
    for row in range(top, bottom):
        enter(channels, row, radius, line)
        for c in range(count):
            across(line[c], 2 * radius + 1, scratch, out[c, row])


def weighted_means(channels: FloatArray, radius: int) -> tuple[FloatArray, ...]:
    """Return the means over windows of ``2 * radius + 1`` pixels around every pixel.

    Parameters
    ----------
    channels : ndarray of float32
        ``(channel, row, col)``: values times what they count, and last what they count, which must never be nothing in
        a whole window.
    radius : int

    Returns
    -------
    tuple of ndarray of float32
        ``(row, col)`` for each channel but the last.
    """
    out = np.empty((len(channels) - 1, *channels.shape[1:]), np.float32)
    over_rows(channels.shape[1], lambda top, bottom: _weighted_means(channels, radius, top, bottom, out))
    return tuple(out)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _weighted_means(channels: FloatArray, radius: int, top: int, bottom: int, out: FloatArray) -> None:
    count, _, width = channels.shape
    line, scratch = np.empty((count, width + 2 * radius), np.float32), np.empty((2, width + 2 * radius), np.float32)
    sums = np.empty((count, width), np.float32)
    begin(channels, top, radius, line)
    for row in range(top, bottom):
        enter(channels, row, radius, line)
        for c in range(count):
            across(line[c], 2 * radius + 1, scratch, sums[c])
        last = sums[count - 1]
        for c in range(count - 1):
            target, total = out[c, row], sums[c]
            for x in range(width):
                target[x] = total[x] / last[x]
