"""How many looks make pixels square, and the incidence angle that it takes to know."""

from __future__ import annotations

import math
from datetime import timedelta

import numpy as np

from sensetrack.radar.grid import RadarGrid
from sensetrack.types import DoubleArray

SEMIMAJOR, SEMIMINOR = 6_378_137.0, 6_356_752.314245
"""Of the ellipsoid WGS84, m."""


def square_looks(radar: RadarGrid, in_range: int) -> int:
    """Return the looks in azimuth for pixels about as long as they are wide on the ground: 1 at least.

    The width is `in_range` samples, divided by the sine of the incidence angle in the middle where they are of slant
    range.
    """
    spacing = radar.range_spacing
    if radar.ground_range is None:
        spacing /= math.sin(math.radians(centre_incidence(radar)))
    return max(1, math.floor(in_range * spacing / radar.azimuth_spacing + 0.5))


def centre_incidence(radar: RadarGrid) -> float:
    """Return the angle between the normal of the ellipsoid and the direction to the satellite in the middle, degrees.

    For the height of `RadarGrid.height`; beside the angles of annotations, which refer to the terrain, it differs by
    some hundredths of a degree.
    """
    line, sample = ((size - 1) / 2 for size in radar.shape)
    position, velocity = radar.orbit.at(radar.seconds(line))
    distance = radar.near_range + sample * radar.range_spacing
    if radar.ground_range is not None:
        middle = radar.first_line + timedelta(seconds=line * radar.line_interval)
        distance = float(radar.ground_range.slant_range(distance, middle))
    axes = np.array([SEMIMAJOR, SEMIMAJOR, SEMIMINOR]) + radar.height
    point = _seen(position, velocity, distance, axes, 1.0 if radar.look_side == "right" else -1.0)
    normal, look = point / axes**2, position - point
    cosine = normal @ look / np.linalg.norm(normal) / np.linalg.norm(look)
    return math.degrees(math.acos(float(cosine)))


def _seen(position: DoubleArray, velocity: DoubleArray, distance: float, axes: DoubleArray, side: float) -> DoubleArray:
    """Return the point of an ellipsoid at a distance and at zero Doppler."""
    radius, earth = float(np.linalg.norm(position)), float(axes.mean())
    up = position / radius
    across = side * np.cross(velocity, up)
    across /= np.linalg.norm(across)
    cosine = (radius**2 + earth**2 - distance**2) / (2 * radius * earth)
    point = earth * (cosine * up + math.sqrt(max(1 - cosine**2, 0.0)) * across)
    speed = float(np.linalg.norm(velocity))
    for _ in range(10):
        look = point - position
        misfit = [(point**2 / axes**2).sum() - 1, look @ look / distance**2 - 1, velocity @ look / (speed * distance)]
        slope = np.stack([2 * point / axes**2, 2 * look / distance**2, velocity / (speed * distance)])
        point = point - np.linalg.solve(slope, misfit)
    return np.asarray(point)
