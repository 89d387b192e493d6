"""Subset: windows of pixels, regions of the earth, masks, steps, bands of several sizes, and radar geometry."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from products.scenes import UTM, apply, band_of, grid_of, scene_of, values_of
from pyproj import Transformer
from rasterio.crs import CRS

from sensetrack.errors import GraphError, InputError
from sensetrack.graph.operators._base import Context
from sensetrack.graph.scene import Scene
from sensetrack.raster.grid import Grid

A = np.arange(90 * 70, dtype=np.float64).reshape(90, 70)
A[5:9, 11:30] = np.nan
TO_DEGREES = Transformer.from_crs(32633, 4326, always_xy=True)


def wkt(left: float, top: float, right: float, bottom: float, grid: Grid | None = None) -> str:
    """The outline of pixels ``left`` ... ``right`` and ``top`` ... ``bottom`` of `A`, dense, in degrees."""
    box = shapely.segmentize(shapely.box(left, top, right, bottom), 1.0)
    t = (grid or grid_of(A.shape)).transform
    placed = shapely.transform(box, lambda xy: np.column_stack(TO_DEGREES.transform(*(t @ tuple(xy.T)))))
    return shapely.to_wkt(placed, rounding_precision=10)


def cut(scene: Scene | None = None, context: Context | None = None, **parameters: str) -> Scene:
    return apply("Subset", scene or scene_of(a=A), context=context, **parameters)


def test_pixels() -> None:
    found = cut(region="10,20,30,40")
    np.testing.assert_array_equal(values_of(found), A[20:60, 10:40])
    assert found.grid == grid_of(A.shape).crop(20, 10, (40, 30)) and found.name == "Subset_scene"
    np.testing.assert_array_equal(values_of(cut(region="60,80,30,40")), A[80:, 60:])
    np.testing.assert_array_equal(values_of(cut(region="0,0,0,0")), A)
    with pytest.raises(GraphError, match=r"region = '70,0,5,5' lies beside band a, which has 70 columns and 90 rows"):
        cut(region="70,0,5,5")
    for wrong in ("1,2,3", "a,b,c,d", "1,2,-3,4", "1.5,2,3,4"):
        with pytest.raises(GraphError, match="expected x,y,width,height"):
            cut(region=wrong)


@pytest.mark.parametrize(
    "edges", [(10.3, 20.7, 40.2, 59.9), (10, 20, 41, 60), (-30, -10, 20, 15), (69.5, 89.5, 99, 99)]
)
def test_the_box_of_a_region(edges: tuple[float, float, float, float]) -> None:
    left, top, right, bottom = edges
    found = cut(geoRegion=wkt(*edges), region="1,1,2,2")
    rows = slice(max(0, int(np.floor(top))), int(np.ceil(bottom)))
    cols = slice(max(0, int(np.floor(left))), int(np.ceil(right)))
    np.testing.assert_array_equal(values_of(found), A[rows, cols])


def test_only_the_box_counts() -> None:
    """What lies inside of the box and outside of the region stays."""
    found = cut(
        geoRegion=wkt(10, 20, 30, 40).replace("POLYGON", "MULTIPOLYGON").replace("((", "(((").replace("))", ")))")
    )
    assert found.grid.shape == (20, 20)
    corner = grid_of(A.shape).xy(20, 10), grid_of(A.shape).xy(39, 29), grid_of(A.shape).xy(39, 10)
    triangle = ", ".join("{:.9f} {:.9f}".format(*TO_DEGREES.transform(x, y)) for x, y in (*corner, corner[0]))
    np.testing.assert_array_equal(values_of(cut(geoRegion=f"POLYGON(({triangle}))")), A[20:40, 10:30])
    lon, lat = TO_DEGREES.transform(*grid_of(A.shape).xy(33, 44))
    np.testing.assert_array_equal(values_of(cut(geoRegion=f"POINT({lon:.9f} {lat:.9f})")), A[33:34, 44:45])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("POLYGON((1 2, 3 4", "no WKT"),
        ("POLYGON EMPTY", "is empty"),
        ("POLYGON((500000 4999000, 501000 4999000, 501000 4998000, 500000 4999000))", "no degrees"),
        ("POLYGON((45 15, 45 15.01, 45.01 15.01, 45 15))", "does not overlap band a, which lies about longitude 15"),
    ],
)
def test_regions_that_are_none(text: str, message: str) -> None:
    for name in ("geoRegion", "polygonRegion"):
        with pytest.raises(GraphError, match=message) as caught:
            cut(**{name: text})
        assert name in str(caught.value)


def test_polygons_mask_and_cut(tmp_path: Path) -> None:
    rows, cols = np.mgrid[: A.shape[0], : A.shape[1]]
    ring = shapely.Point(30, 50).buffer(15, quad_segs=64).difference(shapely.Point(30, 50).buffer(5, quad_segs=64))
    away = np.hypot(cols + 0.5 - 30, rows + 0.5 - 50)
    t = grid_of(A.shape).transform
    placed = shapely.transform(ring, lambda xy: np.column_stack(TO_DEGREES.transform(*(t @ tuple(xy.T)))))
    truth = np.where((away < 15) & (away > 5), A, np.nan)[35:65, 15:45]
    found = values_of(cut(polygonRegion=shapely.to_wkt(placed, rounding_precision=10)))
    near_edge = ((np.abs(away - 15) < 0.02) | (np.abs(away - 5) < 0.02))[35:65, 15:45]
    np.testing.assert_array_equal(np.where(near_edge, 0, found), np.where(near_edge, 0, truth))
    file = tmp_path / "ring.geojson"
    file.write_text(json.dumps(shapely.geometry.mapping(placed)))
    np.testing.assert_array_equal(values_of(cut(context=Context(folder=tmp_path), vectorFile="ring.geojson")), found)
    outer = cut(polygonRegion=shapely.to_wkt(placed, rounding_precision=10), region="0,30,70,40")
    np.testing.assert_array_equal(values_of(outer)[5:35, 15:45], found)
    assert outer.grid.shape == (40, 70)
    with pytest.raises(GraphError, match="both given"):
        cut(polygonRegion=wkt(1, 2, 3, 4), vectorFile=str(file))
    with pytest.raises(InputError, match="no such file"):
        cut(vectorFile=str(tmp_path / "none.gpkg"))


def test_what_a_mask_leaves_out_needs_a_number_for_missing() -> None:
    bands = (band_of("classes", A, dtype="uint8"), band_of("b", A, dtype="uint16", nodata=0.0))
    found = cut(scene_of(*bands), polygonRegion=wkt(10, 20, 30, 40))
    assert [(band.dtype, band.nodata) for band in found.bands][1] == ("uint16", 0.0)
    assert found.bands[0].dtype == "float32" and np.isnan(found.bands[0].nodata)
    assert cut(scene_of(*bands), geoRegion=wkt(10, 20, 30, 40)).bands[0].dtype == "uint8"


def test_every_so_many_pixels() -> None:
    found = cut(region="5,3,50,41", subSamplingX="3", subSamplingY="2")
    np.testing.assert_array_equal(values_of(found), A[3:44:2, 5:55:3])
    for row, col in ((0, 0), (20, 16)):
        np.testing.assert_allclose(found.grid.xy(row, col), grid_of(A.shape).xy(3 + 2 * row, 5 + 3 * col))
    with pytest.raises(GraphError, match="subSamplingX = '0'"):
        cut(subSamplingX="0")


def test_bands_of_several_sizes() -> None:
    fine = band_of("B2", A)
    coarse = band_of("B5", A[::3, ::2], Grid((30, 35), Affine(20, 0, 500_000, 0, -30, 5_000_000), UTM))
    scene = scene_of(fine, coarse)
    with pytest.raises(GraphError, match=r"bands of scene differ in size; .* Resample .* referenceBand"):
        cut(scene, region="10,20,30,40")
    found = cut(scene, region="10,20,31,40", referenceBand="B2")
    np.testing.assert_array_equal(values_of(found, "B2"), A[20:60, 10:41])
    np.testing.assert_array_equal(values_of(found, "B5"), A[::3, ::2][6:20, 5:21])
    found = cut(scene, geoRegion=wkt(10.2, 21.2, 39.8, 59.8), sourceBands="B5")
    assert [band.name for band in found.bands] == ["B5"]
    np.testing.assert_array_equal(values_of(found), A[::3, ::2][7:20, 5:20])
    with pytest.raises(GraphError, match="referenceBand = 'B3': scene has no such band; known: B2, B5"):
        cut(scene, region="10,20,31,40", referenceBand="B3")


DEGREES = CRS.from_epsg(4326)
ANTIMERIDIAN = {
    "UTM 1": Grid((80, 100), Affine(2000, 0, 100_000, 0, -2000, 7_300_000), CRS.from_epsg(32601)),
    "degrees beyond 180": Grid((80, 100), Affine(0.05, 0, 177.5, 0, -0.05, 66), DEGREES),
    "degrees beyond -180": Grid((80, 100), Affine(0.05, 0, -182.5, 0, -0.05, 66), DEGREES),
    "degrees of another datum": Grid((80, 100), Affine(0.05, 0, 177.5, 0, -0.05, 66), CRS.from_epsg(4269)),
}


@pytest.mark.parametrize("grid", ANTIMERIDIAN.values(), ids=ANTIMERIDIAN)
@pytest.mark.parametrize("turn", [-360.0, 0.0, 360.0])
def test_across_the_antimeridian(grid: Grid, turn: float) -> None:
    values = np.arange(8000.0).reshape(80, 100)
    scene = scene_of(band_of("a", values, grid))
    lon, lat = Transformer.from_crs(grid.crs, 4326, always_xy=True).transform(
        *grid.xy(np.array([30, 50]), np.array([30, 70]))
    )
    lon = np.where(lon < 0, lon + 360, lon)
    west, east = lon + turn
    if not -360 <= west < east <= 540:
        return
    region = f"POLYGON(({west} {lat[0]}, {east} {lat[0]}, {east} {lat[1]}, {west} {lat[1]}, {west} {lat[0]}))"
    found = cut(scene, geoRegion=region)
    top, left = (float(each) for each in grid.rowcol(*found.grid.xy(0, 0)))
    if grid.is_geographic:
        assert (round(top), round(left), found.grid.shape) == (30, 30, (21, 41))
    else:
        assert abs(top - 30) < 8 and abs(left - 30) < 8 and found.grid.shape[0] >= 21 and found.grid.shape[1] >= 38
    np.testing.assert_array_equal(values_of(found)[:5, :5], values[round(top) :, round(left) :][:5, :5])


def test_around_a_pole() -> None:
    grid = Grid((100, 100), Affine(20_000, 0, -1e6, 0, -20_000, 1e6), CRS.from_epsg(3413))
    scene = scene_of(band_of("a", np.arange(10_000.0).reshape(100, 100), grid))
    found = cut(scene, geoRegion="POLYGON((-180 88, 180 88, 180 90, -180 90, -180 88))")
    y, x = 50, 50
    half = 2 * 111.7e3 * 0.97 / 20_000  # true scale at 70 degrees north
    assert abs(found.grid.shape[0] - 2 * half) < 3 and abs(found.grid.shape[1] - 2 * half) < 3
    top, left = (float(each) for each in grid.rowcol(*found.grid.xy(0, 0)))
    assert abs(top + found.grid.shape[0] / 2 - y) <= 1 and abs(left + found.grid.shape[1] / 2 - x) <= 1
    with pytest.raises(GraphError, match="does not overlap"):
        cut(scene, geoRegion="POLYGON((0 -80, 10 -80, 10 -70, 0 -80))")


def test_without_a_map() -> None:
    scene = scene_of(band_of("a", A, Grid(A.shape)))
    np.testing.assert_array_equal(values_of(cut(scene, region="1,2,3,4")), A[2:6, 1:4])
    with pytest.raises(GraphError, match="band a has no CRS, so no region of the earth"):
        cut(scene, geoRegion=wkt(1, 2, 3, 4))
