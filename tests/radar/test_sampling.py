"""Interpolation of radar images: known surfaces, missing neighbours, borders."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensetrack.radar.sampling import Kernel, reach, sample_all

KERNELS = get_args(Kernel)
SHAPE = (60, 70)


def at(row: float, col: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([[row]]), np.array([[col]])


@pytest.mark.parametrize(("kernel", "degree"), [("bilinear", 1), ("cubic", 2)])
def test_polynomials_come_back(kernel: Kernel, degree: int) -> None:
    row, col = np.indices(SHAPE, float)
    pixels = ((row / 10) ** degree + 2 * (col / 10) ** degree - row * col / 100).astype(np.float64)
    rng = np.random.default_rng(0)
    r, c = rng.uniform(3, 55, (20, 20)), rng.uniform(3, 65, (20, 20))
    found, valid = sample_all(pixels, np.ones(SHAPE, bool), r, c, kernel)
    np.testing.assert_allclose(found, (r / 10) ** degree + 2 * (c / 10) ** degree - r * c / 100, rtol=1e-12)
    assert valid.all()


@pytest.mark.parametrize(("kernel", "tolerance"), [("sinc-5", 0.06), ("sinc-11", 0.01), ("sinc-21", 0.003)])
def test_a_wave_of_five_pixels_comes_back_the_better_the_wider(kernel: Kernel, tolerance: float) -> None:
    row, col = np.indices(SHAPE, float)
    pixels = np.sin(2 * np.pi * col / 5 + 0.3 * row)
    r, c = np.random.default_rng(1).uniform(20, 40, (2, 15, 15))
    found, _ = sample_all(pixels, np.ones(SHAPE, bool), r, c, kernel)
    assert np.abs(found - np.sin(2 * np.pi * c / 5 + 0.3 * r)).max() < tolerance


@pytest.mark.parametrize("kernel", KERNELS)
def test_constants_stay_and_whole_positions_copy(kernel: Kernel) -> None:
    rng = np.random.default_rng(2)
    pixels, valid = rng.normal(size=SHAPE).astype(np.float32), np.ones(SHAPE, bool)
    r, c = np.meshgrid(np.arange(59.0), np.arange(69.0), indexing="ij")
    found, good = sample_all(pixels, valid, r, c, kernel)
    np.testing.assert_allclose(found, pixels[:-1, :-1], rtol=2e-6, atol=1e-7)
    assert good.all()
    r, c = rng.uniform(0, 58.9, (2, 10, 10))
    found, good = sample_all(np.full(SHAPE, 7.0, np.float32), valid, r, c, kernel)
    np.testing.assert_allclose(found, 7, rtol=1e-6)
    assert good.all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_missing_pixel_takes_away_all_that_need_it(kernel: Kernel) -> None:
    pixels, valid = np.ones(SHAPE, np.float32), np.ones(SHAPE, bool)
    valid[30, 30] = False
    taps = {"nearest": 0.5, "bilinear": 1, "cubic": 2, "sinc-5": 2.5, "sinc-11": 5.5, "sinc-21": 10.5}[kernel]
    for away, lost in ((taps - 0.01, True), (taps + 0.01, False)):
        _, good = sample_all(pixels, valid, *at(30 + away, 30.25), kernel)
        assert bool(good[0, 0]) is not lost, away
    # At whole positions nothing but the pixel itself counts.
    assert sample_all(pixels, valid, *at(31, 30), kernel)[1].all()


@pytest.mark.parametrize("kernel", KERNELS)
def test_borders(kernel: Kernel) -> None:
    pixels, valid = np.ones(SHAPE, np.float32), np.ones(SHAPE, bool)
    for row, col, inside in (
        (0, 0, True),
        (-0.01, 5, False),
        (5, -0.01, False),
        (58.99, 68.99, True),
        (59, 5, False),
        (5, 69, False),
        (np.nan, 5, False),
        (np.inf, 5, False),
    ):
        found, good = sample_all(pixels, valid, *at(row, col), kernel)
        assert bool(good[0, 0]) is inside, (row, col)
        assert found[0, 0] == pytest.approx(1.0 if inside else 0.0)


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(KERNELS), st.integers(0, 1000))
def test_a_window_with_its_reach_is_as_good_as_the_image(kernel: Kernel, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels, valid = rng.normal(size=SHAPE).astype(np.float32), rng.uniform(size=SHAPE) > 0.001
    r, c = rng.uniform(25, 33, (4, 5)), rng.uniform(25, 33, (4, 5))
    whole = sample_all(pixels, valid, r, c, kernel)
    margin = reach(kernel)
    part = slice(25 - margin, 34 + margin + 1)
    window = sample_all(pixels[part, part], valid[part, part], r, c, kernel, (25 - margin,) * 2, SHAPE)
    assert np.array_equal(whole[0], window[0]) and np.array_equal(whole[1], window[1])


def test_complex_pixels() -> None:
    pixels = np.full((4, 4), 1 + 2j, np.complex64)
    found, good = sample_all(pixels, np.ones((4, 4), bool), *at(1.5, 1.5), "cubic")
    assert good.all() and found[0, 0] == pytest.approx(1 + 2j)
