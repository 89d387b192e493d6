"""Pixels found by their latitude and longitude, on images whose places are known by formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.crs import CRS

from sensetrack.errors import InputError
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block, whole
from sensetrack.sensors._geolocation import Geolocation, MappedSource, map_crs
from sensetrack.types import DoubleArray, Mask, PixelArray


@dataclass(frozen=True, eq=False)
class Curved:
    """A turned, sheared and bent image around a place in some CRS."""

    shape: tuple[int, int]
    epsg: int = 32633
    centre: tuple[float, float] = (500_000.0, 4_500_000.0)
    size: float = 30.0
    turn: float = 0.3
    mirror: int = 1
    bend: float = 40.0

    def xy(self, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return the place of any pixel, whole or not."""
        down, right = (row - self.shape[0] / 2) * self.size, (col - self.shape[1] / 2) * self.size * self.mirror
        x = self.centre[0] + right * np.cos(self.turn) - down * np.sin(self.turn)
        y = self.centre[1] - right * np.sin(self.turn) - down * np.cos(self.turn)
        reach = self.shape[0] * self.size
        return x + self.bend * np.sin(2 * down / reach), y + self.bend * (right / reach) ** 2

    def read(self, rows: slice, cols: slice) -> tuple[DoubleArray, DoubleArray]:
        row, col = np.meshgrid(np.arange(self.shape[0])[rows], np.arange(self.shape[1])[cols], indexing="ij")
        lon, lat = Transformer.from_crs(self.epsg, 4326, always_xy=True).transform(*self.xy(row * 1.0, col * 1.0))
        return lat, lon


@dataclass(frozen=True, eq=False)
class Plane:
    """Pixels that hold their row, or their column."""

    axis: int

    def read(self, block: Block, shape: tuple[int, int]) -> tuple[PixelArray, Mask]:
        values = np.indices(shape)[self.axis] + (block.row, block.col)[self.axis]
        return values.astype(np.float32), np.ones(shape, np.bool_)


@settings(deadline=None, max_examples=30)
@given(
    turn=st.floats(-3.1, 3.1),
    mirror=st.sampled_from([-1, 1]),
    bend=st.floats(-90, 90),
    rows=st.integers(20, 160),
    cols=st.integers(20, 160),
)
def test_every_pixel_is_found_again(turn: float, mirror: int, bend: float, rows: int, cols: int) -> None:
    image = Curved((rows, cols), turn=turn, mirror=mirror, bend=bend)
    found = Geolocation.of(image, image.shape, CRS.from_epsg(image.epsg), "test")
    target = found.target(30.0)
    row, col = found.positions(target, found.grid, whole(target.shape))
    x, y = target.xy(*np.indices(target.shape))
    inside = (row > 0) & (row < rows - 1) & (col > 0) & (col < cols - 1)
    there_x, there_y = image.xy(row[inside], col[inside])
    off = np.hypot(there_x - x[inside], there_y - y[inside]) / image.size
    assert off.max() < 0.01  # what is bilinear between pixels of a bent image
    assert inside.sum() == pytest.approx((rows - 1) * (cols - 1), rel=0.15)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mapped_image_holds_what_lies_there(axis: int) -> None:
    image = Curved((60, 80), turn=1.2, mirror=-1)
    found = Geolocation.of(image, image.shape, None, "test")
    grid = found.target(30.0)
    source = MappedSource(Plane(axis), found, grid, "bilinear")
    values, valid = source.read(whole(grid.shape), grid.shape)
    place = found.positions(grid, found.grid, whole(grid.shape))
    x, y = image.xy(*place)
    own_x, own_y = grid.xy(*np.indices(grid.shape))
    inner = valid & (place[0] > 0) & (place[0] < 59) & (place[1] > 0) & (place[1] < 79)
    assert np.hypot(x - own_x, y - own_y)[inner].max() < 0.3
    np.testing.assert_allclose(values[inner], place[axis][inner], atol=1e-4)
    part, known = source.read(Block(20, 30, 11, 7), (11, 7))
    np.testing.assert_array_equal(part, values[20:31, 30:37])
    np.testing.assert_array_equal(known, valid[20:31, 30:37])
    coarse, seen = source.read(whole(grid.shape), (grid.height // 4, grid.width // 4))
    near, clear = (each[2::4, 2::4][: coarse.shape[0], : coarse.shape[1]] for each in (values, valid))
    assert np.abs(coarse - near)[seen & clear].max() < 4


@pytest.mark.parametrize(
    ("latitude", "longitude", "epsg"),
    [
        (45.0, 12.1, 32633),
        (-33.0, -70.5, 32719),
        (0.0, 179.99, 32660),
        (10.0, -180.0, 32601),
        (88.0, 20.0, 3413),
        (-85.0, 20.0, 3031),
    ],
)
def test_the_map_goes_by_the_centre(latitude: float, longitude: float, epsg: int) -> None:
    lat, lon = latitude + np.array([-0.01, 0.01]), longitude + np.array([-0.005, 0.005])
    assert map_crs(lat, lon).to_epsg() == epsg
    around = np.where(lon > 180, lon - 360, lon)
    assert map_crs(lat, around).to_epsg() == epsg


def test_polar_images() -> None:
    image = Curved((50, 50), epsg=3031, centre=(30_000.0, -20_000.0))
    found = Geolocation.of(image, image.shape, None, "test")
    assert found.grid.crs.to_epsg() == 3031
    row, col = found.positions(found.target(30.0), found.grid, Block(20, 20, 5, 5))
    assert (np.abs(row - 25) < 25).all() and (np.abs(col - 25) < 25).all()


@dataclass(frozen=True, eq=False)
class Bad:
    """Places that are none."""

    kind: str
    shape: tuple[int, int] = (40, 40)

    def read(self, rows: slice, cols: slice) -> tuple[DoubleArray, DoubleArray]:
        row, col = np.meshgrid(np.arange(40.0)[rows], np.arange(40.0)[cols], indexing="ij")
        if self.kind == "line":
            return 45 + row * 1e-3, 12 + row * 1e-3
        if self.kind == "noise":
            rng = np.random.default_rng(1)
            return 45 + rng.random(row.shape), 12 + rng.random(row.shape)
        return np.full(row.shape, {"nan": np.nan, "fill": -9999.0}[self.kind]), col


@pytest.mark.parametrize("kind", ["line", "noise", "nan", "fill"])
def test_places_that_are_none_are_refused(kind: str) -> None:
    with pytest.raises(InputError, match="cannot be put on a map"):
        Geolocation.of(Bad(kind), (40, 40), None, "test")


def test_far_away_nothing_is_found() -> None:
    image = Curved((40, 40))
    found = Geolocation.of(image, image.shape, CRS.from_epsg(32633), "test")
    far = Grid((5, 5), found.target(30.0).transform.translation(900_000.0, 0.0), found.grid.crs)
    row, col = found.positions(far, found.grid, whole((5, 5)))
    assert (row < -100).all() and (col < -100).all()
