"""Common grids, and regridding files: where pixels lie, what is kept, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.enums import ColorInterp, Resampling
from rasterio.warp import aligned_target, transform_bounds

from sensetrack.coregister.regrid import RegridParams, common_grid, open_bands, regrid_file, utm_crs
from sensetrack.engine import Dask, Serial, Threads
from sensetrack.errors import GridError, InputError, OutputError, ParameterError, UnusableImageError
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
        Client(cluster) as client,
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
