"""Landsat against products written from the format alone, and against real ones."""

from __future__ import annotations

import pickle
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from products.archive import tarred
from products.landsat import write_landsat

import sensetrack
from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.grid import crs_name
from sensetrack.sensors import Product

REAL_L2 = "landsat/LC08_L2SP_008059_20191201_20200825_02_T1"
REAL_C1 = "landsat/LC08_L1TP_016037_20170813_20170814_01_RT"


def opened(path: Path) -> Product:
    found = sensetrack.open(path)
    assert isinstance(found, Product) and found.sensor == "landsat"
    return found


def as_array(product: Product, band: str, **options: object) -> np.ndarray:
    image = pickle.loads(pickle.dumps(product.image(band, **options)))  # type: ignore[arg-type]
    pixels, valid = image.read()
    return np.where(valid, pixels, np.nan)


def name_of(suffix: str) -> str:
    return suffix.removeprefix("SR_")


@pytest.mark.parametrize("level", ["L1TP", "L1GT", "L2SP", "L2SR"])
@pytest.mark.parametrize("satellite", ["LC09", "LC08", "LE07", "LT05", "LT04"])
def test_every_band_of_every_satellite(tmp_path: Path, level: str, satellite: str) -> None:
    truth = write_landsat(tmp_path, level, satellite=satellite)
    product = opened(truth.path)
    assert {band.name for band in product.bands} == {name_of(suffix) for suffix in truth.values}
    assert product.missing == ()
    for suffix, values in truth.values.items():
        found = as_array(product, name_of(suffix), mask=False)
        np.testing.assert_allclose(found, values, rtol=2e-5, atol=2e-6)
        grid = product.image(name_of(suffix)).grid
        pan = suffix == "B8"
        assert tuple(grid.transform)[:6] == pytest.approx(truth.pan_transform if pan else truth.transform)
        assert crs_name(grid.crs) == f"EPSG:{truth.epsg}"
    for suffix, radiance in truth.radiances.items():
        found = as_array(product, suffix, quantity="radiance", mask=False)
        np.testing.assert_allclose(found, radiance, rtol=2e-5, atol=1e-4)
    assert product.level == level[:2] and product.product_type == level
    assert product.start == truth.acquired and product.view.sun_elevation == truth.sun_elevation


@pytest.mark.parametrize("form", ["txt", "xml", "json"])
def test_every_form_of_the_metadata_says_the_same(tmp_path: Path, form: str) -> None:
    truth = write_landsat(tmp_path / "a", "L2SP", forms=(form,))
    product = opened(truth.path)
    other = opened(write_landsat(tmp_path / "b", "L2SP").path)
    assert product.bands == other.bands and product.tags() == other.tags() and product.outline == other.outline
    # The Level 1 behind it has other numbers under the same key.
    np.testing.assert_allclose(as_array(product, "B4", mask=False), truth.values["SR_B4"], rtol=1e-6, atol=1e-6)
    named = opened(truth.path / f"{truth.name}_MTL.{form}")
    assert named.bands == product.bands


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("flat", [False, True])
def test_archives_are_read_in_place(tmp_path: Path, compressed: bool, flat: bool) -> None:
    truth = write_landsat(tmp_path)
    path = tarred(truth.path, compressed=compressed, flat=flat)
    shutil.rmtree(truth.path)
    product = opened(path)
    np.testing.assert_allclose(as_array(product, "B4", mask=False), truth.values["B4"], rtol=2e-5)
    assert sorted(item.name for item in tmp_path.iterdir()) == [path.name]


def test_a_renamed_folder_is_still_the_product(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path)
    moved = truth.path.rename(tmp_path / "holiday")
    assert opened(moved).name == truth.name


