"""Medians of many windows at once are those that sorting gives, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import median_filter

from sensetrack.flow.horn_schunck_median import window_median


@pytest.mark.parametrize("size", [3, 5, 7, 9])
def test_medians_are_exact_of_either_sign_and_any_size(size: int) -> None:
    rng = np.random.default_rng(size)
    values = (rng.normal(size=(150, 401)) * 10.0 ** rng.integers(-30, 30, (150, 401))).astype(np.float32)
    values[20:40, 30:60] = 0.25
    values[60:80, 100:140] = rng.choice(np.float32([-1.0, 1.0, 0.0]), (20, 40))
    np.testing.assert_array_equal(window_median(values, size), median_filter(values, size, mode="nearest"))


def test_a_few_strays_leave_no_trace() -> None:
    rows, cols = np.mgrid[:60, :70]
    flow = (0.02 * rows - 0.05 * cols).astype(np.float32)
    strayed = flow.copy()
    strayed[20:23, 30:34] = 40.0
    np.testing.assert_allclose(window_median(strayed, 9)[6:-6, 6:-6], flow[6:-6, 6:-6], atol=0.2)


def test_edges_take_their_windows_from_what_is_there() -> None:
    flow = np.full((20, 20), 2.0, np.float32)
    flow[0, 0] = -5.0
    np.testing.assert_array_equal(window_median(flow, 5)[1:], 2.0)
