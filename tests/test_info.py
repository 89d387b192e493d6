"""What a file is, and its STAC Item: kinds, statistics over usable pixels, footprints."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pyproj
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.displacement import Displacement, Flag
from sensetrack.errors import InputError, NotARasterError
from sensetrack.info import look_at
from sensetrack.provenance import Provenance
from sensetrack.raster.dates import parse_time
from sensetrack.raster.grid import Grid
from sensetrack.stac import bounding_box, footprint, stac_item
from sensetrack.summary import FieldSummary


def grid_of(crs, bounds, shape=(100, 100)):
    xmin, ymin, xmax, ymax = bounds
    size = (xmax - xmin) / shape[1], (ymax - ymin) / shape[0]
    return Grid(shape, Affine(size[0], 0, xmin, 0, -size[1], ymax), CRS.from_epsg(crs))


def test_statistics_leave_nodata_out(write_raster):
    values = np.array([[1, 2, 3], [4, 0, 0]], np.uint16)
    info = look_at(write_raster(values, "a.tif", nodata=0))
    found = info.layers[0].statistics
    assert (found.minimum, found.maximum, found.mean, found.median) == (1, 4, 2.5, 2.5)
    assert found.std == pytest.approx(values[values > 0].std())
    assert (found.count, found.share) == (4, pytest.approx(4 / 6))
    assert (info.kind, info.step, info.layers[0].dtype, info.layers[0].nodata) == ("image", 1, "uint16", 0)


def test_complex_images_by_their_amplitude(write_raster):
    info = look_at(write_raster(np.full((4, 4), 3 + 4j, np.complex64), "slc.tif"))
    assert info.layers[0].statistics.mean == pytest.approx(5)


def test_empty_images(write_raster):
    found = look_at(write_raster(np.zeros((4, 4), np.uint8), "a.tif", nodata=0)).layers[0].statistics
    assert (found.count, found.share) == (0, 0.0)
    assert math.isnan(found.mean)


def test_bands_of_one_name_stay_apart(write_raster):
    info = look_at(write_raster(np.zeros((3, 4, 4), np.uint8), "a.tif", names=["b", "b", ""]))
    assert [layer.name for layer in info.layers] == ["b", "band 2", "band 3"]


def test_displacement_statistics_leave_flagged_pixels_out(tmp_path, make_field, utm_grid):
    dx = np.ones((10, 10), np.float32)
    dx[0] = 99
    field = make_field(dx)
    outliers = np.zeros((10, 10), np.bool_)
    outliers[0] = True
    source = Provenance("pcc", reference_date=parse_time("2020-01-01"), days=12.0)
    Displacement(utm_grid((10, 10)), field.with_flag(outliers, Flag.OUTLIER), 1, source).save(tmp_path / "d.tif")
    for path in (tmp_path / "d.tif", tmp_path / "d.nc"):
        if path.suffix == ".nc":
            Displacement.open(tmp_path / "d.tif").save(path)
        info = look_at(path)
        assert info.kind == "displacement"
        assert info.layers[0].statistics.maximum == 1
        assert info.flags == {"measured": 0.9, "outlier": 0.1}
        assert (info.days, info.start, info.end) == (12.0, parse_time("2020-01-01"), parse_time("2020-01-13"))
        summary = FieldSummary.of_file(path)
        assert (summary.dx, summary.length, summary.shares()) == (1, 1, {"measured": 0.9, "outlier": 0.1})
        assert FieldSummary.of(Displacement.open(path)) == summary


def test_large_files_are_sampled(write_raster):
    values = np.tile(np.arange(100, dtype=np.uint8), (50, 1))
    info = look_at(write_raster(values, "a.tif"), sample=25)
    assert info.step == 4
    assert info.layers[0].statistics.count == 25 * 13
    assert info.grid.shape == (50, 100)


def test_not_a_raster(tmp_path):
    (tmp_path / "a.tif").write_text("no", encoding="utf-8")
    with pytest.raises(NotARasterError, match=r"a\.tif: not a raster"):
        look_at(tmp_path / "a.tif")


def test_tables_are_not_read_back(tmp_path):
    (tmp_path / "d.csv").write_text("row,col\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"d\.csv: a table of points is not read back"):
        look_at(tmp_path / "d.csv")


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


def test_real_its_live_file(shared_data):
    (path,) = (shared_data / "itslive").glob("*.nc")
    info = look_at(path)
    assert info.kind == "velocity"
    assert info.grid.shape == (1879, 2016)
    assert {layer.name: layer.unit for layer in info.layers}["vx"] == "meter/year"
    west, south, _, north = stac_item(info)["bbox"]
    assert -140 < west < -110
    assert -84 < south < north < -79
