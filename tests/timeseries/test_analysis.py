"""Filters along time, alerts, and the combination of views."""

from __future__ import annotations

import numpy as np
import pytest

from sensetrack.errors import InputError, ParameterError
from sensetrack.timeseries import find_alerts, is_spike, look_vector, running_mean, running_median, to_enu
from sensetrack.timeseries.alerts import ACCELERATING, DECELERATING, FAILING, QUIET

TIMES = np.arange(0.0, 100.0, 10.0)


def test_running_mean_weighs_by_errors():
    values = np.arange(10, dtype=np.float32)[:, None] + np.zeros((1, 3), np.float32)
    errors = np.full_like(values, 2.0)
    means, spreads = running_mean(values, errors, TIMES, 20.0)
    np.testing.assert_allclose(means[1:-1], values[1:-1])
    np.testing.assert_allclose(spreads[1:-1], 2 / np.sqrt(3), rtol=1e-6)
    errors[5, 0] = 0.1
    assert abs(running_mean(values, errors, TIMES, 20.0)[0][4, 0] - 5) < 0.01
    values[3:6, 1] = np.nan
    means, spreads = running_mean(values, errors, TIMES, 20.0)
    assert np.isnan(means[4, 1])
    assert np.isnan(spreads[4, 1])
    assert means[3, 1] == 2


def test_running_median_and_spikes():
    rng = np.random.default_rng(0)
    values = (np.linspace(0, 1, 10)[:, None] + 0.05 * rng.standard_normal((10, 50))).astype(np.float32)
    values[4, 7] = 30
    values[:, 9] = np.nan
    assert running_median(values, TIMES, 40.0)[4, 7] < 1
    assert np.isnan(running_median(values, TIMES, 40.0)[:, 9]).all()
    spikes = is_spike(values, TIMES, 60.0, 6.0)
    assert spikes[4, 7]
    assert spikes.mean() < 0.05
    with pytest.raises(ParameterError, match="window = 0"):
        running_median(values, TIMES, 0)


def test_alerts():
    """A steady, an accelerating, a slowing and a failing slope; the failure comes when the inverse says."""
    rng = np.random.default_rng(2)
    t = np.arange(-58.0, 0.0, 4.0)
    laws = [0 * t + 10, 10 + 0.2 * (t + 58), 10 - 0.1 * (t + 58), 100 / (12 - t)]
    speed = np.repeat(np.stack(laws, axis=1), 400, axis=1)
    speed = speed + 0.3 * rng.standard_normal(speed.shape)
    found = find_alerts(
        speed.astype(np.float32), np.full(speed.shape, 0.3, np.float32), t, 0.0, window=60.0, sigma=4.0, horizon=40.0
    )
    levels = found.level.reshape(4, 400)
    assert (levels[0] == QUIET).mean() > 0.99
    assert np.isin(levels[1], (ACCELERATING, FAILING)).all()
    assert (levels[2] == DECELERATING).all()
    assert (levels[3] == FAILING).mean() > 0.95
    failure = found.failure.reshape(4, 400)[3]
    assert abs(np.nanmedian(failure) - 12) < 0.5
    miss = np.abs(failure - 12) / found.failure_error.reshape(4, 400)[3]
    assert 0.55 < (miss < 1).mean() < 0.8
    np.testing.assert_allclose(np.median(found.acceleration.reshape(4, 400)[1]), 0.2, atol=0.01)
    assert np.isnan(failure[levels[3] != FAILING]).all()


def test_no_alert_without_values_or_below_the_least_speed():
    t = np.arange(-50.0, 0.0, 10.0)
    speed = np.stack([np.full(5, np.nan), 1 + 0.1 * (t + 50), [np.nan, np.nan, np.nan, 1.0, 2.0]], axis=1)
    errors = np.full(speed.shape, 0.01)
    found = find_alerts(speed, errors, t, 0.0, window=60.0, horizon=1.0)
    assert found.level.tolist() == [QUIET, ACCELERATING, QUIET]
    assert find_alerts(speed, errors, t, 0.0, window=60.0, least_speed=10.0).level.tolist() == [QUIET] * 3


LOOKS = np.stack([look_vector(35, -12), look_vector(38, 192), [1.0, 0, 0], [0, 1.0, 0]])


