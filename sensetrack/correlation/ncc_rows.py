"""Rows of a chip and of the search area between its pixels, and the sums over both that a least-squares fit needs."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray, FloatArray, Mask

A, AY, AX, V, VY, VX = 0, 1, 2, 3, 4, 5
"""Rows of a strip: the chip and its slopes down and right, the search area and its slopes."""

PAIRS = np.array(
    [
        (A, A),
        (A, V),
        (V, V),
        (A, AY),
        (A, AX),
        (V, AY),
        (V, AX),
        (AY, AY),
        (AY, AX),
        (AX, AX),
        (A, VY),
        (A, VX),
        (AY, VY),
        (AY, VX),
        (AX, VY),
        (AX, VX),
    ]
)
"""The products whose sums `add_products` adds up, in its order."""


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def chip_row(image: FloatArray, row: int, col: int, level: float, start: int, size: int, strip: FloatArray) -> None:
    """Write a row of the chip, less ``level``, and its slopes by central differences. In place.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``; the row and a pixel around it lie inside.
    row, col : int
        First pixel.
    level : float
    start, size : int
        Where in the strip, and how many pixels.
    strip : ndarray of float32
        ``(6, pixel)``, of which `A`, `AY` and `AX` are written.
    """
    offset, half = np.float32(level), np.float32(0.5)
    here = image[row, col - 1 : col + size + 1]
    above, below = image[row - 1, col : col + size], image[row + 1, col : col + size]
    value, down, across = (
        strip[A, start : start + size],
        strip[AY, start : start + size],
        strip[AX, start : start + size],
    )
    for k in range(size):
        value[k] = here[k + 1] - offset
    for k in range(size):
        down[k] = half * (below[k] - above[k])
    for k in range(size):
        across[k] = half * (here[k + 2] - here[k])


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def spline_row(
    coefficients: FloatArray,
    row: int,
    col: int,
    weights: DoubleArray,
    level: float,
    lines: FloatArray,
    start: int,
    size: int,
    strip: FloatArray,
) -> None:
    """Write a row of a cubic spline, less ``level``, and its slopes. In place.

    Parameters
    ----------
    coefficients : ndarray of float32
        ``(row, col)``.
    row, col : int
        First of the four rows and columns of coefficients of the first pixel; all lie inside.
    weights : ndarray of float64
        ``(2, 3, 4)``: of `sensetrack.correlation.spline.spline_weights` along rows and columns.
    level : float
    lines : ndarray of float32
        ``(2, >= size + 3)``, scratch.
    start, size : int
        Where in the strip, and how many pixels.
    strip : ndarray of float32
        ``(6, pixel)``, of which `V`, `VY` and `VX` are written.
    """
    last = col + size + 3
    a, b = coefficients[row, col:last], coefficients[row + 1, col:last]
    c, d = coefficients[row + 2, col:last], coefficients[row + 3, col:last]
    p, q = np.float32(weights[0, 0, 0]), np.float32(weights[0, 0, 1])
    r, s = np.float32(weights[0, 0, 2]), np.float32(weights[0, 0, 3])
    line, slope = lines[0], lines[1]
    for k in range(size + 3):
        line[k] = (p * a[k] + q * b[k]) + (r * c[k] + s * d[k])
    p, q = np.float32(weights[0, 1, 0]), np.float32(weights[0, 1, 1])
    r, s = np.float32(weights[0, 1, 2]), np.float32(weights[0, 1, 3])
    for k in range(size + 3):
        slope[k] = (p * a[k] + q * b[k]) + (r * c[k] + s * d[k])
    value, down, across = (
        strip[V, start : start + size],
        strip[VY, start : start + size],
        strip[VX, start : start + size],
    )
    offset = np.float32(level)
    p, q = np.float32(weights[1, 0, 0]), np.float32(weights[1, 0, 1])
    r, s = np.float32(weights[1, 0, 2]), np.float32(weights[1, 0, 3])
    for k in range(size):
        value[k] = (p * line[k] + q * line[k + 1]) + (r * line[k + 2] + s * line[k + 3]) - offset
    for k in range(size):
        down[k] = (p * slope[k] + q * slope[k + 1]) + (r * slope[k + 2] + s * slope[k + 3])
    p, q = np.float32(weights[1, 1, 0]), np.float32(weights[1, 1, 1])
    r, s = np.float32(weights[1, 1, 2]), np.float32(weights[1, 1, 3])
    for k in range(size):
        across[k] = (p * line[k] + q * line[k + 1]) + (r * line[k + 2] + s * line[k + 3])


@njit(cache=True, nogil=True)
def fill_weights(
    first: Mask, second: Mask, at: tuple[int, int], moved: tuple[int, int], size: int, out: FloatArray
) -> float:
    """Write 1 where a pixel of a chip is sound in both images, else 0; return how many are. In place.

    Parameters
    ----------
    first, second : ndarray of bool
        ``(row, col)``.
    at, moved : tuple of int
        Row and column of the first pixel in each; the chip lies inside.
    size : int
    out : ndarray of float32
        ``(size^2,)``, written row after row.
    """
    count = 0
    for r in range(size):
        good, fine = first[at[0] + r, at[1] : at[1] + size], second[moved[0] + r, moved[1] : moved[1] + size]
        row = out[r * size : (r + 1) * size]
        for k in range(size):
            both = good[k] and fine[k]
            row[k] = 1.0 if both else 0.0
            count += both
    return float(count)


@njit(cache=True, nogil=True)
def fill_strips(
    chips: FloatArray,
    splines: FloatArray,
    at: tuple[int, int],
    moved: tuple[int, int],
    size: int,
    is_new: bool,
    spline: DoubleArray,
    levels: DoubleArray,
    strips: FloatArray,
) -> None:
    """Write a chip and the search area between its pixels, row after row. In place.

    Parameters
    ----------
    chips, splines : ndarray of float32
        ``(plane, row, col)``: pixels of the reference, spline coefficients of the secondary.
    at, moved : tuple of int
        First pixel in the reference, and the pixel at or left above its place in the secondary.
    size : int
        Side of the chip.
    is_new : bool
        Whether to write the chip too, or only the search area.
    spline : ndarray of float64
        ``(2, 3, 4)``: weights along rows and columns.
    levels : ndarray of float64
        ``(2, plane)``: what is subtracted from either.
    strips : ndarray of float32
        ``(plane, 6, size^2)``, written.
    """
    lines = np.empty((2, size + 3), np.float32)
    for p in range(len(chips)):
        for r in range(size):
            if is_new:
                chip_row(chips[p], at[0] + r, at[1], levels[0, p], r * size, size, strips[p])
            spline_row(
                splines[p], moved[0] + r - 1, moved[1] - 1, spline, levels[1, p], lines, r * size, size, strips[p]
            )


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def add_products(
    strip: FloatArray, weights: FloatArray, begin: int, end: int, linear: DoubleArray, squares: DoubleArray
) -> None:
    """Add up pixels of a strip: each of its rows, and the products of `PAIRS`. In place.

    Parameters
    ----------
    strip : ndarray of float32
        ``(6, pixel)``.
    weights : ndarray of float32
        ``(pixel,)``.
    begin, end : int
        Which pixels.
    linear : ndarray of float64
        ``(6,)``.
    squares : ndarray of float64
        ``(len(PAIRS),)``.
    """
    size = end - begin
    a, ay, ax = strip[A, begin:end], strip[AY, begin:end], strip[AX, begin:end]
    v, vy, vx = strip[V, begin:end], strip[VY, begin:end], strip[VX, begin:end]
    weight = weights[begin:end]
    s0 = s1 = s2 = s3 = s4 = s5 = np.float32(0)
    for k in range(size):
        w = weight[k]
        s0 += w * a[k]
        s1 += w * ay[k]
        s2 += w * ax[k]
        s3 += w * v[k]
        s4 += w * vy[k]
        s5 += w * vx[k]
    t0 = t1 = t2 = t3 = t4 = t5 = t6 = t7 = np.float32(0)
    for k in range(size):
        wa, wv, wy = weight[k] * a[k], weight[k] * v[k], weight[k] * ay[k]
        t0 += wa * a[k]
        t1 += wa * v[k]
        t2 += wv * v[k]
        t3 += wa * ay[k]
        t4 += wa * ax[k]
        t5 += wv * ay[k]
        t6 += wv * ax[k]
        t7 += wy * ay[k]
    u0 = u1 = u2 = u3 = u4 = u5 = u6 = u7 = np.float32(0)
    for k in range(size):
        wa, wy, wx = weight[k] * a[k], weight[k] * ay[k], weight[k] * ax[k]
        u0 += wy * ax[k]
        u1 += wx * ax[k]
        u2 += wa * vy[k]
        u3 += wa * vx[k]
        u4 += wy * vy[k]
        u5 += wy * vx[k]
        u6 += wx * vy[k]
        u7 += wx * vx[k]
    for k, value in enumerate((s0, s1, s2, s3, s4, s5)):
        linear[k] += value
    for k, value in enumerate((t0, t1, t2, t3, t4, t5, t6, t7, u0, u1, u2, u3, u4, u5, u6, u7)):
        squares[k] += value


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def turn(real: FloatArray, imag: FloatArray, phase: float) -> None:
    """Turn the complex search area of two strips, and its slopes, back by a phase. In place."""
    c, s = np.float32(np.cos(phase)), np.float32(np.sin(phase))
    for q in range(V, VX + 1):
        re, im = real[q], imag[q]
        for k in range(re.size):
            x, y = re[k], im[k]
            re[k] = c * x + s * y
            im[k] = c * y - s * x


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def cross(real: FloatArray, imag: FloatArray, weights: FloatArray) -> float:
    """Return the imaginary part of ``sum conj(a) v`` over two strips."""
    ar, ai, vr, vi = real[A], imag[A], real[V], imag[V]
    total = np.float32(0)
    for k in range(weights.size):
        total += weights[k] * (ar[k] * vi[k] - ai[k] * vr[k])
    return float(total)
