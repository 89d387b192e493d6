"""Carves mountains: rivers that cut down while the land rises, and slopes that fail when they are too steep.

The implicit scheme of Braun and Willett (2013, Geomorphology 180-181, doi:10.1016/j.geomorph.2012.10.008) for the
stream-power law with linear slope: every node drains to its steepest neighbour; visiting nodes upstream, each takes
``h = (h + u + f h_down) / (1 + f)`` with ``f = k drained_area ** m / distance``.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from scipy import ndimage

from sensetrack.scene._noise import NoiseSource
from sensetrack.types import FloatArray, Mask

CELL = 4
"""Ground samples per cell of the terrain that is carved."""

_TALUS = 0.75
_UPLIFT = 0.6
_STEEPNESS = 4.0
_CONCAVITY = 0.33


def carve(start: FloatArray, base: Mask, steps: int, noise: NoiseSource) -> FloatArray:
    """Return terrain with branching valleys, at the ground samples.

    Parameters
    ----------
    start : ndarray of float32
        Height at the ground samples, in samples; noise in it makes the valleys branch.
    base : ndarray of bool
        Ground samples whose height stays: valley floors that carry the debris away.
    steps : int
        Time steps, in each of which the land rises by 0.6 cells.
    noise : NoiseSource
        Bends the straight lines that the grid leaves.
    """
    low = np.ascontiguousarray(start[::CELL, ::CELL], np.float64) / CELL
    carved = _erode(low, np.ascontiguousarray(base[::CELL, ::CELL]), steps)
    carved = ndimage.spline_filter(ndimage.gaussian_filter(carved, 0.6), order=3)
    rows, cols = (np.arange(size, dtype=np.float32) / CELL for size in start.shape)
    index = [rows[:, None] + 2.0 * noise.band(240), cols[None, :] + 2.0 * noise.band(240)]
    fine = ndimage.map_coordinates(carved, index, order=3, output=np.float32, mode="nearest", prefilter=False)
    return np.where(base, start, CELL * fine)


@njit(cache=True, nogil=True)  # type: ignore[misc, unused-ignore]
def _erode(start, is_base, steps):  # type: ignore[no-untyped-def]
    rows, cols = start.shape
    count = rows * cols
    height, base = start.copy().ravel(), is_base.ravel()
    down = np.empty(count, np.int64)
    length = np.empty(count)
    first = np.empty(count + 1, np.int64)
    donor = np.empty(count, np.int64)
    order = np.empty(count, np.int64)
    area = np.empty(count)
    diagonal = np.sqrt(2.0)
    for _ in range(steps):
        for row in range(rows):
            for col in range(cols):
                node = row * cols + col
                down[node], length[node] = node, 1.0
                if base[node]:
                    continue
                steepest = 0.0
                for i in range(max(0, row - 1), min(rows, row + 2)):
                    for j in range(max(0, col - 1), min(cols, col + 2)):
                        drop = height[node] - height[i * cols + j]
                        if drop > 0:
                            distance = 1.0 if i == row or j == col else diagonal
                            if drop > steepest * distance:
                                steepest = drop / distance
                                down[node], length[node] = i * cols + j, distance
        # Nodes in an order that visits each after the one it drains to: breadth first from the outlets.
        first[:] = 0
        for node in range(count):
            if down[node] != node:
                first[down[node] + 1] += 1
        for node in range(count):
            first[node + 1] += first[node]
        filled = first[:count].copy()
        for node in range(count):
            if down[node] != node:
                donor[filled[down[node]]] = node
                filled[down[node]] += 1
        last = 0
        for node in range(count):
            if down[node] == node:
                order[last] = node
                last += 1
        head = 0
        while head < last:
            node = order[head]
            head += 1
            for k in range(first[node], first[node + 1]):
                order[last] = donor[k]
                last += 1
        area[:] = 1.0
        for k in range(count - 1, -1, -1):
            if down[order[k]] != order[k]:
                area[down[order[k]]] += area[order[k]]
        for k in range(count):
            node = order[k]
            if base[node]:
                continue
            height[node] += _UPLIFT
            if down[node] != node:
                below = height[down[node]]
                cut = area[node] ** _CONCAVITY / _STEEPNESS / length[node]
                risen = (height[node] + cut * below) / (1.0 + cut)
                height[node] = min(risen, below + _TALUS * length[node])
    return height.reshape(rows, cols)