def test_views_are_combined_with_their_covariance():
    rng = np.random.default_rng(5)
    truth = np.array([1.0, -2.0, 0.5])[:, None]
    spread = np.array([[0.04, 0, 0, 0], [0, 0.04, 0, 0], [0, 0, 0.25, 0.1], [0, 0, 0.1, 0.25]])
    measured = LOOKS @ truth + np.linalg.cholesky(spread) @ rng.standard_normal((4, 4000))
    enu, covariance = to_enu(measured, np.broadcast_to(spread[..., None], (4, 4, 4000)), LOOKS)
    np.testing.assert_allclose(enu.mean(axis=1), truth[:, 0], atol=0.03)
    np.testing.assert_allclose(np.cov(enu), covariance[..., 0], atol=0.01)
    expected = np.linalg.inv(LOOKS.T @ np.linalg.inv(spread) @ LOOKS)
    np.testing.assert_allclose(covariance[..., 7], expected, rtol=1e-5)


def test_what_two_radar_views_do_not_see_needs_a_prior():
    measured = LOOKS[:2] @ np.array([1.0, 0.0, 0.5])[:, None]
    variance = np.full((2, 1), 1e-6)
    assert np.isnan(to_enu(measured, variance, LOOKS[:2])[0]).all()
    enu, covariance = to_enu(measured, variance, LOOKS[:2], prior=(np.inf, 0.05, np.inf))
    np.testing.assert_allclose(enu[:, 0], [1.0, 0.0, 0.5], atol=0.01)
    assert np.sqrt(covariance[1, 1, 0]) == pytest.approx(0.05, rel=0.02)


def test_a_missing_view_is_left_out():
    truth = np.array([1.0, -2.0, 0.5])[:, None]
    measured = LOOKS @ truth + np.zeros((4, 3))
    measured[0, 1] = np.nan
    measured[:2, 2] = np.nan
    enu, covariance = to_enu(measured, np.full((4, 3), 0.01), LOOKS)
    np.testing.assert_allclose(enu[:, :2], truth + np.zeros((3, 2)), atol=1e-5)
    assert covariance[2, 2, 1] > covariance[2, 2, 0]
    assert np.isnan(enu[:, 2]).all()


def test_look_vectors():
    np.testing.assert_allclose(look_vector(0, 30), [0, 0, 1])
    # An ascending pass flies about north and looks right: the radar stands in the west.
    np.testing.assert_allclose(look_vector(90, 0), [-1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(look_vector(90, 0, right=False), [1, 0, 0], atol=1e-12)


def test_rows_are_checked():
    one, variance = np.zeros((1, 2)), np.ones((1, 2))
    with pytest.raises(InputError, match="length 1e\\+03"):
        to_enu(one, variance, np.array([[1000.0, 1.0, 0.0]]))
    with pytest.raises(InputError, match="length 0"):
        to_enu(one, variance, np.zeros((1, 3)))
    with pytest.raises(InputError, match="must be finite"):
        to_enu(one, variance, np.full((1, 3), np.nan))
    with pytest.raises(InputError, match="rows has shape"):
        to_enu(one, variance, np.eye(3))
    with pytest.raises(InputError, match="covariance has shape"):
        to_enu(one, np.ones((3, 2)), np.eye(3)[:1])


def test_rows_of_any_length_and_of_every_pixel():
    truth = np.array([1.0, -2.0, 0.5])
    rows = np.repeat((LOOKS * np.array([[1.0], [3.0], [0.2], [1.0]]))[..., None], 3, axis=2)
    rows[0, :, 2] = np.nan
    measured = np.einsum("kcp,c->kp", np.nan_to_num(rows), truth)
    enu, covariance = to_enu(measured, np.full((4, 3), 0.01), rows)
    np.testing.assert_allclose(enu, truth[:, None] + np.zeros((3, 3)), atol=1e-5)
    assert covariance[2, 2, 2] > covariance[2, 2, 0]


def test_a_tight_prior_is_no_fault_and_a_variance_of_zero_is_no_measurement():
    measured = LOOKS[:2] @ np.array([1.0, 0.0, 0.5])[:, None] * 100
    enu, covariance = to_enu(measured, np.full((2, 1), 100.0**2), LOOKS[:2], prior=(np.inf, 1e-4, np.inf))
    np.testing.assert_allclose(enu[:, 0], [100.0, 0.0, 50.0], atol=0.01)
    assert np.sqrt(covariance[1, 1, 0]) == pytest.approx(1e-4, rel=0.01)
    enu, _ = to_enu(measured, np.array([[1.0], [0.0]]), LOOKS[:2], prior=(np.inf, 0.1, np.inf))
    assert np.isnan(enu).all()
