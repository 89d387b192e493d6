"""What a file is: kinds, statistics over usable pixels, times."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensetrack.displacement import Displacement, Flag
from sensetrack.errors import InputError, NotARasterError
from sensetrack.info import FieldSummary, look_at, stac_item
from sensetrack.provenance import Provenance
from sensetrack.raster.dates import parse_time


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


def test_real_its_live_file(shared_data):
    (path,) = (shared_data / "itslive").glob("*.nc")
    info = look_at(path)
    assert info.kind == "velocity"
    assert info.grid.shape == (1879, 2016)
    assert {layer.name: layer.unit for layer in info.layers}["vx"] == "meter/year"
    west, south, _, north = stac_item(info)["bbox"]
    assert -140 < west < -110
    assert -84 < south < north < -79
