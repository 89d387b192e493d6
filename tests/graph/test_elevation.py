"""Heights on maps: known surfaces in any CRS, voids, geoid, antimeridian, and models by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from products.http_site import serving
from rasterio.crs import CRS

from sensetrack.catalog import dem as copernicus
from sensetrack.errors import GraphError, SensetrackError
from sensetrack.graph.elevation import Elevation
from sensetrack.graph.elevation_models import open_elevation
from sensetrack.graph.geoid import Geoid
from sensetrack.graph.map_places import MapPlaces
from sensetrack.graph.operators._base import Context
from sensetrack.radar.lattice import Lattice
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, whole

DEGREES = CRS.from_epsg(4326)
UTM = CRS.from_epsg(32633)
MAP = Grid((80, 90), Affine(20, 0, 400_000, 0, -20, 5_000_000), UTM)


def smooth(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    return 800 + 300 * np.sin(np.radians(longitude) * 40) + 200 * np.cos(np.radians(latitude) * 60)


def model(west: float, north: float, size: float, shape: tuple[int, int], crs: CRS = DEGREES) -> Image:
    grid = Grid(shape, Affine(size, 0, west, 0, -size, north), crs)
    x, y = transform_points(crs, DEGREES, *grid.xy(*np.indices(shape)))
    return Image.from_array(smooth(x, y).astype(np.float32), grid)


def truth(grid: Grid) -> np.ndarray:
    x, y = transform_points(grid.crs, DEGREES, *grid.xy(*np.indices(grid.shape)))
    return smooth(x, y)


def constant_geoid(value: float) -> Geoid:
    return Geoid(
        Image.from_array(np.full((19, 36), value, np.float32), Grid((19, 36), Affine(10, 0, -5, 0, -10, 95), DEGREES)),
        36,
    )


@pytest.mark.parametrize(
    "image",
    [
        model(13.6, 45.3, 0.0005, (1000, 1000)),
        model(395_000, 5_005_000, 30.0, (300, 300), CRS.from_epsg(32633)),
        model(-80_000, 5_010_000, 30.0, (900, 900), CRS.from_epsg(32634)),
    ],
    ids=["degrees", "same CRS", "other zone"],
)
def test_a_known_surface(image: Image) -> None:
    places = MapPlaces(MAP, Lattice(64))
    if image.grid.crs == CRS.from_epsg(32634):
        x, y = transform_points(UTM, image.grid.crs, *MAP.xy(40.0, 45.0))
        image = model(float(x) - 6000, float(y) + 6000, 30.0, (400, 400), CRS.from_epsg(32634))
    found, known = Elevation(image=image, method="cubic").heights(places, whole(MAP.shape))
    assert known.all()
    assert np.abs(found - truth(MAP)).max() < 0.01


@pytest.mark.parametrize("lattice", [1, 64])
@pytest.mark.parametrize("crs", [DEGREES, CRS.from_epsg(32601), CRS.from_epsg(3413)])
def test_across_the_antimeridian(crs: CRS, lattice: int) -> None:
    image = model(-180, 75, 0.05, (200, 7200))
    x, y = transform_points(DEGREES, crs, np.array([179.9]), np.array([70.02]))
    size = 0.004 if crs == DEGREES else 400.0
    grid = Grid((40, 60), Affine(size, 0, float(x[0]), 0, -size, float(y[0])), crs)
    found, known = Elevation(image=image).heights(MapPlaces(grid, Lattice(lattice)), whole(grid.shape))
    assert known.all()
    assert np.abs(found - truth(grid)).max() < 0.5  # a model every 0.05 degrees
    east = Elevation(image=model(170, 75, 0.05, (200, 400)))  # from 170 to 190
    assert np.abs(east.heights(MapPlaces(grid, Lattice(lattice)), whole(grid.shape))[0] - truth(grid)).max() < 0.5


def test_voids_and_the_sea() -> None:
    places = MapPlaces(MAP, Lattice(64))
    pixels = np.full((160, 180), 100.0, np.float32)
    pixels[:, :60], pixels[:20], pixels[40:60] = 0.0, np.nan, -32768.0
    grid = Grid((160, 180), Affine(10, 0, 400_000, 0, -10, 5_000_000), UTM)
    image = Image.from_array(pixels, grid, nodata=-32768.0)
    expected = np.ones(MAP.shape, bool)
    expected[:, :30], expected[:10], expected[20:30] = False, False, False
    for known_only in (True, False):
        elevation = Elevation(image=image, voids=(0.0,), known_only=known_only, geoid=constant_geoid(45.0))
        found, known = elevation.heights(places, whole(MAP.shape))
        assert np.array_equal(known, expected if known_only else np.ones(MAP.shape, bool))
        np.testing.assert_allclose(found[expected], 145.0)
        others = found[~expected]
        assert np.isnan(others).all() if known_only else (others == pytest.approx(45.0))
    assert Elevation(image=image, voids=(0.0,)).heights(places, whole(MAP.shape))[0][70, 80] == 100


def test_beyond_the_model_and_without_one() -> None:
    places = MapPlaces(MAP, Lattice(64))
    far = Elevation(image=model(0, 0, 1.0, (10, 10)))
    assert not far.heights(places, whole(MAP.shape))[1].any()
    flat, known = Elevation(base=12.5).heights(places, Block(-5, -5, 10, 10))
    assert (flat == 12.5).all() and known.all()


def test_large_pixels_take_means() -> None:
    rng = np.random.default_rng(0)
    fine = Grid((1000, 1000), Affine(1, 0, 0, 0, -1, 0), UTM)
    image = Image.from_array(rng.normal(100, 50, fine.shape).astype(np.float32), fine)
    coarse = Grid((10, 10), Affine(100, 0, 0, 0, -100, 0), UTM)
    found, _ = Elevation(image=image).heights(MapPlaces(coarse, Lattice(1)), whole(coarse.shape))
    assert np.abs(found - 100).max() < 5


def test_extremes() -> None:
    image = model(13.0, 46.0, 0.01, (300, 300))
    low, high = Elevation(image=image, geoid=constant_geoid(40.0)).extremes((13.5, 44.0, 14.5, 45.0))
    longitude, latitude = np.meshgrid(np.linspace(13.5, 14.5, 200), np.linspace(44, 45, 200))
    heights = smooth(longitude, latitude)
    assert low == pytest.approx(heights.min() + 40, abs=3) and high == pytest.approx(heights.max() + 40, abs=3)
    assert Elevation(image=image).extremes((50, 0, 51, 1)) == (0.0, 0.0)
    assert Elevation(base=7.0).extremes((50, 0, 51, 1)) == (7.0, 7.0)
    around = Elevation(image=model(-180, 75, 0.5, (20, 720)))
    assert around.extremes((179, 70, 181, 71)) == pytest.approx(
        (smooth(np.array(179.0), np.array(70.0)), smooth(np.array(181.0), np.array(71.0))), abs=200
    )


def opened(context: Context, name: str = "External DEM", **changes: object) -> Elevation:
    options: dict[str, object] = {
        "file": "",
        "nodata": 0.0,
        "above_geoid": False,
        "resampling": "BILINEAR_INTERPOLATION",
        "known_only": True,
        "boxes": [(10.2, 46.1, 10.8, 46.9)],
    }
    return open_elevation(name, context=context, **(options | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("External DEM", {}, "needs externalDEMFile"),
        ("External DEM", {"file": "absent.tif"}, "absent.tif"),
        ("External DEM", {"file": "plain.tif"}, "has no CRS; assign it with 'gdal_edit"),
        ("SRTM 1Sec HGT (AutoDownload)", {}, "only SNAP downloads this model.*Copernicus 30m Global DEM.*External DEM"),
        ("SRTM 3Sec", {}, "only SNAP downloads"),
        ("Copernicus 30 Global DEM", {}, "did you mean 'Copernicus 30m Global DEM'"),
        ("External DEM", {"resampling": "DELAUNAY_INTERPOLATION"}, "runs in SNAP only; here: NEAREST_NEIGHBOUR"),
    ],
)
def test_models_that_cannot_be_had(
    name: str, changes: dict[str, object], message: str, tmp_path: Path, write_raster: Callable[..., Path]
) -> None:
    write_raster(np.ones((4, 4), np.float32), "plain.tif")
    with pytest.raises(SensetrackError, match=message):
        opened(Context(folder=tmp_path), name, **changes)


def test_copernicus_from_the_cache_and_from_a_server(
    tmp_path: Path, write_raster: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSETRACK_CACHE", str(tmp_path / "cache"))
    geoid = constant_geoid(50.0)
    monkeypatch.setattr("sensetrack.graph.elevation_models.find_geoid", lambda *_, **__: geoid)
    boxes = [(10.9, 46.1, 11.1, 46.2)]
    names = [f"Copernicus_DSM_COG_10_N46_00_E0{lon}_00_DEM" for lon in (10, 11)]
    with pytest.raises(GraphError, match=r"2 of 2 tiles are not in .*download dem.*External DEM"):
        opened(Context(), "Copernicus 30m Global DEM", boxes=boxes)
    tile = Grid((100, 100), Affine(0.01, 0, 10, 0, -0.01, 47), DEGREES)
    body = write_raster(np.full((100, 100), 321.0, np.float32), "tile.tif", grid=tile).read_bytes()
    with serving() as site:
        monkeypatch.setitem(copernicus._BUCKETS, "glo-30", site.url)
        site.page(f"/{names[0]}/{names[0]}.tif", lambda asked: asked.file(body, etag=None))
        found = opened(Context(download=True), "Copernicus 30m Global DEM", boxes=boxes)
    # What was there and what was not is remembered: no server now.
    again = opened(Context(), "Copernicus 30m Global DEM", boxes=boxes)
    map_grid = Grid((10, 20), Affine(0.01, 0, 10.9, 0, -0.01, 46.2), DEGREES)
    for elevation in (found, again):
        heights, known = elevation.heights(MapPlaces(map_grid, Lattice(1)), whole(map_grid.shape))
        assert known[:, :9].all() and not known[:, 11:].any()
        np.testing.assert_allclose(heights[:, :9], 371.0)
    with pytest.raises(GraphError, match="lies in the sea; set nodataValueAtSea = false"):
        opened(Context(), "Copernicus 30m Global DEM", boxes=[(11.1, 46.1, 11.2, 46.2)])
    sea = opened(Context(), "Copernicus 30m Global DEM", boxes=[(11.1, 46.1, 11.2, 46.2)], known_only=False)
    np.testing.assert_allclose(sea.heights(MapPlaces(map_grid, Lattice(1)), whole(map_grid.shape))[0], 50)
