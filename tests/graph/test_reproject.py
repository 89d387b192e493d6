"""Reproject: grids, planes that must stay planes, holes, numbers with a scale, and integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from products.scenes import UTM, apply, band_of, grid_of, scene_of, values_of
from pyproj import Transformer
from rasterio.crs import CRS

from sensetrack.errors import GraphError
from sensetrack.graph.scene import Scene
from sensetrack.raster.grid import Grid

SHAPE = (60, 80)
ROWS, COLS = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float64)
PLANE = 3.0 * ROWS + 2.0 * COLS


def positions(grid: Grid, source: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels of a grid lie in a source, by pyproj alone."""
    rows, cols = np.mgrid[: grid.height, : grid.width]
    place = Transformer.from_crs(grid.crs, source.crs, always_xy=True)
    return source.rowcol(*place.transform(*grid.xy(rows, cols)))


@pytest.mark.parametrize("resampling", ["Bilinear", "Bicubic"])
def test_a_plane_stays_a_plane(resampling: str) -> None:
    found = apply("Reproject", scene_of(a=PLANE), crs="EPSG:4326", resampling=resampling)
    row, col = positions(found.grid, grid_of(SHAPE))
    values = values_of(found)
    inside = (row > 2) & (row < SHAPE[0] - 3) & (col > 2) & (col < SHAPE[1] - 3)
    assert inside.mean() > 0.8 and found.name == "projected_scene"
    np.testing.assert_allclose(values[inside], (3 * row + 2 * col)[inside], atol=0.02)
    beside = (row < -0.51) | (row > SHAPE[0] - 0.49) | (col < -0.51) | (col > SHAPE[1] - 0.49)
    assert np.isnan(values[beside]).all() and np.isfinite(values[~beside & inside]).all()


def test_nearest_takes_the_pixel_that_a_centre_falls_into() -> None:
    values = np.where((ROWS + COLS) % 7 == 0, np.nan, PLANE)
    found = apply("Reproject", scene_of(a=values), crs="32632")
    row, col = positions(found.grid, grid_of(SHAPE))
    clear = np.maximum(np.abs(row - np.rint(row)), np.abs(col - np.rint(col))) < 0.49
    inside = clear & (row > -0.4) & (row < SHAPE[0] - 0.6) & (col > -0.4) & (col < SHAPE[1] - 0.6)
    r, c = np.rint(row[inside]).astype(int), np.rint(col[inside]).astype(int)
    np.testing.assert_array_equal(values_of(found)[inside], values[r, c])
    assert found.grid.crs == CRS.from_epsg(32632)


def test_the_grid_that_nothing_is_said_of() -> None:
    """Square pixels, the smaller of width over columns and height over rows, centred on the extent."""
    found = apply("Reproject", scene_of(a=PLANE), crs="EPSG:4326").grid
    place = Transformer.from_crs(UTM, 4326, always_xy=True)
    edge = np.linspace(0, 1, 200)
    x = np.concatenate([500_000 + 800 * edge, 500_000 + 800 * edge, 0 * edge + 500_000, 0 * edge + 500_800])
    y = np.concatenate([0 * edge + 5_000_000, 0 * edge + 4_999_400, 5_000_000 - 600 * edge, 5_000_000 - 600 * edge])
    lon, lat = place.transform(x, y)
    width, height = np.ptp(lon), np.ptp(lat)
    size = min(width / 80, height / 60)
    np.testing.assert_allclose(found.pixel_size, size, rtol=1e-6)
    assert found.shape == (np.ceil(height / size - 1e-6), np.ceil(width / size - 1e-6))
    xmin, ymin, xmax, ymax = found.bounds
    np.testing.assert_allclose(
        [(xmin + xmax) / 2, (ymin + ymax) / 2], [(lon.min() + lon.max()) / 2, (lat.min() + lat.max()) / 2], atol=1e-9
    )


