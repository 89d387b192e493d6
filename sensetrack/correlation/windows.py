"""Gathers a batch of windows from an image: zero-mean, tapered, with what is invalid left out."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.correlation.taper import taper_axis
from sensetrack.types import DoubleArray, FloatArray, Mask, PixelArray

STATISTICS = ("share", "spread", "leakage")
"""What `gather` says of each window, in the columns of its last argument."""


@njit(cache=True, nogil=True, fastmath=True)
def gather(
    image: PixelArray,
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    lag_rows: DoubleArray,
    lag_cols: DoubleArray,
    taper: float,
    weights: FloatArray,
    partial: Mask,
    out: PixelArray,
    statistics: DoubleArray,
) -> None:
    """Cut windows, subtract their weighted mean, and weight them with the taper and with what is valid. In place.

    Parameters
    ----------
    image : ndarray
        float32 or complex64 ``(row, col)``.
    rows, cols : ndarray of int64
        Upper left pixel of each window; windows may reach beyond the image.
    lag_rows, lag_cols : ndarray of float64
        ``(n,)``: where in its window the content is known to lie off centre, in pixels. The taper is moved along,
        so that in both images it covers the same ground and pulls the peak nowhere.
    taper : float
        Tapered share of each axis, 0..1.
    weights : ndarray of float32
        ``(n, size, size)``, 0 on invalid pixels; used where ``partial``.
    partial : ndarray of bool
        ``(n,)``: whether the window has invalid pixels.
    out : ndarray
        ``(n, size, size)``, written.
    statistics : ndarray of float64
        ``(n, 3)``, written: the share of the taper's weight that is left; the standard deviation over the root
        mean square, which is 0 in a flat window; and the leakage
        ``size^2 sum w^4 / (sum w^2)^2``: how many times larger than for independent frequencies the variance of a
        sum over frequencies is, because the weights ``w`` smear each over its neighbours.
    """
    height, width = image.shape
    size = out.shape[1]
    down, across = np.empty(size, np.float32), np.empty(size, np.float32)
    for n in range(rows.size):
        taper_axis(taper, lag_rows[n], down)
        taper_axis(taper, lag_cols[n], across)
        full = float(down.sum()) * float(across.sum())
        first, last = max(rows[n], 0), min(rows[n] + size, height)
        left, right = max(cols[n], 0), max(min(cols[n] + size, width), 0)
        start, count = left - cols[n], max(right - left, 0)
        total = np.float64(0) * image[0, 0]
        if partial[n]:
            out[n, :, :] = 0
            s1 = s2 = s4 = 0.0
            for r in range(first, last):
                row = r - rows[n]
                for c in range(count):
                    w = down[row] * across[start + c] * weights[n, row, start + c]
                    total += w * image[r, left + c]
                    s1 += w
                    s2 += w * w
                    s4 += w * w * w * w
        else:
            s1 = full
            s2 = float((down * down).sum()) * float((across * across).sum())
            s4 = float((down**4).sum()) * float((across**4).sum())
            for r in range(first, last):
                line = image[r, left:right]
                line_total = np.float32(0) * image[0, 0]
                for c in range(size):
                    line_total += across[c] * line[c]
                total += down[r - rows[n]] * line_total
        mean = image.dtype.type(total / s1) if s1 > 0 else image[0, 0] * 0
        energy = 0.0
        for r in range(first, last):
            row = r - rows[n]
            line, target = image[r, left:right], out[n, row, start : start + count]
            line_energy = np.float32(0)
            if partial[n]:
                for c in range(count):
                    sample = (line[c] - mean) * (down[row] * across[start + c] * weights[n, row, start + c])
                    target[c] = sample
                    line_energy += sample.real * sample.real + sample.imag * sample.imag
            else:
                for c in range(size):
                    sample = (line[c] - mean) * (down[row] * across[c])
                    target[c] = sample
                    line_energy += sample.real * sample.real + sample.imag * sample.imag
            energy += float(line_energy)
        level = energy + s2 * (mean.real * mean.real + mean.imag * mean.imag)
        statistics[n, 0] = s1 / full
        statistics[n, 1] = np.sqrt(energy / level) if level > 0 else 0.0
        statistics[n, 2] = size * size * s4 / (s2 * s2) if s2 > 0 else 1.0
