"""Common grids: where pixels lie, in which CRS, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import aligned_target, transform_bounds

from sensetrack.coregister.regrid import RegridParams, common_grid, parse_crs, utm_crs
from sensetrack.errors import GridError, InputError, ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image

MakeGrid = Callable[..., Grid]
Write = Callable[..., Path]
WGS84 = CRS.from_epsg(4326)


def blank(grid: Grid) -> Image:
    return Image.from_array(np.ones(grid.shape, np.float32), grid)


def test_by_default_the_first_image_decides(utm_grid: MakeGrid) -> None:
    first = Grid((70, 90), utm_grid((1, 1)).transform @ Affine.rotation(5), utm_grid((1, 1)).crs)
    assert common_grid([blank(first), blank(utm_grid((300, 300)))]) is first
    plain = Grid((30, 40))
    assert common_grid([blank(plain)]) is plain


@settings(max_examples=50, deadline=None)
@given(
    x=st.integers(300_000, 700_000),
    y=st.integers(1_000_000, 9_000_000),
    size=st.sampled_from([2.5, 10.0, 15.0, 27.0]),
    resolution=st.sampled_from([0.3, 1.0, 7.5, 20.0]),
    shape=st.tuples(st.integers(2, 400), st.integers(2, 400)),
)
def test_edges_lie_on_multiples_as_gdal_has_it(
    utm_grid: MakeGrid, x: int, y: int, size: float, resolution: float, shape: tuple[int, int]
) -> None:
    source = utm_grid(shape, size=size, x=x + 0.137, y=y + 0.137)  # never on a multiple, where GDAL's rounding decides
    grid = common_grid([blank(source)], RegridParams(resolution=resolution))
    transform, *_ = aligned_target(source.transform, source.width * size, source.height * size, resolution)
    xmin, ymin, xmax, ymax = grid.bounds
    assert (transform.c - xmin) / resolution == pytest.approx(0, abs=1e-5)
    assert (transform.f - ymax) / resolution == pytest.approx(0, abs=1e-5)
    assert xmin <= source.bounds[0] + 1e-5 and ymin <= source.bounds[1] + 1e-5
    assert xmax >= source.bounds[2] - 1e-5 and ymax >= source.bounds[3] - 1e-5
    assert grid.width == np.ceil(source.bounds[2] / resolution - 1e-6) - round(xmin / resolution)
    assert grid.height == round(ymax / resolution) - np.floor(source.bounds[1] / resolution + 1e-6)


def test_edges_that_are_multiples_but_for_rounding_stay(utm_grid: MakeGrid) -> None:
    source = Grid((300, 500), Affine(0.1, 0, 12.3, 0, -0.1, 45.7), WGS84)
    grid = common_grid([blank(source)], RegridParams(resolution=0.1))
    assert grid.shape == source.shape
    assert source.difference(grid) is None


def test_bounds_in_another_crs(utm_grid: MakeGrid) -> None:
    source = utm_grid((2000, 2000))
    box = transform_bounds(source.crs, WGS84, 504_003, 4_985_004, 509_006, 4_990_007)
    params = RegridParams(bounds=box, bounds_crs="EPSG:4326", resolution=20)
    grid = common_grid([blank(source)], params)
    xmin, ymin, xmax, ymax = grid.bounds
    assert (xmin, ymin) <= (504_003, 4_985_004) and xmax >= 509_006 and ymax >= 4_990_007
    assert max(504_003 - xmin, 4_985_004 - ymin, xmax - 509_006, ymax - 4_990_007) < 100
    assert grid.crs == source.crs and grid.pixel_size == (20, 20)


def test_bounds_in_the_grid_s_own_crs(utm_grid: MakeGrid) -> None:
    params = RegridParams(bounds=(500_005, 4_990_000, 505_000, 4_995_000), resolution=50)
    assert common_grid([blank(utm_grid((2000, 2000)))], params).bounds == (500_000, 4_990_000, 505_000, 4_995_000)


def test_an_area_file_sets_the_extent(utm_grid: MakeGrid, tmp_path: Path) -> None:
    source = utm_grid((2000, 2000))
    west, south, east, north = transform_bounds(source.crs, WGS84, 504_003, 4_985_004, 509_006, 4_990_007)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    area = {"type": "FeatureCollection", "features": [_feature({"type": "Polygon", "coordinates": [ring]})]}
    path = tmp_path / "area.geojson"
    path.write_text(json.dumps(area))
    grid = common_grid([blank(source)], RegridParams(aoi=str(path), crs="utm", resolution=10))
    assert grid.crs == CRS.from_epsg(32633)
    assert np.abs(np.subtract(grid.bounds, (504_003, 4_985_004, 509_006, 4_990_007))).max() < 80
    path.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    with pytest.raises(InputError, match=r"area\.geojson"):
        common_grid([blank(source)], RegridParams(aoi=str(path)))
    with pytest.raises(InputError, match=r"none\.gpkg"):
        common_grid([blank(source)], RegridParams(aoi=str(tmp_path / "none.gpkg")))


def _feature(geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": {}, "geometry": geometry}


def test_intersection_and_union(utm_grid: MakeGrid) -> None:
    images = [blank(utm_grid((100, 100))), blank(utm_grid((100, 100), x=500_300.0, y=5_000_200.0))]
    both = common_grid(images, RegridParams(extent="intersection"))
    assert both.bounds == (500_300, 4_999_200, 501_000, 5_000_000)
    assert common_grid(images, RegridParams(extent="union")).bounds == (500_000, 4_999_000, 501_300, 5_000_200)
    apart = [images[0], blank(utm_grid((10, 10), x=600_000.0))]
    with pytest.raises(GridError, match=r"share no area in EPSG:32633: array .* x 600000 to 600100"):
        common_grid(apart, RegridParams(extent="intersection"))


def test_an_image_beside_the_grid_is_named(utm_grid: MakeGrid) -> None:
    images = [blank(utm_grid((100, 100))), blank(utm_grid((10, 10), x=600_000.0))]
    with pytest.raises(GridError, match=r"\(10, 10\) does not overlap the grid"):
        common_grid(images, RegridParams(resolution=20))


def test_a_new_crs_keeps_the_size_of_pixels_roughly(utm_grid: MakeGrid) -> None:
    source = utm_grid((500, 500), size=30.0)
    degrees = common_grid([blank(source)], RegridParams(crs="EPSG:4326"))
    assert degrees.pixel_size[0] == pytest.approx(
        np.sqrt(30 / 111_120 * 30 / (111_320 * np.cos(np.radians(45.15)))), rel=0.03
    )
    back = common_grid([blank(degrees)], RegridParams(crs="utm"))
    assert back.crs == source.crs
    assert back.pixel_size[0] in (30, 31, 32)


@pytest.mark.parametrize(
    ("longitude", "latitude", "code"),
    [(9.0, 45.0, 32632), (-180.0, 10.0, 32601), (179.99, -10.0, 32760), (180.0, 1.0, 32601), (6.0, 84.0, 32632),
     (0.0, 0.0, 32631), (-0.01, -0.01, 32730), (5.0, 60.5, 32631)],
)  # fmt: skip
def test_utm_zones(longitude: float, latitude: float, code: int) -> None:
    assert utm_crs(longitude, latitude).to_epsg() == code


@pytest.mark.parametrize(("latitude", "better"), [(84.5, "EPSG:3413"), (-80.5, "EPSG:3031")])
def test_utm_ends_near_the_poles(latitude: float, better: str) -> None:
    with pytest.raises(GridError, match=better):
        utm_crs(0.0, latitude)


def test_utm_across_the_antimeridian() -> None:
    source = Grid((200, 400), Affine(0.001, 0, 179.75, 0, -0.001, -16.0), WGS84)
    grid = common_grid([blank(source)], RegridParams(crs="utm", resolution=100))
    assert grid.crs == CRS.from_epsg(32760)
    assert grid.width < 500
    in_utm = Image.from_array(np.ones((300, 300)), Grid((300, 300), Affine(100, 0, 810_000, 0, -100, 8e6), grid.crs))
    with pytest.raises(GridError, match=r"crosses the antimeridian.*crs = 'utm'"):
        common_grid([in_utm], RegridParams(crs="EPSG:4326", resolution=0.001))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"crs": "EPSG:99999"}, "crs = 'EPSG:99999': not a CRS"),
        ({"crs": "mercatr"}, "not a CRS"),
        ({"bounds": (0, 0, 1, 1), "bounds_crs": "x"}, "bounds_crs = 'x': not a CRS"),
        ({"crs": "EPSG:4326", "resolution": 10}, None),
        ({"resolution": 0.0001}, "makes a grid of 10000000 x 10000000 pixels; EPSG:32633 counts in metre"),
    ],
)
def test_bad_targets(utm_grid: MakeGrid, values: dict[str, Any], message: str | None) -> None:
    images = [blank(utm_grid((100, 100)))]
    if message is None:  # ten-degree pixels are odd, but a grid
        assert common_grid(images, RegridParams(**values)).shape == (1, 1)
        return
    with pytest.raises(ParameterError, match=message):
        common_grid(images, RegridParams(**values))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"resolution": 0}, "resolution = 0: "),
        ({"bounds": (1, 0, 0, 1)}, "xmin < xmax"),
        ({"bounds": (0, 0, 1, float("inf"))}, "xmin < xmax"),
        ({"bounds": (0, 0, 1, 1), "aoi": "a.shp"}, "give one of them"),
        ({"bounds_crs": "EPSG:4326"}, "means nothing without bounds"),
        ({"resampling": "cubicspline"}, "resampling = 'cubicspline'"),
        ({"extend": "union"}, "did you mean 'extent'"),
    ],
)
def test_bad_parameters(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        RegridParams(**values)


def test_an_image_without_crs_has_no_common_grid(utm_grid: MakeGrid) -> None:
    with pytest.raises(GridError, match=r"\(5, 5\) has no CRS"):
        common_grid([blank(utm_grid((9, 9))), blank(Grid((5, 5)))], RegridParams(resolution=20))


def test_an_unknown_crs_is_said_once(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParameterError, match="crs = 'EPSG:99999': not a CRS"):
        parse_crs("EPSG:99999", "crs")
    assert capfd.readouterr() == ("", "")
