"""What is left of the secondary's window after the match, and how far it can have moved the peak."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.correlation.sandwich import sandwich
from sensetrack.types import ComplexArray, DoubleArray, FloatArray, PixelArray

BLOCK = 8
"""Side of the blocks of pixels within which misfits may hang together; even."""


@njit(cache=True, nogil=True, fastmath=True)
def misfit_spectrum(
    reference: ComplexArray,
    secondary: ComplexArray,
    k_row: FloatArray,
    k_col: FloatArray,
    times: FloatArray,
    lags: DoubleArray,
    is_complex: bool,
    out: ComplexArray,
    fit: DoubleArray,
) -> None:
    """Move the secondary's spectra back by the lags found and subtract the reference's, scaled to fit. In place.

    Parameters
    ----------
    reference, secondary : ndarray of complex64
        Spectra ``A`` and ``B``, ``(n, rows, cols)``.
    k_row, k_col, times : ndarray of float32
        Of `sensetrack.correlation.spectrum.Frequencies`.
    lags : ndarray of float64
        ``(n, >= 2)``: row and column lag.
    is_complex : bool
        Whether the windows are complex; then a constant phase between them is no misfit.
    out : ndarray of complex64
        Written: ``B exp(i k s) - g A``.
    fit : ndarray of float64
        ``(n, 2)``, written: the gain ``g`` (for complex windows its absolute value) and the correlation coefficient
        of both windows.
    """
    windows, rows, cols = reference.shape
    turn = np.empty(cols, np.complex64)
    for n in range(windows):
        dy, dx = lags[n, 0], lags[n, 1]
        for c in range(cols):
            turn[c] = complex(np.cos(k_col[c] * dx), np.sin(k_col[c] * dx))
        both = 0.0 + 0.0j
        first = second = 0.0
        for r in range(rows):
            turn_row = np.complex64(complex(np.cos(k_row[r] * dy), np.sin(k_row[r] * dy)))
            re = im = aa = bb = np.float32(0)
            for c in range(cols):
                moved = secondary[n, r, c] * (turn[c] * turn_row)
                out[n, r, c] = moved
                a = reference[n, r, c]
                re += times[c] * (a.real * moved.real + a.imag * moved.imag)
                im += times[c] * (a.real * moved.imag - a.imag * moved.real)
                aa += times[c] * (a.real * a.real + a.imag * a.imag)
                bb += times[c] * (moved.real * moved.real + moved.imag * moved.imag)
            both += complex(float(re), float(im))
            first += float(aa)
            second += float(bb)
        if not is_complex:
            both = complex(both.real, 0.0)
        gain = np.complex64(both / first) if first > 0 else np.complex64(0)
        for r in range(rows):
            for c in range(cols):
                out[n, r, c] -= gain * reference[n, r, c]
        size = abs(both) if is_complex else both.real
        fit[n, 0] = size / first if first > 0 else 0.0
        fit[n, 1] = size / np.sqrt(first * second) if first > 0 and second > 0 else 0.0


@njit(cache=True, nogil=True, fastmath=True)
def misfit_covariance(windows: PixelArray, misfit: PixelArray, fit: DoubleArray, out: DoubleArray) -> None:
    """Estimate the covariance of the lag from misfits that hang together over a few pixels. In place.

    Where light, shadow or surface changed, the misfit is no independent noise: it lies where the texture is strong
    and extends over pixels. Each pixel pulls the peak of the correlation by its misfit ``e`` times the texture's
    gradient ``a``. With the pulls summed over blocks, and the blocks taken as independent, the covariance of the lag is
    the sandwich ``H^-1 (sum_blocks p p^T) H^-1`` with ``p = sum_block a e`` and ``H = g sum a a^T`` (White 1980, eq. 1,
    in the clustered form of Liang & Zeger 1986); averaged over two sets of blocks, half a block apart.

    Parameters
    ----------
    windows : ndarray
        Windows of the reference as they were correlated, float32 or complex64 ``(n, size, size)``.
    misfit : ndarray
        Inverse transform of what `misfit_spectrum` writes, same shape.
    fit : ndarray of float64
        As `misfit_spectrum` writes it.
    out : ndarray of float64
        ``(n, 3)``, written: variances of row and column lag and their covariance; infinite without texture.
    """
    count, size, _ = windows.shape
    half = BLOCK // 2
    cells = -(-size // half)
    strip_y, strip_x = np.empty(size, np.float32), np.empty(size, np.float32)
    pulls = np.empty((2, cells + 2, cells + 2))
    for n in range(count):
        pulls[:] = 0
        strip_y[:] = 0
        strip_x[:] = 0
        hyy = hxx = hxy = 0.0
        for r in range(1, size - 1):
            above, below = windows[n, r - 1], windows[n, r + 1]
            here, rest = windows[n, r], misfit[n, r]
            yy = xx = xy = np.float32(0)
            for c in range(1, size - 1):
                gy, gx, e = below[c] - above[c], here[c + 1] - here[c - 1], rest[c]
                yy += gy.real * gy.real + gy.imag * gy.imag
                xx += gx.real * gx.real + gx.imag * gx.imag
                xy += gy.real * gx.real + gy.imag * gx.imag
                strip_y[c] += gy.real * e.real + gy.imag * e.imag
                strip_x[c] += gx.real * e.real + gx.imag * e.imag
            hyy += float(yy) / 4
            hxx += float(xx) / 4
            hxy += float(xy) / 4
            if (r + 1) % half == 0 or r == size - 2:
                for c in range(size):
                    pulls[0, r // half + 1, c // half + 1] += strip_y[c] / 2
                    pulls[1, r // half + 1, c // half + 1] += strip_x[c] / 2
                strip_y[:] = 0
                strip_x[:] = 0
        vyy = vxx = vxy = 0.0
        for offset in range(2):
            for i in range(offset, cells + 1, 2):
                for j in range(offset, cells + 1, 2):
                    py = pulls[0, i, j] + pulls[0, i, j + 1] + pulls[0, i + 1, j] + pulls[0, i + 1, j + 1]
                    px = pulls[1, i, j] + pulls[1, i, j + 1] + pulls[1, i + 1, j] + pulls[1, i + 1, j + 1]
                    vyy += py * py / 2
                    vxx += px * px / 2
                    vxy += py * px / 2
        gain = fit[n, 0] if fit[n, 0] > 0 else 0.0
        out[n, 0], out[n, 1], out[n, 2] = sandwich(gain * hyy, gain * hxx, gain * hxy, vyy, vxx, vxy)
