"""The backdrop lies where the image lies, whatever its resolution, extent and CRS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.errors import GridError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.report.backdrop import DARKEST, backdrop, fine_grid, stretch


def ramp(shape: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(np.linspace(0, 1, shape[1], dtype=np.float32), shape).copy()


def test_a_fine_grid_has_the_same_extent(utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((30, 70), size=80.0)
    fine = fine_grid(grid, 500)
    assert fine.shape == (214, 500)
    np.testing.assert_allclose(fine.bounds, grid.bounds)


@pytest.mark.parametrize("size", [40, 200, 900])
def test_a_ramp_stays_in_place(size: int, utm_grid: Callable[..., Grid]) -> None:
    image = Image.from_array(ramp((300, 400)), utm_grid((300, 400), size=10.0))
    picture = backdrop(image, utm_grid((30, 40), size=100.0), size)
    assert picture.shape == (round(0.75 * size), size, 2)
    assert (picture[..., 1] == 255).all()
    share = (picture[size // 3, :, 0].astype(float) - DARKEST) / (255 - DARKEST)
    expected = np.clip(((np.arange(size) + 0.5) / size - 0.02) / 0.96, 0, 1)
    np.testing.assert_allclose(share, expected, atol=0.02)


def test_what_the_image_lacks_is_transparent(utm_grid: Callable[..., Grid]) -> None:
    valid = np.ones((100, 100), np.bool_)
    valid[:, :50] = False
    image = Image.from_array(ramp((100, 100)), utm_grid((100, 100)), valid=valid)
    picture = backdrop(image, utm_grid((10, 20), size=100.0), 200)
    opaque = picture[50, :, 1] == 255
    np.testing.assert_array_equal(np.flatnonzero(opaque)[[0, -1]], [50, 99])


def test_other_crs_is_warped(write_raster: Callable[..., Path], utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((200, 200), size=10.0)
    west, north = 15.0, 45.1534
    geographic = Grid((400, 400), Affine(1e-4, 0, west - 0.005, 0, -1e-4, north + 0.005), CRS.from_epsg(4326))
    path = write_raster(ramp((400, 400)), grid=geographic)
    picture = backdrop(Image.open(path), grid, 100)
    assert (picture[..., 1] == 255).mean() > 0.5
    row = picture[50][picture[50, :, 1] == 255, 0].astype(int)
    assert (np.diff(row) >= -1).all()
    assert row[-1] - row[0] > 100


def test_complex_images_show_their_magnitude() -> None:
    pixels = (ramp((50, 50)) * np.exp(1j * np.linspace(0, 60, 2500).reshape(50, 50))).astype(np.complex64)
    picture = backdrop(Image.from_array(pixels), Grid((5, 5), Affine.scale(10)), 50)
    assert picture[25, 40, 0] > picture[25, 10, 0] + 50


def test_images_that_cannot_be_placed_say_why(utm_grid: Callable[..., Grid]) -> None:
    placed, bare = Image.from_array(ramp((20, 20)), utm_grid((20, 20))), Image.from_array(ramp((20, 20)))
    with pytest.raises(GridError, match=r"its CRS is none, the map's EPSG:32633; name the image that was tracked"):
        backdrop(bare, placed.grid, 50)
    with pytest.raises(GridError, match="does not overlap the map"):
        backdrop(placed, utm_grid((20, 20), x=900_000.0), 50)


def test_stretching_nothing_and_a_constant() -> None:
    empty = stretch(np.zeros((3, 3), np.float32), np.zeros((3, 3), np.bool_))
    assert not empty.any()
    flat = stretch(np.full((3, 3), 7.0, np.float32), np.ones((3, 3), np.bool_))
    assert (flat[..., 0] == DARKEST).all()
