"""Pixels of places and places of pixels, against the equations of an orbit and against real products."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from products.orbit import Orbit, cartesian
from products.radar_grid import EPOCH, radar_grid
from products.sentinel1 import write_sentinel1

from sensetrack import sensors
from sensetrack.graph.radar_scene import radar_grid as grid_of
from sensetrack.radar.ellipsoid import positions, to_geodetic
from sensetrack.radar.geocode import RadarGeometry, footprint, pixels_of, places_of
from sensetrack.radar.ground_range import GroundRange
from sensetrack.radar.timing import LIGHT
from sensetrack.sensors.sentinel1._annotation import Annotation

ORBITS = {
    "ascending right": Orbit(side="R"),
    "descending left": Orbit(side="L", latitude=140.0),
    "antimeridian": Orbit(side="R", latitude=10.0, node=183.0),
    "pole": Orbit(side="R", latitude=86.0),
}


def test_cartesian_and_back() -> None:
    lat, lon, height = (
        np.array([0.0, 45, -89.9, 90, 12]),
        np.array([0.0, -170, 33, 0, 180]),
        np.array([0, 8848, -400, 5, 1]),
    )
    found = positions(lat, lon, height)
    np.testing.assert_allclose(found, cartesian(lat, lon, height), atol=2e-9)
    for place, *expected in zip(found, lat, lon, height, strict=True):
        back = to_geodetic(*place)
        assert np.degrees(back[0]) == pytest.approx(expected[0], abs=1e-11)
        assert back[2] == pytest.approx(expected[2], abs=1e-6)


@pytest.mark.parametrize("name", ORBITS)
def test_places_are_found_where_the_orbit_sees_them(name: str) -> None:
    orbit = ORBITS[name]
    radar = radar_grid(orbit, first=1.5)
    rng = np.random.default_rng(1)
    line, sample = rng.uniform(-50, 250, 300), rng.uniform(-50, 290, 300)
    height = rng.uniform(-400, 8800, 300)
    lat, lon = orbit.ground(1.5 + line * radar.line_interval, radar.near_range + sample * radar.range_spacing, height)
    found = pixels_of(radar, lon, lat, height)
    np.testing.assert_allclose(found[0], line, atol=1e-5)
    np.testing.assert_allclose(found[1], sample, atol=1e-5)
    found_lon, found_lat = places_of(radar, line, sample, height)
    apart = np.linalg.norm(cartesian(found_lat, found_lon, height) - cartesian(lat, lon, height), axis=-1)
    assert apart.max() < 1e-4


@settings(max_examples=50, deadline=None)
@given(
    st.floats(0, 1000), st.floats(0, 5000), st.floats(-500, 9000), st.sampled_from(sorted(ORBITS)), st.floats(-40, 40)
)
def test_there_and_back(line: float, sample: float, height: float, name: str, first: float) -> None:
    radar = radar_grid(ORBITS[name], (1001, 5001), first=first)
    lon, lat = places_of(radar, line, sample, height)
    back = pixels_of(radar, lon, lat, height)
    assert float(back[0]) == pytest.approx(line, abs=1e-5)
    assert float(back[1]) == pytest.approx(sample, abs=1e-5)


def test_the_other_side_and_behind_the_horizon() -> None:
    right = radar_grid(Orbit(side="R"))
    left = radar_grid(Orbit(side="L"))
    lon, lat = places_of(right, 100, 100, 0.0)
    assert np.isnan(pixels_of(left, lon, lat, 0.0)).all()
    assert np.isfinite(pixels_of(right, lon, lat, 0.0)).all()
    assert np.isnan(pixels_of(right, lon + 180, -lat, 0.0)).all()
    assert np.isnan(pixels_of(right, [lon, lon], [lat, np.nan], [np.nan, 0.0])).all()


def test_a_distance_that_reaches_nothing() -> None:
    radar = radar_grid(Orbit(), near=500_000.0)
    assert np.isnan(places_of(radar, 0, 0, 0.0)).all()


def polynomials(radar_start: float) -> GroundRange:
    """Two records, 10 s apart, of which the second is 4 m farther."""
    times = tuple(EPOCH + timedelta(seconds=radar_start + 10 * n) for n in range(2))
    to_slant = np.array([[850e3, 0.6, 1e-7], [850e3 + 4, 0.6, 1e-7]])
    to_ground = np.array([[0.0, 1.6], [0.0, 1.6]])  # a poor guess is good enough
    return GroundRange(times, to_slant[:, 0].copy(), np.zeros(2), to_ground, to_slant)


@pytest.mark.parametrize(("between", "weight"), [("nearest", 0.0), ("linear", 0.3)])
def test_ground_range_is_the_inverse_of_slant_range(between: str, weight: float) -> None:
    import dataclasses

    radar = dataclasses.replace(
        radar_grid(Orbit(), (10, 400)), ground_range=polynomials(0.0), near_range=200.0, range_spacing=25.0
    )
    geometry = RadarGeometry.of(radar, between)  # type: ignore[arg-type]
    line = 3.0 / radar.line_interval  # 3 s after the first record
    sample = np.linspace(-10, 500, 50)
    ground = 200 + 25 * sample
    slant = geometry.ranges(line, sample)
    np.testing.assert_allclose(slant, 850e3 + 4 * weight + 0.6 * ground + 1e-7 * ground**2, rtol=0, atol=1e-6)
    time = np.full(50, float(radar.seconds(line)))
    np.testing.assert_allclose(geometry.samples(time, slant), sample, atol=1e-6)
    assert np.isnan(geometry.samples(np.array([np.nan]), np.array([9e5]))).all()


def test_the_outline_goes_on_beyond_the_antimeridian() -> None:
    radar = radar_grid(Orbit(latitude=5.0, node=186.0, side="L"), (3000, 20000))
    lon, lat = footprint(radar)
    assert (np.abs(np.diff(lon)) < 5).all() and lon.min() < 180 < lon.max()
    assert (lon[0], lat[0]) == (lon[-1], lat[-1])
    corner = places_of(radar, 0, 19999, 0.0)
    assert np.abs((lon - corner[0] + 180) % 360 - 180).min() < 1e-9


def products(shared_data: Path) -> list[tuple[str, str]]:
    folder = shared_data / "sentinel1"
    paths = [*sorted((folder / "sarsen").glob("*.SAFE")), *sorted((folder / "s1-reader").glob("*.zip"))]
    found = []
    for path in paths:
        product = sensors.open_product(path)
        found += [(str(path), band.name) for band in product.bands if band.name in product.annotations]  # type: ignore[attr-defined]
    return found


def test_real_products_agree_with_their_own_geolocation_grids(shared_data: Path) -> None:
    bands = products(shared_data)
    assert len(bands) == 8  # GRD VV, SLC IW1-VV, and IW1-3 in VV and VH with heights of terrain
    for path, name in bands:
        about = sensors.open_product(path).annotation(name)  # type: ignore[attr-defined]
        radar, ties = grid_of(about), about.ties
        geometry = RadarGeometry.of(radar)
        time, distance = geometry.times_ranges(ties.latitude, ties.longitude, ties.height)
        reference = np.datetime64(radar.orbit.reference.replace(tzinfo=None), "us")
        stated = (ties.azimuth_time - reference) / np.timedelta64(1, "s")
        assert np.abs(time - stated).max() / radar.line_interval < 1e-3, (path, name)
        assert np.abs(distance - ties.slant_time * LIGHT / 2).max() < 1e-5, (path, name)
        line, sample = geometry.pixels(ties.latitude, ties.longitude, ties.height)
        assert np.abs(sample - ties.samples).max() < 2e-3, (path, name)
        assert np.abs(line - lines_of_ties(about)).max() < 0.01, (path, name)
        lat, lon = geometry.places(line, np.broadcast_to(ties.samples, line.shape), ties.height)
        apart = np.linalg.norm(
            cartesian(lat, lon, ties.height) - cartesian(ties.latitude, ties.longitude, ties.height), axis=-1
        )
        assert apart.max() < 0.01, (path, name)


def lines_of_ties(about: Annotation) -> np.ndarray:
    """Return the lines of the points of a geolocation grid, those of bursts counted in the bursts put together."""
    lines = about.ties.lines
    if about.bursts:
        burst = np.minimum(lines // about.lines_per_burst, len(about.bursts) - 1).astype(int)
        starts = np.array([(about.bursts[n].time - about.bursts[0].time).total_seconds() for n in burst])
        lines = starts / about.timing.line_interval + lines - burst * about.lines_per_burst
    return np.asarray(lines)[:, None]


def test_the_flight_during_the_echo_is_what_times_and_lines_differ_by(shared_data: Path) -> None:
    """Without it lines are up to 0.18 off; all swaths of a product have one range at which it is taken out."""
    ranges = []
    for path, name in products(shared_data):
        about = sensors.open_product(path).annotation(name)  # type: ignore[attr-defined]
        ties, radar = about.ties, grid_of(about)
        assert radar.exact_range is not None
        simple = dataclasses.replace(radar, exact_range=None)
        line, _ = pixels_of(simple, ties.longitude, ties.latitude, ties.height)
        assert 0.04 < np.abs(line - lines_of_ties(about)).max() < 0.2
        ranges.append(radar.exact_range)
    assert np.ptp(ranges[2:]) < 1000.0  # the six images of one product: a metre of azimuth is 40 km of range


def test_times_without_that_rule_are_taken_as_they_are(tmp_path: Path) -> None:
    product = sensors.open_product(write_sentinel1(tmp_path, "GRD").path)
    assert grid_of(product.annotation()).exact_range is None  # type: ignore[attr-defined]


def test_interpolated_ground_range_is_what_the_products_do_not_follow(shared_data: Path) -> None:
    path, name = next(each for each in products(shared_data) if "GRD" in each[0])
    about = sensors.open_product(path).annotation(name)  # type: ignore[attr-defined]
    ties = about.ties
    _, sample = pixels_of(grid_of(about), ties.longitude, ties.latitude, ties.height, "linear")
    assert 0.3 < np.abs(sample - ties.samples).max() < 0.6
