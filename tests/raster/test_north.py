"""The angle between true north and the y axis of a map, against points that lie north of each other."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS

from sensetrack.errors import GridError
from sensetrack.raster.grid import Grid
from sensetrack.raster.north import meridian_convergence


@pytest.mark.parametrize(
    ("code", "x", "y"),
    [(32633, 700e3, 5e6), (32733, 300e3, 6e6), (3413, -200e3, -1.5e6), (3031, -1.2e6, -4e5), (3995, 1e6, 1e6)],
)
def test_a_step_north_goes_where_it_says(code, x, y):
    grid = Grid((3, 4), Affine(10.0, 0.0, x, 0.0, -10.0, y), CRS.from_epsg(code))
    turn = np.radians(meridian_convergence(grid))
    assert turn.shape == (3, 4)
    place = grid.xy(1, 2)
    geographic = CRS.from_epsg(4326)
    there = Transformer.from_crs(code, geographic, always_xy=True)
    longitude, latitude = there.transform(*place)
    east, north = there.transform([longitude] * 2, [latitude, latitude + 1e-4], direction="INVERSE")
    step = np.array([east[1] - east[0], north[1] - north[0]])
    # A vector towards true north, (0, 1), is (-sin, cos) along the axes of the map.
    np.testing.assert_allclose(step / np.hypot(*step), [-np.sin(turn[1, 2]), np.cos(turn[1, 2])], atol=1e-6)


def test_longitude_and_latitude_need_no_turn():
    grid = Grid((2, 2), Affine(0.1, 0.0, 10.0, 0.0, -0.1, 46.0), CRS.from_epsg(4326))
    assert (meridian_convergence(grid) == 0).all()


def test_maps_that_do_not_say_where_north_is():
    with pytest.raises(GridError, match="has no CRS"):
        meridian_convergence(Grid((2, 2)))
    local = CRS.from_wkt('LOCAL_CS["site",UNIT["metre",1]]')
    with pytest.raises(GridError, match="not tied to the Earth"):
        meridian_convergence(Grid((2, 2), Affine(1.0, 0.0, 0.0, 0.0, -1.0, 0.0), local))
