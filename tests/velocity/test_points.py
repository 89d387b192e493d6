"""The table of numbered points: numbers, signs, metres, velocity, and what stays empty."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.displacement import Displacement, Flag
from sensetrack.errors import InputError, OutputError, ParameterError
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.velocity.points import COLUMNS, PointsParams, points_file

SPACING = 4
UTM = Grid((2, 3), Affine(40.0, 0, 500_000.0, 0, -40.0, 8_000_000.0), CRS.from_epsg(32623))


def write(tmp_path, make_field, grid=UTM, days=None):
    dx = np.array([[3.0, 0.0, 1.5], [np.nan, -2.0, 0.5]])
    dy = np.array([[4.0, 1.0, 0.0], [np.nan, 0.0, 0.5]])
    flags = np.array([[0, 0, Flag.LOW_QUALITY], [Flag.NODATA, 0, 0]], np.uint8)
    field = make_field(dx, dy, quality=np.array([[0.9, 0.8, 0.1], [np.nan, 1.0, 0.75]]), flags=flags)
    path = tmp_path / "d.tif"
    Displacement(grid, field, SPACING, Provenance(tracker="cnn", days=days)).save(path)
    return path


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_points_have_metres_and_velocity(tmp_path, make_field):
    out = tmp_path / "points.csv"
    assert points_file(write(tmp_path, make_field, days=10.0), out, PointsParams(units="m/d")) == 4
    rows = read(out)
    assert tuple(rows[0]) == COLUMNS
    assert [row["point"] for row in rows] == ["1", "2", "5", "6"]
    first = {name: float(value) for name, value in rows[0].items()}
    assert (first["x"], first["y"]) == (500_020.0, 7_999_980.0)
    assert (first["dX_px"], first["dY_px"], first["dX_m"], first["dY_m"]) == (3.0, 4.0, 30.0, -40.0)
    assert (first["length_m"], first["velocity"], first["probability"]) == (50.0, 5.0, 0.9)


def test_a_year_has_its_days_and_the_time_base_can_be_given(tmp_path, make_field):
    out = tmp_path / "points.csv"
    points_file(write(tmp_path, make_field, days=10.0), out, PointsParams(days=20.0))
    assert float(read(out)[0]["velocity"]) == pytest.approx(50 / 20 * 365.25)


def test_all_points_keep_their_numbers(tmp_path, make_field):
    out = tmp_path / "points.csv"
    assert points_file(write(tmp_path, make_field), out, PointsParams(points="all")) == 5
    assert [row["point"] for row in read(out)] == ["1", "2", "3", "5", "6"]


def test_what_is_not_known_is_empty(tmp_path, make_field):
    source = write(tmp_path, make_field, grid=Grid((2, 3), Affine.scale(SPACING), None))
    points_file(source, tmp_path / "a.csv")
    row = read(tmp_path / "a.csv")[0]
    assert (row["dX_px"], row["dX_m"], row["length_m"], row["velocity"]) == ("3.0000", "", "", "")
    points_file(source, tmp_path / "b.csv", PointsParams(pixel_size=10.0))
    row = read(tmp_path / "b.csv")[0]
    assert (row["dX_m"], row["dY_m"], row["velocity"]) == ("30", "-40", "")
    points_file(source, tmp_path / "c.csv", PointsParams(pixel_size=10.0, days=5.0))
    assert float(read(tmp_path / "c.csv")[0]["velocity"]) == pytest.approx(50 / 5 * 365.25, rel=1e-5)


def test_bad_input_is_named(tmp_path, make_field, write_raster):
    source = write(tmp_path, make_field)
    with pytest.raises(OutputError):
        points_file(source, source)
    with pytest.raises(ParameterError, match="pixel_size = 10 is for images without a CRS"):
        points_file(source, tmp_path / "p.csv", PointsParams(pixel_size=10.0))
    assert not (tmp_path / "p.csv").exists()
    with pytest.raises(InputError, match="not a displacement file"):
        points_file(write_raster(np.zeros((4, 4), np.float32), "plain.tif"), tmp_path / "p.csv")
