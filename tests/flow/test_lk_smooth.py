"""Medians, confident means and noise: what they keep, what they pass by."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from sensetrack.flow.lk_level import Level
from sensetrack.flow.lk_smooth import LITTLE, confident_mean, median, noise_map, settle, window_mean

SHAPE = (160, 136)


def pair(value: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full(SHAPE, value, np.float32), np.full(SHAPE, -value, np.float32)


def test_medians_are_medians_across_strips() -> None:
    flow = tuple(np.random.default_rng(k).standard_normal(SHAPE).astype(np.float32) for k in range(2))
    for component, found in zip(flow, median((flow[0], flow[1])), strict=True):
        np.testing.assert_array_equal(found, median_filter(component, 5, mode="nearest"))


def test_confident_pixels_speak_for_the_others() -> None:
    flow, ones = pair(1.0), np.ones(SHAPE, np.float32)
    flow[0][66:74, 66:74] = 9.0
    tensor = np.ones((3, *SHAPE), np.float32)
    tensor[:, 60:80, 60:80] = 0
    level = Level(ones, ones, ones, ones, ones, tensor, 2.0)
    found, _ = confident_mean(flow, level, 6, 1.0, ones)
    assert 1 < found[70, 70] < 1.5


def test_noise_passes_by_a_line_where_nothing_fits() -> None:
    energy, count = np.full(SHAPE, 50.0, np.float32), np.full(SHAPE, 25.0, np.float32)
    energy[:, 60:72] = 5000
    np.testing.assert_allclose(noise_map(energy, count, 8), 2.0, rtol=1e-5)


def test_noise_is_drawn_in_where_nothing_counts() -> None:
    energy, count = np.full(SHAPE, 50.0, np.float32), np.full(SHAPE, 25.0, np.float32)
    energy[:, 100:], count[:, 100:] = 0, 0
    assert noise_map(energy, count, 8).min() > 1.9


def test_pixels_that_count_nothing_follow_their_neighbours() -> None:
    flow, weight = pair(2.0), np.ones(SHAPE, np.float32)
    flow[0][:, -3:], weight[:, -3:] = -50, LITTLE / 2
    np.testing.assert_allclose(settle(flow, weight)[0], 2.0, rtol=1e-5)
    before = [component.copy() for component in flow]
    for mine, found in zip(before, settle(flow, np.ones(SHAPE, np.float32)), strict=True):
        np.testing.assert_array_equal(mine, found)


def test_means_over_windows_leave_out_what_counts_nothing() -> None:
    flow, weight = pair(1.0), np.ones(SHAPE, np.float32)
    flow[0][:, 70:], weight[:, 70:] = 100, 0
    number = np.full(SHAPE, 1, np.uint8)
    found, _ = window_mean(flow, weight, number, (4, 20), 0.5)
    np.testing.assert_allclose(found[:, :70], 1.0, rtol=1e-5)
