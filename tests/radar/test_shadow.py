"""Angles, layover and shadow on terrain whose slopes are known, against brute force along every line of sight."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from products.orbit import Orbit, cartesian
from products.radar_grid import radar_grid
from rasterio.crs import CRS

from sensetrack import sensors
from sensetrack.graph.elevation import Elevation
from sensetrack.graph.geocoding import Geocoder
from sensetrack.graph.geometry_bands import ANGLES, angles, geometry_band
from sensetrack.graph.radar_scene import radar_grid as grid_of
from sensetrack.radar.geocode import places_of
from sensetrack.radar.incidence import incidence_angles
from sensetrack.radar.orbit import OrbitPolynomial
from sensetrack.radar.shadow import reach_of
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, whole

SIZE = 10.0
SHAPE = (41, 500)


@dataclass(frozen=True)
class Stage:
    """A map whose columns run away from the satellite, and what looks at it."""

    orbit: Orbit
    grid: Grid

    def geocoder(self, heights: np.ndarray) -> Geocoder:
        radar = radar_grid(self.orbit, (1500, 2500), first=-1.5, spacing=5.0, near=847_000.0)
        return Geocoder.of(radar, self.grid, Elevation(image=Image.from_array(heights.astype(np.float32), self.grid)))

    @property
    def across(self) -> np.ndarray:
        """Metres from the middle, growing with the distance."""
        return np.broadcast_to((np.arange(SHAPE[1]) - SHAPE[1] // 2) * SIZE, SHAPE)

    def places(self) -> tuple[np.ndarray, np.ndarray]:
        lon, lat = transform_points(self.grid.crs, CRS.from_epsg(4326), *self.grid.xy(*np.indices(SHAPE)))
        return lat, lon

    def brute(self, heights: np.ndarray) -> np.ndarray:
        """Return layover (1) and shadow (2) by sorting the distances and angles of all pixels of every row."""
        lat, lon = self.places()
        xyz = cartesian(lat, lon, heights)
        seconds = np.zeros(SHAPE)
        for _ in range(6):
            position, velocity = self.orbit.state(seconds)
            look = xyz - position
            seconds = seconds + (look * velocity).sum(-1) / (velocity**2).sum(-1)
        position, _ = self.orbit.state(seconds)
        look = xyz - position
        distance = np.linalg.norm(look, axis=-1)
        nadir = np.arccos(-(look * position).sum(-1) / distance / np.linalg.norm(position, axis=-1))
        nearer = np.maximum.accumulate(nadir, axis=1)
        shadow = nadir < nearer
        lowered = (
            distance <= np.maximum.accumulate(np.pad(distance, ((0, 0), (1, 0)), constant_values=0), axis=1)[:, :-1]
        )
        flipped = np.pad(distance, ((0, 0), (0, 1)), constant_values=np.inf)[:, ::-1]
        raised = distance >= np.minimum.accumulate(flipped, axis=1)[:, ::-1][:, 1:]
        return (lowered | raised).astype(int) + 2 * shadow.astype(int)


@pytest.fixture(scope="module", params=["R", "L"])
def stage(request: pytest.FixtureRequest) -> Stage:
    orbit = Orbit(side=request.param)
    radar = radar_grid(orbit, near=850_000.0)
    lon, lat = places_of(radar, 0, np.array([0, 200]), 0.0)
    crs = CRS.from_proj4(f"+proj=aeqd +lat_0={lat[0]} +lon_0={lon[0]} +datum=WGS84")
    x, y = transform_points(CRS.from_epsg(4326), crs, lon, lat)
    angle = np.degrees(np.arctan2(y[1] - y[0], x[1] - x[0]))
    corner = Affine.translation(x[0], y[0]) @ Affine.rotation(angle) @ Affine.scale(SIZE, -SIZE)
    return Stage(orbit, Grid(SHAPE, corner @ Affine.translation(-SHAPE[1] / 2, -SHAPE[0] / 2), crs))


def ridge(across: np.ndarray, top: float, fore: float, back: float) -> np.ndarray:
    """Return a ridge with the slopes, degrees, that face the satellite and turn away from it."""
    up = top + across * np.tan(np.radians(fore))
    down = top - across * np.tan(np.radians(back))
    return np.maximum(np.minimum(up, down), 0.0)


def test_on_the_ellipsoid_all_angles_are_one(stage: Stage) -> None:
    found = angles(stage.geocoder(np.zeros(SHAPE)), whole(SHAPE))
    lat, lon = stage.places()
    expected = stage.orbit.incidence(np.zeros(SHAPE), lat, lon)
    inner = np.s_[1:-1, 1:-1]
    for angle in found:
        assert np.abs(angle[inner] - expected[inner]).max() < 0.002


@pytest.mark.parametrize("slope", [-30.0, -5.0, 20.0])
def test_a_slope_towards_the_satellite_takes_from_the_angle(stage: Stage, slope: float) -> None:
    heights = 3000 + stage.across * np.tan(np.radians(slope))
    local, projected, ellipsoid = angles(stage.geocoder(heights), whole(SHAPE))
    inner = np.s_[3:-3, 10:-10]
    # At 3 km the ground is wider than the map.
    assert np.abs(local[inner] - (ellipsoid[inner] - slope)).max() < 0.05
    assert np.abs(projected[inner] - (ellipsoid[inner] - slope)).max() < 0.05


def test_a_slope_along_the_track_leaves_the_projected_angle(stage: Stage) -> None:
    tilt = np.radians(25)
    heights = 500 + np.indices(SHAPE)[0] * SIZE * np.tan(tilt)
    local, projected, ellipsoid = angles(stage.geocoder(heights), whole(SHAPE))
    inner = np.s_[3:-3, 10:-10]
    expected = np.degrees(np.arccos(np.cos(tilt) * np.cos(np.radians(ellipsoid[inner]))))
    assert np.abs(local[inner] - expected).max() < 0.1
    assert np.abs(projected[inner] - ellipsoid[inner]).max() < 0.1


@pytest.mark.parametrize(
    ("fore", "back", "kinds"),
    [(20.0, 20.0, {0}), (75.0, 20.0, {0, 1}), (20.0, 80.0, {0, 2}), (70.0, 80.0, {0, 1, 2, 3})],
)
def test_ridges_against_brute_force(stage: Stage, fore: float, back: float, kinds: set[int]) -> None:
    heights = ridge(stage.across, 400.0, fore, back)
    geocoder = stage.geocoder(heights)
    found, valid = geometry_band("layoverShadowMask", geocoder, Image.from_array(heights)).image.read()
    expected = stage.brute(heights)
    inner = np.s_[2:-2, 2:-2]
    assert valid[inner].all()
    assert set(np.unique(expected)) - {3} == kinds - {3}
    assert (found[inner] != expected[inner]).mean() < 0.006  # a pixel at each end of a zone
    assert {int(n) for n in np.unique(found[inner])} <= kinds


def test_a_cone_against_brute_force_and_in_blocks(stage: Stage) -> None:
    along = (np.indices(SHAPE)[0] - SHAPE[0] // 2) * SIZE
    heights = np.maximum(500 - 2.5 * np.hypot(along, stage.across), 0.0)
    geocoder = stage.geocoder(heights)
    image = geometry_band("layoverShadowMask", geocoder, Image.from_array(heights)).image
    found, _ = image.read()
    expected = stage.brute(heights)
    assert {0, 1, 2} <= set(np.unique(expected).tolist())
    inner = np.s_[2:-2, 2:-2]
    assert (found[inner] != expected[inner]).mean() < 0.01
    # A block reads as far around it as its relief reaches: what is not in it counts too.
    for block in (Block(10, 205, 20, 30), Block(0, 260, 41, 40), Block(20, 0, 5, 250)):
        assert np.array_equal(image.read(block)[0], found[block.slices])


def test_unknown_heights_cast_no_shadow(stage: Stage) -> None:
    heights = ridge(stage.across, 400.0, 20.0, 80.0)
    heights[:, 240:260] = np.nan
    image = geometry_band("layoverShadowMask", stage.geocoder(heights), Image.from_array(heights)).image
    found, valid = image.read()
    assert not valid[2:-2, 243:257].any() and valid[2:-2, 300:400].all()
    assert (found[valid] < 2).mean() > 0.95


def test_reach() -> None:
    assert reach_of(1000.0, 20.0, 45.0) == pytest.approx(1050 / np.tan(np.radians(20)))
    assert reach_of(1000.0, 50.0, 60.0) == pytest.approx(1050 * np.tan(np.radians(60)))


def test_real_angles_agree_with_the_product(shared_data: Path) -> None:
    path = next((shared_data / "sentinel1" / "s1-reader").glob("*.zip"))
    about = sensors.open_product(path).annotation("IW2-VV")  # type: ignore[attr-defined]
    radar, ties = grid_of(about), about.ties
    orbit = OrbitPolynomial.fit(radar.orbit, radar.start, float(radar.seconds(radar.shape[0])))
    place = np.full((ties.latitude.shape[0] + 2, ties.latitude.shape[1] + 2, 3), np.nan)
    place[1:-1, 1:-1] = cartesian(ties.latitude, ties.longitude, ties.height)
    reference = np.datetime64(radar.orbit.reference.replace(tzinfo=None), "us")
    found = incidence_angles(place, (ties.azimuth_time - reference) / np.timedelta64(1, "s"), orbit)
    assert np.abs(found[2] - ties.incidence).max() < 0.1
    assert np.isnan(found[0][0, 0])


def test_names_of_angles() -> None:
    assert set(ANGLES) == {
        "localIncidenceAngle",
        "projectedLocalIncidenceAngle",
        "incidenceAngleFromEllipsoid",
    }
