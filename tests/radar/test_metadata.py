"""Orbits, timing, ground range and tie points of radar images."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sensetrack.errors import InputError
from sensetrack.radar.ground_range import GroundRange
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.radar.tie_points import TiePoints
from sensetrack.radar.timing import LIGHT, Timing, utc

START = datetime(2020, 1, 1, tzinfo=UTC)


def circle(step: float, count: int = 20) -> StateVectors:
    """A circular orbit of 7071 km with the period of a real one."""
    seconds = step * np.arange(count)
    rate = 2 * np.pi / 5924.0
    around = np.column_stack([np.cos(rate * seconds), np.sin(rate * seconds), 0 * seconds]) * 7.071e6
    speed = np.column_stack([-np.sin(rate * seconds), np.cos(rate * seconds), 0 * seconds]) * 7.071e6 * rate
    order = np.random.default_rng(0).permutation(count)
    times = [START + timedelta(seconds=float(seconds[index])) for index in order]
    return StateVectors.of(times, around[order], speed[order], "circle")


def test_a_circular_orbit_is_interpolated_to_a_millimetre() -> None:
    orbit = circle(10.0)
    seconds = np.linspace(0, 190, 77)
    positions, velocities = orbit.at(seconds)
    rate = 2 * np.pi / 5924.0
    true = np.column_stack([np.cos(rate * seconds), np.sin(rate * seconds), 0 * seconds]) * 7.071e6
    assert np.linalg.norm(positions - true, axis=1).max() < 1e-3
    assert np.abs(np.linalg.norm(velocities, axis=1) - 7.071e6 * rate).max() < 1e-3
    one, _ = orbit.at(START + timedelta(seconds=95))
    assert one.shape == (3,) and np.linalg.norm(one) == pytest.approx(7.071e6, abs=1e-3)


def test_beyond_its_ends_an_orbit_says_nothing() -> None:
    orbit = circle(10.0)
    assert orbit.start == START and orbit.stop == START + timedelta(seconds=190)
    assert orbit.covers(START, orbit.stop) and not orbit.covers(START, orbit.stop + timedelta(seconds=1))
    with pytest.raises(InputError, match="do not cover 2020-01-01 00:05:00"):
        orbit.at(START + timedelta(minutes=5))


@pytest.mark.parametrize(
    ("times", "positions"),
    [([START], [[1, 2, 3]]), ([START, START], [[1, 2, 3]] * 2), ([START, START + timedelta(1)], [[1, 2, np.nan]] * 2)],
)
def test_vectors_that_make_no_orbit(times: list[datetime], positions: list[list[float]]) -> None:
    with pytest.raises(InputError, match=r"two at least|repeat a time or are not numbers"):
        StateVectors.of(times, positions, positions, "x")


def test_timing() -> None:
    timing = Timing(START, 0.002, 5e-3, 6e7, 2.5, 14.0)
    assert timing.azimuth_time(500) == START + timedelta(seconds=1)
    assert float(timing.slant_range(0)) == LIGHT / 2 * 5e-3
    assert float(timing.slant_range(60)) - float(timing.slant_range(0)) == pytest.approx(LIGHT / 2 * 1e-6)


def test_ground_range_between_two_times() -> None:
    times = (START, START + timedelta(seconds=10))
    to_slant = np.array([[800e3, 0.5, 1e-7], [800e3 + 10, 0.5, 1e-7]])
    ranges = GroundRange(times, np.zeros(2), np.zeros(2), np.zeros((2, 3)), to_slant)
    ground = np.array([0.0, 1000.0])
    np.testing.assert_allclose(ranges.slant_range(ground, times[0]), [800e3, 800e3 + 500 + 0.1])
    np.testing.assert_allclose(ranges.slant_range(ground, START + timedelta(seconds=5)), [800e3 + 5, 800e3 + 505.1])
    for beyond in (START - timedelta(seconds=5), START + timedelta(seconds=50)):
        near = 800e3 if beyond < START else 800e3 + 10
        assert float(ranges.slant_range(0.0, beyond)) == pytest.approx(near)


def test_tie_points_across_the_antimeridian() -> None:
    lines, samples = np.array([0.0, 10.0]), np.array([0.0, 5.0, 10.0])
    longitude = np.array([[179.0, 180.0, -179.0], [179.5, -179.5, -178.5]])
    flat = np.zeros((2, 3))
    times = np.full((2, 3), utc(START))
    ties = TiePoints(lines, samples, flat + 1, longitude, flat, flat, flat, times, flat)
    np.testing.assert_allclose(ties.at("longitude", [0, 0, 5], [0, 7.5, 5]), [179, -179.5, -179.75])
    assert ties.at("latitude", 3, 4).shape == ()
