"""Areas from rasters: the pixels that are marked, from any grid and CRS, whatever the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from rasterio.crs import CRS

from sensetrack.errors import GridError, InputError, SensetrackError
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.mask import AreaMask

UTM33, WGS84 = CRS.from_epsg(32633), CRS.from_epsg(4326)
Write = Callable[..., Path]
MakeGrid = Callable[..., Grid]
WriteVector = Callable[..., Path]
Shape = shapely.Geometry


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# Rasters


def test_a_raster_on_the_same_grid(write_raster: Write, utm_grid: MakeGrid) -> None:
    grid = utm_grid((60, 70))
    array = np.random.default_rng(0).integers(0, 3, grid.shape).astype(np.uint8)
    mask = AreaMask.open(write_raster(array, grid=grid, nodata=2)).fit(grid)
    np.testing.assert_array_equal(mask.read(grid), array == 1)
    window = grid.crop(10, 20, (30, 40))
    np.testing.assert_array_equal(mask.read(window), array[10:40, 20:60] == 1)
    np.testing.assert_array_equal(mask.read(grid.coarsen(5)), array[2::5, 2::5] == 1)


def test_a_raster_on_another_grid_and_crs(write_raster: Write, utm_grid: MakeGrid) -> None:
    grid = utm_grid((300, 300))
    corner = transform_points(UTM33, WGS84, *grid.xy(-10, -10))
    degrees = Grid((200, 300), Affine(2e-4, 0, float(corner[0]), 0, -2e-4, float(corner[1])), WGS84)
    array = np.zeros(degrees.shape, np.int16)
    array[40:100, 50:150] = -7
    mask = AreaMask.open(write_raster(array, grid=degrees)).fit(grid)
    row, col = degrees.rowcol(*transform_points(UTM33, WGS84, *grid.xy(*np.mgrid[0:300, 0:300])))
    expected = (row > 39.5) & (row < 99.5) & (col > 49.5) & (col < 149.5)
    assert 0.2 < expected.mean() < 0.8
    np.testing.assert_array_equal(mask.read(grid), expected)
    inverse = AreaMask.open(write_raster(array, grid=degrees), inverse=True).fit(grid)
    np.testing.assert_array_equal(inverse.read(grid), ~expected)


def test_beyond_a_mask_is_outside(write_raster: Write, utm_grid: MakeGrid) -> None:
    path = write_raster(np.ones((10, 10), np.uint8), grid=utm_grid((10, 10)))
    grid = utm_grid((20, 20))
    inside = AreaMask.open(path).fit(grid).read(grid)
    assert inside[:10, :10].all()
    assert inside.sum() == 100
    assert AreaMask.open(path, inverse=True).fit(grid).read(grid).sum() == 300


@pytest.mark.parametrize("is_map", [False, True])
def test_a_picture_belongs_to_an_image_of_its_size(write_raster: Write, utm_grid: MakeGrid, is_map: bool) -> None:
    array = np.zeros((40, 60), np.uint8)
    array[10:20, 30:50] = 255
    grid = utm_grid((40, 60)) if is_map else Grid((40, 60))
    mask = AreaMask.open(write_raster(array, "mask.png")).fit(grid)
    np.testing.assert_array_equal(mask.read(grid), array > 0)
    np.testing.assert_array_equal(mask.read(grid.coarsen(8)), array[4::8, 4:56:8] > 0)
    np.testing.assert_array_equal(mask.read(grid.crop(5, 25, (10, 10))), array[5:15, 25:35] > 0)


def test_a_picture_of_another_size_is_refused(write_raster: Write) -> None:
    mask = AreaMask.open(write_raster(np.ones((40, 60), np.uint8), "mask.png"))
    with pytest.raises(GridError) as error:
        mask.fit(Grid((40, 61)))
    assert message(error) == (
        "mask.png has no georeference and 60 x 40 pixels, the images have 61 x 40; "
        "use a mask of their size or with a georeference"
    )


def test_transparent_parts_of_a_picture_are_outside(write_raster: Write) -> None:
    bands = np.full((4, 10, 10), 255, np.uint8)
    bands[3, :5] = 0
    inside = AreaMask.open(write_raster(bands, "mask.png")).read(Grid((10, 10)))
    np.testing.assert_array_equal(inside, bands[3] > 0)


def test_classes_count_by_number_and_pictures_by_colour(write_raster: Write) -> None:
    index = np.array([[0, 1, 2]], np.uint8)
    colours = {0: (255, 255, 255, 255), 1: (0, 0, 0, 255), 2: (9, 9, 9, 255)}
    classes = AreaMask.open(write_raster(index, "classes.tif", colour_table=colours))
    picture = AreaMask.open(write_raster(index, "picture.png", colour_table=colours))
    np.testing.assert_array_equal(classes.read(Grid((1, 3))), [[False, True, True]])
    np.testing.assert_array_equal(picture.read(Grid((1, 3))), [[True, False, True]])


def test_arrays_are_masks_too(utm_grid: MakeGrid) -> None:
    array = np.random.default_rng(0).random((30, 40)) > 0.5
    for grid in (Grid((30, 40)), utm_grid((30, 40))):
        mask = AreaMask.from_array(array).fit(grid)
        np.testing.assert_array_equal(mask.read(grid.crop(3, 4, (10, 10))), array[3:13, 4:14])
    placed = AreaMask.from_array(array, utm_grid((30, 40)), inverse=True)
    np.testing.assert_array_equal(placed.read(utm_grid((30, 40))), ~array)
    with pytest.raises(InputError, match=r"pixels of shape \(30, 40\) with grid \(30, 41\)"):
        AreaMask.from_array(array, utm_grid((30, 41)))


def test_areas_are_joined(utm_grid: MakeGrid) -> None:
    grid = utm_grid((6, 8))
    columns = np.arange(8) * np.ones((6, 1))
    left, right, middle = columns < 2, columns > 5, columns == 3
    joined = AreaMask.from_array(left).joined(AreaMask.from_array(~right, inverse=True))
    np.testing.assert_array_equal(joined.fit(grid).read(grid), left | right)
    more = joined.joined(AreaMask.from_array(middle, grid)).fit(grid)
    np.testing.assert_array_equal(more.read(grid), left | middle | right)
    np.testing.assert_array_equal(more.read(grid.crop(1, 2, (3, 4))), (left | middle | right)[1:4, 2:6])


def test_the_blur_of_a_jpeg_is_no_glacier(shared_data: Path) -> None:
    mask = AreaMask.open(shared_data / "pairs" / "giv-perito-moreno" / "mask.jpg")
    grid = Grid((1231, 1731))
    share = mask.fit(grid).read(grid).mean()
    assert 0.48 < share < 0.53  # with every pixel above 0 it would be 0.56


def test_what_is_neither(tmp_path: Path) -> None:
    path = tmp_path / "area.geojson"
    path.write_text("not json", encoding="utf-8")
    with pytest.raises(InputError) as error:
        AreaMask.open(path)
    assert message(error) == f"{path}: neither a raster nor a vector file that can be read"
    with pytest.raises(InputError) as error:
        AreaMask.open(tmp_path / "absent.shp")
    assert message(error) == f"{tmp_path / 'absent.shp'}: no such file"


def test_a_raster_elsewhere(write_raster: Write, utm_grid: MakeGrid) -> None:
    mask = AreaMask.open(write_raster(np.ones((5, 5), np.uint8), grid=utm_grid((5, 5), x=600_000)))
    with pytest.raises(GridError) as error:
        mask.fit(utm_grid((100, 100)))
    assert message(error) == (
        "image.tif does not overlap the images: it covers x 600000 to 600050, y 4999950 to 5000000 in EPSG:32633, "
        "they cover x 500000 to 501000, y 4999000 to 5000000 in EPSG:32633"
    )


def test_a_raster_with_a_crs_and_images_without(write_raster: Write, utm_grid: MakeGrid) -> None:
    raster = AreaMask.open(write_raster(np.ones((5, 5), np.uint8), grid=utm_grid((5, 5))))
    with pytest.raises(GridError) as error:
        raster.fit(Grid((10, 10)))
    assert "image.tif has CRS EPSG:32633 and the images have CRS none" in message(error)