def test_masks(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path)
    product = opened(truth.path)
    plain, masked, clear = (
        np.isfinite(as_array(product, "B4", **options))
        for options in ({"mask": False}, {}, {"clouds": False})  # type: ignore[arg-type]
    )
    assert plain[5, 6] and not masked[5, 6], "saturated in band 4"
    assert np.isfinite(as_array(product, "B5"))[5, 6], "and in no other"
    assert (plain & ~masked).sum() == 1
    assert np.isfinite(as_array(product, "B8", mask=False)).sum() > np.isfinite(as_array(product, "B8")).sum()
    quality = truth.dn["QA_PIXEL"]
    assert np.array_equal(clear, masked & (quality == 21824))
    pan = np.isfinite(as_array(product, "pan", clouds=False))
    assert not pan[2 * 11, 2 * 22] and pan[2 * 11, 2 * 35], "the mask of 30 m covers the pixels of 15 m"


def test_raw_numbers_come_with_their_scale(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path, "L2SP")
    image = opened(truth.path).image("B4", raw=True, mask=False)
    pixels, valid = image.read()
    assert np.array_equal(np.where(valid, pixels, 0), truth.dn["SR_B4"]) and image.dtype == "uint16"
    scale, offset = float(image.metadata["scale"]), float(image.metadata["offset"])
    np.testing.assert_allclose((pixels * scale + offset)[valid], truth.values["SR_B4"][valid], atol=1e-6)
    assert image.metadata["nodata"] == "0"


@pytest.mark.parametrize("elevation", ["-12.3", "0.0"])
def test_at_night_there_is_no_reflectance(tmp_path: Path, elevation: str) -> None:
    truth = write_landsat(tmp_path, sun_elevation=elevation)
    product = opened(truth.path)
    with pytest.raises(InputError, match=rf"no reflectance at night, with the sun at an elevation of {elevation}"):
        product.image("B4")
    np.testing.assert_allclose(as_array(product, "B10", mask=False), truth.values["B10"], rtol=2e-5)
    np.testing.assert_allclose(
        as_array(product, "B4", quantity="radiance", mask=False), truth.radiances["B4"], rtol=2e-5, atol=1e-4
    )
    assert product.image("B4", raw=True).metadata["scaled"] == "radiance"


def test_polar_scenes(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path, epsg=3031, centre=(-1_500_000.0, 300_000.0))
    product = opened(truth.path)
    assert product.grid is not None and crs_name(product.grid.crs) == "EPSG:3031"
    for image in truth.path.glob("*.TIF"):
        image.unlink()
    bare = opened(truth.path)
    assert bare.stated_grid is not None and crs_name(bare.stated_grid.crs) == "EPSG:3031"
    assert tuple(bare.stated_grid.transform)[:6] == truth.transform and bare.stated_grid.shape == (40, 50)
    assert len(bare.missing) == len(bare.bands) == 11


def test_what_is_not_there(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path, without=("B4", "QA_RADSAT", "QA_PIXEL"))
    product = opened(truth.path)
    assert product.missing == ("band B4",)
    with pytest.raises(InputError, match="the file of band B4 is not there; there is B1, B2"):
        product.image("B4")
    assert product.image("B5").read()[1].any(), "masks that are not there mask nothing"
    with pytest.raises(ParameterError, match="QA_PIXEL is not there"):
        product.image("B5", clouds=False)
    with pytest.raises(ParameterError, match="can be reflectance, radiance or raw"):
        product.image("B5", quantity="temperature")
    with pytest.raises(ParameterError, match="leave out quantity"):
        product.image("B5", quantity="radiance", raw=True)


def test_two_products_in_a_folder(tmp_path: Path) -> None:
    first, second = (write_landsat(tmp_path / name, level) for name, level in (("a", "L1TP"), ("b", "L2SP")))
    for file in second.path.iterdir():
        shutil.copy(file, first.path)
    with pytest.raises(InputError, match="several products; name the MTL file of one"):
        sensetrack.open(first.path)
    assert opened(first.path / f"{second.name}_MTL.txt").name == second.name


def test_bands_by_what_people_call_them(tmp_path: Path) -> None:
    product = opened(write_landsat(tmp_path).path)
    for name in ("B4", "b4", "B04", "4", "red", "Red"):
        assert product.band(name).name == "B4"
    assert product.band(2).name == "B2" and product.band("nir").name == "B5" and product.band("b10").name == "B10"
    assert product.band_at(865).name == "B5" and product.band_at(11_000).name == "B10"
    assert product.default_band.name == "B8"
    with pytest.raises(InputError, match="no band 'B44'; did you mean 'B4'"):
        product.band("B44")
    with pytest.raises(InputError, match="bands 1 to 11"):
        product.band(12)
    with pytest.raises(ParameterError, match=r"3000 nm: the nearest band of .* is B7 at"):
        product.band_at(3000)


