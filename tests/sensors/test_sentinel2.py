"""Sentinel-2 against products written from the format alone, and against real ones."""

from __future__ import annotations

import json
import pickle
import re
import shutil
import warnings
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from products.archive import tarred, zipped
from products.sentinel2 import write_sentinel2
from products.sentinel2_bucket import cog_bucket, jp2_bucket
from products.sentinel2_metadata import RESOLUTION
from rasterio.errors import NotGeoreferencedWarning

import sensetrack
from sensetrack.errors import InputError, ParameterError, UnusableImageError
from sensetrack.info import product_item, write_quicklook
from sensetrack.raster.grid import crs_name
from sensetrack.sensors.sentinel2 import Sentinel2Product

REAL = "sentinel2/stars/S2A_MSIL1C_20220125T151701_N0400_R125_T18LTM_20220125T190036.SAFE"


def opened(path: Path) -> Sentinel2Product:
    found = sensetrack.open(path)
    assert isinstance(found, Sentinel2Product)
    return found


def as_array(product: Sentinel2Product, band: str, **options: object) -> np.ndarray:
    image = pickle.loads(pickle.dumps(product.image(band, **options)))  # type: ignore[arg-type]
    pixels, valid = image.read()
    return np.where(valid, pixels, np.nan)


@pytest.mark.parametrize("level", ["1C", "2A"])
@pytest.mark.parametrize(
    ("baseline", "offsets"), [("02.12", None), ("03.01", None), ("03.01", True), ("04.00", None), ("05.09", None)]
)
def test_offsets_are_taken_where_they_are(tmp_path: Path, level: str, baseline: str, offsets: bool | None) -> None:
    truth = write_sentinel2(tmp_path, level, baseline=baseline, offsets=offsets, offset_step=7, rows=72)
    product = opened(truth.path)
    assert product.baseline == baseline and product.level == f"L{level}" and product.missing == ()
    for (band, size), values in truth.reflectance.items():
        if size != product.band(band).resolution:
            continue
        found = as_array(product, band, mask=False)
        np.testing.assert_allclose(found, values, atol=1e-6)
        masked = np.isfinite(as_array(product, band))
        usable = np.isfinite(values) & ~truth.saturated[band, size]
        # The masks of L2A keep the band's native pixels, so that one of them covers several of a finer image.
        assert np.array_equal(masked, usable) if size == RESOLUTION[band] else not (masked & ~usable).any()
        grid = product.image(band).grid
        assert tuple(grid.transform)[:6] == truth.transforms[size] and crs_name(grid.crs) == "EPSG:32633"
        assert product.band(band).shape == values.shape == grid.shape
    assert np.nanmin(as_array(product, "B02")) < 0 or (baseline < "04.00" and not offsets), (
        "below the offset is measured"
    )


def test_the_finest_of_several_sizes_is_read(tmp_path: Path) -> None:
    product = opened(write_sentinel2(tmp_path, "2A", rows=72).path)
    assert {band.name: band.resolution for band in product.bands[:4]} == {"B01": 20, "B02": 10, "B03": 10, "B04": 10}
    assert "B10" not in {band.name for band in product.bands}


@pytest.mark.parametrize("namespace", ["psd-14", "psd-15", "psd-99"])
def test_namespaces_do_not_matter(tmp_path: Path, namespace: str) -> None:
    truth = write_sentinel2(tmp_path, rows=72, namespace=namespace, bands=["B02"])
    np.testing.assert_allclose(as_array(opened(truth.path), "B02", mask=False), truth.reflectance["B02", 10], atol=1e-6)


@pytest.mark.parametrize("pack", [lambda p: zipped(p, mac=True), lambda p: zipped(p, lead="x/"), tarred])
def test_archives_are_read_in_place(tmp_path: Path, pack: object) -> None:
    truth = write_sentinel2(tmp_path, "2A", rows=72, bands=["B02", "SCL"])
    path = pack(truth.path)  # type: ignore[operator]
    shutil.rmtree(truth.path)
    product = opened(path)
    np.testing.assert_allclose(as_array(product, "blue", mask=False), truth.reflectance["B02", 10], atol=1e-6)
    assert product.name == truth.spec.product.removesuffix(".SAFE")


def test_a_metadata_file_stands_for_its_product(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, rows=72, bands=["B02"], baseline="05.09")
    product = opened(truth.path)
    for name in ("MTD_MSIL1C.xml", "manifest.safe"):
        assert opened(truth.path / name).bands == product.bands
    tile = opened(truth.path / product.tile_file)
    assert tile.offsets == product.offsets and tile.orbit.absolute == product.orbit.absolute
    assert tile.baseline == "05.09" and tile.mission == "Sentinel-2A"


