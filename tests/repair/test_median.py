"""Smoothing: how well it does it, and what it may change."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.repair import median_smooth

MakeField = Callable[..., Field]


def test_smoothing_takes_noise_and_keeps_a_step(make_field: MakeField) -> None:
    rng = np.random.default_rng(0)
    truth = np.where(np.arange(60) < 30, -2.0, 2.0) * np.ones((50, 1))
    field = make_field(truth + 0.1 * rng.normal(size=truth.shape), 1.0)
    smooth = median_smooth(field, 5)
    error = smooth.dx - truth
    assert error.std() < 0.035
    assert np.abs(error).max() < 0.2
    np.testing.assert_array_equal(smooth.dy, field.dy)


def test_smoothing_neither_uses_nor_changes_what_is_not_usable(make_field: MakeField) -> None:
    dx = np.ones((7, 7))
    flags = np.zeros(dx.shape, np.uint8)
    dx[3, 3], flags[3, 3] = 99.0, Flag.OUTLIER
    dx[2, 2], flags[2, 2] = np.nan, Flag.NODATA
    field = make_field(dx, 2.0, flags=flags, extra={"nrms": dx})
    smooth = median_smooth(field, 3)
    for name, layer in field.layers().items():
        np.testing.assert_array_equal(smooth.layers()[name], layer, err_msg=name)


def test_smoothing_uses_filled_pixels(make_field: MakeField) -> None:
    flags = np.zeros((3, 3), np.uint8)
    flags[0] = Flag.FILLED
    assert median_smooth(make_field(np.array([[5, 5, 5], [1, 1, 9], [9, 5, 1]]), flags=flags), 3).dx[1, 1] == 5


@pytest.mark.parametrize("size", [1, 4, 0, -3])
def test_smoothing_window_out_of_range(make_field: MakeField, size: int) -> None:
    with pytest.raises(ParameterError, match=f"smooth = {size}: .*odd and at least 3"):
        median_smooth(make_field(np.zeros((5, 5))), size)
