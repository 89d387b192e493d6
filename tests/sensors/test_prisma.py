"""The PRISMA reader against products written from the description of the format."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from products.archive import tarred, zipped
from products.prisma import RANGES, SCALE, PrismaTruth, signal, write_prisma

import sensetrack
from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.sensors import open_product

SWATH = "HDFEOS/SWATHS/PRS_L{}_HCO"
DATA = f"{SWATH}/Data Fields"
LEVELS = pytest.mark.parametrize("level", ["1", "2B", "2C", "2D"])


def physical(level: str, kind: str, dn: np.ndarray) -> np.ndarray:
    """Turn numbers into values without any of them being invalid."""
    if level == "1":
        factor, offset = SCALE[kind]
        return dn / factor - offset
    low, high = RANGES[kind]
    return low + dn * (high - low) / 65535


def expected_on(image: Image, truth: PrismaTruth, level: str, band: str) -> np.ndarray:
    """Return what the pixels of an image on the map must be."""
    x, y = image.grid.xy(*np.indices(image.grid.shape))
    kind, _, number = band.partition(":")
    number_of = {"vnir": int(number or 0) - 1, "swir": int(number or 0) + 6, "pan": 100}[kind]
    assert image.grid.crs.to_epsg() == truth.epsg
    return physical(level, kind.capitalize(), signal(x, y, number_of))


@LEVELS
def test_stored_numbers_are_those_of_the_file(tmp_path: Path, level: str) -> None:
    truth = write_prisma(tmp_path, level)
    product = open_product(truth.path)
    for kind, number in (("vnir", 4), ("vnir", 66), ("swir", 1), ("swir", 171)):
        image = product.image(f"{kind}:{number}", raw=True, mask=False)
        pixels, valid = image.read()
        np.testing.assert_array_equal(pixels, truth.dn[kind][:, number - 1])
        np.testing.assert_array_equal(valid, (pixels > 0) | (level == "1"))
        assert image.dtype == "uint16"
        scale, offset = float(image.metadata["scale"]), float(image.metadata["offset"])
        values = truth.values[kind][:, number - 1]
        np.testing.assert_allclose((pixels * scale + offset)[valid], values[valid], rtol=1e-6)
    window, _ = product.image("pan", raw=True, mask=False).read(Block(7, 20, 5, 40))
    np.testing.assert_array_equal(window, truth.dn["pan"][7:12, 20:60])


@pytest.mark.parametrize("pan_at", ["centre", "corner"])
def test_l2d_lies_exactly_where_its_corners_say(tmp_path: Path, pan_at: str) -> None:
    truth = write_prisma(tmp_path, "2D", shape=(22, 27), pan_at=pan_at)
    product = open_product(truth.path)
    for band, transform in (("vnir:30", truth.transform), ("pan", truth.pan_transform)):
        image = product.image(band, mask=False)
        assert tuple(image.grid.transform)[:6] == transform
        pixels, valid = image.read()
        kind = band.partition(":")[0]
        values = truth.values["pan"] if kind == "pan" else truth.values["vnir"][:, 29]
        np.testing.assert_array_equal(valid, ~np.isnan(values))
        np.testing.assert_allclose(pixels[valid], values[valid], rtol=1e-6)
        half = 0.51 * (RANGES[kind.capitalize()][1] - RANGES[kind.capitalize()][0]) / 65535
        np.testing.assert_allclose(pixels[valid], expected_on(image, truth, "2D", band)[valid], atol=half)


@pytest.mark.parametrize("orientation", ["rows", "turned", "turned-back"])
@pytest.mark.parametrize("level", ["1", "2B", "2C"])
def test_the_rest_is_put_on_the_map_however_its_axes_lie(tmp_path: Path, level: str, orientation: str) -> None:
    """Off by less than 0.02 px of signal away from the edge; latitudes are stored to 0.4 m."""
    truth = write_prisma(tmp_path, level, orientation=orientation, shape=(40, 50))
    product = open_product(truth.path)
    for band, size in (("vnir:30", 30.0), ("swir:90", 30.0), ("pan", 5.0)):
        image = product.image(band, mask=False)
        assert image.grid.pixel_size == (size, size)
        assert image.grid.transform.c % size == image.grid.transform.f % size == 0
        pixels, valid = image.read()
        kind = band.partition(":")[0].capitalize()
        step = physical(level, kind, np.array(1.0)) - physical(level, kind, np.array(0.0))
        error = np.abs(pixels - expected_on(image, truth, level, band)) / step
        assert np.percentile(error[valid], 80) < 2.5
        assert error[valid].max() < 20
        assert 0.5 < valid.mean() < 0.75


def test_the_panchromatic_image_of_l2d_without_places(tmp_path: Path) -> None:
    places = "HDFEOS/SWATHS/PRS_L2D_PCO/Geolocation Fields"
    truth = write_prisma(tmp_path, "2D", without=[places])
    assert tuple(open_product(truth.path).image("pan").grid.transform)[:6] == truth.pan_transform


def test_pixels_do_not_depend_on_blocks(tmp_path: Path) -> None:
    image = open_product(write_prisma(tmp_path, "1", orientation="turned", shape=(40, 50)).path).image("vnir:20")
    pixels, valid = image.read()
    for block in (Block(0, 0, 9, 13), Block(20, 17, 8, 21), Block(40, 30, 30, 20)):
        part, known = image.read(block)
        inner = block.clip(image.grid.shape)
        assert inner is not None
        np.testing.assert_array_equal(known[inner.within(block)], valid[inner.slices])
        np.testing.assert_array_equal(part[inner.within(block)], pixels[inner.slices])


@LEVELS
def test_error_matrices_are_masks(tmp_path: Path, level: str) -> None:
    truth = write_prisma(tmp_path, level)
    product = open_product(truth.path)
    _, all_of_it = product.image("vnir:40", raw=True, mask=False).read()
    _, valid = product.image("vnir:40", raw=True).read()
    np.testing.assert_array_equal(valid, all_of_it & (truth.errors["vnir"][:, 39] == 0))
    assert (all_of_it & ~valid).sum() == 3
    _, pan = product.image("pan", raw=True).read()
    assert not pan[2, 3]


def test_clouds_of_level_1_can_be_left_out(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "1")
    _, valid = open_product(truth.path).image("swir:9", raw=True, mask=False, clouds=False).read()
    np.testing.assert_array_equal(valid, np.indices((20, 24)).sum(0) % 3 != 0)
    product = open_product(write_prisma(tmp_path, "2C").path)
    with pytest.raises(ParameterError, match="no cloud mask at this level"):
        product.image("swir:9", clouds=False)


def test_bands_by_number_colour_wavelength_and_range(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "2D")
    product = open_product(truth.path)
    vnir = truth.wavelengths["vnir"]
    assert product.band("VNIR:4").wavelength == pytest.approx(vnir[3])
    assert product.band("red").wavelength == pytest.approx(vnir[np.abs(vnir - 665).argmin()])
    assert product.band_at(850).name == f"vnir:{np.abs(vnir - 850).argmin() + 1}"
    assert product.default_band.name == "pan"
    assert [band.name for band in product.select("vnir:66-64")] == ["vnir:64", "vnir:65", "vnir:66"]
    assert [band.name for band in product.select("vnir:1-5")] == ["vnir:4", "vnir:5"]
    rising = [band.wavelength for band in product.select("900-1050nm")]
    assert rising == sorted(rising)
    names = [band.name.partition(":")[0] for band in product.select("900-1050nm")]
    assert names == sorted(names, reverse=True)  # VNIR to its end, then SWIR
    assert max(w for w, n in zip(rising, names, strict=True) if n == "vnir") == pytest.approx(vnir.max())
    assert len(product.bands) == 1 + 66 + 173
    assert len(product.available) == 1 + 63 + 171


@pytest.mark.parametrize(
    ("band", "message"),
    [
        ("vnir:1", "not acquired"),
        ("swir:173", "not acquired"),
        ("vnir:67", "has bands vnir:1 to vnir:66"),
        ("thermal", "no band 'thermal'"),
    ],
)
def test_bands_that_are_not_there(tmp_path: Path, band: str, message: str) -> None:
    product = open_product(write_prisma(tmp_path, "2D").path)
    with pytest.raises(InputError, match=message):
        product.image(band)
    with pytest.raises(InputError, match="no band that was acquired is in 'vnir:1-3'"):
        product.select("vnir:1-3")


def test_what_is_known_of_it(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "2D")
    product = sensetrack.open(truth.path)
    assert (product.sensor, product.mission, product.level) == ("prisma", "PRISMA", "L2D")
    assert product.name == truth.path.stem
    assert (product.start.replace(tzinfo=None), product.stop.replace(tzinfo=None)) == (truth.start, truth.stop)
    assert product.cloud_cover == 12.5
    assert (product.view.sun_elevation, product.view.sun_azimuth) == (pytest.approx(25.75), 161.5)
    shown = dict(product.rows())
    assert shown["product id"] == truth.product_id
    assert shown["EPSG"] == "32633"
    assert shown["vnir bands"] == "402.4 to 977.3 nm, 63 of 66 acquired"
    assert product.grid.crs.to_epsg() == 32633
    again = pickle.loads(pickle.dumps(product.image("pan")))
    np.testing.assert_array_equal(again.read()[0], product.image("pan").read()[0])


def test_corners_go_round_whatever_they_are_called(tmp_path: Path) -> None:
    from shapely.geometry import Polygon

    areas = [
        Polygon(open_product(write_prisma(tmp_path, "1", corner_order=order).path).outline)
        for order in ("abcd", "badc", "dbca", "cadb")
    ]
    assert all(area.is_valid and area.area == pytest.approx(areas[0].area) for area in areas)


@pytest.mark.parametrize("deflate", [True, False])
def test_archives_are_read_without_unpacking(tmp_path: Path, deflate: bool) -> None:
    truth = write_prisma(tmp_path, "2D")
    if deflate:
        path = zipped(truth.path, mac=True)
    else:
        folder = tmp_path / "folder"
        folder.mkdir()
        truth.path.rename(folder / truth.path.name)
        path = tarred(folder, compressed=False)
        gz = tarred(folder, compressed=True)
        np.testing.assert_array_equal(
            open_product(gz).image("vnir:9", raw=True, mask=False).read()[0], truth.dn["vnir"][:, 8]
        )
        assert open_product(folder).name == truth.path.stem
    product = open_product(path)
    assert product.name == truth.path.stem
    for kind, number in (("swir", 170), ("vnir", 4)):
        pixels, _ = product.image(f"{kind}:{number}", raw=True, mask=False).read()
        np.testing.assert_array_equal(pixels, truth.dn[kind][:, number - 1])


def test_without_pan_and_a_few_other_parts(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "2D", with_pan=False, without=["KDP_AUX", "Info", "@Cloudy_pixels_percentage"])
    product = open_product(truth.path)
    assert product.missing == ("band pan",)
    assert product.default_band.common_name == "red"
    assert product.cloud_cover is None
    with pytest.raises(InputError, match="the image of band pan is not there"):
        product.image("pan")


def test_a_scene_at_the_antimeridian(tmp_path: Path) -> None:
    truth = write_prisma(tmp_path, "1", shape=(30, 30))
    places = f"{SWATH.format(1)}/Geolocation Fields"
    with h5py.File(truth.path, "r+") as file:
        shift = 180 - float(truth.longitude.mean())
        for kind in ("VNIR", "SWIR"):
            longitude = file[f"{places}/Longitude_{kind}"]
            moved = truth.longitude + shift
            longitude[...] = np.where(moved > 180, moved - 360, moved)
    product = open_product(truth.path)
    image = product.image("vnir:20", mask=False)
    _, valid = image.read()
    assert valid.mean() > 0.5
    assert max(image.grid.shape) < 60


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("1", {"without": ["@ScaleFactor_Vnir"]}, "lacks the attribute 'ScaleFactor_Vnir'"),
    ("1", {"attributes": {"/": {"ScaleFactor_Vnir": 0.0}}}, "is 0"),
    ("1", {"without": ["HDFEOS/SWATHS/PRS_L1_HCO/Geolocation Fields/Latitude_VNIR"]}, "lacks the dataset"),
    ("1", {"without": ["HDFEOS/SWATHS/PRS_L1_HCO/Data Fields/VNIR_PIXEL_SAT_ERR_MATRIX"]}, "lacks the dataset"),
    ("2D", {"without": ["@Epsg_Code"]}, "lacks the attribute 'Epsg_Code'"),
    ("2D", {"attributes": {"/": {"Epsg_Code": 99999}}}, "is no CRS"),
    ("2D", {"attributes": {"/": {"Product_LRcorner_easting": 600000.0}}}, "do not fit"),
    ("2D", {"attributes": {"/": {"Processing_Level": "3"}}}, "is none of 1, 2B, 2C, 2D"),
    ("2C", {"attributes": {"/": {"List_Cw_Vnir": np.zeros(5)}}}, "is not \\(66,\\) numbers"),
    ("2C", {"attributes": {"/": {"Sun_zenith_angle": "low"}}}, "is no number"),
    ("2C", {"attributes": {"/": {"Product_StartTime": "yesterday"}}}, "is no time"),
]


@pytest.mark.parametrize(("level", "knobs", "message"), BAD, ids=[message for *_, message in BAD])
def test_bad_metadata_give_one_clear_error(tmp_path: Path, level: str, knobs: dict[str, Any], message: str) -> None:
    truth = write_prisma(tmp_path, level, **knobs)
    with pytest.raises(InputError, match=message):
        open_product(truth.path).image("vnir:20").read()


@pytest.mark.parametrize("value", [np.nan, -999.0, 45.0])
def test_places_that_are_none(tmp_path: Path, value: float) -> None:
    truth = write_prisma(tmp_path, "2B")
    with h5py.File(truth.path, "r+") as file:
        file[f"{SWATH.format('2B')}/Geolocation Fields/Latitude"][...] = value
    product = open_product(truth.path)
    with pytest.raises(InputError, match="cannot be put on a map"):
        product.image("vnir:20")
    assert product.image("vnir:20", raw=True).read()[1].any()
