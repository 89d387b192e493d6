"""Images at half their size, and flows at twice theirs: the steps of a pyramid.

A pixel of the coarser level covers 2 x 2 pixels of the finer one, so that levels lie alike in an image and in any part
of it that starts at a multiple of the coarsest pixel, and alike in an image and its mirror image.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.tiling import Tile, over_rows, over_tiles
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


def halve_weighted(image: FloatArray, weight: FloatArray, least: float) -> tuple[FloatArray, FloatArray]:
    """Return an image at half its size as `halve` does, of what counts, and what its pixels count.

    Parameters
    ----------
    image, weight : ndarray of float32
        ``(row, col)`` with even sides; the weight 0..1, 0 where invalid.
    least : float
        Weight of a pixel of the result below which it is 0.
    """
    out = np.empty((image.shape[0] // 2, image.shape[1] // 2), np.float32)
    counts = np.empty_like(out)
    over_rows(len(out), lambda top, bottom: _halve_weighted(image, weight, np.float32(least), top, bottom, out, counts))
    return out, counts


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _halve_weighted(
    image: FloatArray,
    weight: FloatArray,
    least: np.float32,
    top: int,
    bottom: int,
    out: FloatArray,
    counts: FloatArray,
) -> None:
    height, width = image.shape
    half = width // 2
    outer, inner, tiny, zero = np.float32(1 / 8), np.float32(3 / 8), np.float32(1e-6), np.float32(0)
    # One pixel more on either side, as the outermost ones go on.
    down, count = np.empty(width + 2, np.float32), np.empty(width + 2, np.float32)
    for r in range(top, bottom):
        a, b, c, d = max(2 * r - 1, 0), 2 * r, 2 * r + 1, min(2 * r + 2, height - 1)
        i0, i1, i2, i3 = image[a], image[b], image[c], image[d]
        w0, w1, w2, w3 = weight[a], weight[b], weight[c], weight[d]
        value, number = down[1 : 1 + width], count[1 : 1 + width]
        for k in range(width):
            value[k] = outer * (w0[k] * i0[k] + w3[k] * i3[k]) + inner * (w1[k] * i1[k] + w2[k] * i2[k])
            number[k] = outer * (w0[k] + w3[k]) + inner * (w1[k] + w2[k])
        for line in (down, count):
            line[0], line[width + 1] = line[1], line[width]
        target, share = out[r], counts[r]
        for k in range(half):
            n = outer * (count[2 * k] + count[2 * k + 3]) + inner * (count[2 * k + 1] + count[2 * k + 2])
            v = outer * (down[2 * k] + down[2 * k + 3]) + inner * (down[2 * k + 1] + down[2 * k + 2])
            target[k] = v / max(n, tiny)
            share[k] = n if n >= least else zero


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
