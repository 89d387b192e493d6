"""The map that a radar image is put on: its CRS, pixel size and extent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from sensetrack.errors import GraphError
from sensetrack.graph.elevation import Elevation
from sensetrack.graph.map_places import DEGREES
from sensetrack.radar.grid import RadarGrid
from sensetrack.raster.crs import Extent, transform_points
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.types import DoubleArray

LOWEST, HIGHEST = -500.0, 9000.0
"""Between these heights above the ellipsoid all land lies, m."""

_EQUATOR, _POLE = 6_378_137.0, 6_356_752.314245
_SIDE = 33
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class MapRules:
    """How the map is chosen, as SNAP's parameters say it.

    Attributes
    ----------
    projection : str
        WKT, ``EPSG:n``, ``n``, ``AUTO:42001`` (UTM zone of the scene's centre) or ``WGS84(DD)``.
    metres, degrees : float
        Pixel size; 0: derived from the other one, or where both are 0 from the image.
    aligned : bool
        Whether pixel centres lie at whole pixels from ``origin``.
    origin : tuple of float
        x and y in units of the CRS.
    """

    projection: str = "WGS84(DD)"
    metres: float = 0.0
    degrees: float = 0.0
    aligned: bool = False
    origin: tuple[float, float] = (0.0, 0.0)


def area_of(radars: Sequence[RadarGrid]) -> Extent:
    """Return the box of longitude and latitude around images, wherever between `LOWEST` and `HIGHEST` the land lies.

    East is beyond 180 where the antimeridian is crossed; see `parts_of`.
    """
    longitude, latitude = _outline(radars, (LOWEST, HIGHEST))
    return float(longitude.min()), float(latitude.min()), float(longitude.max()), float(latitude.max())


def parts_of(box: Extent) -> list[Extent]:
    """Return a box of longitude and latitude as one or two between -180 and 180."""
    west, south, east, north = box
    if east - west >= 360:
        return [(-180.0, south, 180.0, north)]
    shift = math.floor((west + 180) / 360) * 360
    west, east = west - shift, east - shift
    if east <= 180:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east - 360, north)]


def map_grid(radars: Sequence[RadarGrid], elevation: Elevation, rules: MapRules) -> Grid:
    """Return the map that holds images completely.

    The outlines of the images are put on the ground at the lowest and at the highest height of the elevation model
    there, and the map covers both. The centre of its upper left pixel is the corner of that box, or where the map is
    aligned, the next whole pixel from the origin outside of it.

    Parameters
    ----------
    radars : sequence of RadarGrid
        All that lie on the map.
    elevation : Elevation
    rules : MapRules

    Raises
    ------
    GraphError
        The CRS is none, or cannot show the scene in one piece.
    InputError
        The state vectors do not cover an image.
    """
    low, high = elevation.extremes(area_of(radars))
    return grid_around(*_outline(radars, (low, high)), radars, rules)


def grid_around(longitude: DoubleArray, latitude: DoubleArray, radars: Sequence[RadarGrid], rules: MapRules) -> Grid:
    """Return the map that holds places, degrees, with the pixel size of the first image; see `map_grid`."""
    crs = map_crs_of(rules.projection, latitude, longitude)
    if crs.is_geographic and longitude.max() - longitude.min() > 180:
        raise GraphError(
            f"mapProjection = '{rules.projection}': the scene holds a pole; use EPSG:3413 in the north or EPSG:3031 in "
            "the south"
        )
    x, y = transform_points(DEGREES, crs, longitude, latitude)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise GraphError(f"mapProjection = '{rules.projection}': {crs_name(crs)} cannot show the scene; use AUTO:42001")
    width, height = float(x.max() - x.min()), float(y.max() - y.min())
    if not crs.is_geographic and max(width, height) > 5 * max(_lengths(radars)):
        raise GraphError(
            f"mapProjection = '{rules.projection}': the scene lies at the edge of {crs_name(crs)}, which tears it "
            "apart; use AUTO:42001"
        )
    size = spacing(radars[0], crs, rules)
    west, north = float(x.min()), float(y.max())
    if rules.aligned:
        west = math.floor((west - rules.origin[0]) / size + _ROUNDING) * size + rules.origin[0]
        north = math.ceil((north - rules.origin[1]) / size - _ROUNDING) * size + rules.origin[1]
    cols = math.ceil((float(x.max()) - west) / size - _ROUNDING) + 1
    rows = math.ceil((north - float(y.min())) / size - _ROUNDING) + 1
    return Grid((rows, cols), Affine(size, 0.0, west - size / 2, 0.0, -size, north + size / 2), crs)


def spacing(radar: RadarGrid, crs: CRS, rules: MapRules) -> float:
    """Return the pixel size in units of the CRS, by SNAP's rules.

    By default the larger one of the image's spacings on the ground, in azimuth and in range. Metres become degrees
    with the radius of the equator, degrees metres with that of the poles.
    """
    metres, degrees = rules.metres, rules.degrees
    if not metres and not degrees:
        metres = max(radar.azimuth_spacing, ground_spacing(radar))
    if crs.is_geographic:
        return degrees or math.degrees(metres / _EQUATOR)
    unit = crs.linear_units_factor[1] if crs.linear_units else 1.0
    return (metres or math.radians(degrees) * _POLE) / float(unit)


def ground_spacing(radar: RadarGrid) -> float:
    """Return the distance of the samples on the ground in the middle of an image, m."""
    from sensetrack.radar.ellipsoid import positions
    from sensetrack.radar.geocode import RadarGeometry

    geometry = RadarGeometry.of(radar)
    line, sample = (radar.shape[0] - 1) / 2, (radar.shape[1] - 1) / 2
    latitude, longitude = geometry.places(line, np.array([sample - 0.5, sample + 0.5]), radar.height)
    first, second = positions(latitude, longitude, radar.height)
    if radar.ground_range is not None:
        return radar.range_spacing
    return float(np.linalg.norm(second - first))


def map_crs_of(text: str, latitude: DoubleArray, longitude: DoubleArray) -> CRS:
    """Return the CRS that a graph names.

    Raises
    ------
    GraphError
        It is none.
    """
    from sensetrack.sensors._geolocation import map_crs

    plain = text.strip()
    if plain.upper().replace(" ", "") in ("WGS84(DD)", "WGS84"):
        return DEGREES
    if plain.upper().startswith("AUTO:42001"):
        return map_crs(latitude, longitude)
    try:
        crs = CRS.from_user_input(int(plain) if plain.isdigit() else plain)
    except (CRSError, ValueError) as error:
        raise GraphError(
            f"mapProjection = '{text[:60]}': is no CRS; use EPSG:n, AUTO:42001, WGS84(DD) or WKT"
        ) from error
    return DEGREES if crs_name(crs) == "WGS84(DD)" else crs


def _outline(radars: Sequence[RadarGrid], heights: Sequence[float]) -> tuple[DoubleArray, DoubleArray]:
    """Return longitudes, without jumps, and latitudes of the outlines of images at some heights."""
    from sensetrack.radar.geocode import footprint

    found = [footprint(radar, height, _SIDE) for radar in radars for height in heights]
    first = found[0][0][0]
    longitude = np.concatenate([each + np.round((first - each[0]) / 360) * 360 for each, _ in found])
    latitude = np.concatenate([each for _, each in found])
    return longitude - np.floor((longitude.min() + 180) / 360) * 360, latitude


def _lengths(radars: Sequence[RadarGrid]) -> list[float]:
    """Return the lengths of images on the ground along both sides, m, about; and in sum."""
    sides = [(radar.shape[0] * radar.azimuth_spacing, radar.shape[1] * ground_spacing(radar)) for radar in radars]
    return [*(side for pair in sides for side in pair), sum(sum(pair) for pair in sides)]
