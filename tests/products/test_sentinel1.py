"""The Sentinel-1 writer against the description of the format, real annotations and GDAL's SAFE driver."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree
from rasterio.errors import NotGeoreferencedWarning

from products.archive import zipped
from products.eof import write_orbit_file
from products.orbit import LIGHT, cartesian
from products.sentinel1 import LINE_INTERVAL, ORBIT, START, write_sentinel1

SARSEN = "sentinel1/sarsen"


def numbers(root: etree._Element, path: str) -> np.ndarray:
    return np.array([float(text) for text in root.findtext(path).split()])


def tags(root: etree._Element) -> set[str]:
    """All paths of elements, without namespaces."""
    found = set()
    for item in root.iter():
        if isinstance(item.tag, str):
            line = [item, *item.iterancestors()]
            found.add("/".join(etree.QName(part).localname for part in reversed(line)))
    return found


@pytest.mark.parametrize(
    ("kind", "folder"),
    [
        ("SLC", "S1A_IW_SLC__1SDV_20220104T170557_20220104T170624_041314_04E951_F1F1.SAFE"),
        ("GRD", "S1B_IW_GRDH_1SDV_20211223T051122_20211223T051147_030148_039993_5371.SAFE"),
    ],
)
def test_every_element_stands_in_real_products_too(tmp_path: Path, shared_data: Path, kind: str, folder: str) -> None:
    real = shared_data / SARSEN / folder
    ours = write_sentinel1(tmp_path, kind).path
    patterns = ["annotation/*.xml", "annotation/calibration/calibration*"]
    for pattern in [*patterns, *(["annotation/calibration/noise*"] if kind == "GRD" else [])]:
        first = etree.parse(sorted(ours.glob(pattern))[0]).getroot()
        theirs = etree.parse(sorted(real.glob(pattern))[0]).getroot()
        assert tags(first) <= tags(theirs)
    missing = tags(etree.parse(ours / "manifest.safe").getroot()) - tags(etree.parse(real / "manifest.safe").getroot())
    assert missing <= {"XFDU/metadataSection/metadataObject/metadataWrap/xmlData/processing/facility/software"}


@pytest.mark.parametrize(
    ("kind", "mode", "swaths"),
    [
        ("GRD", "IW", ["IW"]),
        ("GRD", "EW", ["EW"]),
        ("GRD", "SM", ["S3"]),
        ("SLC", "IW", ["IW1", "IW2", "IW3"]),
        ("SLC", "EW", ["EW1", "EW2", "EW3", "EW4", "EW5"]),
        ("SLC", "SM", ["S3"]),
    ],
)
def test_gdal_opens_every_kind(tmp_path: Path, kind: str, mode: str, swaths: list[str]) -> None:
    truth = write_sentinel1(tmp_path, kind, mode=mode)
    assert {swath for swath, _ in truth.images} == set(swaths)
    with rasterio.open(truth.path / "manifest.safe") as ds:
        assert ds.driver == "SAFE"
        assert ds.shape == next(iter(truth.images.values())).spec.shape
        assert ds.tags()["MODE"] == mode
        assert len(ds.gcps[0]) > 20
    for image in truth.images.values():
        with rasterio.open(image.path) as ds:
            assert ds.dtypes == (("complex_int16",) if kind == "SLC" else ("uint16",))
            np.testing.assert_array_equal(ds.read(1), image.dn)


def test_tables_hold_what_the_truth_says_at_their_nodes(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", constant=1.393)
    image = truth.images["IW2", "VH"]
    root = etree.parse(truth.path / "annotation/calibration" / f"calibration-{image.spec.stem}.xml")
    vectors = root.findall(".//calibrationVector")
    lines = [int(vector.findtext("line")) for vector in vectors]
    assert (lines[0], lines[-1]) == (-9, image.spec.shape[0] + 8)  # before and after the image
    inside = next(vector for vector in vectors if 0 <= int(vector.findtext("line")) < image.spec.shape[0])
    pixels, sigma = numbers(inside, "pixel").astype(int), numbers(inside, "sigmaNought")
    np.testing.assert_allclose(image.tables.lut["sigmaNought"][int(inside.findtext("line")), pixels], sigma)
    beta, dn = numbers(inside, "betaNought"), numbers(inside, "dn")
    np.testing.assert_allclose(beta, dn * np.sqrt(1.393), rtol=2e-7)
    assert pixels[-1] == image.spec.shape[1] - 1


@pytest.mark.parametrize("noise", ["azimuth", "old"])
def test_noise_in_both_formats(tmp_path: Path, noise: str) -> None:
    truth = write_sentinel1(tmp_path, "GRD", noise=noise)
    image = truth.images["IW", "VV"]
    root = etree.parse(truth.path / "annotation/calibration" / f"noise-{image.spec.stem}.xml")
    if noise == "old":
        vector = root.findall(".//noiseVector")[1]
        row, pixels = int(vector.findtext("line")), numbers(vector, "pixel").astype(int)
        np.testing.assert_allclose(image.noise[row, pixels], numbers(vector, "noiseLut"))
        assert root.find(".//noiseAzimuthVectorList") is None
        return
    vector = root.findall(".//noiseRangeVector")[1]
    row, pixels = int(vector.findtext("line")), numbers(vector, "pixel").astype(int)
    blocks = root.findall(".//noiseAzimuthVector")
    assert [block.findtext("swath") for block in blocks] == ["IW1", "IW2", "IW3"]
    for pixel, along_range in zip(pixels, numbers(vector, "noiseRangeLut"), strict=True):
        block = next(b for b in blocks if pixel <= int(b.findtext("lastRangeSample")))
        along = np.interp(row, numbers(block, "line"), numbers(block, "noiseAzimuthLut"))
        assert image.noise[row, pixel] == pytest.approx(along_range * along, rel=1e-6)
    assert (image.noise[10, 20] > 1) and (image.dn[10, 20] == 1)


def test_bursts_cut_one_scene(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", shape=(40, 70), bursts=4, overlap=7)
    image = truth.images["IW3", "VV"]
    assert image.dn.shape == (160, 70)
    assert len(image.scene) == 4 * 40 - 3 * 7
    for burst in image.bursts:
        start = image.scene_times.index(burst.azimuth_time)
        for line in range(40):
            first, last = burst.first_valid[line], burst.last_valid[line]
            row = image.dn[burst.first_line + line]
            if first < 0:
                assert not row.any()
                continue
            np.testing.assert_array_equal(row[first : last + 1], image.scene[start + line, first : last + 1])
            assert not row[:first].any()
            assert not row[last + 1 :].any()
    gap = image.bursts[1].azimuth_time - image.bursts[0].azimuth_time
    assert gap.total_seconds() == pytest.approx(33 * LINE_INTERVAL, abs=2e-6)
    root = etree.parse(truth.path / "annotation" / f"{image.spec.stem}.xml")
    assert root.findtext(".//linesPerBurst") == "40"
    assert [item.text for item in root.findall(".//burstId")] == ["249402", "249403", "249404", "249405"]


def test_burst_ids_came_late(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", burst_ids=False, polarisations=("HH",))
    assert etree.parse(next((truth.path / "annotation").glob("*.xml"))).find(".//burstId") is None
    assert b'version="003.20"' in (truth.path / "manifest.safe").read_bytes()
    assert "1SSH" in truth.path.name


def test_ground_range_follows_its_polynomial(tmp_path: Path) -> None:
    image = write_sentinel1(tmp_path, "GRD", range_spacing=100.0).images["IW", "VV"]
    ground = np.arange(170) * 100.0
    slant = np.polyval(image.spec.grsr[::-1], ground)
    np.testing.assert_allclose(slant, image.slant_range)
    assert image.spec.grsr[0] == pytest.approx(LIGHT * 5.336535882737799e-3 / 2, abs=0.01)
    np.testing.assert_allclose(np.polyval(image.spec.srgr[::-1], slant - image.spec.grsr[0]), ground, atol=0.5)


def test_grid_points_are_seen_from_the_orbit(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC")
    image = truth.images["IW2", "VV"]
    points = image.points
    position, velocity = ORBIT.state(points["time"])
    look = cartesian(points["latitude"], points["longitude"], points["height"]) - position
    np.testing.assert_allclose(np.linalg.norm(look, axis=-1), points["range"], atol=1e-4)
    assert np.abs((look * velocity).sum(-1)).max() < 1
    assert np.ptp(points["height"]) > 100
    second = image.bursts[1]
    at = points["line"] == second.first_line
    np.testing.assert_allclose(points["time"][at], (second.azimuth_time - START).total_seconds(), atol=1e-6)


def test_the_manifest_lists_what_is_left_out(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "SLC", without=["measurement/*iw2*", "annotation/calibration/noise-*iw1*"])
    names = {path.name for path in truth.path.rglob("*iw2*") if path.suffix == ".tiff"}
    assert not names
    root = etree.parse(truth.path / "manifest.safe").getroot()
    listed = [item.get("href") for item in root.iter("fileLocation")]
    assert len(listed) == 6 * 4
    for item in root.iter("byteStream"):
        file = truth.path / item.find("fileLocation").get("href")
        if file.exists():
            assert hashlib.md5(file.read_bytes()).hexdigest() == item.findtext("checksum")


def test_a_tiff_may_claim_degrees(tmp_path: Path) -> None:
    image = write_sentinel1(tmp_path, "GRD", georeference="crs").images["IW", "VV"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(image.path) as ds:
            assert (ds.crs.to_epsg(), ds.transform.is_identity, ds.gcps[0]) == (4326, True, [])


def test_zip_with_a_leading_folder_and_the_clutter_of_a_mac(tmp_path: Path) -> None:
    product = write_sentinel1(tmp_path, "GRD").path
    with zipfile.ZipFile(zipped(product, lead="safe/", mac=True)) as archive:
        names = archive.namelist()
    assert names[0] == "safe/"
    assert f"safe/{product.name}/manifest.safe" in names
    assert f"__MACOSX/safe/{product.name}/._manifest.safe" in names
    assert f"safe/{product.name}/.DS_Store" in names


def test_orbit_files_hold_the_orbit(tmp_path: Path, shared_data: Path) -> None:
    epoch = datetime(2022, 1, 4, 17, 5, 57)
    truth = write_orbit_file(tmp_path, ORBIT, epoch, kind="AUX_RESORB", before=100, after=200)
    assert truth.path.name.startswith("S1A_OPER_AUX_RESORB_OPOD_")
    assert f"_V{epoch - timedelta(seconds=100):%Y%m%dT%H%M%S}_" in truth.path.name
    root = etree.parse(truth.path).getroot()
    real = etree.parse(next((shared_data / "sentinel1/s1-reader/orbits").glob("*.EOF"))).getroot()
    assert tags(root) == tags(real) - {item for item in tags(real) if "/Source" in item}
    assert len(root.findall(".//OSV")) == int(root.find(".//List_of_OSVs").get("count")) == 31
    np.testing.assert_allclose(truth.positions[10], ORBIT.state(0.0)[0], atol=1e-6)
    assert root.findall(".//OSV")[10].findtext("UTC") == "UTC=2022-01-04T17:05:57.000000"
