"""Window statistics against the plain definition, window by window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sensetrack.neighbours import agreeing, window_medians, window_sum


def windows(values: np.ndarray, size: int) -> np.ndarray:
    padded = np.pad(values, size // 2, constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size))


def plain(values: np.ndarray, size: int, centre: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, median absolute deviation and count by their definitions."""
    median, deviation = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    count = np.zeros(values.shape, int)
    view = windows(values.astype(np.float64), size)
    for row, col in zip(*np.nonzero(~np.isnan(values)), strict=True):
        window = view[row, col].copy()
        if not centre:
            window[size // 2, size // 2] = np.nan
        found = window[~np.isnan(window)]
        count[row, col] = found.size
        if found.size:
            median[row, col] = np.median(found)
            deviation[row, col] = np.median(np.abs(found - np.median(found)))
    return median, deviation, count


# One decimal, so that equal values abound.
FIELDS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.one_of(st.just(np.nan), st.integers(-30, 30).map(lambda tenths: tenths / 10)),
)


@settings(max_examples=150, deadline=None)
@given(values=FIELDS, size=st.sampled_from([3, 5, 7, 11]), centre=st.booleans())
def test_medians_are_those_of_the_definition(values: np.ndarray, size: int, centre: bool) -> None:
    found = window_medians(values, size, centre=centre)
    median, deviation, count = plain(values, size, centre)
    np.testing.assert_array_equal(found.median, median)
    np.testing.assert_allclose(found.deviation, deviation, atol=1e-12)
    np.testing.assert_array_equal(found.count, count)


@settings(max_examples=50, deadline=None)
@given(values=FIELDS, size=st.sampled_from([3, 5, 11]))
def test_order_in_the_window_does_not_matter(values: np.ndarray, size: int) -> None:
    found = window_medians(values, size, centre=False)
    turned = window_medians(values[::-1, ::-1].T, size, centre=False)
    np.testing.assert_array_equal(turned.median, found.median[::-1, ::-1].T)
    np.testing.assert_array_equal(turned.deviation, found.deviation[::-1, ::-1].T)


def test_large_noise_field_agrees_with_nanmedian() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 90)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    found = window_medians(values, 9, centre=True, deviation=False)
    with np.errstate(invalid="ignore"):
        expected = np.nanmedian(windows(values.astype(np.float64), 9).reshape(60, 90, -1), axis=2)
    np.testing.assert_array_equal(found.median[~np.isnan(values)], expected[~np.isnan(values)])
    assert np.isnan(found.median[np.isnan(values)]).all()
    assert np.isnan(found.deviation).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (2, 3)])
def test_windows_larger_than_the_array(shape: tuple[int, int]) -> None:
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    found = window_medians(values, 11, centre=True)
    np.testing.assert_array_equal(found.median, np.median(values))
    assert (found.count == values.size).all()


def test_agreeing_counts_both_components_within_the_tolerance() -> None:
    dx = np.array([[0, 1, 2], [0, 0, np.nan], [5, 0, 0.5]], np.float32)
    dy = np.array([[0, 0, 0], [9, 0, 0], [0, 1, 0]], np.float32)
    # Around the centre: itself, (0, 0), (0, 1), (2, 1) and (2, 2); (1, 0) agrees in dx only.
    assert agreeing(dx, dy, 3, 1.0)[1, 1] == 5
    assert agreeing(dx, dy, 3, 0.4)[1, 1] == 2
    assert agreeing(dx, dy, 3, 1.0)[1, 2] == 0


def test_window_sum_is_exact() -> None:
    values = np.random.default_rng(1).integers(-(2**40), 2**40, (9, 14))
    padded = np.pad(values, 2)
    expected = sum(padded[i : i + 9, j : j + 14] for i in range(5) for j in range(5))
    np.testing.assert_array_equal(window_sum(values, 5), expected)
