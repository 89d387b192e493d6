"""Normalised cross-correlation of chips from sums of products: exact means and variances, also under masks."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray, Mask

FLAT = 1e-6
"""Standard deviation over root mean square below which a chip has no texture but rounding errors."""

EXCLUDED = np.float32(-2)
"""Stands for lags without a correlation: too few pixels are valid in both, or the search area is flat there."""

_NOISE = 1e-5
"""Share of a float32 sum of squares below which the variance that is left of it is rounding."""


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def load(
    planes: FloatArray, valid: Mask, top: int, left: int, masked: bool, level: DoubleArray, out: FloatArray
) -> None:
    """Copy a region of an image, less its mean, with what masked correlation needs beside it. In place.

    Parameters
    ----------
    planes : ndarray of float32
        ``(plane, row, col)``: the pixels, or their real and imaginary parts; 0 where invalid.
    valid : ndarray of bool
    top, left : int
        Upper left pixel; the region may reach beyond the image, where nothing is valid.
    masked : bool
        Whether to add two planes: 1 where valid, and the squared pixel.
    level : ndarray of float64
        Written: the mean of each plane over the valid pixels, which was subtracted.
    out : ndarray of float32
        ``(plane, row, col)``, written; 0 where invalid.
    """
    count = len(planes)
    height, width = valid.shape
    r0, r1 = max(top, 0), min(top + out.shape[1], height)
    c0, c1 = max(left, 0), max(min(left + out.shape[2], width), 0)
    if r1 - r0 < out.shape[1] or c1 - c0 < out.shape[2] or masked:
        out[:] = 0
    number = 0
    level[:] = 0
    for r in range(r0, r1):
        good = valid[r, c0:c1]
        for c in range(good.size):
            number += good[c]
        for p in range(count):
            line, total = planes[p, r, c0:c1], np.float32(0)
            for c in range(line.size):
                total += line[c]
            level[p] += total
    level /= max(number, 1)
    for r in range(r0, r1):
        good = valid[r, c0:c1]
        for p in range(count):
            mean = np.float32(level[p])
            source, target = planes[p, r, c0:c1], out[p, r - top, c0 - left : c1 - left]
            for c in range(good.size):
                target[c] = source[c] - mean if good[c] else np.float32(0)
        if masked:
            known, squares = out[count, r - top, c0 - left : c1 - left], out[count + 1, r - top, c0 - left : c1 - left]
            for c in range(good.size):
                known[c] = np.float32(1) if good[c] else np.float32(0)
            for p in range(count):
                target = out[p, r - top, c0 - left : c1 - left]
                for c in range(good.size):
                    squares[c] += target[c] * target[c]


@njit(cache=True, nogil=True)
def integrals(region: FloatArray, count: int, out: DoubleArray) -> None:
    """Write summed-area tables of the first ``count`` planes of a region, and of their squares. In place.

    Parameters
    ----------
    region : ndarray of float32
        ``(plane, row, col)``.
    count : int
    out : ndarray of float64
        ``(count + 1, row + 1, col + 1)``, written: sums above and to the left; the last one of the squares.
    """
    out[:, 0, :] = 0
    for r in range(region.shape[1]):
        squares = 0.0
        out[count, r + 1, 0] = 0
        for p in range(count):
            total = 0.0
            out[p, r + 1, 0] = 0
            for c in range(region.shape[2]):
                total += region[p, r, c]
                out[p, r + 1, c + 1] = out[p, r, c + 1] + total
        for c in range(region.shape[2]):
            for p in range(count):
                value = np.float64(region[p, r, c])
                squares += value * value
            out[count, r + 1, c + 1] = out[count, r, c + 1] + squares


@njit(cache=True, nogil=True)
def box(table: DoubleArray, row: int, col: int, size: int) -> float:
    """Return the sum over a square from a summed-area table."""
    total: float = table[row + size, col + size] - table[row, col + size] - table[row + size, col] + table[row, col]
    return total


@njit(cache=True, nogil=True)
def is_flat(variance: float, level: float, count: float) -> bool:
    """Whether a sum of squares about the mean, over ``count`` pixels of a squared mean ``level``, is rounding only."""
    return variance <= FLAT * FLAT * (variance + count * level)


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _add_row(row: FloatArray, sign: float, sums: DoubleArray, squares: DoubleArray) -> None:
    for c in range(row.size):
        value = np.float64(row[c])
        sums[c] += sign * value
        squares[c] += sign * value * value


@njit(cache=True, nogil=True)
def _accumulate(values: DoubleArray, out: DoubleArray) -> None:
    """Write running totals, with 0 before the first. In place."""
    total = 0.0
    out[0] = 0.0
    for c in range(values.size):
        total += values[c]
        out[c + 1] = total


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def plain_scales(area: FloatArray, level: DoubleArray, size: int, sums: FloatArray, scale: FloatArray) -> None:
    """Write what normalises a search area without invalid pixels, at every place of a chip. In place.

    Parameters
    ----------
    area : ndarray of float32
        ``(plane, row, col)``.
    level : ndarray of float64
        ``(plane,)``, as `load` writes it.
    size : int
        Side of the chip.
    sums : ndarray of float32
        ``(plane, row, col)``, written: sum of each plane over the chip whose upper left pixel it is.
    scale : ndarray of float32
        ``(row, col)``, written: one over the square root of its sum of squares about the mean; 0 where it is flat.
    """
    planes, width = len(level), area.shape[2]
    rows, cols = scale.shape
    number = float(size * size)
    down, squares = np.zeros((planes, width)), np.zeros(width)
    across, powers = np.empty((planes, width + 1)), np.empty(width + 1)
    spread, mean_power = np.empty(cols), np.empty(cols)
    for r in range(size - 1):
        for p in range(planes):
            _add_row(area[p, r], 1.0, down[p], squares)
    for r in range(rows):
        for p in range(planes):
            _add_row(area[p, r + size - 1], 1.0, down[p], squares)
            if r > 0:
                _add_row(area[p, r - 1], -1.0, down[p], squares)
            _accumulate(down[p], across[p])
        _accumulate(squares, powers)
        for c in range(cols):
            spread[c] = powers[c + size] - powers[c]
            mean_power[c] = 0.0
        for p in range(planes):
            line, base, target = across[p], level[p], sums[p, r]
            for c in range(cols):
                total = line[c + size] - line[c]
                target[c] = total
                spread[c] -= total * total / number
                mean_power[c] += (base + total / number) ** 2
        target = scale[r]
        for c in range(cols):
            flat = is_flat(spread[c], mean_power[c], number)
            target[c] = 0.0 if flat else 1.0 / np.sqrt(spread[c])


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def plain_surface(
    products: FloatArray,
    place: tuple[int, int, int, int],
    means: DoubleArray,
    own_scale: float,
    sums: FloatArray,
    scale: FloatArray,
    corner: tuple[int, int],
    out: FloatArray,
) -> None:
    """Write the correlation of one chip without invalid pixels at all lags. In place.

    With ``a`` and ``b`` the pixels, ``r = (sum conj(a) b - conj(mean a) sum b) / (|a - mean a| |b - mean b|)``: its
    real part, or its magnitude where ``products`` holds an imaginary part.

    Parameters
    ----------
    products : ndarray of float32
        ``(1 or 2, chip row, chip col, lag row, lag col)``: sums of products, real and imaginary.
    place : tuple of int
        Row and column of the chip, and of the first lag.
    means : ndarray of float64
        Mean of each plane of the chip, less the level of its region.
    own_scale : float
        One over the square root of the chip's sum of squares about its mean.
    sums, scale : ndarray of float32
        As `plain_scales` writes them.
    corner : tuple of int
        Row and column of the first lag's place in ``sums`` and ``scale``.
    out : ndarray of float32
        ``(lag row, lag col)``, written.
    """
    is_complex = len(means) == 2
    i, j, row, col = place
    y, x = corner
    lags = out.shape[1]
    re, im = np.float32(means[0]), np.float32(means[1] if is_complex else 0.0)
    factor = np.float32(own_scale)
    for r in range(out.shape[0]):
        top = products[0, i, j, row + r, col : col + lags]
        first, wide, target = sums[0, y + r, x : x + lags], scale[y + r, x : x + lags], out[r]
        if not is_complex:
            for c in range(lags):
                target[c] = (top[c] - re * first[c]) * (factor * wide[c])
        elif len(products) == 1:
            second = sums[1, y + r, x : x + lags]
            for c in range(lags):
                target[c] = (top[c] - re * first[c] - im * second[c]) * (factor * wide[c])
        else:
            second = sums[1, y + r, x : x + lags]
            turned = products[1, i, j, row + r, col : col + lags]
            for c in range(lags):
                real = top[c] - re * first[c] - im * second[c]
                imag = turned[c] - re * second[c] + im * first[c]
                target[c] = np.sqrt(real * real + imag * imag) * (factor * wide[c])
        for c in range(lags):
            target[c] = EXCLUDED if wide[c] == 0 else target[c]


@njit(cache=True, nogil=True)
def masked_surface(
    products: FloatArray, place: tuple[int, int, int, int], is_complex: bool, least: float, out: FloatArray
) -> int:
    """Write the correlation of one chip over the pixels that are valid in both images, at all lags.

    Means and variances are those of the jointly valid pixels of each lag (Padfield 2012, *Masked object registration in
    the Fourier domain*, IEEE Trans. Image Process. 21, 2706, eqs. 10-17).

    Parameters
    ----------
    products : ndarray of float32
        ``(sum, chip row, chip col, lag row, lag col)``: of ``a b``, of pixels valid in both, of ``|a|^2``, ``|b|^2``,
        ``a`` and ``b`` over those; for complex pixels then the imaginary parts of ``a`` and ``b``, and last of
        ``conj(a) b`` where the magnitude is wanted.
    place : tuple of int
        Row and column of the chip, and of the first lag.
    is_complex : bool
    least : float
        Fewest pixels that must be valid in both; other lags are `EXCLUDED`.
    out : ndarray of float32
        ``(lag row, lag col)``, written.

    Returns
    -------
    int
        Number of lags with enough valid pixels.
    """
    i, j, row, col = place
    is_free = len(products) == 9
    enough = 0
    for r in range(out.shape[0]):
        for c in range(out.shape[1]):
            y, x = row + r, col + c
            number = np.float64(products[1, i, j, y, x])
            out[r, c] = EXCLUDED
            if number < max(least, 3.0):
                continue
            enough += 1
            a, b = np.float64(products[4, i, j, y, x]), np.float64(products[5, i, j, y, x])
            real = products[0, i, j, y, x] - a * b / number
            first = products[2, i, j, y, x] - a * a / number
            second = products[3, i, j, y, x] - b * b / number
            imag = 0.0
            if is_complex:
                p, q = np.float64(products[6, i, j, y, x]), np.float64(products[7, i, j, y, x])
                real -= p * q / number
                first -= p * p / number
                second -= q * q / number
                if is_free:
                    imag = products[8, i, j, y, x] - (a * q - p * b) / number
            if first <= _NOISE * products[2, i, j, y, x] or second <= _NOISE * products[3, i, j, y, x]:
                continue
            if is_free:
                real = np.sqrt(real * real + imag * imag)
            out[r, c] = real / np.sqrt(first * second)
    return enough


def product_table(is_complex: bool, is_free: bool, masked: bool) -> NDArray[np.int64]:
    """Return which planes are multiplied for which sum, as `sensetrack.correlation.ncc_sums.chip_sums` takes them.

    Parameters
    ----------
    is_complex : bool
    is_free : bool
        Whether the magnitude of complex correlations counts, so that their imaginary part is needed as well.
    masked : bool
    """
    if not is_complex:
        plain = [(0, 0, 1, 0)]
        return np.array(
            [*plain, (1, 1, 1, 1), (2, 1, 1, 2), (1, 2, 1, 3), (0, 1, 1, 4), (1, 0, 1, 5)] if masked else plain
        )
    table = [(0, 0, 1, 0), (1, 1, 1, 0)]
    if masked:
        table += [(2, 2, 1, 1), (3, 2, 1, 2), (2, 3, 1, 3), (0, 2, 1, 4), (2, 0, 1, 5), (1, 2, 1, 6), (2, 1, 1, 7)]
    if is_free:
        last = table[-1][3] + 1
        table += [(0, 1, 1, last), (1, 0, -1, last)]
    return np.array(table)
