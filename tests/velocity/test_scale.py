"""Metres per pixel: analytic for projected grids, against geodesics on the ellipsoid for geographic ones."""

from __future__ import annotations

import math

import numpy as np
import pyproj
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from sensetrack.errors import GridError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.velocity.scale import NODE, centre_metres, metres_per_pixel, scale_at_centre

UTM = CRS.from_epsg(32633)
WGS84 = CRS.from_epsg(4326)


def matrix(grid: Grid, spacing: int = 1, **options: object) -> np.ndarray:
    """Metres per pixel at the centre as a 2 x 2 matrix."""
    metres = centre_metres(grid, spacing, **options)  # type: ignore[arg-type]
    return np.array([[metres.x_dx, metres.x_dy], [metres.y_dx, metres.y_dy]])


def test_north_up_pixels_run_east_and_down_means_south() -> None:
    grid = Grid((5, 5), Affine(160.0, 0.0, 5e5, 0.0, -320.0, 5e6), UTM)
    np.testing.assert_allclose(matrix(grid, 16), [[10.0, 0.0], [0.0, -20.0]])


@given(angle=st.floats(-180, 180), width=st.floats(0.1, 1000), height=st.floats(0.1, 1000), spacing=st.integers(1, 64))
def test_rotated_oblong_pixels_use_the_whole_linear_part(
    angle: float, width: float, height: float, spacing: int
) -> None:
    transform = Affine.translation(5e5, 5e6) @ Affine.rotation(angle) @ Affine.scale(width * spacing, -height * spacing)
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    expected = np.array([[c * width, s * height], [s * width, -c * height]])
    np.testing.assert_allclose(matrix(Grid((4, 4), transform, UTM), spacing), expected, atol=1e-9 * (width + height))


def test_displaced_pixels_land_where_the_transform_says() -> None:
    transform = Affine.translation(5e5, 5e6) @ Affine.rotation(25.0) @ Affine.shear(5.0) @ Affine.scale(30.0, -20.0)
    grid = Grid((50, 50), transform, UTM)
    dx, dy = 2.3, -1.7
    x0, y0 = grid.xy(10, 10)
    x1, y1 = grid.xy(10 + dy, 10 + dx)
    np.testing.assert_allclose(matrix(grid) @ [dx, dy], [x1 - x0, y1 - y0], atol=1e-6)


@pytest.mark.parametrize("code, metre", [(2227, 0.3048006096), (2193, 1.0), (2230, 0.3048006096), (27700, 1.0)])
def test_feet_become_metres(code: int, metre: float) -> None:
    grid = Grid((5, 5), Affine(30.0, 0.0, 6e5, 0.0, -30.0, 2e5), CRS.from_epsg(code))
    np.testing.assert_allclose(matrix(grid), [[30.0 * metre, 0], [0, -30.0 * metre]], rtol=1e-9)


@pytest.mark.parametrize("latitude", [-89.0, -60.0, -0.01, 0.0, 35.5, 68.0, 85.0])
@pytest.mark.parametrize("code", [4326, 4269, 4267])
def test_degrees_become_geodesic_distances(latitude: float, code: int) -> None:
    size = 1e-4
    grid = Grid((3, 3), Affine(size, 0.0, 20.0, 0.0, -size, latitude + 1.5 * size), CRS.from_epsg(code))
    geod = pyproj.CRS.from_epsg(code).get_geod()
    assert geod is not None
    longitude, middle = (float(value) for value in grid.xy(1, 1))
    # Half a pixel to either side: the chord across the centre.
    east = geod.inv(longitude - size / 2, middle, longitude + size / 2, middle)[2]
    north = geod.inv(longitude, middle - size / 2, longitude, middle + size / 2)[2]
    np.testing.assert_allclose(matrix(grid), [[east, 0], [0, -north]], rtol=1e-7, atol=1e-12)


def test_every_row_of_a_geographic_grid_has_its_own_scale() -> None:
    grid = Grid((400, 3), Affine(0.01, 0.0, 20.0, 0.0, -0.01, 72.0), WGS84)
    metres = metres_per_pixel(grid, 1)
    assert metres.x_dx.shape == (400, 1)
    geod = pyproj.Geod(ellps="WGS84")
    for row in (0, 200, 399):
        x, y = (float(value) for value in grid.xy(row, 1))
        assert metres.x_dx[row, 0] == pytest.approx(geod.inv(x - 0.005, y, x + 0.005, y)[2], rel=1e-6)
    assert metres.x_dx[-1, 0] / metres.x_dx[0, 0] > 1.19


def test_rotated_geographic_grid_keeps_east_and_north() -> None:
    transform = Affine.translation(20.0, 64.0) @ Affine.rotation(30.0) @ Affine.scale(2e-4, -1e-4)
    grid = Grid((6, 8), transform, WGS84)
    metres = metres_per_pixel(grid, 1)
    geod = pyproj.Geod(ellps="WGS84")
    row, col = 4, 6
    assert metres.x_dx.shape == grid.shape
    for step, east, north in (
        ((0.0, 1.0), metres.x_dx, metres.y_dx),
        ((1.0, 0.0), metres.x_dy, metres.y_dy),
    ):
        start = [float(value) for value in grid.xy(row - step[0] / 2, col - step[1] / 2)]
        end = [float(value) for value in grid.xy(row + step[0] / 2, col + step[1] / 2)]
        azimuth, back, distance = geod.inv(*start, *end)
        # The azimuth turns along the way; that of the middle is the mean of both ends.
        mean = np.mean(np.radians(np.unwrap([azimuth, back + 180.0], period=360.0)))
        found = east[row, col], north[row, col]
        np.testing.assert_allclose(found, [distance * np.sin(mean), distance * np.cos(mean)], rtol=2e-5)


