"""Metadata that are well-formed and make no sense: one error each, that names the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from products.broken import billion_laughs
from products.landsat import write_landsat
from products.sentinel1 import write_sentinel1
from products.sentinel2 import write_sentinel2

import sensetrack
from sensetrack.errors import InputError
from sensetrack.info import product_item
from sensetrack.sensors import Product

ANNOTATION = "annotation/*.xml"
MANIFEST = "manifest.safe"


def change(path: Path, pattern: str, old: str, new: str) -> None:
    """Replace a regular expression in the first file of a pattern."""
    file = sorted(path.glob(pattern))[0]
    text, count = re.subn(old, new, file.read_text(), count=1, flags=re.S)
    assert count == 1, f"{old} is not in {file}"
    file.write_text(text)


@pytest.mark.parametrize(
    ("pattern", "old", "new", "why"),
    [
        (ANNOTATION, r"<azimuthTimeInterval>[^<]*", "<azimuthTimeInterval>0", "interval, sampling rate or spacing"),
        (ANNOTATION, r"<rangeSamplingRate>[^<]*", "<rangeSamplingRate>nan", "rangeSamplingRate is no number: 'nan'"),
        (ANNOTATION, r"<numberOfLines>[^<]*", "<numberOfLines>119", "3 bursts of 40 lines are not 119 lines"),
        (ANNOTATION, r"<linesPerBurst>[^<]*", "<linesPerBurst>39", "burst 1 has 40 lines, linesPerBurst says 39"),
        (ANNOTATION, r"(<burst>.*?<azimuthTime>)[^<]*", r"\g<1>2021-01-01T00:00:00", "do not follow each other"),
        (ANNOTATION, r"(<firstValidSample[^>]*>)[^<]*", r"\1" + "-1 " * 40, "a burst has no valid line"),
        (ANNOTATION, r"<geolocationGridPoint>.*?</geolocationGridPoint>", "", "geolocation grid are no grid"),
        (ANNOTATION, r"<orbit>.*</orbit>", "", "holds 0 state vectors"),
        (ANNOTATION, r"<startTime>[^<]*", "<startTime>yesterday", "startTime is no time: 'yesterday'"),
        (ANNOTATION, r"<productFirstLineUtcTime>[^<]*</productFirstLineUtcTime>", "", "lacks the element"),
        (MANIFEST, r"(coordinates>)[^<]*", r"\g<1>1,2 3,nan 5,6", "footprint cannot be read"),
        (MANIFEST, r"<", "", "cannot be read as XML"),
    ],
)
def test_sentinel1(tmp_path: Path, pattern: str, old: str, new: str, why: str) -> None:
    path = write_sentinel1(tmp_path, "SLC", shape=(40, 60), polarisations=("VV",)).path
    change(path, pattern, old, new)
    with pytest.raises(InputError, match=why):
        sensetrack.open(path)


@pytest.mark.parametrize(
    ("pattern", "old", "new", "why"),
    [
        ("calibration-*", r"(<sigmaNought[^>]*>)[^ ]*", r"\g<1>-5", "not above 0"),
        ("calibration-*", r"(<pixel[^>]*>)[^ ]* ", r"\g<1>", "does not fit its pixels"),
        ("noise-*", r"(<noiseAzimuthLut[^>]*>)[^ ]* ", r"\g<1>", "lines and .* factors"),
    ],
)
def test_sentinel1_tables(tmp_path: Path, pattern: str, old: str, new: str, why: str) -> None:
    path = write_sentinel1(tmp_path, "GRD", polarisations=("VV",)).path
    change(path, f"annotation/calibration/{pattern}", old, new)
    product = sensetrack.open(path)
    assert isinstance(product, Product)
    with pytest.raises(InputError, match=why):
        product.image("VV", denoise=True)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("EPSG:32633", "EPSG:99999", "HORIZONTAL_CS_CODE 'EPSG:99999' is no CRS"),
        (r"<SENSING_TIME([^>]*)>[^<]*", r"<SENSING_TIME\1>noon", "is no time: 'noon'"),
        (r"<NROWS>[^<]*", "<NROWS>1.5", "no whole number"),
        (r"<TILE_ID.*?</TILE_ID>", "", r"lacks the element \.//TILE_ID"),
    ],
)
def test_sentinel2(tmp_path: Path, old: str, new: str, why: str) -> None:
    path = write_sentinel2(tmp_path, rows=72, bands=["B02"]).path
    change(path, "GRANULE/*/MTD_TL.xml", old, new)
    with pytest.raises(InputError, match=why):
        sensetrack.open(path)


def test_angles_that_are_not_known_are_left_out(tmp_path: Path) -> None:
    path = write_sentinel2(tmp_path, rows=72, bands=["B02"]).path
    before = sensetrack.open(path)
    change(path, "GRANULE/*/MTD_TL.xml", r"(<Mean_Viewing_Incidence_Angle .*?<ZENITH_ANGLE[^>]*>)[^<]*", r"\g<1>NaN")
    change(path, "MTD_MSIL1C.xml", r"(<EXT_POS_LIST>)[^ ]*", r"\g<1>NaN")
    after = sensetrack.open(path)
    assert isinstance(before, Product) and isinstance(after, Product)
    assert after.view.incidence == pytest.approx(before.view.incidence, abs=1.0)
    assert after.outline is None and product_item(after)["geometry"], "the grid tells the footprint then"


def test_polygons_that_are_none(tmp_path: Path) -> None:
    path = write_sentinel2(tmp_path, rows=72, baseline="03.01", bands=["B02"]).path
    change(path, "GRANULE/*/QI_DATA/MSK_CLOUDS_B00.gml", r"(<[^>]*posList[^>]*>)[^<]*", r"\g<1>1 2 3 4 5 6")
    product = sensetrack.open(path)
    assert isinstance(product, Product) and product.image("B02").read()[1].any()
    with pytest.raises(InputError, match="a polygon of 6 numbers cannot be read"):
        product.image("B02", clouds=False)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("SCENE_CENTER_TIME = [^\n]*", 'SCENE_CENTER_TIME = "infinity:0:0Z"', "SCENE_CENTER_TIME is no time"),
        ("SUN_ELEVATION = [^\n]*", "SUN_ELEVATION = high", "SUN_ELEVATION = 'high' is no number"),
        ("FILE_NAME_BAND_", "FILE_NAME_TAPE_", None),
        ("SPACECRAFT_ID", "SPACECRAFT", "lacks SPACECRAFT_ID"),
    ],
)
def test_landsat(tmp_path: Path, old: str, new: str, why: str | None) -> None:
    path = write_landsat(tmp_path, forms=("txt",)).path
    change(path, "*_MTL.txt", old, new)
    if why is None:
        product = sensetrack.open(path)
        assert isinstance(product, Product) and len(product.bands) == 10
        return
    with pytest.raises(InputError, match=why):
        sensetrack.open(path)


def test_entities_in_the_metadata_of_products(tmp_path: Path) -> None:
    path = write_sentinel1(tmp_path / "a", "GRD", polarisations=("VV",)).path
    billion_laughs(path / MANIFEST)
    with pytest.raises(InputError, match=r"manifest\.safe: "):
        sensetrack.open(path)
    other = write_landsat(tmp_path / "b", forms=("xml",))
    file = other.path / f"{other.name}_MTL.xml"
    text = file.read_text()
    head, root = text[: text.index("<LANDSAT")], text[text.index("<LANDSAT") :]
    file.write_text(f'{head}<!DOCTYPE x [<!ENTITY a "b">]>{root}')
    with pytest.raises(InputError, match="document type or entities"):
        sensetrack.open(other.path)
