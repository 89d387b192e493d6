"""What invalid pixels do to a correlation window, and how to keep them from doing it.

A hole whose pixels are simply zero is an edge. When hole and ground move differently (a mask that stands still
over moving ground, or the other way round), its edges pull the peak towards the hole's own displacement. So
single invalid pixels are bridged, and the weights fall to zero towards larger holes; once the displacement is
roughly known, both windows get the same weights on the same ground.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray, Mask, PixelArray

FEATHER = 4
"""Pixels over which weights rise from a hole's edge."""

BRIDGE_ROUNDS = 2
"""Pixels that bridging can reach into a hole."""

_MODERATE = 20
"""Power of two up to which, and from whose inverse on, pixels are left as they are."""

REACH = BRIDGE_ROUNDS + FEATHER + 1
"""Pixels around a window that can influence it."""


class Source(NamedTuple):
    """An image made ready for cutting windows; `prepare` builds it.

    Attributes
    ----------
    pixels : ndarray
        float32 or complex64 ``(row, col)``, single invalid pixels bridged.
    weights : ndarray of float32
        ``(row, col)``: 0 on invalid pixels, rising to 1 at `FEATHER` pixels from them.
    holes : ndarray of int32
        ``(row + 1, col + 1)``: how many invalid pixels lie above and to the left (a summed-area table).
    """

    pixels: PixelArray
    weights: FloatArray
    holes: NDArray[np.int32]


def prepare(image: PixelArray, valid: Mask) -> Source:
    """Make an image ready for correlation.

    Parameters
    ----------
    image : ndarray
        Real or complex ``(row, col)``.
    valid : ndarray of bool

    Returns
    -------
    Source
    """
    pixels: PixelArray = np.ascontiguousarray(image, np.complex64 if np.iscomplexobj(image) else np.float32)
    pixels, valid = bridge(_of_moderate_size(pixels), valid)
    holes = np.zeros((valid.shape[0] + 1, valid.shape[1] + 1), np.int32)
    weights = valid.astype(np.float32)
    if not valid.all():
        holes[1:, 1:] = (~valid).cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
        _feather(weights)
    return Source(pixels, weights, holes)


def _of_moderate_size(image: PixelArray) -> PixelArray:
    """Return pixels times a power of two, so that fourth powers of sums of them neither overflow nor vanish.

    Nothing is rounded, so that blocks whose largest pixels differ still give the same bits.
    """
    parts = (image.real, image.imag) if np.iscomplexobj(image) else (image,)
    exponent = int(np.frexp(max(float(np.abs(part).max(initial=0.0)) for part in parts))[1])
    if abs(exponent) <= _MODERATE:
        return image
    scaled: PixelArray = (image * np.float32(2.0**-exponent)).astype(image.dtype)
    return scaled


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


@njit(cache=True, nogil=True)
def _feather(weights: FloatArray) -> None:
    """Turn 0 and 1 into weights by the chessboard distance to the nearest 0, in two sweeps. In place."""
    height, width = weights.shape
    far = np.float32(FEATHER + 1)
    for r in range(height):
        for c in range(width):
            if weights[r, c] > 0:
                near = far
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
    for r in range(height):
        for c in range(width):
            weights[r, c] = min(np.float32(1), max(np.float32(0), (weights[r, c] - 1) / FEATHER))


@njit(cache=True, nogil=True)
def _is_complete(holes: NDArray[np.int32], row: int, col: int, size: int) -> bool:
    """Whether a window lies inside the image and has no invalid pixel."""
    bottom, right = row + size, col + size
    if row < 0 or col < 0 or bottom >= holes.shape[0] or right >= holes.shape[1]:
        return False
    count: int = holes[bottom, right] - holes[row, right] - holes[bottom, col] + holes[row, col]
    return count == 0


@njit(cache=True, nogil=True)
def _cut(weights: FloatArray, row: int, col: int, out: FloatArray) -> None:
    """Copy a window of weights; the border of the image is the edge of a hole."""
    height, width = weights.shape
    size = out.shape[0]
    out[:, :] = 0
    for r in range(max(row, 0), min(row + size, height)):
        down = min(r, height - 1 - r)
        for c in range(max(col, 0), min(col + size, width)):
            inside = np.float32(min(down, c, width - 1 - c)) / FEATHER
            out[r - row, c - col] = min(weights[r, c], inside)


@njit(cache=True, nogil=True)
def _move(weights: FloatArray, dy: float, dx: float, out: FloatArray) -> None:
    """Write ``weights`` moved by (dy, dx) pixels, bilinearly; what enters from outside repeats the border."""
    size = weights.shape[0]
    top = int(np.floor(-dy))
    left = int(np.floor(-dx))
    fy, fx = np.float32(-dy - top), np.float32(-dx - left)
    for r in range(size):
        upper_row = weights[min(size - 1, max(0, r + top))]
        lower_row = weights[min(size - 1, max(0, r + top + 1))]
        for c in range(size):
            c0 = min(size - 1, max(0, c + left))
            c1 = min(size - 1, max(0, c + left + 1))
            upper = upper_row[c0] + fx * (upper_row[c1] - upper_row[c0])
            lower = lower_row[c0] + fx * (lower_row[c1] - lower_row[c0])
            out[r, c] = upper + fy * (lower - upper)


@njit(cache=True, nogil=True)
def mask_weights(
    reference: tuple[FloatArray, NDArray[np.int32]],
    secondary: tuple[FloatArray, NDArray[np.int32]],
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
    reference, secondary : tuple of ndarray
        ``weights`` and ``holes`` of each `Source`.
    reference_rows, reference_cols, secondary_rows, secondary_cols : ndarray of int64
        Upper left pixels of the windows, ``(n,)``.
    lag : ndarray of float64
        ``(2, n)``: row and column lag of the content within the secondary's windows.
    is_aligned : bool
        Whether the windows show the same ground but for the lag, so that both get the smaller weight of the two;
        else each has its own.
    reference_out, secondary_out : ndarray of float32
        ``(n, size, size)``, written where ``partial``; 0 on every invalid pixel.
    partial : ndarray of bool
        ``(n,)``, written: whether anything in either window is invalid.
    """
    size = reference_out.shape[1]
    for n in range(partial.size):
        first, second = reference_out[n], secondary_out[n]
        partial[n] = not (
            _is_complete(reference[1], reference_rows[n], reference_cols[n], size)
            and _is_complete(secondary[1], secondary_rows[n], secondary_cols[n], size)
        )
        if not partial[n]:
            continue
        _cut(reference[0], reference_rows[n], reference_cols[n], first)
        _cut(secondary[0], secondary_rows[n], secondary_cols[n], second)
        if is_aligned:
            for r in range(size):
                for c in range(size):
                    first[r, c] = min(first[r, c], second[r, c])
            _move(first, lag[0, n], lag[1, n], second)