@pytest.mark.parametrize("level", ["1C", "2A"])
@pytest.mark.parametrize("baseline", ["02.12", "05.09"])
def test_buckets_of_one_file_per_band(tmp_path: Path, level: str, baseline: str) -> None:
    truth = write_sentinel2(tmp_path / "safe", level, rows=72, baseline=baseline)
    tile = jp2_bucket(tmp_path / "bucket", truth)
    product = opened(tile)
    size = {band.name: int(band.resolution or 0) for band in product.bands}
    for band in ("B02", "B05", "B09"):
        found = as_array(product, band, mask=False)
        np.testing.assert_allclose(found, truth.reflectance[band, size[band]], atol=1e-6)
    assert product.tile == truth.spec.tile and product.level == f"L{level}"
    assert product.name == truth.spec.product.removesuffix(".SAFE") and product.orbit.relative == 125
    (tile / "tileInfo.json").write_text("[]")
    assert opened(tile).name.startswith("S2A_OPER_MSI_L") and opened(tile).orbit.relative is None


@pytest.mark.parametrize("applied", [False, True])
@pytest.mark.parametrize("baseline", ["03.01", "05.09"])
def test_buckets_with_a_stac_item(tmp_path: Path, baseline: str, applied: bool) -> None:
    truth = write_sentinel2(tmp_path / "safe", "2A", rows=72, baseline=baseline)
    folder = cog_bucket(tmp_path / "bucket", truth, offset_applied=applied)
    for path in (folder, next(folder.glob("*.json"))):
        product = opened(path)
        for band in ("B02", "B05", "B11"):
            size = int(product.band(band).resolution or 0)
            found, expected = as_array(product, band, mask=False), truth.reflectance[band, size]
            if applied and baseline == "05.09":
                expected = np.where(expected <= 0, 1e-4, expected)  # what lies below the offset is 1 there
            saturated = truth.saturated[band, size]
            np.testing.assert_allclose(found[~saturated], expected[~saturated], atol=1e-6)
        assert product.name == truth.spec.product.removesuffix(".SAFE") and product.tile == "33TVG"
        assert product.start == opened(truth.path).start and product.orbit.relative == 125
        clear = np.isfinite(as_array(product, "B11", clouds=False, mask=False))
        classes = truth.dn["SCL", 20]
        assert np.array_equal(clear, (classes > 0) & ~np.isin(classes, (3, 8, 9, 10)))
        with pytest.raises(InputError, match="no metadata of its tile"):
            product.sun_angles()


@pytest.mark.parametrize("baseline", ["03.01", "05.09"])
def test_an_item_without_offsets_goes_by_its_baseline(tmp_path: Path, baseline: str) -> None:
    """Some catalogues list files as delivered, and say nothing of scale and offset; or name bands twice."""
    truth = write_sentinel2(tmp_path / "safe", "2A", rows=72, baseline=baseline)
    item = next(cog_bucket(tmp_path / "bucket", truth).glob("*.json"))
    content = json.loads(item.read_text())
    del content["properties"]["earthsearch:boa_offset_applied"]
    for key, asset in list(content["assets"].items()):
        del asset["raster:bands"]
        content["assets"][f"{key}-jp2"] = {"href": f"s3://bucket/{asset['href'].replace('.tif', '.jp2')}"}
    item.write_text(json.dumps(content))
    found, expected = as_array(opened(item), "B02", mask=False), truth.reflectance["B02", 10]
    sound = ~truth.saturated["B02", 10]
    np.testing.assert_allclose(found[sound], expected[sound], atol=1e-6)


@pytest.mark.parametrize(("baseline", "offset"), [("03.01", 0.0), ("05.09", -1000.0)])
def test_our_own_items_lead_back_to_the_product(tmp_path: Path, baseline: str, offset: float) -> None:
    truth = write_sentinel2(tmp_path, "2A", rows=72, baseline=baseline)
    for path in (truth.path, zipped(truth.path)):
        item = tmp_path / "item.json"
        item.write_text(json.dumps(product_item(opened(path))))
        product = opened(item)
        assert product.missing == () and product.offsets["B08"] == offset
        found = as_array(product, "B08", mask=False)
        np.testing.assert_allclose(found, truth.reflectance["B08", 10], atol=1e-6)


