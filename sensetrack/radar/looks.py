"""How many looks make pixels square, and the incidence angle that it takes to know."""

from __future__ import annotations

import math

import numpy as np

from sensetrack.radar.grid import RadarGrid


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
    from sensetrack.radar.ellipsoid import positions
    from sensetrack.radar.geocode import RadarGeometry

    # One line, so that state vectors need to cover no more than the middle.
    middle = radar.crop(radar.shape[0] // 2, 0, (1, radar.shape[1]))
    latitude, longitude = RadarGeometry.of(middle).places(0.0, (radar.shape[1] - 1) / 2, radar.height)
    place = positions(latitude, longitude, radar.height).reshape(3)
    look = middle.orbit.at(middle.start)[0] - place
    lat, lon = math.radians(float(latitude)), math.radians(float(longitude))
    normal = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    return math.degrees(math.acos(float(normal @ look / np.linalg.norm(look))))