def test_real_level_2(shared_data: Path) -> None:
    product = opened(shared_data / REAL_L2)
    near = as_array(product, "B5", mask=False)
    assert np.nanpercentile(near, [1, 50, 99]) == pytest.approx([0.226, 0.503, 0.970], abs=1e-3)
    raw = product.image("ST_B10", raw=True, mask=False).read()[0]
    kelvin = as_array(product, "ST_B10", mask=False)
    np.testing.assert_allclose(kelvin[raw > 0], 0.00341802 * raw[raw > 0] + 149.0, rtol=1e-6)
    grid = product.grid
    assert grid is not None and grid.shape == (512, 512) and crs_name(grid.crs) == "EPSG:32618"
    assert tuple(grid.transform)[:6] == pytest.approx((444.785, 0, 378285, 0, -453.574, 275715), abs=1e-3)
    # The corner that the metadata give is the centre of the upper left pixel of 30 m.
    assert product.stated_grid is not None
    assert (product.stated_grid.transform.c, product.stated_grid.transform.f) == (grid.transform.c, grid.transform.f)
    assert product.stated_grid.xy(0, 0) == (378300.0, 275700.0)
    quality = sensetrack.Image.open(next((shared_data / REAL_L2).glob("*QA_PIXEL.TIF"))).read()[0].astype(int)
    values, counts = np.unique(quality, return_counts=True)
    assert values[np.argsort(-counts)][:5].tolist() == [22280, 1, 21824, 55052, 23888]
    clear = np.isfinite(as_array(product, "B1", clouds=False, mask=False))
    assert not clear[np.isin(quality, (22280, 55052, 23888))].any() and clear[quality == 21824].all()
    assert product.cloud_cover == 81.02 and product.orbit.path_row == (8, 59)


def test_real_level_1_without_images(shared_data: Path) -> None:
    product = opened(shared_data / "landsat/LC09_L1TP_166072_20220203_20220203_02_T1")
    assert product.view.sun_elevation == 58.58710476 and product.mission == "Landsat-9"
    assert product.start == datetime(2022, 2, 3, 7, 35, 28, 932662, UTC)
    grid = product.grid
    assert grid is not None and crs_name(grid.crs) == "EPSG:32637", "a northern zone south of the equator"
    assert float(grid.xy(0, 0)[1]) == -1804200.0
    meta = product.metadata  # type: ignore[attr-defined]
    assert meta.number("REFLECTANCE_MULT_BAND_4", "LEVEL1_RADIOMETRIC_RESCALING") == 2e-5
    assert meta.number("K1_CONSTANT_BAND_10", "LEVEL1_THERMAL_CONSTANTS") == 799.0284
    assert meta.number("K2_CONSTANT_BAND_10", "LEVEL1_THERMAL_CONSTANTS") == 1329.2405
    other = opened(shared_data / "landsat/LC09_L2SP_191031_20220322_20220324_02_T1")
    assert other.level == "L2" and other.missing and len(other.bands) == 8


def test_real_collection_1_is_read_knowingly(shared_data: Path) -> None:
    product = opened(shared_data / REAL_C1)
    raw = product.image("B4", raw=True).read()
    sine = np.sin(np.radians(62.17310472))
    toa = as_array(product, "B4")
    np.testing.assert_allclose(toa[raw[1]], (2e-5 * raw[0][raw[1]] - 0.1) / sine, rtol=1e-5, atol=1e-6)
    assert product.image("B8").grid.shape == (519, 509) and product.image("B4").grid.shape == (259, 255)
    assert 250 < np.nanmedian(as_array(product, "B10")) < 310
    with pytest.raises(ParameterError, match="bits of Collection 1 are not read"):
        product.image("B4", clouds=False)
    assert ("collection", "1, RT") in product.rows()
