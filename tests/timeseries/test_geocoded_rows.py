"""What a terrain-corrected radar pair shows of motion: against targets that are traced by range and time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from sensetrack.timeseries import geocoded_rows, local_incidence, look_vector, to_enu
from sensetrack.timeseries.enu import ground_range

ORBIT = 850e3
"""Metres from the ground to the radar."""


def place_on_plane(target, slope, incidence, heading, right=True):
    """The point of a plane through the origin with the slant range and the zero-Doppler time of a target.

    The radar flies level and straight past the origin; its place when the target is abeam is that of the shortest
    range.
    """
    look = look_vector(incidence, heading, right)
    flight = np.array([np.sin(np.radians(heading)), np.cos(np.radians(heading)), 0.0])
    away = np.append(ground_range(heading, right), 0.0)
    track = ORBIT * look

    def range_of(point):
        return np.linalg.norm(point - track - flight * (flight @ (point - track)))

    def on_plane(distance):
        point = flight * (flight @ target) + away * distance
        return np.array([point[0], point[1], slope @ point[:2]])

    miss = brentq(lambda distance: range_of(on_plane(distance)) - range_of(target), -5, 5, xtol=1e-12)
    return on_plane(miss)[:2]


@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("heading", [-12.0, 192.0, 75.0])
@pytest.mark.parametrize("slope", [(0.0, 0.0), (0.3, -0.2), (-0.25, 0.1), (0.1, 0.4)])
def test_rows_are_where_a_traced_target_is_found(heading, slope, right):
    rng = np.random.default_rng(1)
    for incidence in (25.0, 39.0, 46.0):
        rows = geocoded_rows(incidence, heading, slope, right)
        assert np.isfinite(rows).all()
        for motion in rng.uniform(-0.02, 0.02, (4, 3)):  # small, since wave fronts are spheres
            found = place_on_plane(motion, np.array(slope), incidence, heading, right)
            np.testing.assert_allclose(found, rows @ motion, atol=2e-6)


def test_motion_along_the_surface_is_mapped_as_it_is():
    slope = np.array([0.3, -0.2])
    motion = np.array([0.7, 0.4, slope @ [0.7, 0.4]])
    for heading in (-12.0, 192.0):
        np.testing.assert_allclose(geocoded_rows(39.0, heading, slope) @ motion, motion[:2], atol=1e-12)


def test_level_ground_that_rises_moves_towards_the_radar_by_the_cotangent():
    # An ascending pass looks right, to the east: away from it is east.
    np.testing.assert_allclose(geocoded_rows(40.0, 0.0) @ [0, 0, 1.0], [-1 / np.tan(np.radians(40.0)), 0.0], atol=1e-12)
    np.testing.assert_allclose(geocoded_rows(45.0, 0.0, right=False) @ [0, 0, 1.0], [1.0, 0.0], atol=1e-12)


def test_layover_and_shadow_have_no_answer():
    slopes = np.tan(np.radians(np.array([30.0, 33.9, 34.1, 60.0, 80.0, -45.9, -46.1, -70.0])))
    rows = geocoded_rows(39.0, 0.0, np.stack([slopes, 0 * slopes]))
    assert rows.shape == (2, 3, 8)
    seen = [True, True, False, False, False, True, False, False]
    np.testing.assert_array_equal(np.isfinite(rows).all(axis=(0, 1)), seen)
    np.testing.assert_allclose(
        local_incidence(39.0, 0.0, np.stack([slopes, 0 * slopes])), 39 - np.degrees(np.arctan(slopes))
    )
    # A wall along the flight is a fault of the model.
    assert np.isnan(geocoded_rows(39.0, 0.0, (0.0, 1000.0))).all()
    assert np.isnan(geocoded_rows(np.array([39.0, np.nan]), 0.0, np.zeros((2, 2)))[..., 1]).all()


def test_two_radar_views_with_both_components_see_north_too():
    truth = np.array([3.0, -5.0, 1.5])
    rows = np.concatenate([geocoded_rows(39.0, -12.0, (0.2, 0.1)), geocoded_rows(34.0, 192.0, (0.2, 0.1))])
    rng = np.random.default_rng(3)
    measured = (rows @ truth)[:, None] + 0.1 * rng.standard_normal((4, 5000))
    enu, covariance = to_enu(measured, np.full((4, 5000), 0.01), rows)
    errors = np.sqrt(covariance[[0, 1, 2], [0, 1, 2]])
    np.testing.assert_allclose(enu.mean(axis=1), truth, atol=0.01)
    inside = (np.abs(enu - truth[:, None]) < errors).mean(axis=1)
    assert ((inside > 0.66) & (inside < 0.71)).all()
    assert errors[1, 0] < 0.1
