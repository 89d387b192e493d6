"""Latitude, longitude and height on the WGS84 ellipsoid, and earth-fixed positions; compiled."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray

SEMIMAJOR = 6_378_137.0
"""Radius at the equator, m."""

SEMIMINOR = 6_356_752.314245179
"""Radius at the poles, m."""

_SQUARED = 1 - (SEMIMINOR / SEMIMAJOR) ** 2
_SECOND = (SEMIMAJOR / SEMIMINOR) ** 2 - 1


@njit(cache=True, nogil=True)
def to_cartesian(latitude: float, longitude: float, height: float) -> tuple[float, float, float]:
    """Return the earth-fixed position, m, of a latitude and longitude in radians and a height in metres."""
    sine, cosine = math.sin(latitude), math.cos(latitude)
    normal = SEMIMAJOR / math.sqrt(1.0 - _SQUARED * sine * sine)
    ring = (normal + height) * cosine
    return ring * math.cos(longitude), ring * math.sin(longitude), (normal * (1.0 - _SQUARED) + height) * sine


@njit(cache=True, nogil=True)
def to_geodetic(x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return latitude and longitude, radians, and height, m, of an earth-fixed position.

    Source: Bowring (1976), *Transformation from spatial to geographical coordinates*, Survey Review 23, 323: below a
    micrometre off where the height is less than 10 km. Not for positions in orbit or inside the Earth.
    """
    ring = math.hypot(x, y)
    reduced = math.atan2(z * SEMIMAJOR, ring * SEMIMINOR)
    sine, cosine = math.sin(reduced), math.cos(reduced)
    latitude = math.atan2(
        z + _SECOND * SEMIMINOR * sine * sine * sine, ring - _SQUARED * SEMIMAJOR * cosine * cosine * cosine
    )
    sine, cosine = math.sin(latitude), math.cos(latitude)
    root = math.sqrt(1.0 - _SQUARED * sine * sine)
    return latitude, math.atan2(y, x), ring * cosine + z * sine - SEMIMAJOR * root


@njit(cache=True, nogil=True)
def cartesian_into(out: DoubleArray, latitude: DoubleArray, longitude: DoubleArray, height: DoubleArray) -> None:
    """Fill ``(n, 3)`` with the earth-fixed positions, m, of places in degrees and metres."""
    for i in range(len(latitude)):
        out[i] = to_cartesian(math.radians(latitude[i]), math.radians(longitude[i]), height[i])


def positions(latitude: object, longitude: object, height: object) -> DoubleArray:
    """Return earth-fixed positions ``(..., 3)``, m, of places in degrees and metres above the ellipsoid."""
    places = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (latitude, longitude, height)))
    out = np.empty((places[0].size, 3))
    cartesian_into(out, *(np.ascontiguousarray(each).ravel() for each in places))
    return out.reshape(*places[0].shape, 3)
