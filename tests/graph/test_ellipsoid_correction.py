"""Ellipsoid correction: at one height, and by the points of a product."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from products.cosmo import write_cosmo
from products.orbit import Orbit
from products.radar_grid import places, radar_grid
from products.sentinel1 import write_sentinel1
from rasterio.crs import CRS
from scipy.ndimage import binary_erosion

from sensetrack import sensors
from sensetrack.graph.operators import operator
from sensetrack.graph.operators._base import Context, Operator, Sources
from sensetrack.graph.operators.ellipsoid_correction import EllipsoidCorrectionGG, EllipsoidCorrectionRD
from sensetrack.graph.radar_scene import radar_scene
from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.tie_geocoding import TieLocator, TiePlaces
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

DEGREES = CRS.from_epsg(4326)


def pattern(lat: np.ndarray, lon: np.ndarray) -> np.ndarray:
    return 100 + 30 * np.sin(lat * 1600) + 20 * np.cos(np.radians(lon) * 86_000)


def flat_scene(height: float, node: float = 40.0) -> Scene:
    """A flat scene at one height, as a radar sees it."""
    orbit = Orbit(node=node, latitude=20.0)
    radar = radar_grid(orbit, (150, 160), height=height)
    seen = places(radar, orbit, lambda lat, lon: np.full_like(lat, height), rounds=2)
    image = Image.from_array(pattern(*seen).astype(np.float32))
    band = SceneBand(name="Amplitude_HH", image=image, unit="amplitude", radar=radar, dtype="uint16", nodata=0.0)
    return Scene(name="S", bands=(band,))


def truth(grid: Grid) -> np.ndarray:
    lon, lat = transform_points(grid.crs, DEGREES, *grid.xy(*np.indices(grid.shape)))
    return pattern(lat, (lon + 180) % 360 - 180)


@pytest.mark.parametrize("operator", [EllipsoidCorrectionRD, EllipsoidCorrectionGG])
@pytest.mark.parametrize(("projection", "node"), [("WGS84(DD)", 40.0), ("AUTO:42001", 40.0), ("WGS84(DD)", 177.71)])
def test_a_flat_scene_comes_back(operator: type[Operator], projection: str, node: float) -> None:
    scene = flat_scene(800.0, node)
    settings = operator(mapProjection=projection, imgResamplingMethod="CUBIC_CONVOLUTION")
    made = settings.apply(Sources({"source": scene}), Context())
    assert made.name == "S_EC" and made.done == (settings.alias,)
    band = made.bands[0]
    if node > 100:
        assert band.grid.bounds[0] < 180 < band.grid.bounds[2] < 181
    pixels, valid = band.image.read()
    inner = binary_erosion(valid, iterations=3)
    assert inner.mean() > 0.4
    assert np.abs(pixels - truth(band.grid))[inner].max() < 0.1
    block = Block(20, 30, 50, 60)
    part = pickle.loads(pickle.dumps(band.image)).read(block)
    # The search by points starts from what a block holds and ends within a millionth of a pixel.
    np.testing.assert_allclose(part[0], pixels[block.slices], atol=1e-3)


def test_points_of_a_product_lie_where_it_says(tmp_path: Path) -> None:
    """Those of Sentinel-1 are at the height of the terrain, which the average height of the scene misses."""
    product = sensors.open_product(write_sentinel1(tmp_path, "GRD", shape=(300, 400), height=350.0).path)
    check_points(radar_scene(product))


def test_points_of_a_real_product(shared_data: Path) -> None:
    product = sensors.open_product(next((shared_data / "sentinel1" / "sarsen").glob("*GRD*")))
    check_points(radar_scene(product))


def check_points(scene: Scene) -> None:
    band = scene.bands[0]
    assert band.radar is not None
    ties = scene.product.annotation(band.channel).ties  # type: ignore[union-attr]
    reference = np.datetime64(band.radar.orbit.reference.replace(tzinfo=None), "us")
    lines = band.radar.line(((ties.azimuth_time - reference) / np.timedelta64(1, "s")).mean(1))
    made = EllipsoidCorrectionGG().apply(Sources({"source": scene}), Context())
    locator = made.bands[0].image.source.geocoder  # type: ignore[union-attr]
    assert isinstance(locator, TieLocator)
    for i in range(1, len(lines) - 1):
        for j in range(1, len(ties.samples) - 1, 3):
            row, col = locator.grid.rowcol(ties.longitude[i, j], ties.latitude[i, j])
            block = Block(int(np.floor(row)), int(np.floor(col)), 2, 2)
            found = np.stack(locator.positions(block))
            # At the points the slope changes, and the pixels of the map lie around them.
            weights = np.outer([1 - row + block.row, row - block.row], [1 - col + block.col, col - block.col])
            assert np.abs((found * weights).sum((1, 2)) - [lines[i], ties.samples[j]]).max() < 0.05


def test_windows_and_looks_take_their_points_along(tmp_path: Path) -> None:
    product = sensors.open_product(write_sentinel1(tmp_path, "GRD", shape=(300, 400)).path)
    scene = radar_scene(product)
    band = scene.bands[0]
    assert band.radar is not None
    whole = TiePlaces.of(scene, band)
    part = TiePlaces.of(scene, band.replace(radar=band.radar.crop(40, 60, (200, 300)).multilook(2, 4)))
    expected = whole.read(slice(40 + 10, 60), slice(60 + 100, 180))
    found = part.read(slice(5, 10), slice(25, 30))
    # Pixel (5, 25) of the looks has its centre half a line and one and a half samples farther.
    between = [0.5 * (e[0::2, 1::4] + e[1::2, 2::4]) for e in expected]
    for one, two in zip(found, between, strict=True):
        np.testing.assert_allclose(one, two, atol=2e-7)


@pytest.mark.parametrize("side", ["R", "L"])
def test_products_without_points_lie_at_the_height_of_the_scene(tmp_path: Path, side: str) -> None:
    product = sensors.open_product(write_cosmo(tmp_path, shape=(60, 80), stretch=8.0, orbit=Orbit(side=side)).path)
    scene = radar_scene(product)
    pixels = []
    for settings in (
        EllipsoidCorrectionRD(mapProjection="AUTO:42001"),
        EllipsoidCorrectionGG(mapProjection="AUTO:42001"),
    ):
        made = settings.apply(Sources({"source": scene}), Context())
        assert made.bands[0].name == "Intensity_HH"
        pixels.append(made.bands[0].image.read()[0])
    assert pixels[0].shape == pixels[1].shape
    assert np.mean(np.abs(pixels[0] - pixels[1]) > 0.01 * pixels[0].max()) < 0.01


def test_names() -> None:
    assert operator("Ellipsoid-Correction-RD") is EllipsoidCorrectionRD
    assert operator("Ellipsoid-Correction-GG") is EllipsoidCorrectionGG
