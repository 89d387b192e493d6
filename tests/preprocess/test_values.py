"""Filters of single pixels: logarithms, scalings, equalisation, clipping."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.errors import ParameterError
from sensetrack.preprocess.clip import Clip
from sensetrack.preprocess.decibel import Decibel
from sensetrack.preprocess.equalize import Equalize
from sensetrack.preprocess.log import Log
from sensetrack.preprocess.minmax import Minmax
from sensetrack.preprocess.zscore import Zscore

Texture = Callable[..., np.ndarray]


def test_log_of_positive_pixels_and_none_of_others() -> None:
    pixels = np.array([[1.0, np.e, 0.0], [-1.0, 100.0, 0.5]])
    result, valid = Log().apply(pixels)
    np.testing.assert_array_equal(valid, pixels > 0)
    np.testing.assert_allclose(result[valid], np.log(pixels[pixels > 0]), atol=1e-6)
    assert not result[~valid].any()


def test_log_with_offset_and_floor() -> None:
    pixels = np.array([[0.0, 9.0, -3.0]])
    np.testing.assert_allclose(Log(offset=1).apply(pixels)[0], [[0, np.log(10), 0]], atol=1e-6)
    result, valid = Log(offset=1, floor=0.1).apply(pixels)
    assert valid.all()
    np.testing.assert_allclose(result, [[0, np.log(10), np.log(0.1)]], atol=1e-6)
    with pytest.raises(ParameterError, match="floor = 0: input should be greater than 0"):
        Log(floor=0)


def test_log_and_decibel_of_complex_pixels_are_those_of_the_amplitude() -> None:
    pixels = np.array([[3 + 4j, 1j, 0]])
    result, valid = Log().apply(pixels)
    assert valid.tolist() == [[True, True, False]]
    np.testing.assert_allclose(result, [[np.log(5), 0, 0]], atol=1e-6)
    for quantity in ("intensity", "amplitude"):
        result, _ = Decibel(quantity=quantity).apply(pixels)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, [[20 * np.log10(5), 0, 0]], atol=1e-5)


def test_decibel_of_intensity_and_amplitude() -> None:
    pixels = np.array([[1.0, 100.0, 0.001, 0.0, -2.0]])
    result, valid = Decibel().apply(pixels)
    assert valid.tolist() == [[True, True, True, False, False]]
    np.testing.assert_allclose(result, [[0, 20, -30, 0, 0]], atol=1e-5)
    np.testing.assert_allclose(Decibel(quantity="amplitude").apply(pixels)[0], [[0, 40, -60, 0, 0]], atol=1e-5)
    result, valid = Decibel(floor=-25).apply(pixels)
    assert valid.all()
    np.testing.assert_allclose(result, [[0, 20, -25, -25, -25]], atol=1e-4)
    with pytest.raises(ParameterError, match="quantity = 'power'"):
        Decibel(quantity="power")


def test_zscore(texture: Texture) -> None:
    image = 40 * texture((120, 130)) + 5000
    result, _ = Zscore().apply(image)
    assert result.mean() == pytest.approx(0, abs=1e-3)
    assert result.std() == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(result, (image - image.mean()) / image.std(), atol=1e-3)


def test_robust_zscore_ignores_outliers() -> None:
    rng = np.random.default_rng(0)
    image = rng.normal(50, 4, (200, 200))
    image[:10] = 1e6
    result, _ = Zscore(centre="median").apply(image)
    assert np.median(result) == pytest.approx(0, abs=0.1)
    assert result[10:].std() == pytest.approx(1, rel=0.1)


def test_minmax_and_its_outliers() -> None:
    pixels = np.array([[5.0, 7.0], [9.0, -1e9]])
    valid = pixels > 0
    result, _ = Minmax().apply(pixels, valid)
    np.testing.assert_allclose(result, [[0, 0.5], [1, 0]])


def test_clip_at_percentiles() -> None:
    image = np.arange(1001.0)[None].repeat(4, 0)
    result, _ = Clip(low=10, high=75).apply(image)
    np.testing.assert_allclose(result, image.clip(100, 750))
    scaled, _ = Clip(low=10, high=75, rescale=True).apply(image)
    np.testing.assert_allclose(scaled, (image.clip(100, 750) - 100) / 650, atol=1e-6)
    with pytest.raises(ParameterError, match="low = 80 must be below high = 20"):
        Clip(low=80, high=20)


def test_equalized_values_are_ranks(texture: Texture) -> None:
    image = np.exp(texture((200, 210), std=1.0, mean=0.0))
    result, _ = Equalize().apply(image)
    order = np.argsort(image.ravel())
    ranks = (np.arange(order.size) + 0.5) / order.size
    np.testing.assert_allclose(result.ravel()[order], ranks, atol=2e-3)
    bent, _ = Equalize().apply(7 + 3 * image**2)
    np.testing.assert_allclose(bent, result, atol=2e-3)


def test_equal_values_stay_equal_and_get_their_middle_rank() -> None:
    image = np.repeat([3.0, 8.0, 9.0, 20.0], [100, 600, 100, 200]).reshape(10, 100)
    result, _ = Equalize().apply(image)
    for value, rank in ((3, 0.05), (8, 0.4), (9, 0.75), (20, 0.9)):
        found = np.unique(result[image == value])
        assert found.size == 1
        assert found[0] == pytest.approx(rank, abs=2e-3)
