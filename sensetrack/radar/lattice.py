"""Geometry that is exact on a coarse lattice of a map, and interpolated for the pixels between; compiled loops."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.radar.srgr import turn
from sensetrack.types import DoubleArray

Axis = tuple[DoubleArray, NDArray[np.int64], DoubleArray]
"""Nodes of an axis in pixels, the first of the four nodes of every pixel, and the weights ``(n, 4)`` of the four."""

SLAB = 2000.0
"""Height of a layer of the lattice, m: nodes are at its bottom, middle and top, and quadratic between them.

The third derivative of the slant range by height is below 2e-12 per square metre, so that it is off by 0.2 mm at most.
"""


@dataclass(frozen=True)
class Lattice:
    """Nodes on every so many pixels, counted from the corner of the map, so that results do not depend on blocks.

    Between them Lagrange's cubic polynomials hold, through four nodes on each axis.

    Attributes
    ----------
    step : int
        Pixels from node to node; with 1 every pixel is a node.
    """

    step: int

    def axis(self, start: int, length: int) -> Axis:
        """Return what the pixels from ``start`` on need of one axis."""
        pixels = np.arange(start, start + length, dtype=np.int64)
        cell = pixels // self.step
        first = int(cell[0]) - 1
        nodes = np.asarray(np.arange(first, int(cell[-1]) + 3) * float(self.step), np.float64)
        t = (pixels - cell * self.step) / self.step
        weights = np.stack(
            [
                -t * (t - 1) * (t - 2) / 6,
                (t + 1) * (t - 1) * (t - 2) / 2,
                -(t + 1) * t * (t - 2) / 2,
                (t + 1) * t * (t - 1) / 6,
            ],
            axis=1,
        )
        return nodes, cell - 1 - first, np.asarray(weights, np.float64)

    def spread(self, nodes: DoubleArray, rows: Axis, cols: Axis) -> DoubleArray:
        """Return values of all pixels from those of the nodes ``(len(rows[0]), len(cols[0]))``."""
        out = np.empty((len(rows[1]), len(cols[1])))
        _spread_into(out, np.ascontiguousarray(nodes), rows[1], rows[2], cols[1], cols[2])
        return out


@njit(cache=True, nogil=True)
def _spread_into(
    out: DoubleArray,
    nodes: DoubleArray,
    rows: NDArray[np.int64],
    row_weights: DoubleArray,
    cols: NDArray[np.int64],
    col_weights: DoubleArray,
) -> None:
    width = nodes.shape[1]
    line = np.empty(width)
    for i in range(out.shape[0]):
        for k in range(width):
            line[k] = 0.0
            for a in range(4):
                line[k] += row_weights[i, a] * nodes[rows[i] + a, k]
        for j in range(out.shape[1]):
            total = 0.0
            for b in range(4):
                total += col_weights[j, b] * line[cols[j] + b]
            out[i, j] = total


@njit(cache=True, nogil=True)
def times_ranges_into(
    time: DoubleArray,
    distance: DoubleArray,
    height: DoubleArray,
    node_times: DoubleArray,
    node_ranges: DoubleArray,
    lowest: int,
    rows: NDArray[np.int64],
    row_weights: DoubleArray,
    cols: NDArray[np.int64],
    col_weights: DoubleArray,
) -> None:
    """Fill times, s, and slant ranges, m, of pixels with heights, m; NaN where the height is.

    ``node_times`` and ``node_ranges`` are ``(2 * slabs + 1, rows, cols)``, half a `SLAB` apart, from
    ``lowest * SLAB`` upward.
    """
    levels, _, width = node_times.shape
    lines = np.empty((levels, 2, width))
    half = 0.5 * SLAB
    for i in range(height.shape[0]):
        for level in range(levels):
            for k in range(width):
                t, r = 0.0, 0.0
                for a in range(4):
                    weight = row_weights[i, a]
                    t += weight * node_times[level, rows[i] + a, k]
                    r += weight * node_ranges[level, rows[i] + a, k]
                lines[level, 0, k], lines[level, 1, k] = t, r
        for j in range(height.shape[1]):
            h = height[i, j]
            if not math.isfinite(h):
                time[i, j], distance[i, j] = math.nan, math.nan
                continue
            own = min(max(math.floor(h / SLAB), lowest), lowest + (levels - 3) // 2)
            slab = own - lowest
            u = (h - own * SLAB) / half - 1.0
            by_height = (0.5 * u * (u - 1.0), 1.0 - u * u, 0.5 * u * (u + 1.0))
            t, r = 0.0, 0.0
            first = cols[j]
            for m in range(3):
                one, two = 0.0, 0.0
                for b in range(4):
                    weight = col_weights[j, b]
                    one += weight * lines[2 * slab + m, 0, first + b]
                    two += weight * lines[2 * slab + m, 1, first + b]
                t += by_height[m] * one
                r += by_height[m] * two
            time[i, j], distance[i, j] = t, r


@njit(cache=True, nogil=True)
def pixels_into(
    time: DoubleArray,
    distance: DoubleArray,
    start: float,
    interval: float,
    near: float,
    spacing: float,
    on_ground: bool,
    record_times: DoubleArray,
    slant_origin: DoubleArray,
    ground_origin: DoubleArray,
    ground: DoubleArray,
    slant: DoubleArray,
    linear: bool,
) -> None:
    """Turn times into lines and slant ranges into samples, in place."""
    guess = 0
    for i in range(time.shape[0]):
        for j in range(time.shape[1]):
            value = distance[i, j]
            if on_ground:
                value, guess = turn(
                    record_times,
                    slant_origin,
                    ground_origin,
                    ground,
                    slant,
                    linear,
                    True,
                    time[i, j],
                    value,
                    guess,
                )
            distance[i, j] = (value - near) / spacing
            time[i, j] = (time[i, j] - start) / interval
