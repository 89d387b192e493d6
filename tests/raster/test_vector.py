"""Outlines: the pixel centres that lie inside polygons of any CRS, whatever the window."""

from __future__ import annotations

import json
import pickle
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from sensetrack.errors import GridError, InputError, SensetrackError
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.tiles import plan_blocks
from sensetrack.raster.vector import open_outline

UTM33, WGS84 = CRS.from_epsg(32633), CRS.from_epsg(4326)
Write = Callable[..., Path]
MakeGrid = Callable[..., Grid]
WriteVector = Callable[..., Path]
Shape = shapely.Geometry


@pytest.fixture
def write_vector(tmp_path: Path) -> WriteVector:
    """Write shapes: ``write_vector(shapes, name="area.gpkg", crs="EPSG:32633", layer=None, append=False)``."""

    def write(
        shapes: Sequence[Shape],
        name: str = "area.gpkg",
        crs: str | None = "EPSG:32633",
        layer: str | None = None,
        append: bool = False,
    ) -> Path:
        path = tmp_path / name
        kinds = {shape.geom_type for shape in shapes}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")
            pyogrio.raw.write(
                path,
                geometry=shapely.to_wkb(np.array(shapes, object)),
                field_data=[np.arange(len(shapes))],
                fields=["number"],
                crs=crs,
                layer=layer,
                append=append,
                driver={".json": "GeoJSON", ".kml": "LIBKML"}.get(path.suffix),
                geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown",
            )
        return path

    return write


def centres_inside(grid: Grid, shape: Shape) -> np.ndarray:
    """The truth: every pixel centre asked one by one."""
    x, y = grid.xy(*np.mgrid[0 : grid.height, 0 : grid.width])
    return shapely.contains_xy(shape, x, y)


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.fixture
def blob(utm_grid: MakeGrid) -> Shape:
    """A glacier of sorts, with a nunatak, inside ``utm_grid((100, 120))``."""
    body = shapely.Point(500_600, 4_999_500).buffer(410, quad_segs=60)
    arm = shapely.LineString([(500_600, 4_999_500), (501_130, 4_999_111)]).buffer(70)
    return shapely.union(body, arm) - shapely.Point(500_500, 4_999_600).buffer(83)


# Vectors


@pytest.mark.parametrize("name", ["area.gpkg", "area.shp", "area.geojson", "area.json", "area.kml", "area.fgb"])
def test_pixel_centres_inside_an_outline(write_vector: WriteVector, utm_grid: MakeGrid, blob: Shape, name: str) -> None:
    if name.endswith(("json", "kml")):  # these are longitude and latitude by definition
        shapes = [shapely.transform(blob, lambda p: np.column_stack(transform_points(UTM33, WGS84, *p.T)))]
        path = write_vector(shapes, name, "EPSG:4326")
    else:
        path = write_vector([blob], name)
    grid = utm_grid((100, 120))
    mask = AreaMask.open(path).fit(grid)
    expected = centres_inside(grid, blob)
    np.testing.assert_array_equal(mask.read(grid), expected)
    np.testing.assert_array_equal(AreaMask.open(path, inverse=True).fit(grid).read(grid), ~expected)


def test_windows_and_coarser_grids_say_the_same(write_vector: WriteVector, utm_grid: MakeGrid, blob: Shape) -> None:
    grid = utm_grid((100, 120))
    mask = AreaMask.open(write_vector([blob])).fit(grid)
    expected = centres_inside(grid, blob)
    pieces = np.zeros(grid.shape, np.bool_)
    for block in plan_blocks(grid.shape, 23):
        pieces[block.slices] = mask.read(grid.crop(block.row, block.col, block.shape))
    np.testing.assert_array_equal(pieces, expected)
    for coarse in (grid.coarsen(4), grid.coarsen(7, 1.5), grid.crop(-10, -20, (150, 150))):
        np.testing.assert_array_equal(mask.read(coarse), centres_inside(coarse, blob))


def test_a_rotated_grid_and_one_that_runs_down(write_vector: WriteVector, blob: Shape) -> None:
    path = write_vector([blob])
    for transform in (
        Affine.translation(500_100, 4_999_600) @ Affine.rotation(-33) @ Affine.scale(9, -11),
        Affine.translation(500_000, 4_999_000) @ Affine.scale(10, 10),
    ):
        grid = Grid((90, 110), transform, UTM33)
        np.testing.assert_array_equal(AreaMask.open(path).fit(grid).read(grid), centres_inside(grid, blob))


