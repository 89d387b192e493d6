"""When a place is seen at zero Doppler and how far, and which place is seen then and there; compiled loops.

Source: Curlander and McDonough (1991), *Synthetic Aperture Radar: Systems and Signal Processing*, section 8.2: the
range equation, the Doppler equation and the surface of the Earth.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from sensetrack.radar.ellipsoid import SEMIMAJOR, to_cartesian, to_geodetic
from sensetrack.types import DoubleArray

_STEPS = 30
_SECONDS = 1e-11
_METRES = 1e-6


@njit(cache=True, nogil=True)
def orbit_at(coefficients: DoubleArray, middle: float, half: float, time: float, out: DoubleArray) -> None:
    """Fill ``(3, 3)`` with position, velocity and acceleration; see `sensetrack.radar.orbit.OrbitPolynomial`."""
    inside = min(max(time, middle - half), middle + half)
    beyond = time - inside
    u = (inside - middle) / half
    for axis in range(3):
        value, once, twice = 0.0, 0.0, 0.0
        for power in range(coefficients.shape[0] - 1, -1, -1):
            twice = twice * u + once
            once = once * u + value
            value = value * u + coefficients[power, axis]
        once, twice = once / half, 2.0 * twice / (half * half)
        out[0, axis] = value + beyond * (once + 0.5 * beyond * twice)
        out[1, axis] = once + beyond * twice
        out[2, axis] = twice


@njit(cache=True, nogil=True)
def see(
    coefficients: DoubleArray,
    middle: float,
    half: float,
    side: float,
    place: tuple[float, float, float],
    state: DoubleArray,
) -> tuple[float, float]:
    """Return the zero-Doppler time, s, and the slant range, m, of a place; NaN on the side away from the antenna.

    Newton's method on ``velocity . (place - satellite) = 0``, from the middle of the scene: so a place is found the
    same whatever was asked before. ``state`` (3, 3) is left at the satellite's.
    """
    x, y, z = place
    time = middle
    for _ in range(_STEPS):
        orbit_at(coefficients, middle, half, time, state)
        dx, dy, dz = x - state[0, 0], y - state[0, 1], z - state[0, 2]
        along = state[1, 0] * dx + state[1, 1] * dy + state[1, 2] * dz
        speed = state[1, 0] * state[1, 0] + state[1, 1] * state[1, 1] + state[1, 2] * state[1, 2]
        step = along / (state[2, 0] * dx + state[2, 1] * dy + state[2, 2] * dz - speed)
        time -= step
        if abs(step) < _SECONDS:
            break
        if not abs(time - middle) < 20.0 * half + 1000.0:
            return math.nan, math.nan
    orbit_at(coefficients, middle, half, time, state)
    dx, dy, dz = x - state[0, 0], y - state[0, 1], z - state[0, 2]
    right = (
        dx * (state[1, 1] * state[0, 2] - state[1, 2] * state[0, 1])
        + dy * (state[1, 2] * state[0, 0] - state[1, 0] * state[0, 2])
        + dz * (state[1, 0] * state[0, 1] - state[1, 1] * state[0, 0])
    )
    distance = math.sqrt(dx * dx + dy * dy + dz * dz)
    # What lies behind the horizon has no echo, though it has a distance.
    if right * side <= 0.0 or x * dx + y * dy + z * dz > 0.0:
        return math.nan, math.nan
    return time, distance


@njit(cache=True, nogil=True)
def see_all(
    coefficients: DoubleArray,
    middle: float,
    half: float,
    side: float,
    latitude: DoubleArray,
    longitude: DoubleArray,
    height: DoubleArray,
    time: DoubleArray,
    distance: DoubleArray,
) -> None:
    """Fill zero-Doppler times, s, and slant ranges, m, of flat arrays of places in degrees and metres."""
    state = np.empty((3, 3))
    for i in range(len(latitude)):
        if not (math.isfinite(latitude[i]) and math.isfinite(longitude[i]) and math.isfinite(height[i])):
            time[i], distance[i] = math.nan, math.nan
            continue
        place = to_cartesian(math.radians(latitude[i]), math.radians(longitude[i]), height[i])
        time[i], distance[i] = see(coefficients, middle, half, side, place, state)


@njit(cache=True, nogil=True)
def locate_all(
    coefficients: DoubleArray,
    middle: float,
    half: float,
    side: float,
    time: DoubleArray,
    distance: DoubleArray,
    height: DoubleArray,
    latitude: DoubleArray,
    longitude: DoubleArray,
) -> None:
    """Fill latitudes and longitudes, degrees, of what is seen at times, slant ranges and heights above the ellipsoid.

    Newton's method in three dimensions from the place on a sphere; NaN where the distance does not reach the height.
    """
    state = np.empty((3, 3))
    for i in range(len(time)):
        latitude[i], longitude[i] = math.nan, math.nan
        orbit_at(coefficients, middle, half, time[i], state)
        sx, sy, sz = state[0, 0], state[0, 1], state[0, 2]
        vx, vy, vz = state[1, 0], state[1, 1], state[1, 2]
        radius = math.sqrt(sx * sx + sy * sy + sz * sz)
        earth = SEMIMAJOR * (1.0 - (sz / radius) ** 2 / 298.257223563) + height[i]
        cosine = (radius * radius + earth * earth - distance[i] * distance[i]) / (2.0 * radius * earth)
        if not -1.0 < cosine < 1.0:
            continue
        across = earth * math.sqrt(1.0 - cosine * cosine)
        rx, ry, rz = vy * sz - vz * sy, vz * sx - vx * sz, vx * sy - vy * sx
        norm = side * math.sqrt(rx * rx + ry * ry + rz * rz)
        x = earth * cosine * sx / radius + across * rx / norm
        y = earth * cosine * sy / radius + across * ry / norm
        z = earth * cosine * sz / radius + across * rz / norm
        speed = math.sqrt(vx * vx + vy * vy + vz * vz)
        vx, vy, vz = vx / speed, vy / speed, vz / speed
        done = False
        lat, lon = 0.0, 0.0
        for _ in range(_STEPS):
            lat, lon, own = to_geodetic(x, y, z)
            dx, dy, dz = x - sx, y - sy, z - sz
            reach = math.sqrt(dx * dx + dy * dy + dz * dz)
            far, along, high = reach - distance[i], vx * dx + vy * dy + vz * dz, own - height[i]
            if abs(far) + abs(along) + abs(high) < _METRES:
                done = True
                break
            dx, dy, dz = dx / reach, dy / reach, dz / reach
            nx, ny, nz = math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)
            # Cramer's rule; the rows are the line of sight, the flight direction and the normal of the ellipsoid.
            ax, ay, az = vy * nz - vz * ny, vz * nx - vx * nz, vx * ny - vy * nx
            bx, by, bz = ny * dz - nz * dy, nz * dx - nx * dz, nx * dy - ny * dx
            cx, cy, cz = dy * vz - dz * vy, dz * vx - dx * vz, dx * vy - dy * vx
            volume = dx * ax + dy * ay + dz * az
            if volume == 0.0:
                break
            x -= (far * ax + along * bx + high * cx) / volume
            y -= (far * ay + along * by + high * cy) / volume
            z -= (far * az + along * bz + high * cz) / volume
        if done:
            latitude[i], longitude[i] = math.degrees(lat), math.degrees(lon)
