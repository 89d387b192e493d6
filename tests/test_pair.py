"""Pairs: two images on one grid, and what is said when they are not."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rasterio.crs import CRS

from sensetrack.errors import GridError, ParameterError, SensetrackError
from sensetrack.pair import ImagePair, bring_onto
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

Write = Callable[..., Path]
MakeGrid = Callable[..., Grid]
Texture = Callable[..., np.ndarray]
UTM34 = CRS.from_epsg(32634)


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


@pytest.fixture
def write(write_raster: Write) -> Callable[[str, Grid | None], Path]:
    """Write a small image of ones on a grid, or of a shape without a georeference."""

    def make(name: str, grid: Grid | None) -> Path:
        return write_raster(np.ones(grid.shape if grid else (20, 30), np.uint8), name, grid=grid)

    return make


def test_a_pair_reads_both_images(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    first, second = texture((60, 70)), texture((60, 70), dx=1.5)
    grid = utm_grid((60, 70))
    pair = ImagePair.open(write_raster(first, "a.tif", grid=grid), write_raster(second, "b.tif", grid=grid))
    assert pair.grid == grid
    assert pair.days is None
    for one in (pair, pickle.loads(pickle.dumps(pair))):
        reference, secondary, reference_valid, secondary_valid = one.read(Block(-5, 10, 20, 30))
        np.testing.assert_array_equal(reference[5:], first[:15, 10:40])
        np.testing.assert_array_equal(secondary[5:], second[:15, 10:40])
        assert reference_valid.sum() == secondary_valid.sum() == 15 * 30


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"shape": (20, 31)}, "size 30 x 20 against 31 x 20 pixels"),
        ({"crs": UTM34}, "CRS EPSG:32633 against EPSG:32634"),
        ({"x": 500_020.0}, "position or pixel size (corners up to 2 pixels apart)"),
        ({"size": 10.5}, "position or pixel size"),
    ],
)
def test_grids_that_differ_say_how(
    write: Callable[..., Path], utm_grid: MakeGrid, other: dict[str, object], says: str
) -> None:
    arguments = {"shape": (20, 30)} | other
    paths = write("a.tif", utm_grid((20, 30))), write("b.tif", utm_grid(**arguments))
    with pytest.raises(GridError) as error:
        ImagePair.open(*paths)
    assert message(error).startswith(f"a.tif and b.tif lie on different grids: {says}")
    assert message(error).endswith(
        "; pass --coregister (coregister=True) to resample the secondary, or run 'sensetrack coregister' first"
    )


def test_a_secondary_on_another_grid_is_resampled(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    wave = {"shortest": 12.0}
    reference = write_raster(texture((80, 90), **wave), "a.tif", grid=utm_grid((80, 90)))
    # The same ground, seen on a grid that starts 20.3 columns and 15.6 rows earlier.
    shifted = utm_grid((130, 140), x=500_000.0 - 203.0, y=5_000_000.0 + 156.0)
    secondary = write_raster(texture((130, 140), dx=20.3, dy=15.6, **wave), "b.tif", grid=shifted)
    pair = ImagePair.open(reference, secondary, coregister=True)
    first, second, _, valid = pair.read(Block(0, 0, 80, 90))
    assert valid.all()
    assert np.abs(first - second).max() < 0.5


def test_a_secondary_in_another_crs_is_resampled(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    grid = utm_grid((100, 100))
    smooth = {"shortest": 60.0, "longest": 200.0, "waves": 60}
    x, y = transform_points(grid.crs, UTM34, *grid.xy(np.array([50.0]), np.array([50.0])))
    other = utm_grid((300, 300), x=float(x[0]) - 1500, y=float(y[0]) + 1500, crs=UTM34)
    row, col = grid.rowcol(*transform_points(UTM34, grid.crs, *other.xy(*np.mgrid[0:300, 0:300])))
    rows, cols = np.mgrid[0:300, 0:300]
    seen = texture((300, 300), dy=rows - row, dx=cols - col, **smooth)
    paths = write_raster(texture((100, 100), **smooth), "a.tif", grid=grid), write_raster(seen, "b.tif", grid=other)
    first, second, _, valid = ImagePair.open(*paths, coregister=True).read(Block(0, 0, 100, 100))
    assert valid.all()
    assert np.abs(first - second).max() < 0.1


def test_what_cannot_be_brought_together(write: Callable[..., Path], utm_grid: MakeGrid) -> None:
    reference = write("a.tif", utm_grid((20, 30)))
    cases = [
        (write("none.tif", utm_grid((20, 31), crs=None)), "none.tif has no CRS, so it cannot be resampled; assign one"),
        (write("plain.png", None), "plain.png has no CRS, so it cannot be resampled"),
        (
            write("far.tif", utm_grid((20, 30), x=600_000.0)),
            "far.tif does not overlap the target grid: it covers x 600000",
        ),
        (write("zone.tif", utm_grid((20, 30), crs=UTM34)), "zone.tif does not overlap the target grid: it covers"),
    ]
    for secondary, says in cases:
        with pytest.raises(GridError) as error:
            ImagePair.open(reference, secondary, coregister=True)
        assert message(error).startswith(says)
    with pytest.raises(GridError, match=r"^the target grid has no CRS"):
        ImagePair.open(cases[0][0], reference, coregister=True)


def test_pictures_of_different_size_are_not_resampled(write: Callable[..., Path], write_raster: Write) -> None:
    small = write_raster(np.ones((10, 10), np.uint8), "small.png")
    with pytest.raises(GridError) as error:
        ImagePair.open(write("a.png", None), small, coregister=True)
    assert message(error) == (
        "small.png has no georeference and 10 x 10 pixels against 30 x 20; crop both to the same size first"
    )
    pair = ImagePair.open(write("a.png", None), write("b.png", None), coregister=True)
    assert pair.secondary.warp is None


def test_a_world_file_is_enough_to_resample(utm_grid: MakeGrid, texture: Texture) -> None:
    image = Image.from_array(texture((50, 50)), utm_grid((50, 50), crs=None))
    moved = bring_onto(image, utm_grid((20, 20), x=500_100.0, crs=None))
    np.testing.assert_allclose(moved.read()[0], texture((50, 50))[:20, 10:30], rtol=1e-6)


# Time


def test_the_time_base_comes_from_the_names(write: Callable[..., Path]) -> None:
    pair = ImagePair.open(write("20200101.png", None), write("20200131T120000.png", None))
    assert pair.days == 30.5


def test_given_dates_and_days_win(write: Callable[..., Path]) -> None:
    paths = write("20200101.png", None), write("20200131.png", None)
    dates = datetime(2020, 3, 1, tzinfo=UTC), datetime(2020, 3, 2, tzinfo=UTC)
    pair = ImagePair.open(*paths, dates=dates)
    assert pair.days == 1.0
    assert (pair.reference.acquired, pair.secondary.acquired) == dates
    assert ImagePair.open(*paths, days=7.0).days == 7.0
    assert ImagePair.open(*reversed(paths), days=7.0).days == 7.0


def test_reversed_dates_are_refused(write: Callable[..., Path]) -> None:
    early, late = write("20200101.png", None), write("20200131.png", None)
    with pytest.raises(ParameterError) as error:
        ImagePair.open(late, early)
    assert message(error) == (
        "the secondary's date 2020-01-01 must be after the reference's 2020-01-31; swap the images or the dates"
    )
    same = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.raises(ParameterError, match="2020-01-01 must be after the reference's 2020-01-01"):
        ImagePair.open(early, late, dates=(same, same))


@pytest.mark.parametrize("days", [0.0, -3.0, float("nan"), float("inf")])
def test_a_time_base_is_above_zero(write: Callable[..., Path], days: float) -> None:
    paths = write("a.png", None), write("b.png", None)
    with pytest.raises(ParameterError, match=f"days = {days:g}: the time base must be above 0; swap the images"):
        ImagePair.open(*paths, days=days)


def test_one_crs_is_missing(write_raster: Callable[..., Path], utm_grid: Callable[..., Grid]) -> None:
    pixels = np.ones((20, 20), np.float32)
    placed, bare = write_raster(pixels, "a.tif", grid=utm_grid((20, 20))), write_raster(pixels, "b.tif")
    says = r"CRS EPSG:32633 against none; b\.tif has no CRS: assign one with 'gdal_edit"
    with pytest.raises(GridError, match=says) as error:
        ImagePair.open(placed, bare)
    assert "--coregister" not in str(error.value)
