"""Side-looking radar geometry over the WGS84 ellipsoid: a circular orbit seen from the turning Earth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Doubles = NDArray[np.float64]

LIGHT = 299_792_458.0
SEMIMAJOR, FLATTENING = 6_378_137.0, 1 / 298.257223563
SEMIMINOR = SEMIMAJOR * (1 - FLATTENING)
EARTH_ROTATION = 7.2921150e-5
EARTH_GM = 3.986004418e14
SQUARED_ECCENTRICITY = FLATTENING * (2 - FLATTENING)


def cartesian(latitude: ArrayLike, longitude: ArrayLike, height: ArrayLike = 0.0) -> Doubles:
    """Return Earth-fixed positions ``(..., 3)`` in metres from degrees, degrees and metres."""
    lat, lon, high = np.radians(latitude), np.radians(longitude), np.asarray(height, float)
    normal = SEMIMAJOR / np.sqrt(1 - SQUARED_ECCENTRICITY * np.sin(lat) ** 2)
    ring = (normal + high) * np.cos(lat)
    z = (normal * (1 - SQUARED_ECCENTRICITY) + high) * np.sin(lat)
    return np.stack(np.broadcast_arrays(ring * np.cos(lon), ring * np.sin(lon), z), axis=-1)


def up(latitude: ArrayLike, longitude: ArrayLike) -> Doubles:
    """Return the unit normals of the ellipsoid ``(..., 3)``."""
    lat, lon = np.broadcast_arrays(np.radians(latitude), np.radians(longitude))
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


@dataclass(frozen=True)
class Orbit:
    """A circular orbit.

    Attributes
    ----------
    altitude : float
        Above the equator's radius, m.
    inclination : float
        Degrees.
    latitude : float
        Argument of latitude at time 0, degrees; beyond 90 the satellite descends.
    node : float
        Longitude of the ascending node in the frame that coincides with the Earth's at time 0, degrees.
    side : str
        ``R`` or ``L``: where the antenna looks.
    """

    altitude: float = 627_000.0
    inclination: float = 97.86
    latitude: float = 37.0
    node: float = 40.0
    side: str = "R"

    def state(self, seconds: ArrayLike) -> tuple[Doubles, Doubles]:
        """Return Earth-fixed positions (m) and velocities (m/s), ``(..., 3)`` each."""
        time = np.asarray(seconds, float)
        radius = SEMIMAJOR + self.altitude
        rate = np.sqrt(EARTH_GM / radius**3)
        angle, tilt = np.radians(self.latitude) + rate * time, np.radians(self.inclination)
        turn = np.radians(self.node) - EARTH_ROTATION * time
        along, across = radius * np.cos(angle), radius * np.sin(angle)
        along_rate, across_rate = -rate * across, rate * along

        def rotated(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles, Doubles]:
            flat = y * np.cos(tilt)
            return (
                x * np.cos(turn) - flat * np.sin(turn),
                x * np.sin(turn) + flat * np.cos(turn),
                y * np.sin(tilt),
            )

        x, y, z = rotated(along, across)
        vx, vy, vz = rotated(along_rate, across_rate)
        position = np.stack([x, y, z], axis=-1)
        velocity = np.stack([vx + EARTH_ROTATION * y, vy - EARTH_ROTATION * x, vz], axis=-1)
        return position, velocity

    def ground(self, seconds: ArrayLike, slant_range: ArrayLike, height: ArrayLike = 0.0) -> tuple[Doubles, Doubles]:
        """Return latitude and longitude, degrees, of what is seen at zero Doppler at a slant range and a height, m."""
        time, distance, high = np.broadcast_arrays(*(np.asarray(v, float) for v in (seconds, slant_range, height)))
        position, velocity = self.state(time)
        radius = np.linalg.norm(position, axis=-1)
        earth = SEMIMAJOR * 0.9985 + high
        angle = np.arccos((radius**2 + earth**2 - distance**2) / (2 * radius * earth))
        zenith = position / radius[..., None]
        right = np.cross(velocity, zenith)
        right /= np.linalg.norm(right, axis=-1)[..., None] * (1 if self.side == "R" else -1)
        guess = np.cos(angle)[..., None] * zenith + np.sin(angle)[..., None] * right
        lat = np.degrees(np.arcsin(guess[..., 2]))
        lon = np.degrees(np.arctan2(guess[..., 1], guess[..., 0]))

        def misfit(lat: Doubles, lon: Doubles) -> tuple[Doubles, Doubles]:
            look = cartesian(lat, lon, high) - position
            speed = np.linalg.norm(velocity, axis=-1)
            return np.linalg.norm(look, axis=-1) - distance, (look * velocity).sum(-1) / speed

        step = 1e-5
        for _ in range(12):
            first, second = misfit(lat, lon)
            first_lat, second_lat = (
                (b - a) / step for a, b in zip((first, second), misfit(lat + step, lon), strict=True)
            )
            first_lon, second_lon = (
                (b - a) / step for a, b in zip((first, second), misfit(lat, lon + step), strict=True)
            )
            determinant = first_lat * second_lon - first_lon * second_lat
            lat = lat - (first * second_lon - second * first_lon) / determinant
            lon = lon - (second * first_lat - first * second_lat) / determinant
        return lat, lon

    def incidence(self, seconds: ArrayLike, latitude: ArrayLike, longitude: ArrayLike) -> Doubles:
        """Return the angle between the ellipsoid's normal and the direction to the satellite, degrees."""
        look = self.state(seconds)[0] - cartesian(latitude, longitude)
        look /= np.linalg.norm(look, axis=-1)[..., None]
        return np.degrees(np.arccos((look * up(latitude, longitude)).sum(-1)))

    def look(self, seconds: ArrayLike, latitude: ArrayLike, longitude: ArrayLike) -> Doubles:
        """Return the angle between the direction to the Earth's centre and the antenna's, degrees."""
        position = self.state(seconds)[0]
        look = cartesian(latitude, longitude) - position
        cosine = -(look * position).sum(-1) / np.linalg.norm(look, axis=-1) / np.linalg.norm(position, axis=-1)
        return np.degrees(np.arccos(cosine))