def test_several_polygons_overlap_as_one_area(write_vector: WriteVector, utm_grid: MakeGrid) -> None:
    grid = utm_grid((50, 50))
    shapes = [shapely.box(500_050, 4_999_700, 500_250, 4_999_900), shapely.box(500_150, 4_999_600, 500_350, 4_999_800)]
    apart = shapely.box(500_400, 4_999_510, 500_450, 4_999_560)
    mask = AreaMask.open(write_vector([*shapes, shapely.MultiPolygon([apart])]))
    expected = centres_inside(grid, shapely.union_all([*shapes, apart]))
    np.testing.assert_array_equal(mask.fit(grid).read(grid), expected)


def test_a_long_straight_edge_bends_with_the_projection(write_vector: WriteVector) -> None:
    # 45.5 degrees north is 100 pixels from a straight line between its ends in UTM.
    grid = Grid((400, 800), Affine(100, 0, 460_000, 0, -100, 5_050_000), UTM33)
    path = write_vector([shapely.box(13.0, 44.0, 17.0, 45.5)], "area.geojson", "EPSG:4326")
    x, y = grid.xy(*np.mgrid[0:400, 0:800])
    _, latitude = transform_points(UTM33, WGS84, x, y)
    disagree = AreaMask.open(path).fit(grid).read(grid) != (latitude < 45.5)
    assert np.abs(latitude[disagree] - 45.5).max(initial=0) < 1e-6


def test_an_area_across_the_antimeridian(write_vector: WriteVector) -> None:
    crs = CRS.from_epsg(32601)
    x, y = transform_points(WGS84, crs, np.array([-179.95]), np.array([65.0]))
    grid = Grid((100, 400), Affine(100, 0, x[0] - 20_000, 0, -100, y[0] + 5_000), crs)
    halves = [shapely.box(179.8, 64.9, 180, 65.1), shapely.box(-180, 64.9, -179.9, 65.1)]
    path = write_vector(halves, "area.gpkg", "EPSG:4326")
    longitude, _ = transform_points(crs, WGS84, *grid.xy(*np.mgrid[0:100, 0:400]))
    inside = AreaMask.open(path).fit(grid).read(grid)
    np.testing.assert_array_equal(inside, (longitude > 179.8) | (longitude < -179.9))


def test_an_outline_of_the_world_reaches_a_polar_image(write_vector: WriteVector) -> None:
    crs = CRS.from_epsg(3031)
    grid = Grid((50, 50), Affine(1000, 0, -25_000, 0, -1000, 25_000), crs)  # the south pole
    path = write_vector([shapely.box(-180, -90, 180, -60)], "area.gpkg", "EPSG:4326")
    assert AreaMask.open(path).fit(grid).read(grid).mean() > 0.99


def test_a_self_crossing_outline_is_mended(write_vector: WriteVector, utm_grid: MakeGrid) -> None:
    bow = shapely.Polygon([(500_101, 4_999_904), (500_403, 4_999_600), (500_407, 4_999_900), (500_102, 4_999_601)])
    grid = utm_grid((50, 50))
    np.testing.assert_array_equal(
        AreaMask.open(write_vector([bow])).fit(grid).read(grid), centres_inside(grid, shapely.make_valid(bow))
    )


def test_pixel_coordinates_for_images_without_a_georeference(write_vector: WriteVector) -> None:
    path = write_vector([shapely.box(10, 20, 40, 60)], "area.shp", None)
    grid = Grid((100, 120))
    expected = np.zeros(grid.shape, np.bool_)
    expected[20:60, 10:40] = True
    mask = AreaMask.open(path).fit(grid)
    np.testing.assert_array_equal(mask.read(grid), expected)
    np.testing.assert_array_equal(mask.read(grid.coarsen(10)), expected[5::10, 5::10])


