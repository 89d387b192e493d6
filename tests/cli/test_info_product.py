"""The info command on products: what it says, the STAC Item, the quicklook."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from products.archive import zipped
from products.landsat import write_landsat
from products.sentinel1 import write_sentinel1
from products.sentinel2 import write_sentinel2


def test_a_radar_product(run, tmp_path):
    truth = write_sentinel1(tmp_path, "SLC", shape=(40, 60), without=("measurement/*iw2*",))
    text = run("info", zipped(truth.path, mac=True)).stdout
    for line in (
        "Sentinel-1A SLC product",
        "processing    IPF 003.40",
        "orbit         absolute 41314, relative 117 (track)",
        "view          right looking, incidence",
        "polarisation  VV, VH" if "VV, VH" in text else "polarisation  VH, VV",
        "bursts        IW1-VH 3",
        "CRS           none: coordinates are pixels",
        "missing       band IW2-VH, band IW2-VV",
    ):
        assert line in text
    assert "IW1-VV  VV" in text and "sigma0, beta0, gamma0, amplitude, complex" in text and "taken by default" in text


def test_an_optical_product(run, tmp_path):
    truth = write_sentinel2(tmp_path, "2A", rows=72, baseline="05.09", bands=["B02", "B05", "SCL"])
    text = run("info", truth.path).stdout
    for line in ("L2A", "05.09", "tile         33TVG", "offset       -1000, divided by 10000", "EPSG:32633", "15.26 %"):
        assert line in text
    assert "B02             blue" in text or "B02  " in text
    assert "band B03" in text and "not there" in text


def test_a_real_product(run, shared_data):
    text = run("info", shared_data / "landsat/LC08_L2SP_008059_20191201_20200825_02_T1").stdout
    for line in (
        "acquired     2019-12-01 15:13:51 UTC",
        "path, row    008, 059",
        "sun          elevation 57.09, azimuth 136.32 degrees",
        "cloud cover  81.02 %",
        "CRS          EPSG:32618",
        "corners      2.4939 N 76.0947 W",
        "ST_B10  lwir11   10895   30  7741 x 7591  temperature",
    ):
        assert line in text


def test_the_corners_of_a_tile_with_a_long_outline(run, shared_data):
    tile = "S2A_MSIL1C_20220125T151701_N0400_R125_T18LTM_20220125T190036.SAFE"
    text = run("info", shared_data / "sentinel2/stars" / tile).stdout
    assert "corners      11.7" in text and text.count(" S 7") == 4


def test_the_item_of_a_product(run, tmp_path):
    truth = write_landsat(tmp_path)
    item = json.loads(run("info", truth.path, "--json").stdout)
    assert item["id"] == truth.name and item["properties"]["proj:code"] == "EPSG:32637"
    assert item["properties"]["landsat:collection_category"] == "T1"
    assert item["assets"]["B4"]["bands"][0]["eo:common_name"] == "red"
    assert item["assets"]["B4"]["href"].endswith("_B4.TIF")


def test_the_item_of_a_radar_product(run, tmp_path):
    item = json.loads(run("info", write_sentinel1(tmp_path, "GRD").path, "--json").stdout)
    properties = item["properties"]
    assert properties["sar:polarizations"] == ["VH", "VV"] and properties["sar:instrument_mode"] == "IW"
    assert properties["sat:absolute_orbit"] == 41314 and properties["sat:orbit_state"] in ("ascending", "descending")
    assert properties["start_datetime"] < properties["end_datetime"] and item["bbox"]
    assert "proj:code" not in properties


def test_an_outline_across_the_antimeridian(run, shared_data):
    name = "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE"
    item = json.loads(run("info", shared_data / f"sentinel2/stactools/{name}", "--json").stdout)
    assert item["geometry"]["type"] == "MultiPolygon" and item["bbox"][0] > item["bbox"][2]


@pytest.mark.parametrize("kind", ["landsat", "sentinel1", "sentinel2"])
def test_quicklooks(run, tmp_path, kind):
    write = {
        "landsat": write_landsat,
        "sentinel1": lambda folder: write_sentinel1(folder, "GRD"),
        "sentinel2": lambda folder: write_sentinel2(folder, rows=72),
    }[kind]
    out = tmp_path / "q.png"
    run("info", write(tmp_path / "in").path, "--quicklook", out)
    picture = cv2.imread(str(out), cv2.IMREAD_UNCHANGED)
    assert picture.shape[2] == 4 and picture[..., 3].max() == 255 and np.unique(picture[..., 0]).size > 50
    is_grey = np.array_equal(picture[..., 0], picture[..., 1])
    assert is_grey == (kind == "sentinel1")


def test_quicklooks_of_plain_images(run, pair, tmp_path):
    run("info", pair[0], "--quicklook", tmp_path / "q.png")
    failed = run("info", pair[0], "--quicklook", tmp_path / "q.png", status=1)
    assert "exists already" in failed.stderr
    run("info", pair[0], "--quicklook", tmp_path / "q.png", "--overwrite")
    assert "written as .png" in run("info", pair[0], "--quicklook", tmp_path / "q.tif", status=1).stderr
