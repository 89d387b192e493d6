"""Layover and shadow: which places share their distance with others, and which the radar does not see; compiled.

Every pixel looks along its own line of sight over the heights around it, in the vertical plane of zero Doppler, which
is where the places are that it can share an echo with. So a window needs no more than a margin.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.radar.doppler import orbit_at
from sensetrack.radar.ellipsoid import to_geodetic
from sensetrack.radar.orbit import OrbitPolynomial
from sensetrack.types import DoubleArray

LAYOVER = 1
"""Another place on the same line of the image has the same distance."""

SHADOW = 2
"""Terrain nearer to the satellite covers the line of sight."""

_EARTH = 6_371_000.0
_CELL = 16
"""Pixels that a look over the terrain skips where nothing around is high enough."""


def layover_shadow(
    heights: DoubleArray, margin: int, ground: DoubleArray, time: DoubleArray, orbit: OrbitPolynomial
) -> NDArray[np.uint8]:
    """Return 0, `LAYOVER`, `SHADOW`, or 3 for both, of every pixel of a window.

    Layover marks the slope that leans over as well as what lies before and behind it at the same distances. Source:
    Kropatsch and Strobl (1990), *The generation of SAR layover and shadow maps from digital elevation models*, IEEE
    Transactions on Geoscience and Remote Sensing 28 (1), 98.

    Parameters
    ----------
    heights : ndarray of float64
        ``(rows + 2 * margin, columns + 2 * margin)``: m above the ellipsoid, NaN where unknown.
    margin : int
        Pixels around the window; see `reach_of`.
    ground : ndarray of float64
        ``(rows + 2, columns + 2, 3)``: earth-fixed positions at height 0 with one pixel more on every side, m.
    time : ndarray of float64
        ``(rows, columns)``: zero-Doppler times, s; NaN is left at 0.
    orbit : OrbitPolynomial
    """
    out = np.zeros(time.shape, np.uint8)
    known = heights[np.isfinite(heights)]
    if known.size:
        _mask_into(
            out,
            np.ascontiguousarray(heights),
            margin,
            float(known.min()),
            float(known.max()),
            np.ascontiguousarray(ground),
            np.ascontiguousarray(time),
            orbit.coefficients,
            orbit.middle,
            orbit.half,
        )
    return out


def reach_of(relief: float, near: float, far: float) -> float:
    """Return how far on the ground, m, layover and shadow reach.

    Parameters
    ----------
    relief : float
        Highest less lowest height, m.
    near, far : float
        Smallest and largest incidence angle, degrees.
    """
    return 1.05 * relief * max(1 / math.tan(math.radians(near)), math.tan(math.radians(far)))


@njit(cache=True, nogil=True)
def _height(heights: DoubleArray, row: float, col: float) -> float:
    """Return the height between pixels, bilinear; NaN where one of them is unknown or outside."""
    i, j = math.floor(row), math.floor(col)
    if i < 0 or j < 0 or i + 1 >= heights.shape[0] or j + 1 >= heights.shape[1]:
        return math.nan
    v, u = row - i, col - j
    top = heights[i, j] * (1.0 - u) + heights[i, j + 1] * u
    bottom = heights[i + 1, j] * (1.0 - u) + heights[i + 1, j + 1] * u
    return float(top * (1.0 - v) + bottom * v)


@njit(cache=True, nogil=True)
def _bounds(heights: DoubleArray, lowest: float, highest: float) -> tuple[DoubleArray, DoubleArray]:
    """Return the highest and the lowest height of every cell and the eight around it."""
    shape = heights.shape[0] // _CELL + 1, heights.shape[1] // _CELL + 1
    tops, bottoms = np.full(shape, lowest), np.full(shape, highest)
    for i in range(heights.shape[0]):
        for j in range(heights.shape[1]):
            height = heights[i, j]
            if not math.isfinite(height):
                continue
            for a in range(max(i // _CELL - 1, 0), min(i // _CELL + 2, shape[0])):
                for b in range(max(j // _CELL - 1, 0), min(j // _CELL + 2, shape[1])):
                    tops[a, b], bottoms[a, b] = max(tops[a, b], height), min(bottoms[a, b], height)
    return tops, bottoms


@njit(cache=True, nogil=True)
def _bound(bounds: DoubleArray, row: float, col: float) -> float:
    """Return the bound around a place: it holds for all that is up to a cell away."""
    i, j = math.floor(row) // _CELL, math.floor(col) // _CELL
    return float(bounds[min(max(i, 0), bounds.shape[0] - 1), min(max(j, 0), bounds.shape[1] - 1)])


@njit(cache=True, nogil=True)
def _mask_into(
    out: NDArray[np.uint8],
    heights: DoubleArray,
    margin: int,
    lowest: float,
    highest: float,
    ground: DoubleArray,
    time: DoubleArray,
    coefficients: DoubleArray,
    middle: float,
    half: float,
) -> None:
    state = np.empty((3, 3))
    tops, bottoms = _bounds(heights, lowest, highest)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            own = heights[i + margin, j + margin]
            if not (math.isfinite(time[i, j]) and math.isfinite(own)):
                continue
            orbit_at(coefficients, middle, half, time[i, j], state)
            x, y, z = ground[i + 1, j + 1, 0], ground[i + 1, j + 1, 1], ground[i + 1, j + 1, 2]
            lat, lon, _ = to_geodetic(x, y, z)
            ux, uy, uz = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
            x, y, z = x + own * ux, y + own * uy, z + own * uz
            dx, dy, dz = x - state[0, 0], y - state[0, 1], z - state[0, 2]
            distance = math.sqrt(dx * dx + dy * dy + dz * dz)
            high = -(dx * ux + dy * uy + dz * uz)
            # The direction along the ground away from the satellite, and the satellite in that vertical plane.
            hx, hy, hz = dx + high * ux, dy + high * uy, dz + high * uz
            back = math.sqrt(hx * hx + hy * hy + hz * hz)
            hx, hy, hz = hx / back, hy / back, hz / back
            # The same direction in pixels per metre: the axes of the map may have any angle and scale.
            ex, ey, ez = (ground[i + 1, j + 2] - ground[i + 1, j]) / 2.0
            sx, sy, sz = (ground[i + 2, j + 1] - ground[i, j + 1]) / 2.0
            ee, ss, es = ex * ex + ey * ey + ez * ez, sx * sx + sy * sy + sz * sz, ex * sx + ey * sy + ez * sz
            eh, sh = ex * hx + ey * hy + ez * hz, sx * hx + sy * hy + sz * hz
            scale = ee * ss - es * es
            cols, rows = (eh * ss - sh * es) / scale, (sh * ee - eh * es) / scale
            step = 1.0 / math.hypot(cols, rows)
            rows, cols = rows * step, cols * step
            rise = high / back
            flag = 0
            k = 1
            while k < margin:
                away = k * step
                drop = own + away * away / (2.0 * _EARTH)
                if highest - drop < away * rise:
                    break
                row, col = i + margin - k * rows, j + margin - k * cols
                if k % _CELL == 0 and _bound(tops, row, col) - drop < away * rise:
                    k += _CELL
                    continue
                if _height(heights, row, col) - drop > away * rise:
                    flag |= SHADOW
                    break
                k += 1
            for sign in (1, -1):
                k = 1
                extreme = highest if sign > 0 else lowest
                while k < margin and not flag & LAYOVER:
                    away = sign * k * step
                    drop = high + own + away * away / (2.0 * _EARTH)
                    if sign * (math.hypot(back + away, drop - extreme) - distance) > 0.0:
                        break
                    row, col = i + margin + sign * k * rows, j + margin + sign * k * cols
                    if k % _CELL == 0:
                        limit = _bound(tops if sign > 0 else bottoms, row, col)
                        if sign * (math.hypot(back + away, drop - limit) - distance) > 0.0:
                            k += _CELL
                            continue
                    seen = _height(heights, row, col)
                    if sign * (math.hypot(back + away, drop - seen) - distance) <= 0.0:
                        flag |= LAYOVER
                    k += 1
            out[i, j] = flag
