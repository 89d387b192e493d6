"""Bands that tell of the geometry of a radar on a map: heights, places, angles, layover and shadow."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from sensetrack.graph.geocoding import Geocoder
from sensetrack.graph.scene import SceneBand, Unit
from sensetrack.graph.source import Derived, derived, remembered
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray

Angle = Literal["local", "projected", "ellipsoid"]
"""Between the line of sight and the normal of the terrain, that normal projected, or the normal of the ellipsoid."""

ANGLES: dict[str, Angle] = {
    "localIncidenceAngle": "local",
    "projectedLocalIncidenceAngle": "projected",
    "incidenceAngleFromEllipsoid": "ellipsoid",
}
"""Names of bands."""

_SPARE = 1.1


@dataclass(frozen=True, eq=False)
class _Geometry(Derived):
    """Pixels that come of the geometry alone, valid where the map shows the image."""

    geocoder: Geocoder

    def seen(self, block: Block) -> Mask:
        """Return which pixels of a block lie in the image."""
        row, col = self.geocoder.positions(block)
        shape = self.geocoder.geometry.radar.shape
        with np.errstate(invalid="ignore"):
            return np.asarray((row >= 0) & (row < shape[0] - 1) & (col >= 0) & (col < shape[1] - 1))

    @abstractmethod
    def values(self, block: Block) -> DoubleArray:
        """Return the pixels of a block."""

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return pixels and where they are valid."""
        seen = self.seen(block)
        if not seen.any():
            return np.zeros(block.shape, np.float32), seen
        values = self.values(block)
        valid = seen & np.isfinite(values)
        return np.where(valid, values, 0).astype(np.float32), valid


@dataclass(frozen=True, eq=False)
class Heights(_Geometry):
    """Heights above the ellipsoid, m."""

    def values(self, block: Block) -> DoubleArray:
        """Return the heights of a block."""
        return self.geocoder.heights(block)[0]


@dataclass(frozen=True, eq=False)
class Coordinate(_Geometry):
    """Latitude or longitude, degrees; the nearest float32, which is 1 m off at most."""

    axis: Literal["latitude", "longitude"]

    def values(self, block: Block) -> DoubleArray:
        """Return the coordinates of a block; longitudes from -180 to 180."""
        longitude, latitude = self.geocoder.places.at(block)
        return latitude if self.axis == "latitude" else (longitude + 180) % 360 - 180


@dataclass(frozen=True, eq=False)
class Incidence(_Geometry):
    """Angles of incidence, degrees."""

    angle: Angle

    def values(self, block: Block) -> DoubleArray:
        """Return the angles of a block."""
        return np.asarray(angles(self.geocoder, block)[get_args(Angle).index(self.angle)])


@dataclass(frozen=True, eq=False)
class LayoverShadow(_Geometry):
    """0, 1 (layover), 2 (shadow) or 3 (both); see `sensetrack.radar.shadow.layover_shadow`."""

    def values(self, block: Block) -> DoubleArray:
        """Return the mask of a block, for which heights around it are read as far as the relief reaches."""
        from sensetrack.radar.shadow import layover_shadow

        places, geometry = self.geocoder.places, self.geocoder.geometry
        margin = self._margin(block)
        heights = self.geocoder.elevation.heights(places, block.expand(margin))[0]
        time = self.geocoder.times_ranges(block)[0]
        ground = _ground(self.geocoder, block.expand(1), 0.0)
        return layover_shadow(heights, margin, ground, time, geometry.orbit).astype(np.float64)

    def _margin(self, block: Block) -> int:
        """Return the pixels around a block from which layover and shadow can come."""
        from sensetrack.radar.shadow import reach_of

        near, far = _extreme_angles(self.geocoder)
        size = self._pixel(block)
        low, high = self._relief(block)
        for _ in range(3):
            margin = math.ceil(_SPARE * reach_of(high - low, near, far) / size) + 2
            around = self._relief(block.expand(margin))
            if around == (low, high):
                break
            low, high = min(low, around[0]), max(high, around[1])
        return margin

    def _relief(self, block: Block) -> tuple[float, float]:
        longitude, latitude = self.geocoder.places.nodes(block)
        return self.geocoder.elevation.extremes(
            (float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max()))
        )

    def _pixel(self, block: Block) -> float:
        """Return the length of the shorter side of a pixel of a block on the ground, m."""
        corner = _ground(self.geocoder, Block(block.row, block.col, 2, 2), 0.0)
        sides = corner[0, 1] - corner[0, 0], corner[1, 0] - corner[0, 0]
        return min(float(np.linalg.norm(side)) for side in sides)


def angles(geocoder: Geocoder, block: Block) -> DoubleArray:
    """Return the local, the projected local and the ellipsoid's incidence angle of a block, ``(3, ...)``, degrees."""
    found, _ = remembered((geocoder, "angles", block), lambda: _angles(geocoder, block))
    return np.asarray(found, np.float64)


def _angles(geocoder: Geocoder, block: Block) -> tuple[PixelArray, Mask]:
    from sensetrack.radar.incidence import incidence_angles

    around = block.expand(1)
    heights = geocoder.elevation.heights(geocoder.places, around)[0]
    time = geocoder.times_ranges(block)[0]
    found = incidence_angles(_ground(geocoder, around, heights), time, geocoder.geometry.orbit)
    return np.stack(found), np.isfinite(time)


def _ground(geocoder: Geocoder, block: Block, height: object) -> DoubleArray:
    """Return earth-fixed positions of the pixels of a block, m."""
    from sensetrack.radar.ellipsoid import positions

    longitude, latitude = geocoder.places.at(block)
    return positions(latitude, longitude, height)


def _extreme_angles(geocoder: Geocoder) -> tuple[float, float]:
    """Return the smallest and the largest incidence angle on the ellipsoid, degrees, at the ends of the middle line."""
    from sensetrack.radar.ellipsoid import positions
    from sensetrack.radar.incidence import incidence_angles

    geometry = geocoder.geometry
    line, last = (geometry.radar.shape[0] - 1) / 2, geometry.radar.shape[1] - 1
    latitude, longitude = geometry.places(line, np.array([0.0, last]), geometry.radar.height)
    place = np.full((3, 4, 3), np.nan)
    place[1, 1:3] = positions(latitude, longitude, geometry.radar.height)
    time = np.full((1, 2), float(geometry.radar.seconds(line)))
    near, far = incidence_angles(place, time, geometry.orbit)[2][0]
    return float(near), float(far)


def geometry_band(name: str, geocoder: Geocoder, like: Image) -> SceneBand:
    """Return a band of a name: ``elevation``, ``latitude``, ``longitude``, one of `ANGLES`, ``layoverShadowMask``.

    Parameters
    ----------
    name : str
    geocoder : Geocoder
    like : Image
        Whose path and acquisition time it gets.
    """
    source: _Geometry
    unit: Unit = ""
    dtype, nodata = "float32", math.nan
    if name == "elevation":
        source = Heights(geocoder)
    elif name == "latitude":
        source, unit = Coordinate(geocoder, "latitude"), "degrees"
    elif name == "longitude":
        source, unit = Coordinate(geocoder, "longitude"), "degrees"
    elif name in ANGLES:
        source, unit = Incidence(geocoder, ANGLES[name]), "degrees"
    else:
        source, dtype, nodata = LayoverShadow(geocoder), "uint8", 255.0
    image = derived(like, source, grid=geocoder.grid, dtype="float32")
    return SceneBand(name=name, image=image, unit=unit, dtype=dtype, nodata=nodata)
