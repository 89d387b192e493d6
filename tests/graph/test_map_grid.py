"""The map of a radar image: pixel size, extent, alignment, CRS."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from products.orbit import Orbit
from products.radar_grid import radar_grid
from rasterio.crs import CRS

from sensetrack import sensors
from sensetrack.errors import GraphError
from sensetrack.graph.elevation import Elevation
from sensetrack.graph.map_grid import MapRules, area_of, ground_spacing, map_grid, parts_of, spacing
from sensetrack.graph.radar_scene import radar_grid as grid_of
from sensetrack.radar.geocode import places_of
from sensetrack.raster.crs import transform_points

RADAR = radar_grid(Orbit(), (1000, 1500))
WKT = (
    'GEOGCS["WGS84(DD)",DATUM["WGS84",SPHEROID["WGS84",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],'
    'UNIT["degree",0.017453292519943295],AXIS["Geodetic longitude",EAST],AXIS["Geodetic latitude",NORTH]]'
)


class Between(Elevation):
    """Says between which heights the land lies."""

    def __init__(self, low: float, high: float) -> None:
        object.__setattr__(self, "_range", (low, high))

    def extremes(self, box: object) -> tuple[float, float]:
        return self._range  # type: ignore[attr-defined,no-any-return]


def test_the_pixel_size_of_a_real_product(shared_data: Path) -> None:
    path = next((shared_data / "sentinel1" / "sarsen").glob("*GRD*"))
    radar = grid_of(sensors.open_product(path).annotation("VV"))  # type: ignore[attr-defined]
    assert spacing(radar, CRS.from_epsg(4326), MapRules()) == pytest.approx(8.983152841195215e-05, rel=1e-12)
    assert spacing(radar, CRS.from_epsg(32633), MapRules()) == 10.0


@pytest.mark.parametrize(
    ("epsg", "metres", "degrees", "expected"),
    [
        (4326, 20.0, 0.0, math.degrees(20 / 6378137)),
        (4326, 20.0, 0.001, 0.001),
        (32637, 0.0, 0.001, math.radians(0.001) * 6356752.314245),
        (32637, 20.0, 0.001, 20.0),
        (2263, 30.0, 0.0, 30 / 0.3048006096),  # in feet
    ],
)
def test_pixel_sizes(epsg: int, metres: float, degrees: float, expected: float) -> None:
    assert spacing(RADAR, CRS.from_epsg(epsg), MapRules(metres=metres, degrees=degrees)) == pytest.approx(expected)


def test_the_ground_is_longer_than_the_slant() -> None:
    middle = ground_spacing(RADAR)
    lon, lat = places_of(RADAR, 499.5, np.array([749.5]), 0.0)
    angle = Orbit().incidence(499.5 * RADAR.line_interval, lat[0], lon[0])
    assert middle == pytest.approx(8.0 / math.sin(math.radians(float(angle))), rel=1e-4)
    assert spacing(RADAR, CRS.from_epsg(32637), MapRules()) == pytest.approx(max(middle, RADAR.azimuth_spacing))


@pytest.mark.parametrize("projection", ["AUTO:42001", "WGS84(DD)", WKT, "EPSG:32637", "3857"])
@pytest.mark.parametrize("aligned", [False, True])
def test_nothing_of_the_image_is_cut_off_at_any_height(projection: str, aligned: bool) -> None:
    low, high = 0.0, 4000.0
    elevation = Between(low, high)
    rules = MapRules(projection=projection, metres=40.0, aligned=aligned, origin=(7.0, -3.0) if aligned else (0, 0))
    grid = map_grid([RADAR], elevation, rules)
    size = grid.transform.a
    for height in (low, 1234.0, high):
        line, sample = np.meshgrid(np.linspace(0, 999, 40), np.linspace(0, 1499, 40))
        lon, lat = places_of(RADAR, line, sample, height)
        row, col = grid.rowcol(*transform_points(CRS.from_epsg(4326), grid.crs, lon, lat))
        assert row.min() > -0.01 and col.min() > -0.01
        assert row.max() < grid.height - 0.99 and col.max() < grid.width - 0.99
    x, y = grid.xy(0, 0)
    if aligned:
        for value, origin in ((x, 7.0), (y, -3.0)):
            assert abs((value - origin) / size - round(float((value - origin) / size))) < 1e-6
    else:
        # The centre of the first pixel is the corner of the box around the outlines at both heights.
        edge = [places_of(RADAR, *place, height) for place in OUTLINE for height in (low, high)]
        lon, lat = (np.concatenate([each[axis] for each in edge]) for axis in (0, 1))
        corner = transform_points(CRS.from_epsg(4326), grid.crs, lon, lat)
        assert float(x) == pytest.approx(corner[0].min(), abs=size / 100)
        assert float(y) == pytest.approx(corner[1].max(), abs=size / 100)


_LINES, _SAMPLES = np.linspace(0, 999, 33), np.linspace(0, 1499, 33)
OUTLINE = [(0.0, _SAMPLES), (999.0, _SAMPLES), (_LINES, 0.0), (_LINES, 1499.0)]


def test_zones_and_poles() -> None:
    assert map_grid([RADAR], Elevation(), MapRules(projection="AUTO:42001")).crs == CRS.from_epsg(32637)
    south = radar_grid(Orbit(latitude=-30.0))
    assert map_grid([south], Elevation(), MapRules(projection="AUTO:42001")).crs.to_epsg() // 100 == 327
    polar = radar_grid(Orbit(latitude=86.0), (8000, 3000), spacing=50.0)
    assert map_grid([polar], Elevation(), MapRules(projection="AUTO:42001", metres=100)).crs == CRS.from_epsg(3413)
    over = radar_grid(Orbit(latitude=90.0), (8000, 1000), first=-8.0, near=1_080_000.0, spacing=150.0)
    with pytest.raises(GraphError, match="the scene holds a pole; use EPSG:3413"):
        map_grid([over], Elevation(), MapRules(metres=100))


def test_across_the_antimeridian() -> None:
    radar = radar_grid(Orbit(latitude=5.0, node=186.0, side="L"), (1000, 20000))
    box = area_of([radar])
    assert -180 <= box[0] < 180 < box[2]
    (west, _, middle, _), (again, _, east, _) = parts_of(box)
    assert (middle, again) == (180.0, -180.0) and west == box[0] and east == pytest.approx(box[2] - 360)
    grid = map_grid([radar], Elevation(), MapRules(metres=100))
    assert grid.bounds[0] < 180 < grid.bounds[2] and grid.bounds[2] - grid.bounds[0] < 10
    with pytest.raises(GraphError, match="tears it apart; use AUTO:42001"):
        map_grid([radar], Elevation(), MapRules(projection="EPSG:3857", metres=100))
    assert parts_of((10.0, 0.0, 11.0, 1.0)) == [(10.0, 0.0, 11.0, 1.0)]
    assert parts_of((-190.0, 0.0, 200.0, 1.0)) == [(-180.0, 0.0, 180.0, 1.0)]


@pytest.mark.parametrize("projection", ["EPSG:99999", "mercator", "", "WGS84 (X)"])
def test_no_crs(projection: str) -> None:
    with pytest.raises(GraphError, match=r"is no CRS; use EPSG:n, AUTO:42001, WGS84\(DD\) or WKT"):
        map_grid([RADAR], Elevation(), MapRules(projection=projection))


def test_several_images_share_a_map() -> None:
    other = radar_grid(Orbit(), (1000, 1500), first=3.0, near=870_000.0)
    both = map_grid([RADAR, other], Elevation(), MapRules(projection="EPSG:32637")).bounds
    for radar in (RADAR, other):
        alone = map_grid([radar], Elevation(), MapRules(projection="EPSG:32637")).bounds
        assert both[0] <= alone[0] + 10 and both[1] <= alone[1] + 10 and both[2] >= alone[2] - 10
