"""Local means and deviations against sums done pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from sensetrack.preprocess import _local


@pytest.fixture
def masked() -> tuple[np.ndarray, np.ndarray]:
    """Pixels, 0 where invalid, and the mask."""
    rng = np.random.default_rng(1)
    valid = rng.random((31, 40)) < 0.7
    valid[10:20, 12:25] = False
    return np.where(valid, rng.normal(50, 9, valid.shape), 0).astype(np.float32), valid


def windows(values: np.ndarray, size: int) -> np.ndarray:
    """Every window around a pixel, NaN beyond the array, ``(row, col, size, size)``."""
    padded = np.pad(values.astype(np.float64), size // 2, constant_values=np.nan)
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size))


def test_masked_box_is_the_mean_of_valid_pixels(masked: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, valid = masked
    parts = windows(np.where(valid, pixels, np.nan), 5)
    known = np.isfinite(parts).any(axis=(2, 3))
    expected = np.nanmean(parts[known], axis=(1, 2))
    result = _local.masked_box(pixels, valid, 5)
    np.testing.assert_allclose(result[known], expected, rtol=1e-5)
    assert not result[~known].any()


def test_masked_gaussian_is_the_weighted_mean_of_valid_pixels(masked: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, valid = masked
    half = _local.gaussian_weights(1.3)
    assert half.size == _local.gaussian_reach(1.3) + 1
    line = np.concatenate([half[:0:-1], half])
    parts = windows(np.where(valid, pixels, np.nan), line.size)
    weights = np.where(np.isfinite(parts), line[:, None] * line, 0)
    known = weights.sum(axis=(2, 3)) > 0
    expected = (np.nan_to_num(parts) * weights).sum(axis=(2, 3))[known] / weights.sum(axis=(2, 3))[known]
    np.testing.assert_allclose(_local.masked_gaussian(pixels, valid, 1.3)[known], expected, rtol=1e-5)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 7.3])
def test_gaussian_weights_sum_to_one(sigma: float) -> None:
    half = _local.gaussian_weights(sigma)
    assert 2 * half.sum() - half[0] == pytest.approx(1)


def test_an_image_without_holes_gives_the_same_by_the_short_way() -> None:
    """The weight of a mask without holes is a product of two profiles."""
    pixels = np.random.default_rng(2).normal(size=(23, 9)).astype(np.float32)
    whole = np.ones(pixels.shape, np.bool_)
    for mean, argument in ((_local.masked_gaussian, 2.0), (_local.masked_box, 7)):
        grown = mean(np.pad(pixels, 1), np.pad(whole, 1), argument)[1:-1, 1:-1]
        np.testing.assert_allclose(mean(pixels, whole, argument), grown, atol=1e-5)


def test_complex_means_are_those_of_both_parts(masked: tuple[np.ndarray, np.ndarray]) -> None:
    pixels, valid = masked
    both = (pixels + 2j * pixels).astype(np.complex64)
    np.testing.assert_allclose(
        _local.masked_gaussian(both, valid, 2.0), (1 + 2j) * _local.masked_gaussian(pixels, valid, 2.0), rtol=1e-5
    )


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_moments_do_not_mind_an_offset(masked: tuple[np.ndarray, np.ndarray], offset: float) -> None:
    pixels, valid = masked
    pixels = np.where(valid, np.round(pixels) + offset, 0).astype(np.float32)
    parts = windows(np.where(valid, pixels, np.nan), 9)
    mean, deviation = _local.box_moments(pixels, valid, 9)
    for row, col in zip(*np.nonzero(valid), strict=True):
        np.testing.assert_allclose(mean[row, col], np.nanmean(parts[row, col]), rtol=1e-6)
        np.testing.assert_allclose(deviation[row, col], np.nanstd(parts[row, col]), rtol=1e-5, atol=1e-5)


def test_differences_from_the_mean_of_flat_ground_are_zero() -> None:
    pixels = np.full((60, 70), 1234.567, np.float32)
    valid = np.random.default_rng(3).random(pixels.shape) < 0.8
    pixels[~valid] = 0
    for mean in (_local.masked_gaussian(pixels, valid, 20.0), _local.masked_box(pixels, valid, 31)):
        assert not _local.difference(pixels, mean)[valid].any()
    assert _local.difference(np.array([1000.1], np.float32), np.array([1000.0], np.float32)) == pytest.approx(
        0.1, rel=1e-3
    )
