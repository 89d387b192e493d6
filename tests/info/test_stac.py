"""Files as STAC Items, and footprints: over curves, the antimeridian and the poles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.displacement import Displacement
from sensetrack.info import look_at, stac_item
from sensetrack.info.stac import bounding_box, footprint
from sensetrack.raster.grid import Grid


def grid_of(crs, bounds, shape=(100, 100)):
    xmin, ymin, xmax, ymax = bounds
    size = (xmax - xmin) / shape[1], (ymax - ymin) / shape[0]
    return Grid(shape, Affine(size[0], 0, xmin, 0, -size[1], ymax), CRS.from_epsg(crs))


def test_footprint_of_a_utm_scene_runs_along_the_curves_of_its_edges():
    geometry = footprint(grid_of(32633, (300_000, 6_000_000, 700_000, 6_400_000)))
    (ring,) = geometry["coordinates"]
    west, south, east, north = bounding_box(geometry)
    assert ring[0] == ring[-1]
    assert len(ring) > 5
    to_degrees = pyproj.Transformer.from_crs(32633, 4326, always_xy=True).transform
    assert west == pytest.approx(to_degrees(300_000, 6_400_000)[0], abs=1e-6)
    assert east == pytest.approx(to_degrees(700_000, 6_400_000)[0], abs=1e-6)
    assert south == pytest.approx(to_degrees(300_000, 6_000_000)[1], abs=1e-6)
    assert north == pytest.approx(to_degrees(500_000, 6_400_000)[1], abs=2e-3)
    turns = sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in pairwise(ring))
    assert turns < 0, "an outer ring runs counter-clockwise"


def test_footprint_is_cut_at_the_antimeridian():
    geometry = footprint(grid_of(32601, (300_000, 7_000_000, 450_000, 7_100_000)))
    assert geometry["type"] == "MultiPolygon"
    west, _, east, _ = bounding_box(geometry)
    assert 178 < west < 180
    assert -180 < east < -177
    for polygon in geometry["coordinates"]:
        longitudes = [point[0] for point in polygon[0]]
        assert max(longitudes) - min(longitudes) < 4


@pytest.mark.parametrize(("crs", "pole"), [(3031, -90.0), (3413, 90.0)])
def test_footprint_around_a_pole_reaches_it(crs, pole):
    geometry = footprint(grid_of(crs, (-500_000, -400_000, 600_000, 500_000)))
    west, south, east, north = bounding_box(geometry)
    assert (west, east) == (-180, 180)
    assert (south if pole < 0 else north) == pole
    assert abs(north if pole < 0 else south) == pytest.approx(83.0, abs=1.0)


def test_geographic_footprint_is_the_rectangle_itself():
    geometry = footprint(grid_of(4326, (10, 40, 12, 41)))
    assert (
        geometry["coordinates"] == [[[10, 40], [12, 40], [12, 41], [10, 41], [10, 40]]]
        or len(geometry["coordinates"][0]) == 5
    )
    assert bounding_box(geometry) == [10, 40, 12, 41]


def test_stac_item_of_an_image(write_raster, utm_grid):
    path = write_raster(np.ones((20, 30), np.uint16), "S2_20200131T103021.tif", grid=utm_grid((20, 30)), nodata=0)
    item = stac_item(look_at(path))
    assert item["stac_version"] == "1.1.0"
    assert item["id"] == "S2_20200131T103021"
    assert item["properties"]["datetime"] == "2020-01-31T10:30:21Z"
    assert item["properties"]["proj:code"] == "EPSG:32633"
    assert item["properties"]["proj:shape"] == [20, 30]
    assert item["properties"]["proj:transform"] == [10, 0, 500_000, 0, -10, 5_000_000]
    assert item["properties"]["proj:bbox"] == [500_000, 4_999_800, 500_300, 5_000_000]
    assert item["geometry"]["type"] == "Polygon"
    (band,) = item["assets"]["data"]["bands"]
    assert (band["name"], band["data_type"], band["nodata"]) == ("band 1", "uint16", 0)
    assert band["statistics"]["valid_percent"] == 100


def test_stac_item_without_georeference_has_no_geometry(write_raster):
    item = stac_item(look_at(write_raster(np.ones((4, 4), np.uint8), "plain.png")))
    assert item["geometry"] is None
    assert "bbox" not in item
    assert item["stac_extensions"] == []
    assert item["assets"]["data"]["type"] == "image/png"


def test_stac_item_of_a_crs_without_a_code(write_raster):
    crs = CRS.from_proj4("+proj=laea +lat_0=-49 +lon_0=-73 +units=m +datum=WGS84")
    grid = Grid((10, 10), Affine(10, 0, 0, 0, -10, 0), crs)
    item = stac_item(look_at(write_raster(np.ones((10, 10), np.uint8), "a.tif", grid=grid)))
    assert item["properties"]["proj:code"] is None
    assert item["properties"]["proj:wkt2"].startswith("PROJCRS")


def test_every_prefix_of_a_published_extension_is_declared(tmp_path, make_field, utm_grid):
    path = tmp_path / "d.tif"
    Displacement(utm_grid((6, 8), size=80.0), make_field(np.ones((6, 8), np.float32)), 8).save(path)
    item = stac_item(look_at(path))
    prefixes = {name.partition(":")[0] for name in item["properties"] if ":" in name} - {"sensetrack"}
    assert prefixes == {"proj", "processing"}
    assert sorted(url.split("/")[3] for url in item["stac_extensions"]) == ["processing", "projection"]
