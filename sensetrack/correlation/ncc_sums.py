"""Sums of products of chips and search areas over all lags, shared between chips that overlap.

Neighbouring chips cover much of the same ground. Products are summed over cells, whose borders are those of all chips
of a lattice, and cells are added up to chips; so a pixel is multiplied once per lag, however many chips it is in.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import FloatArray, Mask

UNIT = 4
"""Side of the squares of pixels that are multiplied in one sweep over the lags."""

BUFFER = 2**19
"""Sums of cells that are kept at a time; where there are more, lags are worked on a few rows at a time."""


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _sweep(values: FloatArray, lags: FloatArray, base: int, wide: int, out: FloatArray) -> None:
    """Add the products of ``UNIT x UNIT`` pixels with a strip of the search area, at all lags. In place.

    ``lags`` is a strip flattened by rows of ``wide`` pixels, so that the lags of all rows are one run of memory; the
    last ``UNIT - 1`` of each row mean nothing.
    """
    run = out.size
    a, b, c, d = values[0, 0], values[0, 1], values[0, 2], values[0, 3]
    e, f, g, h = values[1, 0], values[1, 1], values[1, 2], values[1, 3]
    i, j, k, m = values[2, 0], values[2, 1], values[2, 2], values[2, 3]
    n, o, p, q = values[3, 0], values[3, 1], values[3, 2], values[3, 3]
    w = lags[base : base + run + UNIT]
    x = lags[base + wide : base + wide + run + UNIT]
    y = lags[base + 2 * wide : base + 2 * wide + run + UNIT]
    z = lags[base + 3 * wide : base + 3 * wide + run + UNIT]
    for s in range(run):
        upper = (a * w[s] + b * w[s + 1] + c * w[s + 2] + d * w[s + 3]) + (
            e * x[s] + f * x[s + 1] + g * x[s + 2] + h * x[s + 3]
        )
        lower = (i * y[s] + j * y[s + 1] + k * y[s + 2] + m * y[s + 3]) + (
            n * z[s] + o * z[s + 1] + p * z[s + 2] + q * z[s + 3]
        )
        out[s] += upper + lower


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _add(values: FloatArray, out: FloatArray) -> None:
    for k in range(out.size):
        out[k] += values[k]


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _cell_column(
    first: FloatArray,
    second: FloatArray,
    left: int,
    cell: int,
    lag: int,
    sign: int,
    counts: Mask,
    strip: FloatArray,
    wide: int,
    cells: FloatArray,
) -> None:
    """Add the products of a column of cells, whose left edge is at ``left``, from lag row ``lag`` on. In place.

    ``strip`` is scratch for the search area of `UNIT` columns, ``wide`` the length of its rows.
    """
    values = np.empty((UNIT, UNIT), np.float32)
    height = len(cells) * cell + cells.shape[1] // wide - 1
    for across in range(0, cell, UNIT):
        begin = left + across
        span = min(wide, second.shape[1] - begin)
        for r in range(height):
            strip[r * wide : r * wide + span] = second[lag + r, begin : begin + span]
        for row in range(len(cells)):
            if not counts[row]:
                continue
            for down in range(0, cell, UNIT):
                top = row * cell + down
                for r in range(UNIT):
                    for c in range(UNIT):
                        inside = down + r < cell and across + c < cell
                        values[r, c] = sign * first[top + r, begin + c] if inside else np.float32(0)
                _sweep(values, strip, top * wide, wide, cells[row])


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def chip_sums(
    first: FloatArray,
    second: FloatArray,
    products: NDArray[np.int64],
    cell: int,
    per_chip: int,
    per_step: int,
    wanted: Mask,
    out: FloatArray,
) -> None:
    """Sum products over chips, at all lags. In place.

    Parameters
    ----------
    first : ndarray of float32
        ``(plane, row, col)``: the ground that the chips cover.
    second : ndarray of float32
        ``(plane, row, col)``: the same widened by the lags; ``[row + lag_row, col + lag_col]`` lies at that lag.
    products : ndarray of int64
        ``(k, 4)``: plane of ``first``, plane of ``second``, sign, and index of the sum that it belongs to. Products of
        one sum stand together, sums in ascending order.
    cell : int
        Side of a cell in pixels.
    per_chip, per_step : int
        Cells along a chip and from one chip to the next.
    wanted : ndarray of bool
        ``(chip row, chip col)``: which chips count.
    out : ndarray of float32
        ``(sum, chip row, chip col, lag row, lag col)``, written where ``wanted``.
    """
    rows, cols = wanted.shape
    lag_rows, lag_cols = out.shape[3], out.shape[4]
    cell_rows, cell_cols = (rows - 1) * per_step + per_chip, (cols - 1) * per_step + per_chip
    row_counts, col_counts = np.zeros(cell_rows, np.bool_), np.zeros(cell_cols, np.bool_)
    for i in range(rows):
        for j in range(cols):
            if wanted[i, j]:
                row_counts[i * per_step : i * per_step + per_chip] = True
                col_counts[j * per_step : j * per_step + per_chip] = True
    wide = lag_cols + UNIT - 1
    chunk = max(1, min(lag_rows, BUFFER // (cell_rows * cols * wide)))
    strip = np.zeros((cell_rows * cell + chunk - 1 + UNIT) * wide + UNIT, np.float32)
    buffer = np.empty(cell_rows * (cols + 1) * chunk * wide, np.float32)
    for lag in range(0, lag_rows, chunk):
        number_of_rows = min(chunk, lag_rows - lag)
        run = number_of_rows * wide
        cells = buffer[: cell_rows * run].reshape(cell_rows, run)
        columns = buffer[cell_rows * run : cell_rows * (cols + 1) * run].reshape(cell_rows, cols, run)
        for number in range(len(products)):
            p, q, sign, target = products[number]
            if number == 0 or target != products[number - 1, 3]:
                columns[:] = 0
            for cell_col in range(cell_cols):
                if not col_counts[cell_col]:
                    continue
                cells[:] = 0
                _cell_column(first[p], second[q], cell_col * cell, cell, lag, sign, row_counts, strip, wide, cells)
                first_chip = max(0, (cell_col - per_chip) // per_step + 1)
                for j in range(first_chip, min(cols - 1, cell_col // per_step) + 1):
                    for cell_row in range(cell_rows):
                        if row_counts[cell_row]:
                            _add(cells[cell_row], columns[cell_row, j])
            if number + 1 < len(products) and products[number + 1, 3] == target:
                continue
            total = cells[0]
            for i in range(rows):
                for j in range(cols):
                    if not wanted[i, j]:
                        continue
                    total[:] = columns[i * per_step, j]
                    for k in range(1, per_chip):
                        _add(columns[i * per_step + k, j], total)
                    for r in range(number_of_rows):
                        out[target, i, j, lag + r] = total[r * wide : r * wide + lag_cols]
