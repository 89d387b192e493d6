"""What invalid pixels do to a correlation window, and how to keep them from doing it.

A hole whose pixels are simply zero is an edge. When hole and ground move differently (a mask that stands still
over moving ground, or the other way round), its edges pull the peak towards the hole's own displacement. So
single invalid pixels are bridged, and the weights fall to zero towards larger holes; once the displacement is
roughly known, both windows get the same weights on the same ground.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray, Mask, PixelArray

FEATHER = 4
"""Pixels over which weights rise from a hole's edge."""

BRIDGE_ROUNDS = 2
"""Pixels that bridging can reach into a hole; the margin that it needs."""


@njit(cache=True, nogil=True)
def _bridge_once(image: PixelArray, valid: Mask, out: PixelArray, out_valid: Mask) -> int:
    height, width = image.shape
    filled = 0
    for r in range(height):
        for c in range(width):
            if valid[r, c]:
                continue
            total = image[0, 0] * 0
            count = 0
            for rr in range(max(r - 1, 0), min(r + 2, height)):
                for cc in range(max(c - 1, 0), min(c + 2, width)):
                    if valid[rr, cc]:
                        total += image[rr, cc]
                        count += 1
            if count >= 4:
                out[r, c] = total / count
                out_valid[r, c] = True
                filled += 1
    return filled


def bridge(image: PixelArray, valid: Mask) -> tuple[PixelArray, Mask]:
    """Give invalid pixels that have at least four valid neighbours of eight their mean.

    For use inside correlation only: what is bridged is still not a measurement.

    Parameters
    ----------
    image : ndarray
        float32 or complex64 ``(row, col)``.
    valid : ndarray of bool

    Returns
    -------
    image, valid : ndarray
        Copies where anything was bridged, else the arguments.
    """
    if valid.all():
        return image, valid
    for _ in range(BRIDGE_ROUNDS):
        out, out_valid = image.copy(), valid.copy()
        if not _bridge_once(image, valid, out, out_valid):
            break
        image, valid = out, out_valid
    return image, valid


@njit(cache=True, nogil=True)
def _is_complete(valid: Mask, row: int, col: int, size: int) -> bool:
    if row < 0 or col < 0 or row + size > valid.shape[0] or col + size > valid.shape[1]:
        return False
    for r in range(row, row + size):
        line = valid[r, col : col + size]
        count = 0
        for good in line:
            count += good
        if count < size:
            return False
    return True


@njit(cache=True, nogil=True)
def _cut(valid: Mask, row: int, col: int, out: FloatArray) -> None:
    """Write 1 where valid and 0 elsewhere."""
    size = out.shape[0]
    for r in range(size):
        for c in range(size):
            rr, cc = row + r, col + c
            inside = 0 <= rr < valid.shape[0] and 0 <= cc < valid.shape[1]
            out[r, c] = 1 if inside and valid[rr, cc] else 0


@njit(cache=True, nogil=True)
def _feather(weights: FloatArray) -> None:
    """Turn a 0/1 window into weights that rise from 0 beside a hole to 1 at `FEATHER` pixels from it. In place."""
    size = weights.shape[0]
    far = np.float32(FEATHER + 1)
    for r in range(size):
        for c in range(size):
            if weights[r, c] > 0:
                near = far
                if r > 0:
                    near = min(near, weights[r - 1, c] + 1)
                    if c > 0:
                        near = min(near, weights[r - 1, c - 1] + 1)
                    if c < size - 1:
                        near = min(near, weights[r - 1, c + 1] + 1)
                if c > 0:
                    near = min(near, weights[r, c - 1] + 1)
                weights[r, c] = near
    for r in range(size - 1, -1, -1):
        for c in range(size - 1, -1, -1):
            near = weights[r, c]
            if near > 0:
                if r < size - 1:
                    near = min(near, weights[r + 1, c] + 1)
                    if c > 0:
                        near = min(near, weights[r + 1, c - 1] + 1)
                    if c < size - 1:
                        near = min(near, weights[r + 1, c + 1] + 1)
                if c < size - 1:
                    near = min(near, weights[r, c + 1] + 1)
                weights[r, c] = near
    for r in range(size):
        for c in range(size):
            weights[r, c] = min(np.float32(1), max(np.float32(0), (weights[r, c] - 1) / FEATHER))


@njit(cache=True, nogil=True)
def _move(weights: FloatArray, dy: float, dx: float, out: FloatArray) -> None:
    """Write ``weights`` moved by (dy, dx) pixels, bilinearly; what enters from outside repeats the border."""
    size = weights.shape[0]
    top = int(np.floor(-dy))
    left = int(np.floor(-dx))
    fy, fx = np.float32(-dy - top), np.float32(-dx - left)
    for r in range(size):
        r0 = min(size - 1, max(0, r + top))
        r1 = min(size - 1, max(0, r + top + 1))
        for c in range(size):
            c0 = min(size - 1, max(0, c + left))
            c1 = min(size - 1, max(0, c + left + 1))
            upper = weights[r0, c0] + fx * (weights[r0, c1] - weights[r0, c0])
            lower = weights[r1, c0] + fx * (weights[r1, c1] - weights[r1, c0])
            out[r, c] = upper + fy * (lower - upper)


@njit(cache=True, nogil=True)
def mask_weights(
    reference_valid: Mask,
    secondary_valid: Mask,
    reference_rows: NDArray[np.int64],
    reference_cols: NDArray[np.int64],
    secondary_rows: NDArray[np.int64],
    secondary_cols: NDArray[np.int64],
    lag: DoubleArray,
    is_aligned: bool,
    reference_out: FloatArray,
    secondary_out: FloatArray,
    partial: Mask,
) -> None:
    """Write the weights that invalid pixels leave to the windows of a pair. In place.

    Parameters
    ----------
    reference_valid, secondary_valid : ndarray of bool
        ``(row, col)``.
    reference_rows, reference_cols, secondary_rows, secondary_cols : ndarray of int64
        Upper left pixels of the windows, ``(n,)``.
    lag : ndarray of float64
        ``(2, n)``: row and column lag of the content within the secondary's windows.
    is_aligned : bool
        Whether the windows show the same ground but for the lag, so that both get the weights of what is valid in
        both; else each has its own.
    reference_out, secondary_out : ndarray of float32
        ``(n, size, size)``, written where ``partial``; 0 on every invalid pixel.
    partial : ndarray of bool
        ``(n,)``, written: whether anything in either window is invalid.
    """
    size = reference_out.shape[1]
    for n in range(partial.size):
        first, second = reference_out[n], secondary_out[n]
        partial[n] = not (
            _is_complete(reference_valid, reference_rows[n], reference_cols[n], size)
            and _is_complete(secondary_valid, secondary_rows[n], secondary_cols[n], size)
        )
        if not partial[n]:
            continue
        _cut(reference_valid, reference_rows[n], reference_cols[n], first)
        _cut(secondary_valid, secondary_rows[n], secondary_cols[n], second)
        if is_aligned:
            both = first * second
            _feather(both)
            first[:] = both
            _move(both, lag[0, n], lag[1, n], second)
        else:
            _feather(first)
            _feather(second)