def test_an_item_may_name_files_elsewhere(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path / "safe", "2A", rows=72)
    item = next(cog_bucket(tmp_path / "bucket", truth).glob("*.json"))
    content = json.loads(item.read_text())
    for asset in content["assets"].values():
        asset["href"] = f"https://bucket.example/tiles/{asset['href']}?key=secret"
    (tmp_path / "item.json").write_text(json.dumps(content))
    product = opened(tmp_path / "item.json")
    assert product.band("red").files == ("https://bucket.example/tiles/B04.tif?key=secret",) and not product.missing
    content["assets"] = {"thumbnail": {"href": "preview.jpg"}}
    (tmp_path / "item.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="none of its assets is a band"):
        sensetrack.open(tmp_path / "item.json")
    del content["properties"]["datetime"]
    (tmp_path / "item.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="cannot be read as a STAC Item"):
        sensetrack.open(tmp_path / "item.json")


@pytest.mark.parametrize("level", ["1C", "2A"])
@pytest.mark.parametrize("baseline", ["03.01", "05.09"])
def test_clouds_of_every_baseline(tmp_path: Path, level: str, baseline: str) -> None:
    truth = write_sentinel2(tmp_path, level, rows=72, baseline=baseline)
    product = opened(truth.path)
    coarse = "B01" if level == "1C" else "B11"
    size = int(product.band(coarse).resolution or 0)
    seen = np.isfinite(as_array(product, coarse))
    clear = np.isfinite(as_array(product, coarse, clouds=False))
    cloudy = truth.opaque | truth.cirrus
    if level == "2A":
        cloudy = np.isin(truth.dn["SCL", size], (3, 8, 9, 10))
    assert np.array_equal(clear, seen & ~cloudy) and (seen & cloudy).any()


def test_defects_of_both_kinds(tmp_path: Path) -> None:
    newer = write_sentinel2(tmp_path / "a", rows=72, baseline="05.09")
    quality = newer.path / "GRANULE" / newer.spec.granule / "QI_DATA" / "MSK_QUALIT_B02.jp2"
    planes = np.zeros((8, 72, 72), np.uint8)
    for number in range(8):
        planes[number, 40, 40 + number] = 1
    with rasterio.open(quality) as old:
        profile = old.profile | {"driver": "JP2OpenJPEG", "QUALITY": "100", "REVERSIBLE": "YES"}
    with rasterio.open(quality, "w", **profile) as ds:
        ds.write(planes)
    lost = ~np.isfinite(as_array(opened(newer.path), "B02"))[40, 40:48]
    assert lost.tolist() == [False, False, True, False, True, True, False, True]


def test_detectors_can_be_read(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, rows=72)
    product = opened(truth.path)
    detectors = as_array(product, "MSK_DETFOO_B01")
    assert np.array_equal(np.nan_to_num(detectors), truth.detectors)
    shown = np.isfinite(as_array(product, "B01", mask=False))
    assert np.array_equal(shown, truth.detectors > 0)


def test_layers_of_level_2a(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, "2A", rows=72)
    product = opened(truth.path)
    classes = as_array(product, "SCL")
    assert np.array_equal(np.nan_to_num(classes), truth.dn["SCL", 20])
    vapour = np.nan_to_num(as_array(product, "WVP"))
    np.testing.assert_allclose(vapour, truth.dn["WVP", 10] / 1000, rtol=1e-6)
    file = truth.path / "MTD_MSIL2A.xml"
    text, count = re.subn(r"(<WVP_QUANTIFICATION_VALUE[^>]*>)[^<]*", r"\g<1>500", file.read_text())
    assert count == 1
    file.write_text(text)
    np.testing.assert_allclose(np.nan_to_num(as_array(opened(truth.path), "WVP")), 2 * vapour, rtol=1e-6)


def test_raw_numbers_come_with_their_scale(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, rows=72, offset_step=3)
    image = opened(truth.path).image("B05", raw=True, mask=False)
    pixels, valid = image.read()
    assert np.array_equal(np.where(valid, pixels, 0), truth.dn["B05", 20]) and image.dtype == "uint16"
    values = pixels * float(image.metadata["scale"]) + float(image.metadata["offset"])
    np.testing.assert_allclose(values[valid], truth.reflectance["B05", 20][valid], atol=1e-6)


def test_an_image_of_nothing_is_one_error(tmp_path: Path) -> None:
    product = opened(write_sentinel2(tmp_path, rows=72, all_nodata=True).path)
    assert not product.image("B08").read()[1].any()
    with pytest.raises(UnusableImageError, match="no pixel of it is valid"):
        write_quicklook(product, tmp_path / "q.png")


def test_what_is_not_there(tmp_path: Path) -> None:
    truth = write_sentinel2(tmp_path, rows=72, bands=["B02"], with_masks=False)
    product = opened(truth.path)
    assert product.default_band.name == "B02" and "band B08" in product.missing
    with pytest.raises(InputError, match="the file of band B08 is not there; there is B02"):
        product.image("B08")
    with pytest.raises(ParameterError, match="no mask of clouds"):
        product.image("B02", clouds=False)
    shutil.rmtree(truth.path / "GRANULE")
    with pytest.raises(InputError, match="lacks the metadata of its tile"):
        sensetrack.open(truth.path)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("10000</QUANTIFICATION_VALUE>", "0</QUANTIFICATION_VALUE>", "must be above 0"),
        ("QUANTIFICATION_VALUE", "QUALIFICATION_VALUE", "lacks QUANTIFICATION_VALUE"),
        ('band_id="3"', 'band_id="33"', "unknown band_id '33'"),
        (">-1000<", ">many<", "is no number: 'many'"),
    ],
)
def test_metadata_that_make_no_sense(tmp_path: Path, old: str, new: str, why: str) -> None:
    truth = write_sentinel2(tmp_path, rows=72, bands=["B02"])
    file = truth.path / "MTD_MSIL1C.xml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=why):
        sensetrack.open(truth.path)


