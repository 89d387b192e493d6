"""The inversion: exact on clean pairs, honest about errors, robust against bad pairs, clear about gaps."""

from __future__ import annotations

import numpy as np
import pytest
from products.history import position

from sensetrack.errors import InputError
from sensetrack.timeseries import SeriesParams, find_triplets, invert

PLAIN = SeriesParams(robust=False, closure=False, shared=0.0)


def network(days, longest):
    return [(i, j) for i in range(len(days)) for j in range(i + 1, len(days)) if days[j] - days[i] <= longest]


def simulate(days, pairs, pixels, bad=(), seed=0):
    """Ways of pairs with correlated normal errors, and their covariance; bad pairs are off by up to 20 m."""
    rng = np.random.default_rng(seed)
    at = position(np.asarray(days) / 365.25)
    truth = np.array([at[:, j] - at[:, i] for i, j in pairs])[:, :, None]
    sigma, rho = rng.uniform(0.3, 1.0, (2, len(pairs), pixels)), rng.uniform(-0.6, 0.6, (len(pairs), pixels))
    first, second = rng.standard_normal((2, len(pairs), pixels))
    error = np.stack([sigma[0] * first, sigma[1] * (rho * first + np.sqrt(1 - rho**2) * second)], axis=1)
    error[list(bad)] += rng.uniform(-20, 20, (len(bad), 2, pixels))
    covariance = np.stack([sigma[0] ** 2, sigma[1] ** 2, rho * sigma[0] * sigma[1]], axis=1)
    return (truth + error).astype(np.float32), covariance.astype(np.float32), truth


def true_velocities(days, spans):
    t = np.asarray(days) / 365.25
    at = position(t)
    return np.array([(at[:, j] - at[:, i]) / (t[j] - t[i]) for i, j in spans])[:, :, None]


def test_clean_pairs_give_the_exact_history():
    days = [0.0, 12.0, 24.0, 48.0, 60.0]
    pairs = network(days, 40)
    _, covariance, truth = simulate(days, pairs, 7)
    moved = np.broadcast_to(truth, (len(pairs), 2, 7)).astype(np.float32)
    found = invert(moved, covariance, pairs, days)
    t = np.asarray(days) / 365.25
    np.testing.assert_allclose(
        found.positions[:, :2], (position(t) - position(0.0)[:, None]).T[..., None] + 0 * moved[:5], atol=1e-3
    )
    np.testing.assert_allclose(found.velocities[:, :2], true_velocities(days, found.spans) + 0 * moved[:4], atol=0.05)
    assert (found.parts == 1).all()
    assert (found.used == len(pairs)).all()
    np.testing.assert_allclose(found.mean[0], (position(t[-1]) - position(0.0))[0] / t[-1], rtol=1e-5)


def test_covariance_is_that_of_weighted_least_squares():
    """Against the textbook formula with dense matrices."""
    days, pairs = [0.0, 10.0, 30.0, 45.0], [(0, 1), (1, 2), (0, 2), (2, 3), (1, 3)]
    moved, covariance, _ = simulate(days, pairs, 3, seed=4)
    found = invert(moved, covariance, pairs, days, PLAIN)
    for pixel in range(3):
        design, weight = np.zeros((10, 6)), np.zeros((10, 10))
        for p, (i, j) in enumerate(pairs):
            for axis in range(2):
                if i:
                    design[2 * p + axis, 2 * (i - 1) + axis] = -1
                design[2 * p + axis, 2 * (j - 1) + axis] = 1
            xx, yy, xy = covariance[p, :, pixel].astype(float)
            weight[2 * p : 2 * p + 2, 2 * p : 2 * p + 2] = np.linalg.inv([[xx, xy], [xy, yy]])
        normal = design.T @ weight @ design
        right = design.T @ weight @ moved[:, :, pixel].astype(float).ravel()
        x = np.linalg.solve(normal, right)
        np.testing.assert_allclose(found.positions[1:, :2, pixel].ravel(), x, rtol=1e-4, atol=1e-4)
        spread = np.linalg.inv(normal) * found.scale[pixel]
        np.testing.assert_allclose(found.positions[3, 2:, pixel], [spread[4, 4], spread[5, 5], spread[4, 5]], rtol=1e-3)


