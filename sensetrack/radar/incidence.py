"""Angles under which a radar sees the terrain and the ellipsoid; compiled loops."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sensetrack.radar.doppler import orbit_at
from sensetrack.radar.ellipsoid import to_geodetic
from sensetrack.radar.orbit import OrbitPolynomial
from sensetrack.types import DoubleArray


def incidence_angles(
    positions: DoubleArray, time: DoubleArray, orbit: OrbitPolynomial
) -> tuple[DoubleArray, DoubleArray, DoubleArray]:
    """Return the angles between the direction to the satellite and three normals, degrees.

    Parameters
    ----------
    positions : ndarray of float64
        ``(rows + 2, columns + 2, 3)``: earth-fixed positions of the terrain, m, with one pixel more on every side; NaN
        where it is not known.
    time : ndarray of float64
        ``(rows, columns)``: zero-Doppler times, s.
    orbit : OrbitPolynomial

    Returns
    -------
    local : ndarray of float64
        With the normal of the terrain: the cross product of the differences between the means of three pixels to the
        right and to the left, and below and above (Prewitt).
    projected : ndarray of float64
        With that normal projected on the plane of the line of sight and the direction from the Earth's centre.
    ellipsoid : ndarray of float64
        With the normal of the ellipsoid.
    """
    local, projected, ellipsoid = np.full((3, *time.shape), np.nan)
    _angles_into(
        local,
        projected,
        ellipsoid,
        np.ascontiguousarray(positions),
        np.ascontiguousarray(time),
        orbit.coefficients,
        orbit.middle,
        orbit.half,
    )
    return local, projected, ellipsoid


@njit(cache=True, nogil=True)
def _dot(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(cache=True, nogil=True)
def _cross(a: tuple[float, float, float], b: tuple[float, float, float]) -> tuple[float, float, float]:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@njit(cache=True, nogil=True)
def _angle(cosine: float) -> float:
    return math.degrees(math.acos(min(max(cosine, -1.0), 1.0)))


@njit(cache=True, nogil=True)
def _slope(p: DoubleArray, i: int, j: int, across: bool) -> tuple[float, float, float]:
    """Return three times the difference of the means of three pixels on both sides."""
    x, y, z = 0.0, 0.0, 0.0
    for k in range(3):
        a, b = (i + k, j + 2) if across else (i + 2, j + k)
        c, d = (i + k, j) if across else (i, j + k)
        x += p[a, b, 0] - p[c, d, 0]
        y += p[a, b, 1] - p[c, d, 1]
        z += p[a, b, 2] - p[c, d, 2]
    return x, y, z


@njit(cache=True, nogil=True)
def _angles_into(
    local: DoubleArray,
    projected: DoubleArray,
    ellipsoid: DoubleArray,
    p: DoubleArray,
    time: DoubleArray,
    coefficients: DoubleArray,
    middle: float,
    half: float,
) -> None:
    state = np.empty((3, 3))
    for i in range(time.shape[0]):
        for j in range(time.shape[1]):
            x, y, z = p[i + 1, j + 1, 0], p[i + 1, j + 1, 1], p[i + 1, j + 1, 2]
            if not (math.isfinite(time[i, j]) and math.isfinite(x)):
                continue
            orbit_at(coefficients, middle, half, time[i, j], state)
            dx, dy, dz = state[0, 0] - x, state[0, 1] - y, state[0, 2] - z
            distance = math.sqrt(dx * dx + dy * dy + dz * dz)
            look = (dx / distance, dy / distance, dz / distance)
            lat, lon, _ = to_geodetic(x, y, z)
            up = (math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat))
            ellipsoid[i, j] = _angle(_dot(look, up))
            normal = _cross(_slope(p, i, j, True), _slope(p, i, j, False))
            length = math.sqrt(_dot(normal, normal))
            if not length > 0.0:
                continue
            if _dot(normal, up) < 0.0:
                length = -length
            normal = (normal[0] / length, normal[1] / length, normal[2] / length)
            local[i, j] = _angle(_dot(look, normal))
            side = _cross(look, (x, y, z))
            length = math.sqrt(_dot(side, side))
            if not length > 0.0:
                continue
            part = _dot(normal, side) / (length * length)
            flat = (normal[0] - part * side[0], normal[1] - part * side[1], normal[2] - part * side[2])
            length = math.sqrt(_dot(flat, flat))
            if length > 0.0:
                projected[i, j] = _angle(_dot(look, flat) / length)