def test_real_level_1c(shared_data: Path) -> None:
    product = opened(shared_data / REAL)
    raw, valid = product.image("B01", raw=True, mask=False).read()
    assert valid.mean() == pytest.approx(0.599, abs=5e-4) and raw.shape == (1830, 1830)
    np.testing.assert_allclose(as_array(product, "B01", mask=False)[valid], (raw[valid] - 1000) / 10000, atol=1e-6)
    assert set(product.offsets.values()) == {-1000.0} and len(product.offsets) == 13
    assert product.quantification == 10_000 and product.earth_sun == pytest.approx(1.03256721, abs=1e-8)
    detectors, seen = product.image("MSK_DETFOO_B01").read()
    assert set(np.unique(detectors)) == {0, 1, 2, 3, 4}
    assert np.array_equal(seen, valid), "the footprint is where the band has numbers"
    assert product.image("MSK_DETFOO_B02").grid.shape == (10980, 10980)
    grid = product.grid
    assert grid is not None and crs_name(grid.crs) == "EPSG:32718"
    assert tuple(grid.transform)[:6] == (60, 0, 199980, 0, -60, 8700040)
    usable, clear = (np.isfinite(as_array(product, "B01", clouds=clouds)).mean() for clouds in (True, False))
    planes = rasterio.open(next((shared_data / REAL).rglob("MSK_CLASSI_B00.jp2"))).read()
    assert planes.mean(axis=(1, 2)) == pytest.approx([0.0006, 0.0908, 0], abs=1e-4)
    assert usable - clear == pytest.approx((planes[:2].any(axis=0) & valid).mean(), abs=2e-3)
    assert product.default_band.name == "B01" and len(product.missing) == 10
    assert product.tile == "18LTM" and product.orbit.relative == 125 and product.orbit.absolute == 34442
    assert product.start == datetime(2022, 1, 25, 15, 26, 35, 509574, UTC)


@pytest.mark.parametrize(
    ("name", "level", "baseline", "epsg", "offset"),
    [
        ("S2B_MSIL2A_20220413T150759_N0400_R025_T33XWJ_20220414T082126", "L2A", "04.00", 32633, -1000),
        ("S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825", "L2A", "05.09", 32701, -1000),
        ("S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248", "L1C", "03.01", 32646, 0),
        ("S2A_MSIL2A_20190212T192651_N0212_R013_T07HFE_20201007T160857", "L2A", "02.12", 32707, 0),
    ],
)
def test_real_metadata(shared_data: Path, name: str, level: str, baseline: str, epsg: int, offset: float) -> None:
    product = opened(shared_data / f"sentinel2/stactools/{name}.SAFE")
    assert (product.name, product.level, product.baseline) == (name, level, baseline)
    assert product.grid is not None and crs_name(product.grid.crs) == f"EPSG:{epsg}"
    assert set(product.offsets.values()) == {offset} and not product.available
    sun = product.sun_angles()
    assert sun.zenith.shape == (23, 23) and sun.step == 5000
    assert 90 - float(np.nanmean(sun.zenith)) == pytest.approx(product.view.sun_elevation, abs=0.5)
    view = product.view_angles("B8A")
    assert np.nanmin(view.zenith) > 0 and np.nanmax(view.zenith) < 13
    if "33XWJ" in name:
        assert 90 - (product.view.sun_elevation or 0) == pytest.approx(76.5, abs=0.05)
        assert tuple(product.grid.transform)[:6] == (10, 0, 499980, 0, -10, 8900040)


def test_gdal_agrees_on_numbers_and_place(shared_data: Path) -> None:
    """GDAL's driver of the format gives the stored numbers on the same grid, but leaves out offset and masks."""
    folder = shared_data / REAL
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(folder / "MTD_MSIL1C.xml") as parts:
            name = next(part for part in parts.subdatasets if ":60m:" in part)
    with rasterio.open(name) as ds:
        theirs, transform = ds.read(1), ds.transform
    image = opened(folder).image("B01", raw=True, mask=False)
    assert np.array_equal(image.read()[0], theirs) and image.grid.transform == transform
