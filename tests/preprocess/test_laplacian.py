"""The Laplacian against analytic second derivatives."""

from __future__ import annotations

import numpy as np
import pytest

from sensetrack.preprocess.laplacian import Laplacian


def bowl() -> np.ndarray:
    """Has the Laplacian 2 (0.5 + 0.25) = 1.5 everywhere."""
    rows, cols = np.mgrid[:60, :70].astype(np.float64)
    return 0.5 * (rows - 30) ** 2 + 0.25 * (cols - 20) ** 2 + 0.3 * (rows - 30) * (cols - 20) + 2 * cols + 7


def test_a_paraboloid_has_one_value_holes_or_not() -> None:
    valid = np.ones((60, 70), np.bool_)
    for _ in range(2):
        result, good = Laplacian(sigma=0).apply(bowl(), valid)
        assert not (good & ~valid).any()
        np.testing.assert_allclose(result[good], 1.5, atol=1e-3)
        assert good.sum() > 0.6 * valid.sum()
        valid = np.random.default_rng(0).random((60, 70)) < 0.9


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.5])
def test_a_ramp_vanishes_holes_or_not(sigma: float) -> None:
    rows, cols = np.mgrid[:60, :70]
    valid = np.random.default_rng(0).random((60, 70)) < 0.85
    valid[20:30, 20:40] = False
    result, good = Laplacian(sigma=sigma).apply(3 * cols - 4 * rows, valid)
    assert good.any()
    np.testing.assert_allclose(result[good], 0, atol=2e-3)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_waves_of_all_directions_are_weighted_alike(sigma: float) -> None:
    rows, cols = np.mgrid[:80, :80]
    k = 2 * np.pi / 14
    for angle in (0.0, 0.4, np.pi / 4, 1.3):
        wave = np.cos(k * (np.cos(angle) * cols + np.sin(angle) * rows))
        result, _ = Laplacian(sigma=sigma).apply(wave)
        gain = -(k**2) * np.exp(-0.5 * (k * sigma) ** 2)
        np.testing.assert_allclose(result[12:-12, 12:-12], gain * wave[12:-12, 12:-12], atol=0.04 * abs(gain))


def test_bright_spots_are_negative() -> None:
    image = np.zeros((31, 31))
    image[15, 15] = 1
    result, _ = Laplacian(sigma=1.5).apply(image)
    assert np.unravel_index(result.argmin(), result.shape) == (15, 15)
    assert result[15, 15] < 0 < result[15, 19]
