"""Window sums: those of plain addition, for every radius, at every border, in every strip."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from sensetrack.flow.lk_sums import window_sums
from sensetrack.flow.tiling import STRIP


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 7, 16, 45])
def test_sums_are_those_of_plain_addition(radius: int) -> None:
    rng = np.random.default_rng(radius)
    channels = rng.standard_normal((3, STRIP + 37, 61)).astype(np.float32)
    side = 2 * radius + 1
    expected = uniform_filter(channels.astype(np.float64), (0, side, side), mode="constant") * side**2
    np.testing.assert_allclose(window_sums(channels, radius), expected, atol=2e-4)


def test_windows_larger_than_the_image_hold_all_of_it() -> None:
    ones = np.ones((1, 9, 12), np.float32)
    np.testing.assert_array_equal(window_sums(ones, 30), 9 * 12)


def test_strips_meet_without_a_trace() -> None:
    """What lies in one strip counts in windows of the next."""
    image = np.zeros((1, 2 * STRIP, 20), np.float32)
    image[0, STRIP - 1, 10] = 1
    sums = window_sums(image, 4)[0]
    assert sums[STRIP - 5 : STRIP + 4, 6:15].min() == 1
    assert sums.sum() == 81
