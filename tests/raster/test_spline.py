"""The interpolating spline: exact at pixels, hardly any displacement between them, no bleeding."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensetrack.raster.spline import REACH, sample_spline


def positions(shape: tuple[int, int], down: float, right: float) -> tuple[np.ndarray, np.ndarray]:
    row, col = np.indices(shape, dtype=np.float64)
    return row + down, col + right


def test_it_passes_through_the_pixels() -> None:
    pixels = np.random.default_rng(0).normal(100, 30, (40, 50)).astype(np.float32)
    out, good = sample_spline(pixels, np.ones(pixels.shape, bool), *positions(pixels.shape, 0, 0))
    assert good.all(), "also at the border"
    np.testing.assert_allclose(out, pixels, rtol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_tiny_images(size: int) -> None:
    pixels = np.arange(size * size, dtype=np.float32).reshape(size, size)
    out, good = sample_spline(pixels, np.ones(pixels.shape, bool), *positions(pixels.shape, 0, 0))
    assert good.all()
    np.testing.assert_allclose(out, pixels, atol=1e-6)


@pytest.mark.parametrize("right", [0.0, 0.1, 0.25, 0.5, 0.7, 0.9])
def test_content_stays_where_it_is(texture: Callable[..., np.ndarray], right: float) -> None:
    def truth(down: float, right: float) -> np.ndarray:
        moved = texture((150, 150), dy=-down, dx=-right, shortest=8.0, longest=60.0)
        return moved[15:-15, 15:-15].astype(np.float64)

    row, col = (p[15:-15, 15:-15] for p in positions((150, 150), 0.3, right))
    out, good = sample_spline(texture((150, 150), shortest=8.0, longest=60.0), np.ones((150, 150), bool), row, col)
    assert good.all()
    expected = truth(0.3, right)
    slopes = [truth(0.4, right) - truth(0.2, right), truth(0.3, right + 0.1) - truth(0.3, right - 0.1)]
    terms = np.stack([slopes[0] / 0.2, slopes[1] / 0.2, expected - 100, np.ones_like(expected)], axis=-1)
    misfit = np.linalg.lstsq(terms.reshape(-1, 4), (out - expected).ravel(), rcond=None)[0]
    assert np.abs(misfit[:2]).max() < 2e-4
    assert np.sqrt(np.mean((out - expected) ** 2)) < 0.05, "of a standard deviation of 20"


def test_real_and_imaginary_parts_are_interpolated_alike() -> None:
    rng = np.random.default_rng(1)
    real, imag = rng.normal(size=(2, 30, 30)).astype(np.float32)
    valid, where = np.ones((30, 30), bool), positions((30, 30), 0.4, -0.2)
    out, good = sample_spline((real + 1j * imag).astype(np.complex64), valid, *where)
    assert out.dtype == np.complex64
    for part, own in ((out.real, real), (out.imag, imag)):
        alone, same = sample_spline(own, valid, *where)
        np.testing.assert_array_equal(good, same)
        np.testing.assert_allclose(part, alone, atol=1e-6)


@pytest.mark.parametrize(
    ("down", "right", "lost"),
    [(0.0, 0.0, (0, 0, 0, 0)), (0.4, 0.0, (1, 2, 0, 0)), (0.0, 0.4, (0, 0, 1, 2)), (0.4, 0.4, (1, 2, 1, 2))],
)
def test_a_hole_grows_by_the_four_pixels_of_the_kernel(
    down: float, right: float, lost: tuple[int, int, int, int]
) -> None:
    valid = np.ones((40, 40), bool)
    valid[18:22, 16:24] = False
    _, good = sample_spline(np.ones((40, 40), np.float32), valid, *positions((40, 40), down, right))
    up, low, left, far = lost  # positions before the hole reach 2 pixels on, those behind it 1 pixel back
    expected = np.ones((40, 40), bool)
    expected[18 - low : 22 + up, 16 - far : 24 + left] = False
    expected[:up] = expected[40 - low :] = False
    expected[:, :left] = expected[:, 40 - far :] = False
    np.testing.assert_array_equal(good, expected)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), down=st.floats(-1, 1), right=st.floats(-1, 1), poison=st.floats(-1e6, 1e6))
def test_the_values_of_invalid_pixels_never_matter(seed: int, down: float, right: float, poison: float) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.normal(size=(24, 24)).astype(np.float32)
    valid = rng.random((24, 24)) > 0.03
    where = positions((24, 24), down, right)
    poisoned = np.where(valid, pixels, np.float32(poison))
    (first, first_good), (second, second_good) = (sample_spline(image, valid, *where) for image in (pixels, poisoned))
    np.testing.assert_array_equal(first_good, second_good)
    np.testing.assert_array_equal(first, second)
    assert not first[~first_good].any()


def test_a_constant_stays_constant_around_holes() -> None:
    valid = np.random.default_rng(2).random((60, 60)) > 0.02
    pixels = np.where(valid, np.float32(7), np.float32(-9999))
    out, good = sample_spline(pixels, valid, *positions((60, 60), 0.31, 0.77))
    assert 0.5 < good.mean() < 1
    np.testing.assert_allclose(out[good], 7, rtol=1e-6)


def test_a_window_with_its_margin_gives_what_the_whole_image_gives() -> None:
    pixels = np.random.default_rng(3).normal(size=(100, 100)).astype(np.float32)
    valid = np.ones(pixels.shape, bool)
    row, col = (p[40:50, 40:50] for p in positions(pixels.shape, 0.4, 0.6))
    whole, _ = sample_spline(pixels, valid, row, col)
    cut = slice(40 - REACH, 51 + REACH)
    part, good = sample_spline(pixels[cut, cut], valid[cut, cut], row, col, (cut.start, cut.start))
    assert good.all()
    np.testing.assert_allclose(part, whole, atol=1e-6)


def test_nothing_valid_and_positions_nowhere() -> None:
    where = positions((5, 5), 0.5, 0.5)
    assert not sample_spline(np.ones((5, 5), np.float32), np.zeros((5, 5), bool), *where)[1].any()
    nowhere = np.full((2, 2), np.inf)
    assert not sample_spline(np.ones((5, 5), np.float32), np.ones((5, 5), bool), nowhere, nowhere)[1].any()
    unknown = np.full((2, 2), np.nan)
    assert not sample_spline(np.ones((5, 5), np.float32), np.ones((5, 5), bool), unknown, unknown)[1].any()
