"""Regridding files: where content lies, what is kept, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling

from sensetrack.coregister.regrid import RegridParams, common_grid, open_bands, regrid_file
from sensetrack.engine import Dask, Serial, Threads
from sensetrack.errors import GridError, InputError, OutputError, UnusableImageError
from sensetrack.raster.crs import transform_points
from sensetrack.raster.dates import ACQUIRED_TAG
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image

MakeGrid = Callable[..., Grid]
Write = Callable[..., Path]
WGS84 = CRS.from_epsg(4326)


def blank(grid: Grid) -> Image:
    return Image.from_array(np.ones(grid.shape, np.float32), grid)


def positions(target: Grid, source: Grid) -> tuple[np.ndarray, np.ndarray]:
    row, col = np.indices(target.shape, dtype=np.float64)
    return source.rowcol(*transform_points(target.crs, source.crs, *target.xy(row, col)))


@pytest.mark.parametrize(
    ("resampling", "most"),
    [("spline", 2e-4), ("lanczos", 2e-3), ("cubic", 2e-3), ("bilinear", 2e-3), ("average", 2e-3)],
)
@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:4326", "EPSG:3035"])
def test_content_lies_where_the_map_says(
    scene: Any, utm_grid: MakeGrid, write_raster: Write, tmp_path: Path, resampling: Any, most: float, crs: str
) -> None:
    source = utm_grid((150, 150))
    image = Image.open(write_raster(scene.image(source.shape), grid=source))
    grid = common_grid([image], RegridParams(crs=crs))
    regrid_file(image, grid, tmp_path / "out.tif", resampling)
    pixels, valid = Image.open(tmp_path / "out.tif").read()
    row, col = positions(grid, source)
    # Kernels are cut off at the border; inside, what they displace themselves cancels over all fractions.
    inner = valid & (np.minimum(row, col) > 8) & (np.maximum(row, col) < 141)
    assert inner.mean() > 0.6
    misfit = scene.misfit(pixels, inner, row, col)
    assert max(abs(misfit.down), abs(misfit.right)) < most


def test_a_coarser_grid_has_no_alias(make_scene: Any, utm_grid: MakeGrid, tmp_path: Path) -> None:
    source = utm_grid((300, 300))
    grid = common_grid([blank(source)], RegridParams(resolution=50))
    row, col = positions(grid, source)
    inner = (row > 20) & (row < 280) & (col > 20) & (col < 280)
    # White noise falls five-fold, as when 5 x 5 pixels are averaged; waves that the grid can show stay.
    smooth = make_scene(shortest=25.0)
    clean = Image.from_array(smooth.image(source.shape), source)
    regrid_file(clean, grid, tmp_path / "clean.tif")
    assert smooth.misfit(Image.open(tmp_path / "clean.tif").read()[0], inner, row, col).rms < 4.0
    noise = np.random.default_rng(0).normal(0, 20, source.shape).astype(np.float32)
    regrid_file(Image.from_array(noise, source), grid, tmp_path / "noise.tif")
    assert Image.open(tmp_path / "noise.tif").read()[0][inner].std() == pytest.approx(20 / 5, rel=0.25)


def test_overviews_of_the_input_are_not_used(
    scene: Any, utm_grid: MakeGrid, write_raster: Write, tmp_path: Path
) -> None:
    source = utm_grid((256, 256))
    path = write_raster(scene.image(source.shape), grid=source, tiled=True, blockxsize=64, blockysize=64)
    image, grid = Image.open(path), common_grid([Image.open(path)], RegridParams(resolution=40))
    regrid_file(image, grid, tmp_path / "before.tif")
    with rasterio.open(path, "r+") as ds:
        ds.build_overviews([2, 4], Resampling.nearest)
    regrid_file(image, grid, tmp_path / "after.tif")
    np.testing.assert_array_equal(
        Image.open(tmp_path / "before.tif").read()[0], Image.open(tmp_path / "after.tif").read()[0]
    )


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float64"])
def test_integers_become_floats_without_rounding(
    scene: Any, utm_grid: MakeGrid, write_raster: Write, tmp_path: Path, dtype: str
) -> None:
    source = utm_grid((100, 100))
    grid = Grid((90, 90), source.transform @ Affine.translation(3.4, 2.6), source.crs)
    image = Image.open(write_raster(np.rint(scene.image(source.shape)).astype(dtype), grid=source, nodata=0))
    regrid_file(image, grid, tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as ds:
        assert ds.dtypes == ("float32",) and np.isnan(ds.nodata)
    pixels, valid = Image.open(tmp_path / "out.tif").read()
    assert scene.misfit(pixels, valid, *positions(grid, source)).rms < 0.35, "the rounding of the input only"


def test_holes_stay_holes_and_bleed_nothing(utm_grid: MakeGrid, write_raster: Write, tmp_path: Path) -> None:
    source = utm_grid((100, 100))
    pixels = np.full(source.shape, 500, np.uint16)
    hole = np.zeros(source.shape, bool)
    hole[40:50, 30:45] = True
    grid = common_grid([blank(source)], RegridParams(crs="EPSG:32632", resolution=10))
    row, col = positions(grid, source)
    for name, options in {
        "nodata": {"nodata": 0},
        "mask": {"mask": ~hole},
    }.items():
        path = write_raster(np.where(hole, np.uint16(0), pixels), f"{name}.tif", grid=source, **options)
        for resampling in ("spline", "lanczos", "cubic", "bilinear", "nearest", "average"):
            regrid_file(Image.open(path), grid, tmp_path / "out.tif", resampling, overwrite=True)
            out, valid = Image.open(tmp_path / "out.tif").read()
            np.testing.assert_allclose(out[valid], 500, rtol=1e-5)
            inside = (row > 40.5) & (row < 48.5) & (col > 30.5) & (col < 43.5)
            far = ((row < 37) | (row > 52) | (col < 27) | (col > 47)) & (np.minimum(row, col) > 2)
            far &= np.maximum(row, col) < 97
            assert not valid[inside].any() and valid[far].all()


def test_complex_images(
    texture: Callable[..., np.ndarray], utm_grid: MakeGrid, write_raster: Write, tmp_path: Path
) -> None:
    source = utm_grid((80, 80))
    slc = texture(source.shape, is_complex=True, shortest=8.0)
    slc[30:35, 40:50] = np.nan
    grid = Grid((70, 70), source.transform @ Affine.translation(3.25, 2.5), source.crs)
    regrid_file(Image.open(write_raster(slc, grid=source)), grid, tmp_path / "out.tif")
    with rasterio.open(tmp_path / "out.tif") as ds:
        assert ds.dtypes == ("complex64",)
    out, valid = Image.open(tmp_path / "out.tif").read()
    expected = texture((100, 100), is_complex=True, shortest=8.0, dx=-3.25, dy=-2.5)[:70, :70]
    assert not valid[29:31, 39:45].any() and valid.mean() > 0.9
    assert np.abs(out - expected)[valid].max() < 0.05 * np.abs(expected).max()


def test_acquisition_and_other_tags_are_kept(utm_grid: MakeGrid, write_raster: Write, tmp_path: Path) -> None:
    grid = utm_grid((30, 30))
    tags = {"SENSOR": "OLI", "TIFFTAG_SOFTWARE": "mine"}
    image = Image.open(write_raster(np.ones((30, 30), np.float32), "scene_20200131T104500.tif", grid=grid, tags=tags))
    regrid_file(image, grid, tmp_path / "out.tif")
    again = Image.open(tmp_path / "out.tif")
    assert again.acquired == datetime(2020, 1, 31, 10, 45, tzinfo=UTC), "from the name of the input"
    assert again.metadata["SENSOR"] == "OLI"
    assert again.metadata[ACQUIRED_TAG] == "2020-01-31T10:45:00+00:00"
    assert again.metadata["resampling"] == "spline"
    assert "TIFFTAG_SOFTWARE" not in again.metadata
    with rasterio.open(tmp_path / "out.tif") as ds:
        assert ds.block_shapes == [(512, 512)] and ds.compression.value == "DEFLATE"


def test_all_bands_or_one(utm_grid: MakeGrid, write_raster: Write, tmp_path: Path) -> None:
    grid = utm_grid((20, 20))
    bands = np.stack([np.full((20, 20), value, np.uint16) for value in (10, 20, 30, 65535)])
    colours = (ColorInterp.undefined, ColorInterp.undefined, ColorInterp.undefined, ColorInterp.alpha)
    path = write_raster(bands, grid=grid, names=("blue", "", "blue", "alpha"), colours=colours)
    regrid_file(open_bands(path, "all"), grid, tmp_path / "all.tif")
    with rasterio.open(tmp_path / "all.tif") as ds:
        assert ds.descriptions == ("blue", "band_2", "blue_2")
        assert [float(ds.read(n).mean()) for n in (1, 2, 3)] == [10, 20, 30]
    regrid_file(open_bands(path, 2), grid, tmp_path / "one.tif")
    with rasterio.open(tmp_path / "one.tif") as ds:
        assert ds.count == 1 and ds.read().mean() == 20
    with pytest.raises(InputError, match="bands 1 to 4"):
        open_bands(path, 9)


def test_engines_write_the_same_bytes(
    scene: Any, utm_grid: MakeGrid, write_raster: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client, LocalCluster

    monkeypatch.setattr("sensetrack.coregister.write.BLOCK", 64)
    source = utm_grid((150, 160))
    image = Image.open(write_raster(scene.image(source.shape), grid=source))
    grid = common_grid([image], RegridParams(crs="EPSG:32632"))
    calls: list[tuple[int, int]] = []
    with (
        LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        for name, engine in {"serial": Serial(), "threads": Threads(2), "dask": Dask(client)}.items():
            regrid_file(image, grid, tmp_path / f"{name}.tif", engine=engine, progress=lambda *c: calls.append(c))
    first, *others = ((tmp_path / f"{name}.tif").read_bytes() for name in ("serial", "threads", "dask"))
    assert all(other == first for other in others)
    total = calls[-1][1]
    assert calls == [(done, total) for _ in range(3) for done in range(1, total + 1)]


def test_the_share_of_valid_pixels_is_returned(utm_grid: MakeGrid, tmp_path: Path) -> None:
    source = utm_grid((40, 40))
    grid = source.crop(0, 20, (40, 40))
    assert regrid_file(blank(source), grid, tmp_path / "out.tif") == 0.5


def test_bad_files(utm_grid: MakeGrid, write_raster: Write, tmp_path: Path) -> None:
    grid = utm_grid((20, 20))
    path = write_raster(np.ones((20, 20), np.float32), grid=grid)
    image = Image.open(path)
    with pytest.raises(OutputError, match="is also an input"):
        regrid_file(image, grid, path, overwrite=True)
    with pytest.raises(OutputError, match=r"ends in \.tif"):
        regrid_file(image, grid, tmp_path / "out.png")
    (tmp_path / "out.tif").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        regrid_file(image, grid, tmp_path / "out.tif")
    assert (tmp_path / "out.tif").read_text() == "mine"
    with pytest.raises(GridError, match="does not overlap"):
        regrid_file(image, utm_grid((20, 20), x=700_000.0), tmp_path / "new.tif")
    empty = Image.open(write_raster(np.zeros((20, 20), np.float32), "empty.tif", grid=grid, nodata=0))
    with pytest.raises(UnusableImageError, match=r"empty\.tif has no valid pixel"):
        regrid_file(empty, grid, tmp_path / "new.tif")
    mixed = [image, Image.from_array(np.ones((20, 20), np.complex64), grid)]
    with pytest.raises(InputError, match="choose one band"):
        regrid_file(mixed, grid, tmp_path / "new.tif")
    assert not (tmp_path / "new.tif").exists()


def test_a_real_scene_onto_square_pixels(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "landsat" / "LC08_L2SP_008059_20191201_20200825_02_T1"
    path = folder / "LC08_L2SP_008059_20191201_20200825_02_T1_SR_B5.TIF"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    image = Image.open(path)
    grid = common_grid([image], RegridParams(crs="utm", resolution=450))
    assert grid.crs == CRS.from_epsg(32618) and grid.transform.c % 450 == 0
    share = regrid_file(image, grid, tmp_path / "out.tif")
    pixels, valid = Image.open(tmp_path / "out.tif").read()
    before, inside = image.read()
    assert share == pytest.approx(inside.mean(), abs=0.05)
    assert np.median(pixels[valid]) == pytest.approx(np.median(before[inside]), rel=0.01)
    assert Image.open(tmp_path / "out.tif").acquired == image.acquired
