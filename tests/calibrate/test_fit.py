"""Factors from errors that are known: what they come to, and when there are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from sensetrack.calibrate import fit_scale
from sensetrack.calibrate._fit import independent_of
from sensetrack.errors import InputError


def drawn(count, truth, sigma, seed=0):
    """Errors of standard deviation ``truth`` and stated ones of ``sigma``, of both components."""
    rng = np.random.default_rng(seed)
    return [rng.normal(0, truth, count) for _ in range(2)], [np.broadcast_to(sigma, count)] * 2


def flat(parts):
    """Both errors, then both stated ones."""
    return [each for part in parts for each in part]


def test_a_factor_of_three_is_found():
    (dx, dy), (sigma_dx, sigma_dy) = drawn(4000, 0.3, 0.1)
    scale = fit_scale(dx, dy, sigma_dx, 2 * sigma_dy, 4000, group=np.arange(4000) // 500)
    assert scale.typical_dx == pytest.approx(3.0, rel=0.05)
    assert scale.typical_dy == pytest.approx(1.5, rel=0.05)
    assert scale.before.within_68 == pytest.approx(0.38, abs=0.03)
    assert scale.after.within_68 == pytest.approx(0.683, abs=0.03)
    assert scale.after.within_95 == pytest.approx(0.95, abs=0.02)
    assert (scale.points, scale.independent) == (4000, 4000)


def test_errors_that_hold_stay():
    scale = fit_scale(*flat(drawn(20000, 0.2, 0.2)), 20000)
    np.testing.assert_allclose([scale.typical_dx, scale.typical_dy], 1, rtol=0.03)


def test_outliers_hardly_matter():
    errors, sigmas = drawn(4000, 0.1, 0.1)
    for each in errors:
        each[::50] = 40.0
    assert fit_scale(*errors, *sigmas, 4000).typical_dx == pytest.approx(1.0, abs=0.06)


def test_the_factor_follows_the_stated_error():
    rng = np.random.default_rng(1)
    sigma = np.exp(rng.uniform(np.log(0.01), np.log(1.0), 20000))
    truth = 2 * sigma**0.5
    scale = fit_scale(*(rng.normal(0, truth) for _ in range(2)), sigma, sigma, 20000)
    stated = np.array([0.03, 0.1, 0.3])
    np.testing.assert_allclose(scale.dx.at(stated) * stated, 2 * stated**0.5, rtol=0.12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 3))
def test_larger_stated_errors_stay_larger(seed, kind):
    rng = np.random.default_rng(seed)
    sigma = np.exp(rng.normal(-3, 1, 3000))
    truth = (sigma, 0 * sigma + 0.05, 0.003 / sigma, rng.choice([0.01, 0.2], 3000))[kind]
    curve = fit_scale(*(rng.normal(0, truth) for _ in range(2)), sigma, sigma, 3000).dx
    stated = np.exp(np.linspace(-8, 2, 200))
    assert (np.diff(stated * curve.at(stated)) > -1e-6).all()


def test_one_stated_error_for_all_gives_one_factor():
    scale = fit_scale(*flat(drawn(5000, 0.5, 0.25)), 5000)
    assert len(scale.dx.sigma) == 1
    assert scale.dx.factor[0] == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("independent", [0, 40, 99])
def test_too_few_independent_errors_are_refused(independent):
    with pytest.raises(InputError, match=f"{independent} independent errors are known, 100 are needed"):
        fit_scale(*flat(drawn(3000, 0.3, 0.1)), independent)


def test_nothing_known_is_refused():
    nothing = np.full((4, 4), np.nan)
    with pytest.raises(InputError, match="0 independent"):
        fit_scale(nothing, nothing, nothing, nothing, 1000)


@pytest.mark.parametrize(("truth", "shown"), [(1e-5, "times what is stated"), (30.0, "times what is stated")])
def test_wild_factors_are_refused(truth, shown):
    with pytest.raises(InputError, match=shown):
        fit_scale(*flat(drawn(3000, truth, 0.1)), 3000)


def test_sizes_must_agree():
    (dx, dy), (sigma, _) = drawn(300, 1, 1)
    with pytest.raises(InputError, match="differ in size"):
        fit_scale(dx, dy[:-1], sigma, sigma, 300)


def test_neighbours_that_hang_together_count_less():
    rng = np.random.default_rng(2)
    white = rng.normal(size=(128, 128))
    assert independent_of(white) == pytest.approx(white.size, rel=0.02)
    for sigma in (2.0, 4.0):
        # A Gaussian autocorrelation of variance 2 sigma^2 has the integral 2 sqrt(pi) sigma along each axis.
        smooth = gaussian_filter(white, sigma)
        assert independent_of(smooth / smooth.std()) == pytest.approx(white.size / (4 * np.pi * sigma**2), rel=0.35)


def test_gaps_do_not_count():
    values = np.random.default_rng(3).normal(size=(64, 64))
    values[::2] = np.nan
    assert independent_of(values) == pytest.approx(values.size / 2, rel=0.05)
    assert independent_of(np.full((8, 8), np.nan)) == 0
    assert independent_of(np.ones((8, 8))) == 1
