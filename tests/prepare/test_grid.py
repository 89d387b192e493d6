"""The grid that several scenes share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from products.landsat import write_landsat
from products.sentinel1 import write_sentinel1

from sensetrack.errors import GridError, InputError, ParameterError
from sensetrack.prepare import PrepareParams
from sensetrack.prepare._graphs import region_of
from sensetrack.prepare._inputs import open_scenes, target_grid
from sensetrack.prepare._tiles import tiles_of
from sensetrack.raster.grid import Grid


def grid_of(*paths: Path, **params: object) -> Grid:
    return target_grid(open_scenes([str(path) for path in paths]), PrepareParams(**params))


def test_one_scene_keeps_its_pixels(write_scene) -> None:
    grid = grid_of(write_scene("a.tif", x=500_004.0, y=5_000_003.0))
    assert grid.crs.to_epsg() == 32633
    assert grid.pixel_size == (10.0, 10.0)
    assert (grid.transform.c - 500_004.0) % 10.0 == 0
    assert (grid.transform.f - 5_000_003.0) % 10.0 == 0
    assert 600 <= grid.height <= 601
    assert 700 <= grid.width <= 701


def test_several_scenes_share_what_they_have_in_common(write_scene) -> None:
    grid = grid_of(write_scene("a.tif"), write_scene("b.tif", x=502_000.0, y=4_998_000.0, size=20.0))
    xmin, ymin, xmax, ymax = grid.bounds
    assert grid.pixel_size == (20.0, 20.0)  # the coarser one
    assert np.allclose((xmin, ymax), (502_000.0, 4_998_000.0), atol=20.0)
    assert np.allclose((xmax, ymin), (507_000.0, 4_994_000.0), atol=20.0)
    assert all(edge % 20.0 == 0 for edge in grid.bounds)


def test_a_resolution_puts_edges_on_its_multiples(write_scene) -> None:
    grid = grid_of(write_scene("a.tif", x=500_004.0), resolution=15.0, crs="EPSG:32632")
    assert grid.crs.to_epsg() == 32632
    assert all(abs(edge / 15.0 - round(edge / 15.0)) < 1e-6 for edge in grid.bounds)


def test_an_area_in_degrees(write_scene) -> None:
    grid = grid_of(write_scene("a.tif"), aoi="15.02,45.11,15.05,45.13", resolution=5.0)
    assert grid.pixel_size == (5.0, 5.0)
    assert 2300 <= (grid.bounds[2] - grid.bounds[0]) <= 2450  # 0.03 degrees at 45 N, and a turned edge
    assert 2200 <= (grid.bounds[3] - grid.bounds[1]) <= 2300


def test_degrees_as_units(write_scene) -> None:
    grid = grid_of(write_scene("a.tif"), crs="EPSG:4326")
    assert grid.pixel_size[0] == pytest.approx(9e-5)


def test_a_radar_scene_lies_where_its_footprint_is(tmp_path: Path) -> None:
    truth = write_sentinel1(tmp_path, "GRD")
    grid = grid_of(truth.path)
    assert grid.crs.is_projected
    assert grid.crs.to_epsg() // 100 in (326, 327)
    assert 5 <= grid.pixel_size[0] <= 50


def test_mixed_sensors_take_the_map_of_the_first_one_on_a_map(tmp_path: Path, write_scene) -> None:
    landsat = write_landsat(tmp_path)
    grid = grid_of(landsat.path)
    assert grid.crs.to_epsg() == landsat.epsg
    assert np.allclose(np.array(grid.bounds) % 15.0, 7.5)  # Landsat's own raster


def test_scenes_without_common_area_are_listed(write_scene) -> None:
    with pytest.raises(GridError, match=r"share no area.*a .*b "):
        grid_of(write_scene("a.tif"), write_scene("b.tif", x=600_000.0))
    with pytest.raises(GridError, match="a does not reach the aoi"):
        grid_of(write_scene("a.tif"), aoi="3,45,3.1,45.1")


def test_a_scene_twice_and_an_area_that_is_none(write_scene) -> None:
    path = write_scene("a.tif")
    with pytest.raises(InputError, match="once more"):
        grid_of(path, path)
    with pytest.raises(ParameterError, match="aoi = '5,4,3,2'"):
        grid_of(path, aoi="5,4,3,2")
    with pytest.raises(ParameterError, match="counts in metre"):
        grid_of(path, resolution=0.0001)


def test_the_region_holds_the_grid_and_is_closed(write_scene) -> None:
    import shapely
    from pyproj import Transformer

    grid = grid_of(write_scene("a.tif"))
    region = shapely.from_wkt(region_of(grid))
    back = Transformer.from_crs(32633, 4326, always_xy=True)
    assert region.is_valid
    for corner in grid.corners:
        assert region.contains(shapely.Point(back.transform(*corner)))


def test_tiles_cover_the_grid_once() -> None:
    grid = Grid((1100, 1500))
    count = np.zeros(grid.shape, int)
    for tile in tiles_of(grid, 512):
        count[tile.block.slices] += 1
    assert (count == 1).all()
    assert [tile.name("s") for tile in tiles_of(grid, 512)][:4] == [f"s_r000_c00{i}.tif" for i in range(3)] + [
        "s_r001_c000.tif"
    ]