def test_a_grid_that_is_given() -> None:
    given = {"pixelSizeX": "20", "pixelSizeY": "30", "width": "33", "height": "17"}
    given |= {"referencePixelX": "0", "referencePixelY": "0", "easting": "500010", "northing": "4999980"}
    found = apply("Reproject", scene_of(a=PLANE), crs="EPSG:32633", resampling="Bilinear", **given)
    assert found.grid == Grid((17, 33), Affine(20, 0, 500_010, 0, -30, 4_999_980), UTM)
    given |= {"referencePixelX": "16.5", "referencePixelY": "8.5", "easting": "500340", "northing": "4999725"}
    assert apply("Reproject", scene_of(a=PLANE), crs="EPSG:32633", **given).grid == found.grid
    assert apply("Reproject", scene_of(a=PLANE), crs="EPSG:32633", pixelSizeX="20").grid.pixel_size == (20, 20)


def test_the_standard_grid() -> None:
    scene = scene_of(band_of("a", PLANE, grid_of(SHAPE, x=500_003.0, y=5_000_004.0)))
    parameters = {"crs": "EPSG:32633", "pixelSizeX": "15", "alignToStandardGrid": "true", "standardGridOriginX": "5"}
    grid = apply("Reproject", scene, **parameters).grid
    x, y = (float(each) for each in grid.xy(0, 0))
    assert (x - 5) % 15 == 0 and y % 15 == 0
    xmin, ymin, xmax, ymax = grid.bounds
    assert xmin <= 500_003 < xmin + 15 and ymin <= 4_999_404 < ymin + 15
    assert xmax - 15 < 500_803 <= xmax and ymax - 15 < 5_000_004 <= ymax
    same = apply(
        "Reproject",
        scene_of(a=PLANE),
        crs="EPSG:32633",
        alignToStandardGrid="true",
        pixelSizeX="10",
        standardGridOriginX="5",
        standardGridOriginY="5",
        resampling="Bicubic",
    )
    assert same.grid == grid_of(SHAPE)
    np.testing.assert_array_equal(values_of(same), PLANE)
    with pytest.raises(GraphError, match="leave out width, height and the reference pixel"):
        apply("Reproject", scene, **parameters, width="10")


def test_numbers_with_a_scale_become_quantities() -> None:
    scene = scene_of(
        band_of("B4", PLANE, dtype="uint16", nodata=0.0, scale=1e-4, offset=-0.1),
        band_of("mask", np.floor(PLANE / 10), dtype="uint8"),
        band_of("count", PLANE, dtype="uint16", nodata=9999.0),
    )
    found = apply("Reproject", scene, crs="EPSG:4326", resampling="Bilinear", noDataValue="-1")
    b4, mask, count = found.bands
    assert (b4.dtype, b4.scale, b4.offset, b4.nodata) == ("float32", 1.0, 0.0, -1.0)
    assert (mask.dtype, mask.nodata, count.dtype, count.nodata) == ("uint8", -1.0, "uint16", -1.0)
    row, col = positions(found.grid, grid_of(SHAPE))
    middle = (row > 2) & (row < SHAPE[0] - 3) & (col > 2) & (col < SHAPE[1] - 3)
    np.testing.assert_allclose(values_of(found, "B4")[middle], ((3 * row + 2 * col) * 1e-4 - 0.1)[middle], atol=1e-5)
    for name in ("mask", "count"):
        values = values_of(found, name)
        np.testing.assert_array_equal(values[np.isfinite(values)] % 1, 0)
    plain = apply("Reproject", scene, crs="EPSG:4326").band("mask")
    assert plain.dtype == "float32" and np.isnan(plain.nodata)


def test_the_grid_of_another_scene() -> None:
    other = scene_of(band_of("x", np.ones((5, 6)), grid_of((5, 6), 30.0, 500_100.0, 4_999_900.0)))
    found = apply("Reproject", scene_of(a=PLANE), other, slots=("sourceProduct", "collocateWith"))
    assert found.grid == other.grid and [band.name for band in found.bands] == ["a"]
    with pytest.raises(GraphError, match="leave out crs"):
        apply("Reproject", scene_of(a=PLANE), other, slots=("sourceProduct", "collocateWith"), crs="EPSG:4326")