def test_one_layer_of_several(write_vector: WriteVector, utm_grid: MakeGrid) -> None:
    grid = utm_grid((50, 50))
    path = write_vector([shapely.box(500_000, 4_999_900, 500_100, 5_000_000)], layer="outlines_2000")
    write_vector([shapely.box(500_000, 4_999_800, 500_100, 5_000_000)], layer="outlines_2020", append=True)
    with pytest.raises(InputError) as error:
        AreaMask.open(path)
    assert message(error) == (
        f"area.gpkg has the layers outlines_2000, outlines_2020; name one as '{path}|layername=outlines_2000'"
    )
    assert AreaMask.open(f"{path}|layername=outlines_2020").fit(grid).read(grid).sum() == 200
    with pytest.raises(InputError) as error:
        AreaMask.open(f"{path}|layername=outline_2020")
    assert "no layer 'outline_2020'; did you mean 'outlines_2020'" in message(error)


def test_an_outline_pickles_small_and_reads_the_same(
    write_vector: WriteVector, utm_grid: MakeGrid, blob: Shape
) -> None:
    grid = utm_grid((100, 120))
    mask = AreaMask.open(write_vector([blob])).fit(grid)
    packed = pickle.dumps(mask)
    assert len(packed) < 4000
    np.testing.assert_array_equal(pickle.loads(packed).read(grid), mask.read(grid))


def test_a_changed_file_is_read_again(write_vector: WriteVector, utm_grid: MakeGrid) -> None:
    grid = utm_grid((50, 50))
    path = write_vector([shapely.box(500_000, 4_999_900, 500_100, 5_000_000)])
    assert AreaMask.open(path).fit(grid).read(grid).sum() == 100
    path.unlink()
    write_vector([shapely.box(500_000, 4_999_800, 500_100, 5_000_000)])
    assert AreaMask.open(path).fit(grid).read(grid).sum() == 200


def test_threads_share_one_outline(write_vector: WriteVector, utm_grid: MakeGrid, blob: Shape) -> None:
    grid = utm_grid((100, 120))
    mask = AreaMask.open(write_vector([blob])).fit(grid)
    expected = centres_inside(grid, blob)
    with ThreadPoolExecutor(4) as pool:
        blocks = list(plan_blocks(grid.shape, 11))
        for block, inside in zip(
            blocks, pool.map(lambda b: mask.read(grid.crop(b.row, b.col, b.shape)), blocks), strict=True
        ):
            np.testing.assert_array_equal(inside, expected[block.slices])


def test_points_are_no_area(write_vector: WriteVector) -> None:
    with pytest.raises(InputError) as error:
        AreaMask.open(write_vector([shapely.Point(500_000, 5_000_000)]))
    assert message(error) == "area.gpkg: polygons are needed, its layer 'area' holds Point"


def test_lines_among_unknown_shapes_are_no_area(tmp_path: Path, utm_grid: MakeGrid) -> None:
    lines = [
        {"type": "LineString", "coordinates": [[15.0, 45.15], [15.01, 45.15]]},
        {"type": "Point", "coordinates": [15.0, 45.15]},
    ]
    path = tmp_path / "lines.geojson"
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in lines]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    with pytest.raises(InputError) as error:
        AreaMask.open(path).fit(utm_grid((100, 100)))
    assert "polygons are needed, its layer 'lines' holds none there" in message(error)


def test_an_outline_elsewhere(write_vector: WriteVector, utm_grid: MakeGrid) -> None:
    mask = AreaMask.open(write_vector([shapely.box(10, 20, 11, 21)], "area.geojson", "EPSG:4326"))
    with pytest.raises(GridError) as error:
        mask.fit(utm_grid((100, 100)))
    assert message(error) == (
        "area.geojson does not overlap the images: none of its polygons lies in their extent x 500000 to 501000, "
        "y 4999000 to 5000000 in EPSG:32633; is its CRS, EPSG:4326, right?"
    )


def test_a_crs_on_one_side_only(write_vector: WriteVector, utm_grid: MakeGrid) -> None:
    outline = AreaMask.open(write_vector([shapely.box(0, 0, 5, 5)], "area.shp", None))
    with pytest.raises(GridError) as error:
        outline.fit(utm_grid((10, 10)))
    assert "area.shp has CRS none and the images have CRS EPSG:32633; assign the missing one with" in message(error)


def test_an_empty_layer_and_an_absent_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "none.geojson"
    path.write_text('{"type": "FeatureCollection", "features": []}', encoding="utf-8")
    with pytest.raises(InputError, match="there are no polygons"):
        open_outline(str(path))
    with pytest.raises(InputError, match=r"gone\.gpkg: no such file$"):
        open_outline(str(tmp_path / "gone.gpkg"))
