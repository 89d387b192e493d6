"""Bands that are calibrated and masked as they are read: by block, decimated, and with masks of other pixel sizes."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, whole
from sensetrack.sensors._source import BandSource, Bits, Linear, NotAmong, Polygons, QualityBand, positions

Write = Callable[..., Path]
Utm = Callable[..., Grid]


@pytest.fixture
def raw(write_raster: Write, utm_grid: Utm) -> Image:
    numbers = np.arange(1, 60 * 80 + 1, dtype=np.uint16).reshape(60, 80)
    numbers[0, :5] = 0
    return Image.open(write_raster(numbers, "raw.tif", grid=utm_grid((60, 80))), band=1, nodata=0)


def test_numbers_become_quantities(raw: Image) -> None:
    source = pickle.loads(pickle.dumps(BandSource(raw, Linear(0.5, -1.0), unusable=(81.0,))))
    pixels, valid = source.read(Block(0, 2, 2, 5), (2, 5))
    assert np.array_equal(pixels, [[0, 0, 0, 2, 2.5], [40.5, 41, 41.5, 42, 42.5]])
    assert np.array_equal(valid[0], [False, False, False, True, True]) and valid[1].all()
    assert not source.read(Block(1, 0, 1, 1), (1, 1))[1].any()


def test_an_image_reads_through_its_source(raw: Image) -> None:
    image = Image(grid=raw.grid, path="scene", source=BandSource(raw, Linear(2.0, 0.0)))
    whole_pixels, whole_valid = image.read()
    pixels, valid = image.read(Block(-3, -3, 20, 20))
    assert np.array_equal(pixels[3:, 3:], whole_pixels[:17, :17]) and not valid[:3].any()
    assert np.array_equal(valid[3:, 3:], whole_valid[:17, :17])
    shifted = image.on_grid(raw.grid.crop(10, 10, (20, 30)), "nearest")
    assert np.array_equal(shifted.read()[0], whole_pixels[10:30, 10:40])
    coarse, known = image.read_overview(20)
    assert coarse.shape == (15, 20) and known.all()
    # Decimation takes pixels as they are, and the calibration is of the very same ones.
    assert np.isin(coarse, whole_pixels).all()


@pytest.mark.parametrize("factor", [1, 2, 3, 6])
def test_a_coarser_mask_covers_its_pixels(raw: Image, write_raster: Write, utm_grid: Utm, factor: int) -> None:
    shape = (60 // factor, -(-80 // factor))
    classes = np.random.default_rng(0).integers(0, 3, shape).astype(np.uint8)
    mask = Image.open(write_raster(classes, "mask.tif", grid=utm_grid(shape, size=10.0 * factor)), band=1)
    quality = QualityBand(mask, NotAmong(frozenset({1})))
    expected = np.kron(classes != 1, np.ones((factor, factor), bool))[:60, :80]
    assert np.array_equal(quality.read(raw.grid, whole((60, 80)), (60, 80)), expected)
    block = Block(7, 11, 23, 31)
    assert np.array_equal(quality.read(raw.grid, block, block.shape), expected[7:30, 11:42])


def test_a_finer_mask_counts_by_its_nearest_pixel(raw: Image, write_raster: Write, utm_grid: Utm) -> None:
    bits = np.zeros((180, 240), np.uint16)
    bits[4::3, 4::3] = 8  # the middle of pixels
    mask = Image.open(write_raster(bits, "mask.tif", grid=utm_grid((180, 240), size=10 / 3)), band=1)
    usable = QualityBand(mask, Bits(8)).read(raw.grid, Block(0, 0, 4, 4), (4, 4))
    assert np.array_equal(usable, ~np.pad(np.ones((3, 3), bool), ((1, 0), (1, 0))))


def test_beyond_the_mask_nothing_is_usable(raw: Image, write_raster: Write, utm_grid: Utm) -> None:
    mask = Image.open(write_raster(np.ones((10, 10), np.uint8), "m.tif", grid=utm_grid((10, 10))), band=1)
    quality = QualityBand(mask, NotAmong(frozenset({0})))
    usable = quality.read(raw.grid, whole((60, 80)), (60, 80))
    assert usable[:10, :10].all() and usable.sum() == 100
    assert not quality.read(raw.grid, Block(30, 30, 5, 5), (5, 5)).any()


def test_decimated_masks_agree_with_full_ones(raw: Image, write_raster: Write, utm_grid: Utm) -> None:
    classes = np.zeros((10, 14), np.uint8)
    classes[3:7, 4:9] = 1
    mask = Image.open(write_raster(classes, "mask.tif", grid=utm_grid((10, 14), size=60.0)), band=1)
    quality = QualityBand(mask, NotAmong(frozenset({1})))
    full = quality.read(raw.grid, whole((60, 80)), (60, 80))
    coarse = quality.read(raw.grid, whole((60, 80)), (15, 20))
    rows, cols = (each.astype(int) for each in positions(whole((60, 80)), (15, 20)))
    assert np.array_equal(coarse, full[np.ix_(rows, cols)])


def test_polygons_cover_pixel_centres(raw: Image) -> None:
    x, y = 500_000.0, 5_000_000.0
    outer = ((x + 100, y - 100), (x + 300, y - 100), (x + 300, y - 300), (x + 100, y - 300), (x + 100, y - 100))
    hole = ((x + 150, y - 150), (x + 200, y - 150), (x + 200, y - 200), (x + 150, y - 200), (x + 150, y - 150))
    mask = pickle.loads(pickle.dumps(Polygons(((outer, hole),))))
    expected = np.ones((60, 80), bool)
    expected[10:30, 10:30] = False
    expected[15:20, 15:20] = True
    assert np.array_equal(mask.read(raw.grid, whole((60, 80)), (60, 80)), expected)
    assert np.array_equal(mask.read(raw.grid, Block(5, 8, 20, 20), (20, 20)), expected[5:25, 8:28])
    coarse = mask.read(raw.grid, whole((60, 80)), (30, 40))
    assert (coarse == expected[1::2, 1::2]).mean() > 0.97, "decimated, the edges are those of the coarse pixels"
    assert Polygons(()).read(raw.grid, whole((60, 80)), (60, 80)).all()


def test_positions_are_those_that_gdal_takes(raw: Image) -> None:
    rows, cols = positions(Block(10, 20, 4, 6), (4, 3))
    assert np.array_equal(rows, [10, 11, 12, 13]) and np.array_equal(cols, [21, 23, 25])
    for shape in ((7, 9), (30, 11), (60, 80)):
        block = Block(3, 5, 50, 70)
        shape = min(shape[0], 50), min(shape[1], 70)
        rows, cols = positions(block, shape)
        assert np.array_equal(raw.read_file(block, shape)[0], rows[:, None] * 80 + cols[None, :] + 1)
