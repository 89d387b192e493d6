"""Images on another grid: exact to sub-pixels, and blind to invalid pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rasterio.enums import ColorInterp, Resampling

from sensetrack.errors import GridError, SensetrackError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.methods import Method
from sensetrack.raster.tiles import Block

Write = Callable[..., Path]
Texture = Callable[..., np.ndarray]
MakeGrid = Callable[..., Grid]

RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# Resampling while reading


@pytest.mark.parametrize("method", ["spline", Resampling.bilinear, Resampling.cubic, Resampling.lanczos], ids=str)
@pytest.mark.parametrize("kind", ["nodata", "nan", "mask", "alpha", "other nodata", "infinite"])
def test_nodata_never_bleeds(write_raster: Write, utm_grid: MakeGrid, method: Method, kind: str) -> None:
    grid = utm_grid((80, 90))
    valid = np.ones(grid.shape, np.bool_)
    valid[20:40, 30:50] = False
    valid[:, 70:] = np.random.default_rng(0).random((80, 20)) > 0.3
    options: dict[str, object] = {}
    array = np.full(grid.shape, 200, np.uint8 if kind in ("nodata", "mask", "alpha", "other nodata") else np.float32)
    if kind in ("nan", "infinite"):
        array[~valid] = np.nan if kind == "nan" else np.inf
    else:
        array[~valid] = 0
    if kind == "nodata":
        options["nodata"] = 0
    elif kind == "mask":
        options["mask"] = valid
    elif kind == "alpha":
        array = np.stack([array, np.where(valid, 255, 0).astype(np.uint8)])
        options["colours"] = (ColorInterp.gray, ColorInterp.alpha)
    elif kind == "other nodata":
        options["nodata"] = 7
    path = write_raster(array, grid=grid, **options)
    image = Image.open(path, nodata=0 if kind == "other nodata" else None)
    for target in (utm_grid((90, 100), x=499_993.0, y=5_000_004.0), utm_grid((30, 30), size=33.0)):
        pixels, good = image.on_grid(target, method).read()
        assert good.mean() > (0.5 if method == "spline" else 0.6)
        assert (pixels[good] == 200).all()
        assert not pixels[~good].any()


@pytest.mark.parametrize("is_complex", [False, True])
def test_resampling_while_reading_is_exact_to_sub_pixels(
    write_raster: Write, utm_grid: MakeGrid, texture: Texture, is_complex: bool
) -> None:
    wave = {"shortest": 12.0, "is_complex": is_complex}
    path = write_raster(texture((200, 200), **wave), grid=utm_grid((200, 200)))
    target = utm_grid((120, 120), x=500_000.0 + 10 * 30.37, y=5_000_000.0 - 10 * 30.81)
    image = Image.open(path).on_grid(target)
    pixels, valid = image.read(Block(10, 20, 80, 90))
    truth = texture((120, 120), dx=-30.37, dy=-30.81, **wave)[10:90, 20:110]
    assert valid.all()
    assert np.abs(pixels - truth).max() < (0.04 if is_complex else 0.02)


def test_integers_are_not_rounded_when_resampled(write_raster: Write, utm_grid: MakeGrid) -> None:
    path = write_raster(np.tile(np.arange(70, dtype=np.uint8), (50, 1)), grid=utm_grid((50, 70)))
    for method in ("spline", Resampling.cubic, Resampling.bilinear):
        pixels, valid = Image.open(path).on_grid(utm_grid((40, 40), x=500_152.5), method).read()
        assert valid.all()
        np.testing.assert_allclose(pixels, np.tile(np.arange(40) + 15.25, (40, 1)), atol=1e-4)


def test_resampling_twice_starts_from_the_pixels(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    image = Image.open(write_raster(texture((80, 80)), grid=utm_grid((80, 80))))
    target = utm_grid((50, 50), x=500_103.0)
    once = image.on_grid(target).read()[0]
    twice = image.on_grid(utm_grid((20, 20), size=100.0)).on_grid(target).read()[0]
    np.testing.assert_array_equal(once, twice)


def test_a_resampled_array_is_like_a_resampled_file(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    array, grid, target = texture((80, 80)), utm_grid((80, 80)), utm_grid((50, 50), x=500_103.0)
    from_file = Image.open(write_raster(array, grid=grid)).on_grid(target).read()[0]
    np.testing.assert_array_equal(Image.from_array(array, grid).on_grid(target).read()[0], from_file)


def test_resampling_needs_a_crs_on_both_sides(write_raster: Write, utm_grid: MakeGrid) -> None:
    image = Image.open(write_raster(np.ones((5, 5), np.uint8)))
    with pytest.raises(GridError) as error:
        image.on_grid(utm_grid((5, 5)))
    assert "from CRS none to CRS EPSG:32633" in message(error)
    assert "gdal_edit -a_srs" in message(error)
