"""Images at half their size, and flows at twice theirs: the steps of a pyramid.

A pixel of the coarser level covers 2 x 2 pixels of the finer one, so that levels lie alike in an image and in any part
of it that starts at a multiple of the coarsest pixel, and alike in an image and its mirror image.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.types import FloatArray


def halve(image: FloatArray) -> FloatArray:
    """Return an image at half its size, smoothed so that finer detail does not fold back into it.

    The binomial of four pixels, 1 3 3 1, in rows and columns: the shortest smooth filter that is centred between two
    pixels (Burt & Adelson 1983, *The Laplacian pyramid as a compact image code*, IEEE Transactions on Communications
    31 (4), 532, use the next longer one, centred on a pixel).

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)`` with even sides; beyond its border the outermost pixels go on.

    Returns
    -------
    ndarray of float32
        Pixel ``(i, j)`` is centred between pixels ``(2 i, 2 j)`` and ``(2 i + 1, 2 j + 1)`` of ``image``.
    """
    out = np.empty((image.shape[0] // 2, image.shape[1] // 2), np.float32)
    over_tiles(out.shape, lambda tile: _halve(image, tile, out))
    return out


@njit(cache=True, nogil=True)
def _halve(image: FloatArray, tile: Tile, out: FloatArray) -> None:
    top, bottom, left, right = tile
    height, width = image.shape
    outer, inner = np.float32(1 / 8), np.float32(3 / 8)
    down = np.empty(width, np.float32)
    for r in range(top, bottom):
        first, second = image[max(2 * r - 1, 0)], image[2 * r]
        third, fourth = image[2 * r + 1], image[min(2 * r + 2, height - 1)]
        for c in range(max(2 * left - 1, 0), min(2 * right + 1, width)):
            down[c] = outer * (first[c] + fourth[c]) + inner * (second[c] + third[c])
        for c in range(left, right):
            ends = down[max(2 * c - 1, 0)] + down[min(2 * c + 2, width - 1)]
            out[r, c] = outer * ends + inner * (down[2 * c] + down[2 * c + 1])


def double(flow: FloatArray) -> FloatArray:
    """Return one component of a flow at twice its size, in pixels of the finer level.

    Parameters
    ----------
    flow : ndarray of float32
        ``(row, col)``, in pixels of the coarser level.

    Returns
    -------
    ndarray of float32
        Bilinear between the centres of the coarser pixels; beyond the outermost ones their values go on.
    """
    out = np.empty((2 * flow.shape[0], 2 * flow.shape[1]), np.float32)
    over_tiles(out.shape, lambda tile: _double(flow, tile, out))
    return out


@njit(cache=True, nogil=True)
def _double(flow: FloatArray, tile: Tile, out: FloatArray) -> None:
    top, bottom, left, right = tile
    height, width = flow.shape
    near, far = np.float32(1.5), np.float32(0.5)  # times 2: the finer level's pixels are half as large
    down = np.empty(width, np.float32)
    for r in range(top, bottom):
        close = flow[r // 2]
        other = flow[min(max(r // 2 + (1 if r % 2 else -1), 0), height - 1)]
        for c in range(max(left // 2 - 1, 0), min(right // 2 + 1, width)):
            down[c] = near * close[c] + far * other[c]
        for c in range(left, right):
            beside = min(max(c // 2 + (1 if c % 2 else -1), 0), width - 1)
            out[r, c] = np.float32(0.75) * down[c // 2] + np.float32(0.25) * down[beside]