def test_grads_are_not_degrees() -> None:
    paris = CRS.from_epsg(4807)
    grid = Grid((3, 3), Affine(1e-4, 0.0, 2.0, 0.0, -1e-4, 54.0), paris)
    assert matrix(grid)[1, 1] == pytest.approx(-1e-4 * 0.9 * 111_170, rel=2e-3)


def test_beyond_the_pole_is_an_error() -> None:
    grid = Grid((3, 3), Affine(1.0, 0.0, 20.0, 0.0, -1.0, 91.0), WGS84)
    with pytest.raises(GridError, match=r"latitude 90\.500, beyond the pole"):
        metres_per_pixel(grid, 1)


# Scale of projections


@pytest.mark.parametrize(
    "code, x, y", [(3857, -5e6, 8.4e6), (3413, -2e5, -3e6), (3413, -2e5, -1.2e6), (32633, 8e5, 5e6), (2227, 6e6, 2.1e6)]
)
def test_ground_distances_are_geodesic_where_the_projection_is_conformal(code: int, x: float, y: float) -> None:
    crs = CRS.from_epsg(code)
    grid = Grid((3, 3), Affine(10.0, 0.0, x, 0.0, -10.0, y), crs)
    to_degrees = pyproj.Transformer.from_crs(code, pyproj.CRS.from_epsg(code).geodetic_crs, always_xy=True)
    geod = pyproj.CRS.from_epsg(code).get_geod()
    assert geod is not None
    ends = [[float(value) for value in grid.xy(1, col)] for col in (0.5, 1.5)]
    (lon0, lat0), (lon1, lat1) = (to_degrees.transform(*end) for end in ends)
    truth = geod.inv(lon0, lat0, lon1, lat1)[2]
    # Web Mercator is conformal on its sphere only, which differs from the ellipsoid by up to 0.3 %.
    tolerance = 4e-3 if code == 3857 else 1e-6
    assert matrix(grid, distances="ground")[0, 0] == pytest.approx(truth, rel=tolerance)
    assert matrix(grid, distances="map")[0, 0] == pytest.approx(truth * scale_at_centre(grid), rel=tolerance)


def test_scale_is_interpolated_within_a_large_block() -> None:
    grid = Grid((2 * NODE + 7, 3 * NODE + 5), Affine(2000.0, 0.0, -1e5, 0.0, -2000.0, -1.5e6), CRS.from_epsg(3413))
    block = metres_per_pixel(grid, 1, distances="ground")
    for row, col in ((0, 0), (17, 45), (70, 100), (50, 20)):
        alone = metres_per_pixel(grid.crop(row, col, (1, 1)), 1, distances="ground")
        assert block.x_dx[row, col] == pytest.approx(float(alone.x_dx[0, 0]), rel=3e-5)


def test_scale_has_no_meaning_without_a_projection() -> None:
    assert scale_at_centre(Grid((3, 3))) == 1.0
    assert scale_at_centre(Grid((3, 3), Affine(1e-3, 0, 20, 0, -1e-3, 60), WGS84)) == 1.0


# Without a CRS


def test_pictures_need_a_pixel_size_and_their_y_runs_up() -> None:
    grid = Grid((3, 3), Affine.scale(16.0))
    with pytest.raises(ParameterError, match=r"no georeference; pass pixel_size.*--pixel-size 10"):
        metres_per_pixel(grid, 16)
    np.testing.assert_allclose(matrix(grid, 16, pixel_size=6.0), [[6.0, 0.0], [0.0, -6.0]])


def test_world_files_keep_shape_and_direction_but_not_an_unknown_unit() -> None:
    grid = Grid((3, 3), Affine(8.0, 0.0, 100.0, 0.0, -4.0, 900.0))
    with pytest.raises(ParameterError, match="no CRS, so the unit of its coordinates is unknown"):
        metres_per_pixel(grid, 4)
    np.testing.assert_allclose(matrix(grid, 4, pixel_size=6.0), [[6.0, 0.0], [0.0, -3.0]])


def test_pixel_size_must_not_contradict_a_crs() -> None:
    grid = Grid((3, 3), Affine(160.0, 0.0, 0.0, 0.0, -160.0, 0.0), UTM)
    with pytest.raises(ParameterError, match=r"pixel_size = 15 .* EPSG:32633 with pixels of 10 x 10"):
        metres_per_pixel(grid, 16, pixel_size=15.0)


def test_local_crs_uses_its_unit() -> None:
    grid = Grid((3, 3), Affine(2.0, 0.0, 0.0, 0.0, -2.0, 0.0), CRS.from_wkt('LOCAL_CS["site",UNIT["foot",0.3048]]'))
    for distances in ("map", "ground"):
        np.testing.assert_allclose(matrix(grid, distances=distances), [[0.6096, 0.0], [0.0, -0.6096]])
    assert scale_at_centre(grid) == 1.0