@pytest.mark.parametrize(("x", "lat", "code"), [(0.0, 45.0, 32633), (-1.0, -45.0, 32733), (180.0, 10.0, 32601)])
def test_the_utm_zone_of_the_centre(x: float, lat: float, code: int) -> None:
    grid = Grid(
        (10, 10), Affine(0.001, 0, {0.0: 15.0, -1.0: 15.0}.get(x, 179.999), 0, -0.001, lat), CRS.from_epsg(4326)
    )
    found = apply("Reproject", scene_of(band_of("a", np.ones((10, 10)), grid)), crs="AUTO:42001")
    assert found.grid.crs == CRS.from_epsg(code) and np.nanmin(values_of(found)) == 1


def test_across_the_antimeridian() -> None:
    grid = Grid((40, 50), Affine(1000, 0, 625_000, 0, -1000, 7_000_000), CRS.from_epsg(32660))
    found = apply("Reproject", scene_of(band_of("a", np.ones((40, 50)), grid)), crs="EPSG:4326")
    xmin, _, xmax, _ = found.grid.bounds
    assert xmin < 180 < xmax < xmin + 3 and np.nanmean(values_of(found)) == 1
    assert np.isfinite(values_of(found)).mean() > 0.8


def test_a_crs_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "crs.wkt"
    file.write_text(CRS.from_epsg(3857).to_wkt())
    assert apply("Reproject", scene_of(a=PLANE), wktFile=str(file)).grid.crs == CRS.from_epsg(3857)
    with pytest.raises(GraphError, match=r"wktFile = .* cannot be read"):
        apply("Reproject", scene_of(a=PLANE), wktFile=str(tmp_path / "none"))


def on_lines() -> Scene:
    return scene_of(band_of("a", PLANE, Grid(SHAPE)))


@pytest.mark.parametrize(
    ("scene", "parameters", "message"),
    [
        (None, {}, "give crs, wktFile, or a source collocateWith"),
        (None, {"crs": "EPSG:99999"}, "crs = 'EPSG:99999': no CRS that is known"),
        (None, {"crs": "AUTO:97001"}, "AUTO:42001, UTM, is known"),
        (None, {"crs": "EPSG:4326", "orthorectify": "true"}, "orthorectify = true runs in SNAP only"),
        (None, {"crs": "EPSG:4326", "orientation": "10"}, "orientation = 10"),
        (None, {"crs": "EPSG:4326", "addDeltaBands": "true"}, "addDeltaBands"),
        (None, {"crs": "EPSG:4326", "easting": "10"}, "referencePixelX, referencePixelY, northing is missing"),
        (None, {"crs": "EPSG:32633", "pixelSizeX": "0.0001"}, "make 8000000 x 6000000 pixels"),
        (on_lines(), {"crs": "EPSG:4326"}, "is not on a map .* Terrain-Correction|is not on a map"),
        (scene_of(band_of("a", PLANE), band_of("b", PLANE[::2, ::2], size=20.0)), {"crs": "4326"}, "Resample before"),
    ],
)
def test_what_is_wrong(scene: Scene | None, parameters: dict[str, str], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        apply("Reproject", scene or scene_of(a=PLANE), **parameters)


def test_reprojecting_twice_does_not_undo_the_first() -> None:
    """What the first one cut off stays off."""
    small = {"pixelSizeX": "10", "width": "20", "height": "10"}
    first = apply("Reproject", scene_of(a=PLANE), crs="EPSG:32633", **small)
    again = apply("Reproject", first, scene_of(a=PLANE), slots=("sourceProduct", "collocateWith"))
    assert np.isfinite(values_of(again)).sum() == 200 and again.grid.shape == SHAPE
