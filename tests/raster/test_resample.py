"""Resampling: exact at sub-pixel positions, blind to invalid pixels, and the same whatever the blocks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import Resampling

from sensetrack.errors import ParameterError
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.methods import Method, check_method
from sensetrack.raster.resample import (
    KERNELS,
    pixel_ratio,
    resample_window,
    sample,
    source_positions,
)
from sensetrack.raster.tiles import Block, whole
from sensetrack.types import Mask, PixelArray

UTM34 = CRS.from_epsg(32634)
Texture = Callable[..., np.ndarray]
MakeGrid = Callable[..., Grid]


def reader(pixels: PixelArray, valid: Mask | None = None) -> Callable[[Block], tuple[PixelArray, Mask]]:
    everywhere = np.ones(pixels.shape, np.bool_) if valid is None else valid
    return lambda block: (pixels[block.slices], everywhere[block.slices])


def in_next_zone(grid: Grid, shape: tuple[int, int], size: float) -> Grid:
    """A grid of another CRS that starts inside ``grid``."""
    x, y = transform_points(grid.crs, UTM34, *grid.xy(20, 20))
    return Grid(shape, Affine(size, 0, float(x), 0, -size, float(y)), UTM34)


@pytest.mark.parametrize("method", list(KERNELS))
@pytest.mark.parametrize("size", [3.7, 10.0, 42.0])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_a_constant_with_holes_stays_that_constant(
    utm_grid: MakeGrid, method: Method, size: float, dtype: type[np.inexact]
) -> None:
    constant = dtype(7.3 if dtype is np.float32 else 7.3 - 2.1j)
    source = utm_grid((200, 220))
    pixels = np.full(source.shape, constant)
    valid = np.random.default_rng(1).random(source.shape) > 0.15
    valid[60:120, 50:90] = False
    pixels[~valid] = -9999
    target = utm_grid((int(2000 / size), int(2200 / size)), size=size, x=500_003.3, y=4_999_995.9)
    out, good = resample_window(reader(pixels, valid), source, target, whole(target.shape), method, dtype)
    assert 0.5 < good.mean() < 1.0
    assert (out[good] == constant).all()
    assert (out[~good] == 0).all()


@pytest.mark.parametrize("method", ["bilinear", "cubic", "lanczos"])
def test_a_hole_neither_grows_nor_shrinks(utm_grid: MakeGrid, method: Method) -> None:
    source = utm_grid((40, 40))
    valid = np.ones(source.shape, np.bool_)
    valid[10:20, 15:30] = False
    target = utm_grid((40, 40), x=500_003.0, y=4_999_996.0)
    _, good = resample_window(reader(np.ones(source.shape, np.float32), valid), source, target, whole((40, 40)), method)
    row, col = source_positions(target, source, whole((40, 40)))
    rows, cols = np.rint(row).astype(int), np.rint(col).astype(int)
    expected = valid[rows.clip(0, 39), cols.clip(0, 39)] & (rows <= 39) & (cols <= 39)
    np.testing.assert_array_equal(good, expected)


@pytest.mark.parametrize(("method", "allowed"), [("bilinear", 2.5), ("cubic", 0.25), ("lanczos", 0.4)])
@pytest.mark.parametrize("is_complex", [False, True])
def test_a_smooth_texture_is_met_between_its_pixels(
    texture: Texture, utm_grid: MakeGrid, method: Method, allowed: float, is_complex: bool
) -> None:
    wave = {"shortest": 12.0, "is_complex": is_complex, "seed": 3}
    source = utm_grid((150, 150))
    pixels = texture((150, 150), **wave)
    target = utm_grid((100, 100), x=500_000.0 + 10 * 20.37, y=5_000_000.0 - 10 * 20.81)
    out, good = resample_window(reader(pixels), source, target, whole((100, 100)), method, pixels.dtype.type)
    truth = texture((100, 100), dx=-20.37, dy=-20.81, **wave)
    assert good.all()
    assert np.abs(out - truth).max() < allowed * (2 if is_complex else 1)
    assert np.sqrt(np.mean(np.abs(out - truth) ** 2)) < allowed / 2.5


def test_shifts_by_whole_pixels_copy_exactly(texture: Texture, utm_grid: MakeGrid) -> None:
    source = utm_grid((60, 70), size=0.3)
    pixels = texture((60, 70))
    target = utm_grid((30, 30), size=0.3, x=500_000.0 + 11 * 0.3, y=5_000_000.0 - 7 * 0.3)
    for method in KERNELS:
        out, good = resample_window(reader(pixels), source, target, whole((30, 30)), method)
        assert good.all()
        np.testing.assert_allclose(out, pixels[7:37, 11:41], rtol=1e-6)


def test_linear_ramps_are_reproduced_also_beside_holes(utm_grid: MakeGrid) -> None:
    rows, cols = np.mgrid[0:50, 0:50]
    ramp = (3 * rows - 2 * cols).astype(np.float32)
    row, col = np.mgrid[5.3:40:1.7, 6.1:40:1.3]
    for method in ("bilinear", "cubic"):
        out, good = sample(ramp, np.ones(ramp.shape, np.bool_), row, col, method)
        assert good.all()
        np.testing.assert_allclose(out, 3 * row - 2 * col, atol=1e-4)


def test_average_is_the_mean_over_the_area_of_a_pixel(utm_grid: MakeGrid) -> None:
    pixels = np.random.default_rng(0).random((40, 60)).astype(np.float32)
    source = utm_grid((40, 60))
    target = utm_grid((10, 15), size=40.0)
    out, good = resample_window(reader(pixels), source, target, whole((10, 15)), "average")
    assert good.all()
    np.testing.assert_allclose(out, pixels.reshape(10, 4, 15, 4).mean(axis=(1, 3)), rtol=1e-6)


def test_detail_finer_than_the_output_does_not_alias(utm_grid: MakeGrid) -> None:
    cols = np.arange(400)
    stripes = np.tile(np.cos(2 * np.pi * cols / 3.0).astype(np.float32), (400, 1))
    target = utm_grid((60, 60), size=50.0, x=500_400.0, y=4_999_600.0)
    out, _ = resample_window(reader(stripes), utm_grid((400, 400)), target, whole((60, 60)), "cubic")
    nearest, _ = resample_window(reader(stripes), utm_grid((400, 400)), target, whole((60, 60)), "nearest")
    assert np.abs(out).max() < 0.06
    assert np.abs(nearest).max() > 0.9


def test_blocks_and_threads_change_no_byte(texture: Texture, utm_grid: MakeGrid) -> None:
    source = utm_grid((300, 300))
    pixels = texture((300, 300))
    target = in_next_zone(source, (200, 190), 11.0)
    together, good = resample_window(reader(pixels), source, target, whole(target.shape), "cubic")
    blocks = [Block(row, col, 37, 41) for row in range(0, 163, 37) for col in range(0, 149, 41)]
    with ThreadPoolExecutor(4) as pool:
        parts = pool.map(lambda b: resample_window(reader(pixels), source, target, b, "cubic"), blocks)
        for block, (part, part_good) in zip(blocks, parts, strict=True):
            assert part.tobytes() == together[block.slices].tobytes()
            np.testing.assert_array_equal(part_good, good[block.slices])


def test_positions_between_crs_are_those_of_the_projections(utm_grid: MakeGrid) -> None:
    source = utm_grid((3000, 3000), size=100.0, x=400_000.0)
    target = in_next_zone(source, (500, 400), 110.0)
    row, col = source_positions(target, source, Block(123, 57, 211, 301))
    exact = target.xy(*np.mgrid[123 : 123 + 211, 57 : 57 + 301])
    exact_row, exact_col = source.rowcol(*transform_points(UTM34, source.crs, *exact))
    np.testing.assert_allclose(row, exact_row, atol=1e-3)
    np.testing.assert_allclose(col, exact_col, atol=1e-3)


def test_a_block_beyond_the_source_is_invalid(utm_grid: MakeGrid) -> None:
    def never(block: Block) -> tuple[PixelArray, Mask]:
        raise AssertionError(f"nothing is there to read: {block}")

    target = utm_grid((20, 20), x=600_000.0)
    out, good = resample_window(never, utm_grid((50, 50)), target, whole((20, 20)), "cubic")
    assert not good.any()
    assert not out.any()


def test_source_windows_stay_bounded(utm_grid: MakeGrid) -> None:
    source = utm_grid((30_000, 23_000), size=1.0)
    sizes = []

    def read(block: Block) -> tuple[PixelArray, Mask]:
        sizes.append(block.height * block.width)
        return np.ones(block.shape, np.float32), np.ones(block.shape, np.bool_)

    target = utm_grid((60, 46), size=500.0)
    out, good = resample_window(read, source, target, Block(0, 0, 30, 23), "nearest")
    assert good.all()
    assert (out == 1).all()
    assert max(sizes) <= 2**24


def test_the_pixel_ratio_counts_source_pixels(utm_grid: MakeGrid) -> None:
    source = Grid((500, 500), Affine(5, 0, 500_000, 0, -20, 5_000_000), utm_grid((1, 1)).crs)
    np.testing.assert_allclose(pixel_ratio(utm_grid((50, 50), size=10.0), source), (0.5, 2.0))


def test_an_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(ParameterError, match="'mode' is not supported; use spline, nearest, bilinear, cubic, "):
        check_method(Resampling.mode)
