"""Slopes of made-up and of real ground, in metres on the ground, on grids of any kind."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.errors import GridError
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block, whole
from sensetrack.timeseries.slope import Slope

UTM = CRS.from_epsg(32633)


def plane(grid, east=0.2, north=-0.1):
    x, y = grid.xy(np.arange(grid.height)[:, None], np.arange(grid.width)[None, :])
    return (east * (x - x.mean()) + north * (y - y.mean())).astype(np.float32)


@pytest.mark.parametrize(
    "transform",
    [
        Affine(20, 0, 5e5, 0, -20, 5e6),
        Affine(20, 0, 5e5, 0, 30, 5e6),
        Affine.translation(5e5, 5e6) @ Affine.rotation(30) @ Affine.scale(20, -30),
    ],
)
def test_a_plane(write_raster, transform):
    grid = Grid((30, 40), transform, UTM)
    path = write_raster(plane(grid), "dem.tif", grid=grid)
    for window in (None, 100.0):
        slope = Slope.open(path, grid, window).read(Block(8, 10, 10, 12))
        np.testing.assert_allclose(slope[0], 0.2, atol=2e-4)
        np.testing.assert_allclose(slope[1], -0.1, atol=2e-4)


def test_degrees_are_metres_on_the_ground(write_raster):
    grid = Grid((40, 40), Affine(1e-3, 0, 12.0, 0, -1e-3, 60.0), CRS.from_epsg(4326))
    path = write_raster(plane(grid, 11132.0, 11132.0), "dem.tif", grid=grid)
    slope = Slope.open(path, grid).read(Block(10, 10, 5, 5))
    np.testing.assert_allclose(slope[0], 0.2 * np.ones((5, 5)), rtol=0.01)  # a degree of longitude is half as long
    np.testing.assert_allclose(slope[1], 0.1 * np.ones((5, 5)), rtol=0.01)


def test_missing_heights_stay_missing_as_far_as_the_window(write_raster, utm_grid):
    grid = utm_grid((40, 40), size=10.0)
    heights = plane(grid)
    heights[20, 20] = -9999
    path = write_raster(heights, "dem.tif", grid=grid, nodata=-9999)
    fine, wide = (np.isfinite(Slope.open(path, grid, window).read(whole(grid.shape))[0]) for window in (None, 50.0))
    assert not fine[20, 19] and not fine[19, 20] and not fine[0].any()
    assert fine[1:-1, 1:17].all()
    assert not wide[17:24, 18:23].any() and wide[3:-3, 3:16].all()


def test_blocks_and_copies_are_alike(write_raster, utm_grid):
    grid = utm_grid((60, 60), size=10.0)
    rough = np.random.default_rng(1).normal(0, 3, (60, 60)).astype(np.float32)
    path = write_raster(rough, "dem.tif", grid=grid)
    slope = pickle.loads(pickle.dumps(Slope.open(path, grid, 70.0)))
    assert slope.side == 7
    np.testing.assert_allclose(
        slope.read(Block(20, 30, 12, 9)), slope.read(whole(grid.shape))[:, 20:32, 30:39], atol=1e-9
    )


def test_a_real_model_with_a_system_of_heights(shared_data):
    path = next((shared_data / "sentinel1").rglob("Rome-30m-DEM.tif"))
    grid = Grid((150, 150), Affine(30, 0, 289_500, 0, -30, 4_653_000), UTM)
    slope = Slope.open(path, grid, 300.0).read(whole(grid.shape))
    assert np.isfinite(slope).all()
    assert 0.02 < np.median(np.hypot(*slope)) < 0.1


def test_models_that_do_not_fit(write_raster, utm_grid):
    grid = utm_grid((10, 10))
    with pytest.raises(GridError, match="does not overlap"):
        Slope.open(write_raster(np.ones((5, 5), np.float32), "far.tif", grid=utm_grid((5, 5), x=9e5)), grid)
    with pytest.raises(GridError, match="CRS none"):
        Slope.open(write_raster(np.ones((5, 5), np.float32), "plain.tif", grid=utm_grid((5, 5), crs=None)), grid)
