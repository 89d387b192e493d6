"""Reads a flow and what is known of it at the output pixels, and flags them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from sensetrack.displacement import LAYERS, Field, Flag
from sensetrack.flow.assess import Assessment
from sensetrack.flow.lattice import between, place
from sensetrack.flow.tiling import over_rows
from sensetrack.types import DoubleArray, FlagArray, FloatArray

_NODATA, _FLAT = int(Flag.NODATA), int(Flag.FLAT)
_LOW_QUALITY, _NOT_CONVERGED = int(Flag.LOW_QUALITY), int(Flag.NOT_CONVERGED)


@dataclass(frozen=True)
class Limits:
    """What a pixel must keep to count as a measurement.

    Attributes
    ----------
    min_valid : float
        Least share of the window that is valid.
    flat : float
        Least relative difference between neighbouring pixels.
    miss : float
        Most pixels by which the way there and back misses its start; 0 for no limit.
    chance : float
        Least correlation, in standard deviations of that of unrelated images.
    rest : float
        Longest step in pixels that the images may still ask for.
    """

    min_valid: float
    flat: float
    miss: float
    chance: float
    rest: float


def sample(
    flow: tuple[FloatArray, FloatArray],
    miss: FloatArray,
    found: Assessment,
    textures: tuple[DoubleArray, DoubleArray],
    limits: Limits,
    step: int,
    pad: int,
    shape: tuple[int, int],
) -> Field:
    """Return the field at the centres of ``step`` x ``step`` pixels.

    Where the centre lies between pixels (an even step), flow and miss are the mean of the valid ones of the four around
    it; nothing is averaged over the rest of the cell.

    Parameters
    ----------
    flow : tuple of ndarray of float32
        dx and dy at every pixel.
    miss : ndarray of float32
        From `sensetrack.flow.compare.compare`.
    found : Assessment
    textures : tuple of ndarray of float64
        For every cell, by how much neighbouring pixels of the reference and of the secondary differ, relative to their
        level.
    limits : Limits
    step, pad : int
        Pixels per output pixel, and pixels around the output that served as context.
    shape : tuple of int
        Of the output.

    Returns
    -------
    Field
        Quality is ``max(r, 0) / (1 + m^2)`` with the correlation coefficient ``r`` and the miss ``m`` in pixels.
    """
    layers = np.stack(
        [
            found.share,
            found.correlation,
            found.chance,
            found.rest,
            found.variance_dx,
            found.variance_dy,
            found.covariance,
        ]
    )
    out = np.full((6, *shape), np.nan, np.float32)
    flags = np.zeros(shape, np.uint8)
    bounds = np.array([limits.min_valid, limits.flat, limits.miss or np.inf, limits.chance, limits.rest])
    over_rows(
        shape[0],
        lambda first, last: _sample(*flow, miss, layers, *textures, bounds, step, pad, (first, last), out, flags),
    )
    return Field.from_layers(dict(zip(LAYERS, (*out, flags), strict=True)))


@njit(cache=True, nogil=True)
def _sample(
    dx: FloatArray,
    dy: FloatArray,
    miss: FloatArray,
    layers: DoubleArray,
    first_texture: DoubleArray,
    second_texture: DoubleArray,
    bounds: DoubleArray,
    step: int,
    pad: int,
    strip: tuple[int, int],
    out: FloatArray,
    flags: FlagArray,
) -> None:
    min_valid, flat, largest_miss, chance, longest_rest = bounds
    count_layers, cell_rows, cell_cols = layers.shape
    lines, here = np.empty((cell_cols, count_layers)), np.empty(count_layers)
    for i in range(strip[0], strip[1]):
        low_row, high_row = pad + i * step + (step - 1) // 2, pad + i * step + step // 2
        row = (low_row + high_row) / 2
        top, bottom, down = place(row, cell_rows)
        for k in range(count_layers):
            for j in range(cell_cols):
                lines[j, k] = layers[k, top, j] + down * (layers[k, bottom, j] - layers[k, top, j])
        for j in range(flags.shape[1]):
            low_col, high_col = pad + j * step + (step - 1) // 2, pad + j * step + step // 2
            col = (low_col + high_col) / 2
            count = 0
            x = y = missed = 0.0
            for r in (low_row, high_row):
                for c in (low_col, high_col):
                    if not np.isnan(miss[r, c]):
                        count += 1
                        x += dx[r, c]
                        y += dy[r, c]
                        missed += miss[r, c]
            left, right, across = place(col, cell_cols)
            for k in range(count_layers):
                here[k] = lines[left, k] + across * (lines[right, k] - lines[left, k])
            if count == 0 or here[0] < min_valid:
                flags[i, j] = _NODATA
                continue
            x, y, missed = x / count, y / count, missed / count
            if between(first_texture, row, col) < flat or between(second_texture, row + y, col + x) < flat:
                flags[i, j] = _FLAT
                continue
            correlation = here[1]
            variance_x, variance_y = here[4], here[5]
            out[0, i, j], out[1, i, j] = x, y
            out[2, i, j] = min(max(correlation, 0.0), 1.0) / (1 + missed * missed)
            out[3, i, j], out[4, i, j] = np.sqrt(variance_x), np.sqrt(variance_y)
            rho = here[6] / np.sqrt(variance_x * variance_y)
            out[5, i, j] = min(max(rho, -1.0), 1.0)
            if missed > largest_miss or correlation < chance * here[2]:
                flags[i, j] |= _LOW_QUALITY
            rest = here[3]
            if rest > longest_rest and rest * rest > 9 * (variance_x + variance_y):
                flags[i, j] |= _NOT_CONVERGED
