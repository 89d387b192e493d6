"""Means over looks: published numbers, units, nodata; and square pixels."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from products.orbit import Orbit

from sensetrack.radar.decibel import from_decibel, to_decibel
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.looks import centre_incidence, square_looks
from sensetrack.radar.multilook import multilook
from sensetrack.radar.state_vectors import StateVectors

EVERY = np.ones((4, 16), bool)


def test_published_amplitude() -> None:
    pixels = np.arange(1, 65, dtype=np.float32).reshape(4, 16)
    found, valid = multilook(pixels, EVERY, 2, 4, "amplitude")
    expected = [[13.247642, 16.598192, 20.186628, 23.906067], [43.260838, 47.1964, 51.14196, 55.09537]]
    assert np.allclose(found, expected, rtol=0, atol=1e-5)
    assert valid.all()


def test_intensity_and_complex_by_hand() -> None:
    rng = np.random.default_rng(0)
    pixels = (rng.normal(size=(4, 16)) + 1j * rng.normal(size=(4, 16))).astype(np.complex64)
    blocks = pixels.reshape(2, 2, 4, 4).astype(complex)
    assert np.allclose(multilook(pixels, EVERY, 2, 4, "mean")[0], blocks.mean((1, 3)), atol=1e-6)
    assert np.allclose(multilook(pixels, EVERY, 2, 4, "intensity")[0], (np.abs(blocks) ** 2).mean((1, 3)), rtol=1e-6)
    power = (np.abs(pixels) ** 2).astype(np.float32)
    assert np.allclose(multilook(power, EVERY, 2, 4, "mean")[0], (np.abs(blocks) ** 2).mean((1, 3)), rtol=1e-6)


def test_decibel_is_averaged_as_power() -> None:
    found, _ = multilook(np.array([[0.0, 20.0]], np.float32), np.ones((1, 2), bool), 1, 2, "decibel")
    assert found[0, 0] == pytest.approx(10 * np.log10(50.5), rel=1e-6)


@pytest.mark.parametrize("form", ["mean", "amplitude", "decibel", "intensity"])
def test_nodata_is_left_out_and_rests_where_all_is(form: str) -> None:
    pixels = np.zeros((2, 7), np.complex64 if form == "intensity" else np.float32)
    valid = np.zeros((2, 7), bool)
    pixels[0, 1], valid[0, 1] = 3.0, True
    pixels[:, 6], valid[:, 6] = 9.0, True  # does not fill a block
    found, known = multilook(pixels, valid, 2, 2, form)  # type: ignore[arg-type]
    assert known.tolist() == [[True, False, False]]
    assert found[0].tolist() == pytest.approx([9.0 if form == "intensity" else 3.0, 0.0, 0.0], rel=1e-6)


def test_decibel_and_back() -> None:
    values = np.array([1e-29, 0.5, 1.0, 1e6], np.float32)
    assert np.allclose(from_decibel(to_decibel(values)), values, rtol=1e-5)
    assert to_decibel(np.array([1e-31, 0.0, -1.0], np.float32)).tolist() == [np.float32(-1e-30)] * 3


@pytest.mark.parametrize("side", ["R", "L"])
def test_incidence_in_the_middle_and_square_pixels(side: str) -> None:
    """Against the places that the orbit of the synthetic products sees."""
    orbit = Orbit(side=side)
    epoch = datetime(2022, 1, 1, tzinfo=UTC)
    seconds = np.arange(-60.0, 61.0, 10.0)
    positions, velocities = orbit.state(seconds)
    vectors = StateVectors.of([epoch + timedelta(seconds=float(s)) for s in seconds], positions, velocities, "orbit")
    radar = RadarGrid(
        shape=(1001, 2001),
        orbit=vectors,
        first_line=epoch,
        line_interval=2e-3,
        near_range=740_000.0,
        range_spacing=2.3,
        azimuth_spacing=14.0,
        look_side="right" if side == "R" else "left",
        frequency=5.4e9,
        height=300.0,
    )
    middle = 740_000.0 + 1000 * 2.3
    latitude, longitude = orbit.ground(1.0, middle, 300.0)
    expected = float(orbit.incidence(1.0, latitude, longitude))
    # The products measure the angle at the ellipsoid below the place.
    assert centre_incidence(radar) == pytest.approx(expected, abs=0.02)
    ground = 2.3 / np.sin(np.radians(expected))
    for looks in (1, 4, 16):
        assert square_looks(radar, looks) == max(1, round(looks * ground / 14.0))
