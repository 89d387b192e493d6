"""Orbits: interpolation between state vectors, and one polynomial for a scene."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from products.orbit import Orbit
from products.radar_grid import radar_grid

from sensetrack.errors import InputError
from sensetrack.radar.orbit import MARGIN, OrbitPolynomial
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.sensors.sentinel1 import read_orbit

START = datetime(2020, 1, 1, tzinfo=UTC)


def vectors(step: float, count: int, orbit: Orbit | None = None) -> StateVectors:
    seconds = step * np.arange(count)
    positions, velocities = (orbit or Orbit()).state(seconds)
    return StateVectors.of([START + timedelta(seconds=float(s)) for s in seconds], positions, velocities, "circle")


@pytest.fixture(scope="module")
def real_orbit(shared_data: Path) -> StateVectors:
    return read_orbit(next((shared_data / "sentinel1" / "s1-reader" / "orbits").glob("*.EOF")))


def test_every_other_vector_tells_the_ones_between(real_orbit: StateVectors) -> None:
    half = StateVectors(
        real_orbit.reference, real_orbit.seconds[::2], real_orbit.positions[::2], real_orbit.velocities[::2], "half"
    )
    between = slice(9, -9, 2)
    positions, velocities = half.at(real_orbit.seconds[between])
    assert np.linalg.norm(positions - real_orbit.positions[between], axis=1).max() < 1.5e-5
    assert np.linalg.norm(velocities - real_orbit.velocities[between], axis=1).max() < 4e-5


def test_all_vectors_come_back(real_orbit: StateVectors) -> None:
    positions, _ = real_orbit.at(real_orbit.seconds)
    assert np.abs(positions - real_orbit.positions).max() < 1e-7


@pytest.mark.parametrize("span", [0.5, 25.0, 180.0])
def test_a_real_orbit_is_one_polynomial_over_a_scene(real_orbit: StateVectors, span: float) -> None:
    curve = OrbitPolynomial.fit(real_orbit, 3000.0, 3000.0 + span)
    seconds = np.linspace(curve.start, curve.stop, 501)
    positions, velocities = real_orbit.at(seconds)
    found = curve.at(seconds)
    assert np.linalg.norm(found[0] - positions, axis=1).max() < 1e-5
    assert np.linalg.norm(found[1] - velocities, axis=1).max() < 1e-5
    assert curve.start == pytest.approx(3000 - MARGIN) and curve.stop == pytest.approx(3000 + span + MARGIN)


def test_ten_minutes_of_a_circle_need_a_higher_degree() -> None:
    orbit = Orbit()
    long = OrbitPolynomial.fit(vectors(10.0, 80, orbit), 60.0, 660.0)
    short = OrbitPolynomial.fit(vectors(10.0, 80, orbit), 60.0, 70.0)
    assert len(long.coefficients) > len(short.coefficients)
    seconds = np.linspace(60, 660, 301)
    assert np.abs(long.at(seconds)[0] - orbit.state(seconds)[0]).max() < 5e-5


def test_beyond_its_ends_a_polynomial_goes_on_smoothly() -> None:
    orbit = Orbit()
    curve = OrbitPolynomial.fit(vectors(10.0, 20, orbit), 90.0, 100.0)
    for seconds in (curve.start - 1.0, curve.stop + 1.0):
        position, velocity = curve.at(seconds)
        true = orbit.state(seconds)
        assert np.linalg.norm(position - true[0]) < 2e-3
        assert np.linalg.norm(velocity - true[1]) < 1e-2


def test_vectors_that_end_with_the_scene_serve_still() -> None:
    orbit = Orbit()
    curve = OrbitPolynomial.fit(vectors(10.0, 8, orbit), 0.0, 70.0)
    assert (curve.start, curve.stop) == (0.0, 70.0)
    seconds = np.linspace(0, 70, 71)
    assert np.linalg.norm(curve.at(seconds)[0] - orbit.state(seconds)[0], axis=1).max() < 1e-4


def test_few_vectors_take_their_velocities_along() -> None:
    orbit = Orbit()
    few = vectors(10.0, 4, orbit)
    positions, _ = few.at(np.linspace(0, 30, 31))
    assert np.linalg.norm(positions - orbit.state(np.linspace(0, 30, 31))[0], axis=1).max() < 1e-3


def test_a_scene_that_the_vectors_do_not_cover() -> None:
    radar = radar_grid(Orbit(), first=70.0)
    with pytest.raises(InputError, match="do not cover 2024-03-01 12:01"):
        OrbitPolynomial.fit(radar.orbit, radar.start, radar.start + 1)
