"""The Landsat writer against the description of the format, real metadata and GDAL."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree

from products.archive import tarred
from products.landsat import write_landsat

REAL = {"L1TP": "LC09_L1TP_166072_20220203_20220203_02_T1", "L2SP": "LC08_L2SP_008059_20191201_20200825_02_T1"}


def groups_of(path: Path) -> dict[str, set[str]]:
    """Groups and their keys, from JSON."""
    return {name: set(keys) for name, keys in json.loads(path.read_text())["LANDSAT_METADATA_FILE"].items()}


@pytest.mark.parametrize(("level", "satellite"), [("L1TP", "LC09"), ("L2SP", "LC08")])
def test_every_key_stands_in_real_products_too(tmp_path: Path, shared_data: Path, level: str, satellite: str) -> None:
    truth = write_landsat(tmp_path, level, satellite=satellite)
    real = next((shared_data / "landsat" / REAL[level]).glob("*_MTL.json"))
    theirs = groups_of(real)
    for name, keys in groups_of(truth.path / f"{truth.name}_MTL.json").items():
        assert keys <= theirs[name], name


def test_the_three_forms_say_the_same(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path, "L2SP")
    base = truth.path / f"{truth.name}_MTL"
    said = json.loads(base.with_suffix(".json").read_text())["LANDSAT_METADATA_FILE"]
    root = etree.parse(base.with_suffix(".xml")).getroot()
    assert {group.tag: {item.tag: item.text for item in group} for group in root} == said
    text = base.with_suffix(".txt").read_text()
    assert text.rstrip().endswith("END_GROUP = LANDSAT_METADATA_FILE\nEND")
    found: dict[str, dict[str, str]] = {}
    for line in text.splitlines():
        if match := re.match(r"  GROUP = (\w+)", line):
            group = found.setdefault(match[1], {})
        elif match := re.match(r"    (\w+) = \"?(.*?)\"?$", line):
            group[match[1]] = match[2]
    assert found == said
    key = "REFLECTANCE_MULT_BAND_4"
    assert said["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"][key] == "2.75e-05"
    assert said["LEVEL1_RADIOMETRIC_RESCALING"][key] == "2.0000E-05"


@pytest.mark.parametrize(
    ("satellite", "epsg", "centre"),
    [
        ("LC08", 32637, (142500.0, -1804200.0)),
        ("LE07", 32618, (378300.0, 275700.0)),
        ("LC09", 3031, (-1800000.0, 600000.0)),
    ],
)
def test_the_corner_is_the_centre_of_a_pixel(
    tmp_path: Path, satellite: str, epsg: int, centre: tuple[float, float]
) -> None:
    truth = write_landsat(tmp_path, satellite=satellite, epsg=epsg, centre=centre)
    said = json.loads((truth.path / f"{truth.name}_MTL.json").read_text())["LANDSAT_METADATA_FILE"]
    plane = said["PROJECTION_ATTRIBUTES"]
    for suffix in ("B4", "B8"):
        with rasterio.open(truth.path / f"{truth.name}_{suffix}.TIF") as ds:
            assert ds.crs.to_epsg() == epsg
            assert ds.xy(0, 0) == (
                float(plane["CORNER_UL_PROJECTION_X_PRODUCT"]),
                float(plane["CORNER_UL_PROJECTION_Y_PRODUCT"]),
            )
            assert ds.xy(ds.height - 1, ds.width - 1)[0] == float(plane["CORNER_LR_PROJECTION_X_PRODUCT"])
            np.testing.assert_array_equal(ds.read(1), truth.dn[suffix])
            assert ds.res == ((30.0, 30.0) if suffix == "B4" else (15.0, 15.0))
    assert plane["MAP_PROJECTION"] == ("PS" if epsg == 3031 else "UTM")


def test_values_follow_the_formulas(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path)
    dn = float(truth.dn["B4"][30, 11])
    sine = np.sin(np.radians(58.58710476))
    assert truth.values["B4"][30, 11] == pytest.approx((2e-5 * dn - 0.1) / sine)
    dn = float(truth.dn["B10"][30, 11])
    assert truth.values["B10"][30, 11] == pytest.approx(1329.2405 / np.log(799.0284 / (3.8e-4 * dn + 0.1) + 1))
    second = write_landsat(tmp_path, "L2SP")
    dn = float(second.dn["SR_B4"][30, 11])
    assert second.values["SR_B4"][30, 11] == pytest.approx(2.75e-5 * dn - 0.2)
    dn = float(second.dn["ST_B10"][30, 11])
    assert second.values["ST_B10"][30, 11] == pytest.approx(0.00341802 * dn + 149)
    assert np.isnan(second.values["SR_B4"][0, 0])


def test_kinds_differ_in_what_they_hold(tmp_path: Path) -> None:
    assert not any(name.startswith("ST") for name in write_landsat(tmp_path, "L2SR").dn)
    night = write_landsat(tmp_path, "L1GT", satellite="LT05", sun_elevation="-12.3")
    assert (set(night.values), night.sun_elevation) == ({"B6"}, -12.3)
    seven = write_landsat(tmp_path, satellite="LE07")
    assert {"B6_VCID_1", "B6_VCID_2", "B8"} <= set(seven.dn)
    assert seven.dn["B8"].shape == (79, 99)


def test_quality_has_the_known_patterns(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path)
    assert set(np.unique(truth.dn["QA_PIXEL"])) == {1, 21824, 22280, 23888, 55052}
    np.testing.assert_array_equal(truth.dn["QA_PIXEL"] == 1, truth.dn["B4"] == 0)


def test_parts_can_be_left_out_and_packed(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path, forms=("txt",), without=("QA_RADSAT",))
    with tarfile.open(tarred(truth.path, compressed=True)) as archive:
        names = archive.getnames()
    assert f"{truth.name}_MTL.txt" in names
    assert not any(name.endswith((".xml", "RADSAT.TIF")) for name in names)
    assert "QA_RADSAT.TIF" in (truth.path / f"{truth.name}_MTL.txt").read_text()
