"""Motion towards east, north and up in a block, from all views of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensetrack.displacement import Flag
from sensetrack.raster.grid import Grid
from sensetrack.raster.north import meridian_convergence
from sensetrack.raster.tiles import Block
from sensetrack.timeseries.enu import to_enu
from sensetrack.timeseries.params import CombineParams
from sensetrack.timeseries.slope import Slope
from sensetrack.timeseries.views import LEFT_OUT, OpenView
from sensetrack.types import DoubleArray, FlagArray
from sensetrack.velocity.scale import metres_per_pixel

COMPONENTS = ("east", "north", "up")

CORRELATIONS = (("east", "north"), ("east", "up"), ("north", "up"))


@dataclass(frozen=True, eq=False)
class CombineTask:
    """Combines one block; pickles as paths and parameters."""

    grid: Grid
    views: tuple[OpenView, ...]
    slope: Slope | None
    params: CombineParams
    per_day: bool

    def __call__(self, block: Block) -> tuple[dict[str, NDArray[Any]], list[int]]:
        """Return the layers of a block, and at how many of its pixels each view takes part."""
        window = self.grid.crop(block.row, block.col, block.shape)
        turn = np.radians(meridian_convergence(window))
        slope = np.zeros((2, *block.shape)) if self.slope is None else _turned(self.slope.read(block), turn)
        scale = _scale(window) if self.params.distances == "map" else np.ones((1, 1))
        count = 2 * len(self.views)
        measured = np.empty((count, *block.shape))
        covariance = np.zeros((count, count, *block.shape))
        rows = np.empty((count, 3, *block.shape))
        used, why, raised = [], np.zeros(block.shape, np.uint8), np.zeros(block.shape, np.uint8)
        for number, view in enumerate(self.views):
            both = slice(2 * number, 2 * number + 2)
            velocity, spread, flags = view.read(block, self.per_day)
            measured[both] = _turned(velocity, turn) / scale
            covariance[both, both] = _turned_covariance(spread, turn) / scale**2
            rows[both], left_out = view.rows(block, slope)
            left_out |= np.where(
                (flags == 0) & np.isfinite(velocity).all(axis=0) & (spread[:2] > 0).all(axis=0), 0, LEFT_OUT["no_value"]
            ).astype(np.uint8)
            measured[both][:, left_out != 0] = np.nan
            used.append(left_out == 0)
            why |= left_out
            raised |= flags
        found, spread = (each.astype(np.float64) for each in to_enu(measured, covariance, rows, self.params.prior))
        # A prior alone is no measurement.
        found[:, ~np.any(used, axis=0)] = np.nan
        layers = _layers(found, spread, turn)
        layers["misfit"] = self._misfit(measured, covariance, rows, found)
        layers["views"] = np.sum(used, axis=0).astype(np.uint8)
        layers["left_out"] = why
        layers["flags"] = _flags(np.isfinite(found[2]), raised, why)
        return layers, [int(np.count_nonzero(each)) for each in used]

    def _misfit(
        self, measured: DoubleArray, covariance: DoubleArray, rows: DoubleArray, found: DoubleArray
    ) -> DoubleArray:
        """Return the root of the sum of squares that is left, per equation beyond the three that are needed."""
        total, spare = np.zeros(found.shape[1:]), np.full(found.shape[1:], -3.0)
        for first in range(0, len(measured), 2):
            both = slice(first, first + 2)
            a, b = measured[both] - np.einsum("rc...,c...->r...", rows[both], found)
            xx, yy, xy = covariance[first, first], covariance[first + 1, first + 1], covariance[first, first + 1]
            with np.errstate(invalid="ignore", divide="ignore"):
                square = (yy * a * a - 2 * xy * a * b + xx * b * b) / (xx * yy - xy * xy)
            known = np.isfinite(square)
            total += np.where(known, square, 0.0)
            spare += 2.0 * known
        for component, sigma in zip(found, self.params.prior or (), strict=False):
            if math.isfinite(sigma):
                total += (component / sigma) ** 2
                spare += 1.0
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where((spare > 0) & np.isfinite(found[2]), np.sqrt(total / spare), np.nan)


def _scale(window: Grid) -> DoubleArray:
    """Return metres of the map per metre on the ground."""
    areas = []
    for distances in ("map", "ground"):
        metres = metres_per_pixel(window, 1, distances=distances)
        areas.append(np.abs(metres.x_dx * metres.y_dy - metres.x_dy * metres.y_dx))
    return np.sqrt(areas[0] / areas[1])


def _turned(vector: DoubleArray, turn: DoubleArray) -> DoubleArray:
    """Return a vector along the map's axes along true east and north; ``turn`` is the meridian convergence."""
    x, y = vector
    return np.stack([x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)])


def _turned_covariance(spread: DoubleArray, turn: DoubleArray) -> DoubleArray:
    """Return xx, yy, xy along the map's axes as a matrix along true east and north, (2, 2, row, col)."""
    xx, yy, xy = spread
    c, s = np.cos(turn), np.sin(turn)
    east = c * c * xx + 2 * c * s * xy + s * s * yy
    north = s * s * xx - 2 * c * s * xy + c * c * yy
    cross = (c * c - s * s) * xy + c * s * (yy - xx)
    return np.stack([np.stack([east, cross]), np.stack([cross, north])])


def _layers(found: DoubleArray, spread: DoubleArray, turn: DoubleArray) -> dict[str, NDArray[Any]]:
    known = np.isfinite(found[2])
    variances = np.where(known, np.diagonal(spread, axis1=0, axis2=1).transpose(2, 0, 1), np.nan)
    layers: dict[str, NDArray[Any]] = {f"v_{name}": found[k] for k, name in enumerate(COMPONENTS)}
    layers |= {f"v_{name}_error": np.sqrt(variances[k]) for k, name in enumerate(COMPONENTS)}
    for one, other in CORRELATIONS:
        i, j = COMPONENTS.index(one), COMPONENTS.index(other)
        layers[f"rho_{one}_{other}"] = spread[i, j] / np.sqrt(variances[i] * variances[j])
    layers["vx"], layers["vy"] = _turned(found[:2], -turn)
    return layers


def _flags(known: NDArray[np.bool_], raised: FlagArray, why: FlagArray) -> FlagArray:
    """Return 0 where there is a value, else why not: what the views say, or that they do not see enough."""
    raised = raised & ~np.uint8(Flag.FILLED)
    raised = raised | np.where((why != 0) & (raised == 0), np.uint8(Flag.NODATA), np.uint8(0))
    raised = np.where(raised == 0, np.uint8(Flag.LOW_QUALITY), raised)
    return np.where(known, np.uint8(0), raised)
