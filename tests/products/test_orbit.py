"""The radar geometry that the writers of SAR products share."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from products.orbit import LIGHT, Orbit, cartesian


def test_positions_are_those_of_pyproj() -> None:
    lat, lon, height = np.array([41.0, -78.5]), np.array([12.0, 170.0]), np.array([0.0, 3000.0])
    theirs = Transformer.from_crs(4979, 4978, always_xy=True).transform(lon, lat, height)
    np.testing.assert_allclose(cartesian(lat, lon, height), np.stack(theirs, axis=-1), atol=1e-5)


def test_velocity_is_the_derivative_of_position() -> None:
    orbit = Orbit()
    after, before = orbit.state(100.01)[0], orbit.state(99.99)[0]
    np.testing.assert_allclose(orbit.state(100.0)[1], (after - before) / 0.02, atol=1e-5)


@given(
    seconds=st.floats(-100, 100),
    time=st.floats(4.7e-3, 5.6e-3),
    height=st.floats(-100, 4000),
    latitude=st.floats(-170, 170),
    side=st.sampled_from("RL"),
)
def test_ground_points_lie_at_range_and_zero_doppler(
    seconds: float, time: float, height: float, latitude: float, side: str
) -> None:
    orbit = Orbit(latitude=latitude, side=side)
    distance = LIGHT / 2 * time
    position, velocity = orbit.state(seconds)
    look = cartesian(*orbit.ground(seconds, distance, height), height) - position
    assert np.linalg.norm(look) == pytest.approx(distance, abs=1e-4)
    assert abs(look @ velocity) / np.linalg.norm(velocity) < 1e-4
    right = np.cross(velocity, position)
    assert (look @ right > 0) == (side == "R")


def test_incidence_of_a_real_scene() -> None:
    """A real HIMAGE product says 36.0 to 38.8 degrees at these ranges, from 628 km."""
    orbit = Orbit(altitude=627_957.0, latitude=139.5)
    lat, lon = orbit.ground(np.zeros(2), LIGHT / 2 * np.array([5.06104e-3, 5.22363e-3]))
    near, far = orbit.incidence(np.zeros(2), lat, lon)
    assert (near, far) == (pytest.approx(36.0, abs=1.5), pytest.approx(38.8, abs=1.5))
    assert orbit.look(0.0, lat[0], lon[0]) < near
