"""The high-pass filter against its transfer function."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.errors import ParameterError
from sensetrack.preprocess.highpass import Highpass


def wave(period: float, shape: tuple[int, int] = (40, 400)) -> np.ndarray:
    return np.broadcast_to(np.sin(2 * np.pi * np.arange(shape[1]) / period), shape).astype(np.float32)


@pytest.mark.parametrize("period", [6.0, 20.0, 60.0, 200.0])
@pytest.mark.parametrize("shape", ["gaussian", "box"])
def test_passes_what_is_shorter_than_its_width(period: float, shape: str) -> None:
    each = Highpass(sigma=5, shape=shape)
    result = each.apply(1000 + 100 * wave(period))[0][20, 60:-60]
    k = 2 * np.pi / period
    side = 17  # odd, and of nearly the variance of the Gaussian
    low = np.exp(-0.5 * (5 * k) ** 2) if shape == "gaussian" else np.sin(side * k / 2) / (side * np.sin(k / 2))
    expected = 100 * (1 - low) * wave(period)[20, 60:-60]
    np.testing.assert_allclose(result, expected, atol=1.5)


def test_the_box_has_the_spread_of_the_gaussian() -> None:
    assert [2 * Highpass(sigma=sigma, shape="box").margin + 1 for sigma in (0.5, 1, 2, 8)] == [3, 3, 7, 27]


def test_a_ramp_vanishes_away_from_the_border() -> None:
    ramp = np.broadcast_to(3 * np.arange(300.0), (90, 300))
    for shape in ("gaussian", "box"):
        each = Highpass(sigma=6, shape=shape)
        inner = slice(each.margin, -each.margin)
        assert np.abs(each.apply(ramp)[0][inner, inner]).max() < 2e-3


def test_beside_a_hole_a_ramp_leaves_at_most_its_slope_times_sigma() -> None:
    valid = np.ones((80, 300), np.bool_)
    valid[30:50, 120:180] = False
    result, _ = Highpass(sigma=6).apply(np.broadcast_to(3 * np.arange(300.0), (80, 300)), valid)
    assert np.abs(result[:, 40:-40]).max() < 3 * 6


def test_complex_pixels_lose_their_local_mean(texture: Callable[..., np.ndarray]) -> None:
    image = texture((90, 90), is_complex=True)
    result, _ = Highpass(sigma=4).apply(image + (500 - 300j))
    expected, _ = Highpass(sigma=4).apply(image)
    np.testing.assert_allclose(result, expected, atol=1e-2)
    real, _ = Highpass(sigma=4).apply(image.real)
    np.testing.assert_allclose(expected.real, real, atol=1e-4)


def test_refuses_a_width_that_smooths_nothing() -> None:
    with pytest.raises(ParameterError, match=r"sigma = 0: input should be greater than or equal to 0\.5"):
        Highpass(sigma=0)
