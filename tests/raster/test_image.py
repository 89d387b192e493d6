"""Images: every pixel type, mask and band that users bring, window by window."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp

from sensetrack.errors import InputError, SensetrackError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

Write = Callable[..., Path]
Texture = Callable[..., np.ndarray]
MakeGrid = Callable[..., Grid]

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# Pixel types


@pytest.mark.parametrize(
    "dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float32", "float64"]
)
def test_every_real_type_becomes_float32(write_raster: Write, dtype: str) -> None:
    array = np.arange(30, dtype=dtype).reshape(5, 6)
    image = Image.open(write_raster(array))
    pixels, valid = image.read()
    assert image.dtype == dtype
    assert pixels.dtype == np.float32
    assert valid.all()
    np.testing.assert_array_equal(pixels, array)


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "complex_int16"])
def test_every_complex_type_becomes_complex64(write_raster: Write, dtype: str) -> None:
    array = (np.arange(30).reshape(5, 6) * (1 - 2j)).astype(np.complex64)
    image = Image.open(write_raster(array, dtype=dtype))
    pixels, valid = image.read()
    assert image.is_complex
    assert pixels.dtype == np.complex64
    assert valid.all()
    np.testing.assert_array_equal(pixels, array)


# What is valid


def test_nodata_nan_and_infinity_are_invalid_and_zero(write_raster: Write) -> None:
    array = np.ones((4, 5), np.float32)
    array[0, 0], array[1, 1], array[2, 2], array[3, 3] = -9999, np.nan, np.inf, -np.inf
    pixels, valid = Image.open(write_raster(array, nodata=-9999)).read()
    expected = np.ones((4, 5), np.bool_)
    expected[[0, 1, 2, 3], [0, 1, 2, 3]] = False
    np.testing.assert_array_equal(valid, expected)
    np.testing.assert_array_equal(pixels, expected.astype(np.float32))


def test_a_given_nodata_replaces_the_files_own(write_raster: Write) -> None:
    path = write_raster(np.array([[0, 1, 2]], np.uint8), nodata=0)
    np.testing.assert_array_equal(Image.open(path).read()[1], [[False, True, True]])
    np.testing.assert_array_equal(Image.open(path, nodata=2).read()[1], [[True, True, False]])


@pytest.mark.parametrize("nodata", [float("nan"), -9999.0, 0.5, 1e40])
def test_a_nodata_that_integers_cannot_hold_marks_nothing(write_raster: Write, nodata: float) -> None:
    assert Image.open(write_raster(np.arange(4, dtype=np.uint8).reshape(2, 2)), nodata=nodata).read()[1].all()


def test_nodata_of_float32_is_found_although_it_is_written_in_decimal(write_raster: Write) -> None:
    lowest = np.finfo(np.float32).min
    path = write_raster(np.array([[lowest, 0.1, 1]], np.float32), nodata=float(lowest))
    np.testing.assert_array_equal(Image.open(path).read()[1], [[False, True, True]])
    np.testing.assert_array_equal(Image.open(path, nodata=0.1).read()[1], [[True, False, True]])


def test_complex_nodata_is_invalid(write_raster: Write) -> None:
    array = np.array([[0, 1 + 1j, complex(np.nan, 1)]], np.complex64)
    np.testing.assert_array_equal(Image.open(write_raster(array, nodata=0)).read()[1], [[False, True, False]])


def test_transparent_pixels_are_invalid(write_raster: Write) -> None:
    bands = np.full((4, 3, 4), 90, np.uint8)
    bands[3] = 255
    bands[3, 1, 1:3] = 0
    path = write_raster(bands, colours=(*RGB, ColorInterp.alpha))
    image = Image.open(path)
    assert image.bands == (1, 2, 3)
    np.testing.assert_array_equal(image.read()[1], bands[3] > 0)
    np.testing.assert_array_equal(Image.open(path, band=2).read()[1], bands[3] > 0)
    np.testing.assert_array_equal(Image.open(path, band="mean").read()[1], bands[3] > 0)
    pixels, valid = Image.open(path, band="alpha").read()
    np.testing.assert_array_equal(pixels, bands[3])
    assert valid.all()


def test_alpha_counts_also_beside_a_nodata_value(write_raster: Write) -> None:
    bands = np.array([[[0, 1, 2, 3]], [[255, 255, 0, 255]]], np.uint8)
    path = write_raster(bands, nodata=0, colours=(ColorInterp.gray, ColorInterp.alpha))
    np.testing.assert_array_equal(Image.open(path).read()[1], [[False, True, False, True]])


@pytest.mark.parametrize("internal", [True, False])
def test_a_dataset_mask_is_respected_with_and_without_nodata(write_raster: Write, internal: bool) -> None:
    mask = np.array([[True, True, False, True]])
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal):
        plain = write_raster(np.array([[0, 1, 2, 3]], np.uint8), "plain.tif", mask=mask)
        with_nodata = write_raster(np.array([[0, 1, 2, 3]], np.uint8), "nodata.tif", mask=mask, nodata=3)
    np.testing.assert_array_equal(Image.open(plain).read()[1], mask)
    np.testing.assert_array_equal(Image.open(with_nodata).read()[1], [[True, True, False, False]])


def test_a_mean_is_valid_where_all_its_bands_are(write_raster: Write) -> None:
    bands = np.array([[[1, 2, 9]], [[3, 9, 5]]], np.int16)
    pixels, valid = Image.open(write_raster(bands, nodata=9), band="mean").read()
    np.testing.assert_array_equal(valid, [[True, False, False]])
    np.testing.assert_array_equal(pixels, [[2, 0, 0]])


# Bands


def test_bands_by_number_name_colour_and_mean(write_raster: Write) -> None:
    bands = np.stack([np.full((2, 2), value, np.uint16) for value in (10, 20, 60)])
    path = write_raster(bands, names=("B2", "B3", "B8"))
    for band, value in ((None, 10), (2, 20), ("3", 60), ("B8", 60), ("mean", 30)):
        assert Image.open(path, band=band).read()[0][0, 0] == value
    colours = write_raster(bands.astype(np.uint8), "rgb.tif", colours=RGB)
    for band, value in ((None, 30), ("red", 10), ("blue", 60)):
        assert Image.open(colours, band=band).read()[0][0, 0] == value


@pytest.mark.parametrize(
    ("band", "says"),
    [
        (0, "band 0 is not there; it has bands 1 to 3"),
        (4, "band 4 is not there; it has bands 1 to 3"),
        ("B9", "no band 'B9'; known: B2, B3, B8"),
        ("nir", "(or a number from 1 to 3)"),
    ],
)
def test_a_band_that_is_not_there(write_raster: Write, band: int | str, says: str) -> None:
    path = write_raster(np.zeros((3, 2, 2), np.uint8), names=("B2", "B3", "B8"))
    with pytest.raises(InputError) as error:
        Image.open(path, band=band)
    assert says in message(error)
    assert str(path) in message(error)


# Pictures


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp"])
def test_pictures_without_a_georeference(write_raster: Write, texture: Texture, suffix: str) -> None:
    grey = texture((40, 50), shortest=16).clip(0, 255).astype(np.uint8)
    path = write_raster(np.stack([grey, grey, grey]), f"20200131.{suffix}")
    image = Image.open(path)
    pixels, valid = image.read()
    assert image.grid == Grid((40, 50))
    assert image.acquired == datetime(2020, 1, 31, tzinfo=UTC)
    assert valid.all()
    np.testing.assert_allclose(pixels, grey, atol=6 if suffix == "jpg" else 0)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_colour_tables_are_read_as_grey(write_raster: Write, suffix: str) -> None:
    index = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    path = write_raster(index, f"index.{suffix}", colour_table={0: (0, 0, 0, 255), 1: (90, 60, 30, 255), 2: (255,) * 4})
    image = Image.open(path)
    pixels, valid = image.read()
    assert valid.all()
    np.testing.assert_array_equal(pixels, np.array([0, 60, 255])[index])


def test_an_image_pickles_as_its_path(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    image = Image.open(write_raster(texture((200, 200)), grid=utm_grid((200, 200))))
    warped = image.on_grid(utm_grid((100, 100), x=500_203.0))
    for original in (image, warped):
        packed = pickle.dumps(original)
        assert len(packed) < 4000
        copy = pickle.loads(packed)
        assert copy.grid == original.grid
        np.testing.assert_array_equal(copy.read()[0], original.read()[0])


def test_arrays_are_images_too(utm_grid: MakeGrid) -> None:
    array = np.array([[1, 2, -1], [np.nan, 4, 5]])
    image = Image.from_array(array, utm_grid((2, 3)), nodata=-1)
    pixels, valid = image.read()
    np.testing.assert_array_equal(valid, [[True, True, False], [False, True, True]])
    np.testing.assert_array_equal(pixels, [[1, 2, 0], [0, 4, 5]])
    assert array[0, 2] == -1
    with pytest.raises(InputError, match="got 3 dimensions"):
        Image.from_array(np.zeros((1, 2, 3)))
    with pytest.raises(InputError, match=r"pixels of shape \(2, 3\) with grid \(3, 3\)"):
        Image.from_array(array, utm_grid((3, 3)))


# Windows


def test_what_lies_outside_is_invalid(write_raster: Write, texture: Texture) -> None:
    array = texture((30, 40))
    image = Image.open(write_raster(array))
    pixels, valid = image.read(Block(-5, 30, 20, 20))
    np.testing.assert_array_equal(pixels[5:, :10], array[:15, 30:])
    assert valid[5:, :10].all()
    assert valid.sum() == 150
    assert not pixels[:5].any()
    assert not image.read(Block(100, 100, 5, 5))[1].any()


def test_threads_read_the_same_as_one(write_raster: Write, texture: Texture) -> None:
    array = texture((256, 256))
    image = Image.open(write_raster(array))  # no georeference: opening it warns, unless it is kept quiet
    blocks = [Block(row, col, 40, 40) for row in range(-10, 250, 30) for col in range(-10, 250, 30)] * 4
    with ThreadPoolExecutor(8) as pool:
        for block, (pixels, valid) in zip(blocks, pool.map(image.read, blocks), strict=True):
            inner = block.clip((256, 256))
            assert inner is not None
            np.testing.assert_array_equal(pixels[inner.within(block)], array[inner.slices])
            assert valid.sum() == inner.height * inner.width


def test_an_overview_shows_the_whole_image(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    array = texture((400, 300), shortest=80, longest=200)
    image = Image.open(write_raster(array, grid=utm_grid((400, 300))))
    for shown in (image, Image.from_array(array), image.on_grid(utm_grid((400, 300), x=500_001.0))):
        pixels, valid = shown.read_overview(100)
        assert pixels.shape == valid.shape == (100, 75)
        assert valid.mean() > 0.98
        assert np.corrcoef(pixels[valid], array[1::4, 1::4][valid])[0, 1] > 0.99