@pytest.mark.parametrize("params", [SeriesParams(), SeriesParams(closure=False), SeriesParams(window=40.0)])
def test_bad_pairs_are_found_and_errors_hold(params):
    """40 scenes with seasons and acceleration, a tenth of the pairs bad: half the error of the plain pairs at most."""
    rng = np.random.default_rng(1)
    days = np.r_[0, np.cumsum(rng.integers(8, 16, 39))].astype(float)
    pairs = network(days, 60)
    bad = rng.choice(len(pairs), len(pairs) // 10, replace=False)
    moved, covariance, truth = simulate(days, pairs, 300, bad)
    found = invert(moved, covariance, pairs, days, params)
    error = found.velocities[:, :2] - true_velocities(days, found.spans)
    rmse = np.sqrt((error**2).mean())
    years = np.array([days[j] - days[i] for i, j in pairs]) / 365.25
    plain = (moved - truth) / years[:, None, None]
    neighbours = np.array([j == i + 1 for i, j in pairs])
    assert rmse < 0.5 * np.sqrt((plain**2).mean())
    assert rmse < 0.5 * np.sqrt((plain[neighbours] ** 2).mean())
    for values, spread in (
        (error, found.velocities[:, 2:4]),
        (
            found.positions[1:, :2] - (position(found.times) - position(found.times[0])[:, None]).T[1:, :, None],
            found.positions[1:, 2:4],
        ),
    ):
        assert 0.60 < (np.abs(values) < np.sqrt(spread)).mean() < 0.76
    good = np.setdiff1d(np.arange(len(pairs)), bad)
    assert np.median(found.weights[bad]) < 0.05 < 0.8 < np.median(found.weights[good])
    # The fit to the pairs knows the law of the motion, so its parameters are within their errors too.
    trend = found.parameters[1]
    assert abs(trend[0].mean() - 40.0) < 2.0
    assert 0.6 < (np.abs(trend[0] - 40.0) < np.sqrt(trend[2])).mean() < 0.78
    assert abs(np.hypot(found.parameters[2, 0], found.parameters[3, 0]).mean() - 30.0) < 1.0


def test_parts_that_nothing_ties_together_stay_apart():
    days = [0.0, 10.0, 20.0, 50.0, 60.0]
    pairs = [(0, 1), (1, 2), (0, 2), (3, 4)]
    moved, covariance, _ = simulate(days, pairs, 5)
    found = invert(moved, covariance, pairs, days)
    assert (found.parts == 2).all()
    assert np.isnan(found.velocities[2]).all()
    assert np.isfinite(found.velocities[[0, 1, 3]]).all()
    assert np.isfinite(found.positions[:3]).all()
    assert np.isnan(found.positions[3:]).all()
    bridged = invert(moved, covariance, pairs, days, SeriesParams(smoothness=20.0, shared=0.0))
    assert np.isfinite(bridged.velocities).all()
    assert (bridged.velocities[2, 2] > bridged.velocities[1, 2]).all()


def test_smoothness_lowers_the_error_where_motion_is_smooth():
    days = np.arange(0.0, 200.0, 10.0)
    pairs = network(days, 30)
    moved, covariance, _ = simulate(days, pairs, 100)
    errors = []
    for smoothness in (None, 100.0):
        found = invert(moved, covariance, pairs, days, SeriesParams(smoothness=smoothness))
        errors.append(np.sqrt(((found.velocities[:, :2] - true_velocities(days, found.spans)) ** 2).mean()))
    assert errors[1] < 0.6 * errors[0]


def test_missing_values_and_empty_pixels():
    days = [0.0, 10.0, 20.0]
    pairs = [(0, 1), (1, 2), (0, 2)]
    moved, covariance, _ = simulate(days, pairs, 4)
    moved[2, :, 0] = np.nan
    moved[:, :, 1] = np.nan
    covariance[1, 0, 2] = 0.0
    moved[1:, :, 3] = np.nan
    found = invert(moved, covariance, pairs, days)
    np.testing.assert_allclose(found.positions[2, :2, 0], moved[:2, :, 0].sum(axis=0), rtol=1e-5)
    assert np.isnan(found.positions[:, :, 1]).all()
    assert found.used[1] == 0
    assert np.isnan(found.weights[:, 1]).all()
    assert found.used[2] == 2
    assert np.isfinite(found.velocities[0, 0, 3])
    assert np.isnan(found.velocities[1, 0, 3])


def test_errors_stated_too_small_reject_nothing_and_grow():
    days = np.arange(0.0, 120.0, 10.0)
    pairs = network(days, 40)
    moved, covariance, _ = simulate(days, pairs, 200)
    found = invert(moved, covariance / 25, pairs, days)
    assert np.nanmean(found.weights) > 0.75
    assert 12 < np.median(found.scale) < 40
    error = found.velocities[:, :2] - true_velocities(days, found.spans)
    assert 0.55 < (np.abs(error) < np.sqrt(found.velocities[:, 2:4])).mean() < 0.78


def test_errors_that_images_bring_are_found_and_do_not_average_out():
    """Half of the variance belongs to the images: it closes, so closure tells how much it is."""
    rng = np.random.default_rng(8)
    days = np.arange(0.0, 200.0, 10.0)
    pairs = network(days, 60)
    at = position(days / 365.25)
    images = 0.5 * rng.standard_normal((2, len(days), 400))
    own = np.sqrt(0.5) * rng.standard_normal((len(pairs), 2, 400))
    moved = np.stack([at[:, j, None] - at[:, i, None] + images[:, j] - images[:, i] for i, j in pairs]) + own
    covariance = np.stack([np.ones((len(pairs), 400)), np.ones((len(pairs), 400)), np.zeros((len(pairs), 400))], axis=1)
    found = invert(moved.astype(np.float32), covariance.astype(np.float32), pairs, days)
    assert found.shared == pytest.approx(0.5, abs=0.05)
    truth = (position(found.times) - position(0.0)[:, None]).T[1:, :, None]
    for value, spread in (
        (found.velocities[:, :2] - true_velocities(days, found.spans), found.velocities[:, 2:4]),
        (found.positions[1:, :2] - truth, found.positions[1:, 2:4]),
        (found.parameters[0, :2] - found.parameters[0, :2].mean(axis=1, keepdims=True), found.parameters[0, 2:4]),
    ):
        assert 0.62 < (np.abs(value) < np.sqrt(spread)).mean() < 0.75
    careless = invert(moved.astype(np.float32), covariance.astype(np.float32), pairs, days, SeriesParams(shared=0.0))
    inside = np.abs(careless.positions[1:, :2] - truth) < np.sqrt(careless.positions[1:, 2:4])
    assert inside.mean() < 0.58


def test_triplets():
    assert find_triplets([(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)]).tolist() == [[0, 1, 2], [2, 3, 4]]
    assert find_triplets([(0, 1), (2, 3)]).shape == (0, 3)
    full = network(np.arange(12.0), 99)
    assert len(find_triplets(full)) == 12 * 11 * 10 // 6
    assert len(find_triplets(full, most=50)) == 50


def test_closure_of_normal_errors_has_the_median_of_two_components():
    from sensetrack.timeseries.stream import median_of_histogram

    days = np.arange(0.0, 80.0, 10.0)
    pairs = network(days, 40)
    moved, covariance, _ = simulate(days, pairs, 500)
    found = invert(moved, covariance, pairs, days)
    np.testing.assert_allclose(median_of_histogram(found.closures) / 10, 1.18, atol=0.1)


@pytest.mark.parametrize(
    ("days", "pairs", "message"),
    [
        ([0.0, 0.0], [(0, 1)], "must ascend"),
        ([0.0, 5.0], [(1, 0)], "the earlier first"),
        ([0.0, 5.0], [(0, 2)], "two dates"),
    ],
)
def test_bad_input(days, pairs, message):
    with pytest.raises(InputError, match=message):
        invert(np.zeros((1, 2, 3), np.float32), np.ones((1, 3, 3), np.float32), pairs, days)


def test_shapes_are_checked():
    with pytest.raises(InputError, match="moved has shape"):
        invert(np.zeros((2, 2, 3), np.float32), np.ones((2, 3, 3), np.float32), [(0, 1)], [0.0, 1.0])
    with pytest.raises(InputError, match="covariance has shape"):
        invert(np.zeros((1, 2, 3), np.float32), np.ones((1, 2, 3), np.float32), [(0, 1)], [0.0, 1.0])
