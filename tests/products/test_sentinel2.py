"""The Sentinel-2 writer against the description of the format, real metadata and GDAL's SENTINEL2 driver."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from lxml import etree
from rasterio import features
from rasterio.transform import Affine
from shapely.geometry import Polygon

from products.sentinel2 import write_sentinel2
from products.sentinel2_bucket import cog_bucket, jp2_bucket
from products.sentinel2_metadata import BANDS

STACTOOLS = "sentinel2/stactools"
REAL = {
    ("1C", "04.00"): "sentinel2/stars/S2A_MSIL1C_20220125T151701_N0400_R125_T18LTM_20220125T190036.SAFE",
    ("1C", "03.01"): f"{STACTOOLS}/S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE",
    ("2A", "02.12"): f"{STACTOOLS}/S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857.SAFE",
    ("2A", "05.09"): f"{STACTOOLS}/S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE",
}
CASES = pytest.mark.parametrize(("level", "baseline"), list(REAL))


def local(root: etree._Element, name: str) -> list[etree._Element]:
    return [item for item in root.iter() if isinstance(item.tag, str) and etree.QName(item).localname == name]


def tags(root: etree._Element) -> set[str]:
    """All paths of elements with the names of their attributes, without namespaces."""
    found = set()
    for item in root.iter():
        if isinstance(item.tag, str):
            line = [item, *item.iterancestors()]
            path = "/".join(etree.QName(part).localname for part in reversed(line))
            found |= {path, *(f"{path}@{key}" for key in item.attrib)}
    return found


@CASES
def test_every_element_stands_in_real_products_of_that_baseline(
    tmp_path: Path, shared_data: Path, level: str, baseline: str
) -> None:
    ours = write_sentinel2(tmp_path, level, baseline=baseline, rows=36, bands=("B01",)).path
    real = shared_data / REAL[level, baseline]
    for pattern in ("MTD_MSI*.xml", "GRANULE/*/MTD_TL.xml"):
        first = etree.parse(next(ours.glob(pattern))).getroot()
        theirs = etree.parse(next(real.glob(pattern))).getroot()
        assert tags(first) <= tags(theirs)
    listed = local(etree.parse(next(ours.glob("MTD_MSI*.xml"))).getroot(), "IMAGE_FILE")
    theirs = local(etree.parse(next(real.glob("MTD_MSI*.xml"))).getroot(), "IMAGE_FILE")
    names = [{item.text.partition("IMG_DATA/")[2].replace("/", "_").split("_", 3)[-1] for item in items}
             for items in (listed, theirs)]  # fmt: skip
    if level == "1C":
        assert names[0] == names[1]


@CASES
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_gdal_opens_it_with_the_right_place_and_pixels(tmp_path: Path, level: str, baseline: str) -> None:
    truth = write_sentinel2(tmp_path, level, baseline=baseline, bands=("B02", "B03", "B04", "B08", "B05", "AOT", "WVP"))
    with rasterio.open(truth.path / f"MTD_MSIL{level}.xml") as ds:
        assert ds.driver == "SENTINEL2"
        first = next(name for name in ds.subdatasets if ":10m:" in name)
    with rasterio.open(first) as ds:
        assert (ds.shape, ds.crs.to_epsg()) == ((180, 180), 32633)
        assert tuple(ds.transform)[:6] == truth.transforms[10]
        assert ds.descriptions[2].startswith("B2")
        np.testing.assert_array_equal(ds.read(3), truth.dn["B02", 10])
    for (_, resolution), path in truth.files.items():
        with rasterio.open(path) as ds:
            assert tuple(ds.transform)[:6] == truth.transforms[resolution]


@pytest.mark.parametrize(
    ("level", "baseline", "offsets"),
    [("1C", "02.07", None), ("1C", "03.01", None), ("1C", "04.00", None), ("2A", "05.09", None), ("2A", "02.12", True)],
)
def test_offsets_are_there_or_not(tmp_path: Path, level: str, baseline: str, offsets: bool | None) -> None:
    truth = write_sentinel2(
        tmp_path, level, baseline=baseline, offsets=offsets, offset_step=-5, rows=36, bands=("B02", "B8A", "B12")
    )
    root = etree.parse(truth.path / f"MTD_MSIL{level}.xml").getroot()
    items = local(root, "RADIO_ADD_OFFSET" if level == "1C" else "BOA_ADD_OFFSET")
    assert bool(items) == (float(baseline) >= 4 or bool(offsets))
    if items:
        assert [item.get("band_id") for item in items] == [str(n) for n in range(13)]
        assert int(items[8].text) == -1040  # number 8 is B8A
    offset = -1040 if items else 0
    dn = truth.dn["B8A", 20]
    row, col = np.argwhere((dn > 0) & (dn < 65535))[0]
    assert truth.reflectance["B8A", 20][row, col] == (float(dn[row, col]) + offset) / 10000
    assert truth.saturated["B8A", 20].sum() == 2


def test_numbers_of_bands(tmp_path: Path) -> None:
    assert BANDS.index("B8A") == 8
    truth = write_sentinel2(tmp_path, "2A", rows=36)
    assert ("B10", 60) not in truth.dn
    assert truth.dn["SCL", 20].dtype == np.uint8


def test_masks_as_pictures(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, "1C", bands=("B01", "B02"))
    folder = next(truth.path.glob("GRANULE/*/QI_DATA"))
    with rasterio.open(folder / "MSK_DETFOO_B01.jp2") as ds:
        np.testing.assert_array_equal(ds.read(1), truth.detectors)
        np.testing.assert_array_equal(ds.read(1) > 0, truth.dn["B01", 60] > 0)
    with rasterio.open(folder / "MSK_CLASSI_B00.jp2") as ds:
        planes = ds.read()
    assert planes.shape == (3, 30, 30)
    np.testing.assert_array_equal(planes[0] == 1, truth.opaque)
    np.testing.assert_array_equal(planes[1] == 1, truth.cirrus)
    with rasterio.open(folder / "MSK_QUALIT_B02.jp2") as ds:
        assert (ds.count, ds.shape) == (8, (180, 180))


def test_masks_as_polygons(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, "1C", baseline="03.01", rows=36 * 5, bands=("B01",))
    folder = next(truth.path.glob("GRANULE/*/QI_DATA"))
    assert len(list(folder.glob("*.gml"))) == 66
    transform = Affine(*truth.transforms[60])
    for name, expected, deep in (("MSK_CLOUDS_B00", truth.opaque, 2), ("MSK_DETFOO_B05", truth.detectors > 0, 3)):
        shapes = []
        for item in local(etree.parse(folder / f"{name}.gml").getroot(), "MaskFeature"):
            if "CIRRUS" in local(item, "maskType")[0].text:
                continue
            positions = local(item, "posList")[0]
            assert positions.get("srsDimension") == str(deep)
            places = np.array(positions.text.split(), float).reshape(-1, deep)
            shapes.append(Polygon(places[:, :2]))
        drawn = features.rasterize(shapes, expected.shape, transform=transform)
        np.testing.assert_array_equal(drawn == 1, expected)
    assert not local(etree.parse(folder / "MSK_DEFECT_B01.gml").getroot(), "maskMembers")


def test_namespace_and_empty_tiles(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, "1C", namespace="psd-15", rows=36, bands=("B01",), all_nodata=True)
    text = (truth.path / "MTD_MSIL1C.xml").read_text()
    assert "https://psd-15.sentinel2.eo.esa.int" in text
    with rasterio.open(truth.files["B01", 60]) as ds:
        assert not ds.read().any()


def test_buckets_hold_the_same_pixels(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, "2A", baseline="05.09", bands=("B02", "B11", "SCL"))
    tile = jp2_bucket(tmp_path / "jp2", truth)
    assert tile.relative_to(tmp_path / "jp2").as_posix() == "tiles/33/T/VG/2022/1/25/0"
    with rasterio.open(tile / "R10m/B02.jp2") as ds:
        np.testing.assert_array_equal(ds.read(1), truth.dn["B02", 10])
    info = json.loads((tile / "tileInfo.json").read_text())
    assert (tmp_path / "jp2" / info["productPath"] / "metadata.xml").exists()

    folder = cog_bucket(tmp_path / "cog", truth)
    item = json.loads((folder / f"{folder.name}.json").read_text())
    band = item["assets"]["blue"]["raster:bands"][0]
    with rasterio.open(folder / item["assets"]["blue"]["href"]) as ds:
        values = ds.read(1) * band["scale"] + band["offset"]
    known = truth.dn["B02", 10] > 0
    np.testing.assert_allclose(values[known], truth.reflectance["B02", 10][known])

    folder = cog_bucket(tmp_path / "applied", truth, offset_applied=True)
    with rasterio.open(folder / "B02.tif") as ds:
        stored = ds.read(1)
    bright = truth.dn["B02", 10] > 1000
    np.testing.assert_allclose(stored[bright] * 1e-4, truth.reflectance["B02", 10][bright])
