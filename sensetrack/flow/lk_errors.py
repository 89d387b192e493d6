"""Errors of the displacement at every pixel, from the window that it was found in."""

from __future__ import annotations

import dataclasses

import numpy as np

from sensetrack.flow.assess import Assessment, Calibration, assess, broad_sums
from sensetrack.flow.lattice import CELL, cells_of
from sensetrack.types import DoubleArray, FlagArray, Mask


def judge(
    sums: DoubleArray,
    change: tuple[Mask, DoubleArray],
    number: FlagArray,
    radii: tuple[int, ...],
    calibration: Calibration,
) -> Assessment:
    """Judge a flow by the windows that its pixels have chosen; between two windows linearly.

    Parameters
    ----------
    sums : ndarray of float64
        From `sensetrack.flow.compare.compare`.
    change : tuple of ndarray
        Of the same sums, from `sensetrack.flow.changed.changed`: such ground is given what fails every limit.
    number : ndarray of uint8
        ``(row, col)``: which of the windows each pixel chose.
    radii : tuple of int
        Half the sides of the windows.
    calibration : Calibration

    Returns
    -------
    Assessment
        Of every cell; see `sensetrack.flow.assess.assess` for what it is made of.
    """
    chosen = _mean_of_cells(number)
    low = np.minimum(chosen.astype(np.int64), len(radii) - 1)
    high = np.minimum(low + 1, len(radii) - 1)
    broad = broad_sums(sums)
    found = [assess(sums, max(1, round((2 * radius + 1) / CELL)), calibration, broad) for radius in radii]

    def between(name: str) -> DoubleArray:
        layers = np.stack([getattr(each, name) for each in found])
        first, second = (np.take_along_axis(layers, index[None], 0)[0] for index in (low, high))
        return np.asarray(first + (chosen - low) * (second - first))

    mixed = Assessment(**{field.name: between(field.name) for field in dataclasses.fields(Assessment)})
    is_new, correlation = change
    return dataclasses.replace(
        mixed,
        correlation=np.where(is_new, np.minimum(correlation, mixed.correlation), mixed.correlation),
        chance=np.where(is_new, 1.0, mixed.chance),
    )


def _mean_of_cells(number: FlagArray) -> DoubleArray:
    """Return the mean number of every cell; sides are multiples of `CELL`."""
    rows, cols = cells_of(number.shape)
    return np.asarray(number.reshape(rows, CELL, cols, CELL).mean(axis=(1, 3), dtype=np.float64))
