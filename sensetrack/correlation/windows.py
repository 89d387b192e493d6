"""Gathers a batch of windows from an image: masked, zero-mean, tapered."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.correlation.taper import taper_axis
from sensetrack.types import DoubleArray, Mask, PixelArray


@njit(cache=True, nogil=True)
def gather(
    image: PixelArray,
    valid: Mask,
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    lag_rows: DoubleArray,
    lag_cols: DoubleArray,
    taper: float,
    out: PixelArray,
    share: DoubleArray,
    spread: DoubleArray,
) -> None:
    """Cut windows, subtract the mean of their valid pixels as the taper weights them, and taper them.

    Invalid pixels, and those outside the image, become 0 after the mean is gone: they neither add power nor an
    edge. In place.

    Parameters
    ----------
    image : ndarray
        float32 or complex64 ``(row, col)``.
    valid : ndarray of bool
    rows, cols : ndarray of int64
        Upper left pixel of each window; windows may reach beyond the image.
    lag_rows, lag_cols : ndarray of float64
        ``(n,)``: where in its window the content is known to lie off centre, in pixels. The taper is moved along,
        so that in both images it covers the same ground and pulls the peak nowhere.
    taper : float
        Tapered share of each axis, 0..1.
    out : ndarray
        ``(n, size, size)``, written.
    share : ndarray of float64
        ``(n,)``, written: share of valid pixels.
    spread : ndarray of float64
        ``(n,)``, written: standard deviation of the valid pixels over their root mean square; 0 in a flat window.
    """
    height, width = image.shape
    size = out.shape[1]
    down, across = np.empty(size), np.empty(size)
    for n in range(rows.size):
        taper_axis(taper, lag_rows[n], down)
        taper_axis(taper, lag_cols[n], across)
        first, last = max(rows[n], 0), min(rows[n] + size, height)
        left, right = max(cols[n], 0), min(cols[n] + size, width)
        total = image[0, 0] * 0.0
        weight = 0.0
        count = 0
        for r in range(first, last):
            for c in range(left, right):
                if valid[r, c]:
                    w = down[r - rows[n]] * across[c - cols[n]]
                    total += w * image[r, c]
                    weight += w
                    count += 1
        share[n] = count / (size * size)
        mean = total / weight if weight > 0 else total
        out[n, :, :] = 0
        power = 0.0
        for r in range(first, last):
            for c in range(left, right):
                if valid[r, c]:
                    sample = image[r, c] - mean
                    power += (sample * np.conj(sample)).real
                    out[n, r - rows[n], c - cols[n]] = sample * (down[r - rows[n]] * across[c - cols[n]])
        level = (mean * np.conj(mean)).real * count + power
        spread[n] = np.sqrt(power / level) if level > 0 else 0.0
