"""The lattice of a map: how far it is off the exact solution, and that it does not depend on blocks."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from products.orbit import Orbit
from products.radar_grid import radar_grid
from rasterio.crs import CRS

from sensetrack import sensors
from sensetrack.graph.elevation import Elevation
from sensetrack.graph.geocoding import TOLERANCE, Geocoder
from sensetrack.graph.map_grid import MapRules, map_grid
from sensetrack.graph.map_places import MapPlaces
from sensetrack.graph.radar_scene import radar_grid as grid_of
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.lattice import SLAB, Lattice
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, whole


def terrain(grid: Grid, highest: float) -> Elevation:
    """Heights from below the sea to the highest mountains, rough."""
    rng = np.random.default_rng(3)
    heights = rng.uniform(-400, highest, grid.shape).astype(np.float32)
    return Elevation(image=Image.from_array(heights, grid))


def exact(geocoder: Geocoder, block: Block) -> tuple[np.ndarray, np.ndarray]:
    longitude, latitude = MapPlaces(geocoder.grid, Lattice(1)).at(block)
    return geocoder.geometry.pixels(latitude, longitude, geocoder.heights(block)[0])


@pytest.mark.parametrize("projection", ["AUTO:42001", "WGS84(DD)", "EPSG:3857"])
@pytest.mark.parametrize("latitude", [2.0, 45.0, 80.0])
def test_the_lattice_is_as_good_as_the_exact_solution(projection: str, latitude: float) -> None:
    orbit = Orbit(latitude=latitude)
    # The map of Mercator is stretched towards the poles.
    metres = 100.0 / np.cos(np.radians(latitude)) if projection == "EPSG:3857" else 100.0
    radar = radar_grid(orbit, (4000, 6000), interval=2e-3, spacing=2.3)
    grid = map_grid([radar], Elevation(base=500.0), MapRules(projection=projection, metres=metres))
    geocoder = Geocoder.of(radar, grid, terrain(grid, 8800.0))
    block = whole(grid.shape)
    line, sample = geocoder.positions(block)
    true_line, true_sample = exact(geocoder, block)
    inside = (true_line > -200) & (true_line < 4200) & (true_sample > -200) & (true_sample < 6200)
    assert inside.sum() > 1000
    assert np.abs(line - true_line)[inside].max() < TOLERANCE
    assert np.abs(sample - true_sample)[inside].max() < 2 * TOLERANCE
    assert TOLERANCE * 2 < 1e-3


def test_a_real_product_in_ground_range(shared_data: Path) -> None:
    """Also where the polynomials change from one line to the next, by more than a pixel."""
    product = sensors.open_product(next((shared_data / "sentinel1" / "sarsen").glob("*GRD*")))
    radar = grid_of(product.annotation("VV"))  # type: ignore[attr-defined]
    grid = Grid((1024, 200), Affine(20, 0, 290_000, 0, -20, 4_655_000), CRS.from_epsg(32633))
    geocoder = Geocoder.of(radar, grid, terrain(grid, 3000.0))
    assert radar.ground_range is not None and len(radar.ground_range.times) > 20
    block = whole(grid.shape)
    for found, true in zip(geocoder.positions(block), exact(geocoder, block), strict=True):
        assert np.abs(found - true).max() < 1e-3


def test_near_the_pole_the_lattice_is_finer() -> None:
    radar = radar_grid(Orbit(latitude=86.0), (2000, 3000), spacing=10.0)
    degrees = Grid((800, 800), Affine(0.02, 0, 40.0, 0, -0.001, 85.0), CRS.from_epsg(4326))
    polar = map_grid([radar], Elevation(), MapRules(projection="EPSG:3413", metres=50.0))
    coarse, fine = (Geocoder.of(radar, grid, Elevation()).places.lattice.step for grid in (polar, degrees))
    assert fine <= coarse == 64


def test_blocks_make_no_difference() -> None:
    radar = radar_grid(Orbit(), (600, 700))
    grid = map_grid([radar], Elevation(), MapRules(projection="AUTO:42001", metres=15.0))
    geocoder = Geocoder.of(radar, grid, terrain(grid, 3000.0))
    together = geocoder.positions(whole(grid.shape))
    block = Block(37, 101, 90, 133)
    apart = pickle.loads(pickle.dumps(geocoder)).positions(block)
    for one, two in zip(together, apart, strict=True):
        assert np.array_equal(one[block.slices], two)


def test_cubic_polynomials_are_spread_exactly() -> None:
    lattice = Lattice(16)
    rows, cols = lattice.axis(-40, 100), lattice.axis(1000, 77)

    def surface(row: np.ndarray, col: np.ndarray) -> np.ndarray:
        return 3 + row - 0.02 * col**2 + 1e-5 * row**3 - 1e-6 * row * col**2

    found = lattice.spread(surface(rows[0][:, None], cols[0]), rows, cols)
    np.testing.assert_allclose(found, surface(np.arange(-40, 60)[:, None], np.arange(1000, 1077)), rtol=1e-12)


def test_between_layers_of_height_nothing_jumps() -> None:
    radar: RadarGrid = radar_grid(Orbit(), (600, 700))
    grid = map_grid([radar], Elevation(), MapRules(projection="AUTO:42001", metres=100.0))
    geocoder = Geocoder.of(radar, grid, Elevation())
    block = Block(5, 5, 20, 20)
    edge = np.full(block.shape, SLAB)
    below, above = (geocoder.times_ranges(block, edge + step) for step in (-1e-6, 1e-6))
    assert np.abs(below[1] - above[1]).max() < 1e-3
    assert np.isnan(geocoder.times_ranges(block, np.full(block.shape, np.nan))[0]).all()
