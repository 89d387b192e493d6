"""Finds the peak of a correlation surface to a small part of a pixel, and the covariance of its position."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.correlation.sandwich import sandwich
from sensetrack.types import DoubleArray, FloatArray

APART = 3
"""Pixels from the highest lag at which another one counts as another peak."""


@njit(cache=True, nogil=True)
def coarse_peak(surface: FloatArray, search: int, out: DoubleArray) -> None:
    """Find the highest whole-pixel lag within the search range, and how far it stands out. In place.

    Parameters
    ----------
    surface : ndarray of float32
        ``(n, size, size)``, lag 0 at index 0, negative lags wrapped around.
    search : int
        Largest lag along each axis, at most ``size // 2 - 1``.
    out : ndarray of float64
        ``(n, 5)``, written: row lag, column lag (with a parabola's sub-pixel start), 1 when the highest lag lies
        on the edge of the search range, the height, and the highest value elsewhere (3 px away or more).
    """
    windows, size, _ = surface.shape
    tops = np.empty(2 * search + 1, np.float32)
    for n in range(windows):
        best = np.float32(-np.inf)
        row = col = 0
        for dr in range(-search, search + 1):
            line = surface[n, dr % size]
            tops[dr + search] = max(_highest(line[: search + 1]), _highest(line[size - search :]))
            if tops[dr + search] > best:
                best, row = tops[dr + search], dr
        for dc in range(-search, search + 1):
            if surface[n, row % size, dc % size] == best:
                col = dc
                break
        second = np.float32(0)
        for dr in range(-search, search + 1):
            if abs(dr - row) >= APART:
                second = max(second, tops[dr + search])
            elif tops[dr + search] > second:
                line = surface[n, dr % size]
                for dc in range(-search, search + 1):
                    if abs(dc - col) >= APART:
                        second = max(second, line[dc % size])
        out[n, 0] = row + _vertex(
            surface[n, (row - 1) % size, col % size], best, surface[n, (row + 1) % size, col % size]
        )
        out[n, 1] = col + _vertex(
            surface[n, row % size, (col - 1) % size], best, surface[n, row % size, (col + 1) % size]
        )
        out[n, 2] = 1.0 if max(abs(row), abs(col)) == search else 0.0
        out[n, 3] = best
        out[n, 4] = second


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _highest(values: FloatArray) -> float:
    top: float = values[0]
    for value in values:
        top = max(top, value)
    return top


@njit(cache=True, nogil=True)
def _vertex(before: float, here: float, after: float) -> float:
    """Position of a parabola's vertex, within half a pixel."""
    bend = before - 2 * here + after
    if bend >= 0:
        return 0.0
    return min(0.5, max(-0.5, 0.5 * (before - after) / bend))


@njit(cache=True, nogil=True, fastmath=True)
def refine(
    real: FloatArray,
    imag: FloatArray,
    k_row: FloatArray,
    k_col: FloatArray,
    tolerance: float,
    curvature: float,
    leakage: DoubleArray,
    lags: DoubleArray,
    peaks: DoubleArray,
    out: DoubleArray,
) -> None:
    """Climb to the top of the continuous correlation surface and measure how well it is placed there. In place.

    The surface is the discrete Fourier transform ``Q(s) = sum_k Re(S_k exp(i k s))`` at any real lag ``s``: what an
    upsampled matrix DFT (Guizar-Sicairos et al. 2008) samples on a grid, maximised by Newton's method instead, so
    that the result does not prefer any fraction of a pixel.

    Position errors come from the phases that do not fit. With ``e_k = Im(S_k exp(i k s))`` at the peak and
    ``M = sum_k k k^T Re(S_k exp(i k s))`` (minus the Hessian), the estimate is an M-estimate whose covariance is the
    sandwich ``M^-1 (sum_k k k^T e_k^2) M^-1`` (Huber 1967), times the leakage of the window's weights.

    Parameters
    ----------
    real, imag : ndarray of float32
        As `sensetrack.correlation.spectrum.cross_power` writes them.
    k_row, k_col : ndarray of float32
        Angular frequencies.
    tolerance : float
        Stop when a step is smaller, in pixels.
    curvature : float
        Of the taper's autocorrelation, see `sensetrack.correlation.taper.taper_curvature`.
    leakage : ndarray of float64
        ``(n,)``, as `sensetrack.correlation.windows.gather` writes it.
    lags : ndarray of float64
        ``(n, 2)``: row and column lag between the tapers of the two windows.
    peaks : ndarray of float64
        As `coarse_peak` writes them.
    out : ndarray of float64
        ``(n, 8)``, written: dy, dx, height of the peak over the sum of all magnitudes (1 when all phases agree),
        variances of dy and dx and their covariance, 1 when Newton's method converged next to its start, and the
        number of independent phases, ``(sum |S|)^2 / sum |S|^2`` over the leakage.
    """
    windows, rows, cols = real.shape
    cos_c, sin_c = np.empty(cols, np.float32), np.empty(cols, np.float32)
    for n in range(windows):
        dy, dx = peaks[n, 0], peaks[n, 1]
        converged = False
        hyy = hxx = hxy = q = 0.0
        for _ in range(8):
            for c in range(cols):
                cos_c[c], sin_c[c] = np.cos(k_col[c] * dx), np.sin(k_col[c] * dx)
            q = gy = gx = hyy = hxx = hxy = 0.0
            for r in range(rows):
                re0 = im0 = re1 = im1 = re2 = np.float32(0)
                im2 = np.float32(0)
                for c in range(cols):
                    re = real[n, r, c] * cos_c[c] - imag[n, r, c] * sin_c[c]
                    im = real[n, r, c] * sin_c[c] + imag[n, r, c] * cos_c[c]
                    k = k_col[c]
                    re0 += re
                    im0 += im
                    re1 += k * re
                    im1 += k * im
                    re2 += k * k * re
                    im2 += k * k * im
                cos_r, sin_r, k = np.cos(k_row[r] * dy), np.sin(k_row[r] * dy), k_row[r]
                up, across = re0 * cos_r - im0 * sin_r, re0 * sin_r + im0 * cos_r
                q += up
                gy -= k * across
                hyy += k * k * up
                gx -= re1 * sin_r + im1 * cos_r
                hxy += k * (re1 * cos_r - im1 * sin_r)
                hxx += re2 * cos_r - im2 * sin_r
            det = hyy * hxx - hxy * hxy
            if not (det > 0 and hyy > 0):
                break
            step_y = (hxx * gy - hxy * gx) / det
            step_x = (hyy * gx - hxy * gy) / det
            dy += min(0.5, max(-0.5, step_y))
            dx += min(0.5, max(-0.5, step_x))
            if max(abs(step_y), abs(step_x)) < tolerance:
                converged = True
                break
        converged = converged and max(abs(dy - peaks[n, 0]), abs(dx - peaks[n, 1])) < 1.0
        _measure(real[n], imag[n], k_row, k_col, dy, dx, leakage[n], out[n])
        # Undo the taper's pull: maximise ln Q - ln T, where T is the taper's autocorrelation.
        if converged and curvature > 0:
            a, b, d = hyy / q - curvature, hxy / q, hxx / q - curvature
            det = a * d - b * b
            if det > 0 and a > 0:
                ry, rx = dy - lags[n, 0], dx - lags[n, 1]
                vy, vx = (hyy * ry + hxy * rx) / q, (hxy * ry + hxx * rx) / q
                dy, dx = lags[n, 0] + (d * vy - b * vx) / det, lags[n, 1] + (a * vx - b * vy) / det
        out[n, 0], out[n, 1] = dy, dx
        out[n, 6] = 1.0 if converged else 0.0


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _measure(
    real: FloatArray,
    imag: FloatArray,
    k_row: FloatArray,
    k_col: FloatArray,
    dy: float,
    dx: float,
    leakage: float,
    out: DoubleArray,
) -> None:
    """Write height, sandwich covariance and number of phases at one lag into ``out``."""
    rows, cols = real.shape
    cos_c, sin_c = np.empty(cols, np.float32), np.empty(cols, np.float32)
    for c in range(cols):
        cos_c[c], sin_c[c] = np.cos(k_col[c] * dx), np.sin(k_col[c] * dx)
    myy = mxx = mxy = vyy = vxx = vxy = height = total = squares = 0.0
    for r in range(rows):
        cos_r, sin_r, ky = np.float32(np.cos(k_row[r] * dy)), np.float32(np.sin(k_row[r] * dy)), k_row[r]
        m0 = m1 = m2 = v0 = v1 = v2 = size = square = np.float32(0)
        for c in range(cols):
            cos, sin = cos_c[c] * cos_r - sin_c[c] * sin_r, sin_c[c] * cos_r + cos_c[c] * sin_r
            a, b, k = real[r, c], imag[r, c], k_col[c]
            re, im = a * cos - b * sin, a * sin + b * cos
            m0 += re
            m1 += k * re
            m2 += k * k * re
            e = im * im
            v0 += e
            v1 += k * e
            v2 += k * k * e
            size += np.sqrt(a * a + b * b)
            square += a * a + b * b
        height += float(m0)
        total += float(size)
        squares += float(square)
        myy += float(ky * ky * m0)
        mxy += float(ky * m1)
        mxx += float(m2)
        vyy += float(ky * ky * v0)
        vxy += float(ky * v1)
        vxx += float(v2)
    out[2] = height / total if total > 0 else 0.0
    out[7] = total * total / (leakage * squares) if squares > 0 else 0.0
    out[3], out[4], out[5] = sandwich(myy, mxx, mxy, leakage * vyy, leakage * vxx, leakage * vxy)
