"""Grids: where pixel centres lie, windows and coarser grids of them, and how two differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from sensetrack.errors import GridError
from sensetrack.raster.crs import transform_extent, transform_points
from sensetrack.raster.grid import Grid, crs_name

UTM33, UTM34, WGS84 = CRS.from_epsg(32633), CRS.from_epsg(32634), CRS.from_epsg(4326)

lengths = st.floats(0.5, 100.0)
grids = st.builds(
    lambda rows, cols, x, y, width, height, angle, flip: Grid(
        (rows, cols),
        Affine.translation(x, y) @ Affine.rotation(angle) @ Affine.scale(width, height if flip else -height),
        UTM33,
    ),
    st.integers(1, 500),
    st.integers(1, 500),
    st.floats(-1e6, 1e6),
    st.floats(-1e7, 1e7),
    lengths,
    lengths,
    st.floats(-180, 180),
    st.booleans(),
)
places = st.floats(-1000, 1000)


@given(grids, places, places)
def test_rowcol_is_the_inverse_of_xy(grid: Grid, row: float, col: float) -> None:
    back_row, back_col = grid.rowcol(*grid.xy(row, col))
    np.testing.assert_allclose([back_row, back_col], [row, col], atol=1e-6)


@given(grids, st.integers(-200, 200), st.integers(-200, 200), places, places)
def test_a_crop_shifts_pixels_and_moves_no_place(grid: Grid, top: int, left: int, row: float, col: float) -> None:
    window = grid.crop(top, left, (5, 7))
    assert window.shape == (5, 7)
    np.testing.assert_allclose(window.xy(row, col), grid.xy(row + top, col + left), atol=1e-6)


@given(grids, st.integers(1, 16), st.floats(-3, 3), st.integers(0, 30), st.integers(0, 30))
def test_coarse_centres_are_the_centres_of_cells(grid: Grid, step: int, offset: float, row: int, col: int) -> None:
    if min(grid.shape) < step:
        with pytest.raises(GridError, match=f"smaller than one step of {step} pixels"):
            grid.coarsen(step)
        return
    coarse = grid.coarsen(step, offset)
    assert coarse.shape == (grid.height // step, grid.width // step)
    middle = (step - 1) / 2 + offset
    np.testing.assert_allclose(coarse.xy(row, col), grid.xy(row * step + middle, col * step + middle), atol=1e-6)
    np.testing.assert_allclose(coarse.pixel_size, np.multiply(grid.pixel_size, step))


def test_the_centre_of_the_first_pixel_is_half_a_pixel_in(utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((10, 20), size=30.0)
    assert grid.xy(0, 0) == (500_015.0, 4_999_985.0)
    assert grid.bounds == (500_000.0, 4_999_700.0, 500_600.0, 5_000_000.0)
    assert grid.pixel_size == (30.0, 30.0)
    rows, cols = grid.rowcol(np.array([500_015.0, 500_045.0]), np.array([4_999_985.0, 4_999_955.0]))
    np.testing.assert_allclose(rows, [0, 1])
    np.testing.assert_allclose(cols, [0, 1])


def test_bounds_of_a_rotated_grid_hold_all_corners() -> None:
    grid = Grid((100, 100), Affine.rotation(45.0))
    xmin, ymin, xmax, ymax = grid.bounds
    np.testing.assert_allclose([xmin, ymin, xmax, ymax], [-70.7107, 0, 70.7107, 141.4214], atol=1e-3)


@pytest.mark.parametrize(
    ("grid", "georeferenced"),
    [
        (Grid((2, 2)), False),
        (Grid((2, 2), Affine.scale(16)), False),
        (Grid((2, 2), Affine.scale(10, -10)), True),
        (Grid((2, 2), Affine.scale(10), UTM33), True),
    ],
)
def test_only_a_crs_or_rows_that_run_up_make_a_map(grid: Grid, georeferenced: bool) -> None:
    assert grid.is_georeferenced is georeferenced


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (-1, 5)])
def test_an_empty_grid_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(GridError, match="at least one row and one column"):
        Grid(shape)


@pytest.mark.parametrize(
    "transform", [Affine(0, 0, 0, 0, 0, 0), Affine(1, 1, 0, 1, 1, 0), Affine(np.nan, 0, 0, 0, 1, 0)]
)
def test_a_transform_that_cannot_be_inverted_is_refused(transform: Affine) -> None:
    with pytest.raises(GridError, match="onto a line or a point"):
        Grid((2, 2), transform)


def test_differences_are_said_in_words(utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((10, 20))
    assert grid.difference(utm_grid((10, 20))) is None
    assert grid.difference(utm_grid((10, 20), x=500_000.005)) is None
    assert grid.difference(utm_grid((10, 21))) == "size 20 x 10 against 21 x 10 pixels"
    assert grid.difference(utm_grid((10, 20), crs=UTM34)) == "CRS EPSG:32633 against EPSG:32634"
    assert grid.difference(utm_grid((10, 20), crs=None)) == "CRS EPSG:32633 against none"
    shifted = grid.difference(utm_grid((10, 20), x=500_005.0))
    assert shifted == "position or pixel size (corners up to 0.5 pixels apart)"
    assert "pixel size" in str(grid.difference(utm_grid((10, 20), size=10.1)))


def test_overlap_is_found_across_crs(utm_grid: Callable[..., Grid]) -> None:
    grid = utm_grid((100, 100))
    west, south, east, north = transform_extent(UTM33, WGS84, grid.bounds)[0]
    degrees = Grid((10, 10), Affine(0.001, 0, (west + east) / 2, 0, -0.001, (south + north) / 2), WGS84)
    assert grid.overlaps(degrees)
    assert degrees.overlaps(grid)
    assert not grid.overlaps(Grid((10, 10), Affine(0.001, 0, east + 1, 0, -0.001, north), WGS84))
    assert not grid.overlaps(utm_grid((100, 100), x=501_000.0))


def test_overlap_with_a_system_that_has_heights(utm_grid: Callable[..., Grid]) -> None:
    heights = CRS.from_epsg(9707)
    west, *_, north = transform_extent(UTM33, WGS84, utm_grid((100, 100)).bounds)[0]
    model = Grid((10, 10), Affine(0.001, 0, west, 0, -0.001, north), heights)
    assert utm_grid((100, 100)).overlaps(model) and model.overlaps(utm_grid((100, 100)))
    assert not utm_grid((100, 100), x=600_000.0).overlaps(model)


def test_a_point_beyond_a_projection_is_infinite_and_no_error() -> None:
    x, y = transform_points(WGS84, UTM33, np.array([15.0, 0.0]), np.array([45.0, 95.0]))
    assert np.isfinite([x[0], y[0]]).all()
    assert np.isinf([x[1], y[1]]).all()


def test_an_extent_across_the_antimeridian_becomes_two_boxes() -> None:
    boxes = transform_extent(CRS.from_epsg(32601), WGS84, (120_000.0, 6_000_000.0, 400_000.0, 6_100_000.0))
    assert len(boxes) == 2
    assert boxes[0][2] == 180.0
    assert boxes[1][0] == -180.0
    assert all(box[0] < box[2] for box in boxes)


def test_names_of_crs() -> None:
    assert crs_name(None) == "none"
    assert crs_name(UTM33) == "EPSG:32633"
    assert crs_name(CRS.from_proj4("+proj=tmerc +lon_0=15.3 +ellps=WGS84 +units=m")) == "unknown"
