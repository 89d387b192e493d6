"""Gauss-Newton steps: splines through pixels, gradients, steps that land, priors that hold where there is nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.flow.lk_level import Level, prepare
from sensetrack.flow.lk_prepare import Views
from sensetrack.flow.lk_step import pulls, solve
from sensetrack.types import FloatArray

Texture = Callable[..., np.ndarray]
SHAPE = (96, 112)
INSIDE = np.s_[24:-24, 24:-24]


def constant(value: float) -> FloatArray:
    return np.full(SHAPE, value, np.float32)


def level_of(texture: Texture, dx: float, dy: float, gain: float = 1.0) -> Level:
    first, second = texture(SHAPE, mean=0, shortest=6), gain * texture(SHAPE, dx=dx, dy=dy, mean=0, shortest=6)
    ones = constant(1)
    powers = constant(float((first**2).mean())), constant(float((second**2).mean()))
    return prepare(Views(first, second.astype(np.float32), ones, ones, *powers), (constant(dx), constant(dy)))


def test_nothing_is_left_at_the_truth(texture: Texture) -> None:
    level = level_of(texture, 1.3, -0.6)
    rest = pulls(level, (constant(1.3), constant(-0.6)), False)[2]
    assert np.sqrt(rest[INSIDE].mean()) < 0.1  # of a deviation of 20


@pytest.mark.parametrize("whole", [True, False])
def test_steps_land(texture: Texture, whole: bool) -> None:
    level = level_of(texture, 0.8, -0.5)
    flow, zero, energy = (constant(0), constant(0)), (constant(0), constant(0)), constant(0)
    for _ in range(4):
        found = solve(level, pulls(level, flow, whole), 8, 0.0, flow if whole else zero, energy)
        flow = found if whole else (flow[0] + found[0], flow[1] + found[1])
    assert np.hypot(flow[0] - 0.8, flow[1] + 0.5)[INSIDE].mean() < (2e-3 if whole else 4e-2)
    assert energy[INSIDE].max() < 0.01 * 17**2 * 400


def test_contrast_of_the_secondary_is_taken_on(texture: Texture) -> None:
    level = level_of(texture, 0.4, 0.2, gain=3.0)
    rest = pulls(level, (constant(0.4), constant(0.2)), False)[2]
    assert np.sqrt(rest[INSIDE].mean()) < 2.5  # of a deviation of 60


def test_without_texture_the_prior_holds() -> None:
    zero, ones = constant(0), constant(1)
    level = prepare(Views(zero, zero, ones, ones, zero, zero), (zero, zero))
    flow = solve(level, pulls(level, (zero, zero), True), 5, 0.0, (constant(3), constant(-2)), constant(0))
    assert np.isfinite(flow[0]).all()
    flow = solve(level, pulls(level, (zero, zero), True), 5, 1.0, (constant(3), constant(-2)), constant(1))
    np.testing.assert_allclose(flow[0], 3, rtol=1e-5)
    np.testing.assert_allclose(flow[1], -2, rtol=1e-5)


def test_what_is_invalid_in_either_counts_nothing(texture: Texture) -> None:
    first, second = texture(SHAPE, mean=0), texture(SHAPE, dx=4, mean=0)
    weights = [constant(1), constant(1)]
    weights[0][:, :10], weights[1][:, 60:70] = 0, 0
    powers = constant(400), constant(400)
    level = prepare(Views(first, second, *weights, *powers), (constant(4), constant(0)))
    np.testing.assert_array_equal(level.weight[:, :10], 0)
    np.testing.assert_array_equal(level.weight[:, 56:66], 0)
    np.testing.assert_array_equal(level.weight[:, 108:], 0)
    np.testing.assert_array_equal(level.weight[:, 20:50], 1)
    assert not pulls(level, (constant(4), constant(0)), True)[:, :, 56:66].any()
