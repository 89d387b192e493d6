"""The info command: what it says of each kind of file, and the STAC Item."""

from __future__ import annotations

import json

import numpy as np
import pytest


def test_image(run, pair):
    text = run("info", pair[0]).stdout
    assert text.startswith(f"{pair[0]}: image\n")
    assert "size      96 rows x 128 columns" in text
    assert "CRS       EPSG:32633" in text
    assert "pixel     10 x 10 m" in text
    assert "extent    x 500000 to 501280, y 4999040 to 5000000" in text
    assert "acquired  2020-01-01 00:00:00 UTC" in text
    assert "band 1  float32        100.0 %" in text


def test_image_without_georeference(run, write_raster):
    text = run("info", write_raster(np.ones((4, 5), np.uint8), "plain.png")).stdout
    assert "none: coordinates are pixels" in text
    assert "acquired" not in text


def test_displacement(run, field_file):
    text = run("info", field_file).stdout
    assert f"{field_file}: displacement" in text
    for line in (
        "tracker     oracle",
        "dates       2020-01-01 to 2020-01-21",
        "days        20",
        "spacing     16 input pixels",
    ):
        assert line in text
    assert "measured  95.8 %" in text
    assert "nodata    4.2 %" in text
    assert "dx        float32  px" in text


def test_velocity(run, field_file, tmp_path):
    run("velocity", field_file, "-o", tmp_path / "v.nc")
    text = run("info", tmp_path / "v.nc").stdout
    assert "v.nc: velocity" in text
    assert "then        velocity" in text
    assert "meter/year" in text


def test_large_files_are_decimated(run, write_raster):
    text = run("info", write_raster(np.zeros((10, 4100), np.uint8), "wide.tif")).stdout
    assert "decimated by 3 in both directions" in text


def test_stac_item_of_a_pair(run, field_file):
    item = json.loads(run("info", field_file, "--json").stdout)
    properties = item["properties"]
    assert item["type"] == "Feature"
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2020-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2020-01-21T00:00:00Z"
    assert properties["sensetrack:flag_shares"]["nodata"] == pytest.approx(1 / 24, abs=1e-6)
    assert [band["name"] for band in item["assets"]["data"]["bands"]][:2] == ["dx", "dy"]


def test_stac_item_of_an_undated_image_says_so(run, write_raster, utm_grid):
    path = write_raster(np.ones((8, 8), np.uint8), "plain.tif", grid=utm_grid((8, 8)))
    result = run("info", path, "--json")
    assert json.loads(result.stdout)["properties"]["datetime"] is None
    assert "no acquisition time is known, so 'datetime' is null" in result.stderr


@pytest.mark.parametrize("name", ["text.tif", "empty.tif"])
def test_no_raster(run, tmp_path, name):
    (tmp_path / name).write_text("" if name == "empty.tif" else "not a raster", encoding="utf-8")
    message = run("info", tmp_path / name, status=1).stderr
    assert f"{name}: not a raster that can be read" in message
    assert message.count("\n") == 1
