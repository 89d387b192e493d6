"""Axes are kilometres, degrees or pixels; arrows and north point where they should, whatever the projection."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from sensetrack.raster.grid import Grid
from sensetrack.report.frame import Frame


def test_projected_grids_are_drawn_in_kilometres(utm_grid: Callable[..., Grid]) -> None:
    frame = Frame.of(utm_grid((100, 200), size=10.0, x=500_000.0, y=5_000_000.0))
    np.testing.assert_allclose(frame.limits, ((500, 502), (4999, 5000)))
    assert (frame.x_label, frame.aspect, frame.y_down) == ("easting [km, EPSG:32633]", 1.0, False)
    assert frame.ratio == pytest.approx(0.5)
    assert frame.metres == 1000


def test_feet_become_kilometres() -> None:
    frame = Frame.of(Grid((10, 10), Affine(100, 0, 0, 0, -100, 0), CRS.from_epsg(2229)))
    assert frame.limits[0][1] == pytest.approx(1000 * 0.3048006096 / 1000)


def test_pixels_run_down_and_have_no_scale_or_north() -> None:
    frame = Frame.of(Grid((50, 80), Affine.scale(16)))
    assert frame.limits == ((0, 1280), (800, 0))
    assert frame.y_down
    assert frame.north is None
    assert math.isnan(frame.metres)


def test_world_file_without_crs_runs_up_without_scale() -> None:
    frame = Frame.of(Grid((50, 80), Affine(2, 0, 100, 0, -2, 900)))
    assert (frame.y_down, frame.north, frame.x_label) == (False, None, "map x")


def test_degrees_are_stretched_to_their_length_on_the_ground() -> None:
    frame = Frame.of(Grid((10, 10), Affine(0.01, 0, 20.0, 0, -0.01, 60.05), CRS.from_epsg(4326)))
    assert frame.aspect == pytest.approx(2.0, rel=1e-3)
    assert frame.metres == pytest.approx(55_800, rel=1e-3)
    assert frame.north == (0.0, 1.0)


@pytest.mark.parametrize(
    ("x", "y", "expected"), [(0.0, -1e6, (0, 1)), (-1e6, 0.0, (1, 0)), (7e5, 7e5, (-(0.5**0.5),) * 2)]
)
def test_north_points_to_the_pole_on_polar_maps(x: float, y: float, expected: tuple[float, float]) -> None:
    polar = CRS.from_proj4("+proj=stere +lat_0=90 +lat_ts=70 +lon_0=0 +datum=WGS84 +units=m")
    frame = Frame.of(Grid((2, 2), Affine(1, 0, x - 1, 0, -1, y + 1), polar))
    assert frame.north is not None
    np.testing.assert_allclose(frame.north, expected, atol=1e-3)


def test_displacements_down_point_down_on_every_kind_of_map(utm_grid: Callable[..., Grid]) -> None:
    right, down = np.array([3.0, 0.0]), np.array([0.0, 2.0])
    for grid, sense in ((utm_grid((5, 5)), -1), (Grid((5, 5)), 1)):
        u, v = Frame.of(grid).vectors(right, down, along_map=False)
        np.testing.assert_allclose(u, [3, 0], atol=1e-9)
        np.testing.assert_allclose(v, [0, 2 * sense], atol=1e-9)


def test_velocities_follow_the_map(utm_grid: Callable[..., Grid]) -> None:
    east, north = np.array([3.0]), np.array([2.0])
    assert Frame.of(utm_grid((5, 5))).vectors(east, north, along_map=True) == (east, north)
    u, v = Frame.of(Grid((5, 5))).vectors(east, north, along_map=True)
    assert (u[0], v[0]) == (3, -2)
    geographic = Frame.of(Grid((10, 10), Affine(0.01, 0, 20.0, 0, -0.01, 60.05), CRS.from_epsg(4326)))
    u, v = geographic.vectors(east, north, along_map=True)
    assert u[0] / (v[0] * geographic.aspect) == pytest.approx(1.5)


def test_rotated_grids_turn_their_displacements() -> None:
    turned = Affine.translation(5e5, 5e6) @ Affine.rotation(90) @ Affine.scale(10, -10)
    frame = Frame.of(Grid((4, 6), turned, CRS.from_epsg(32633)))
    u, v = frame.vectors(np.array([1.0]), np.array([0.0]), along_map=False)
    np.testing.assert_allclose((u[0], v[0]), (0, 1), atol=1e-9)
    assert frame.ratio == pytest.approx(6 / 4)


def test_tick_labels_need_room_for_their_digits(utm_grid: Callable[..., Grid]) -> None:
    assert Frame.of(utm_grid((1000, 1000), size=10.0, y=6_000_000.0)).label_length == 4
    assert Frame.of(utm_grid((100, 100), size=1.0, y=6_000_000.0)).label_length == len("5999.95")
    assert Frame.of(utm_grid((1000, 1000), size=10.0, y=-900_000.0)).label_length == len("-910")
