"""What filters learn of a whole image."""

from __future__ import annotations

import numpy as np
import pytest

from sensetrack.preprocess import _survey
from sensetrack.raster.image import Image


def test_a_small_image_is_seen_whole() -> None:
    pixels = np.arange(600 * 700, dtype=np.float32).reshape(600, 700)
    valid = pixels % 7 > 0
    values = _survey.sample_values(Image.from_array(pixels, valid=valid))
    np.testing.assert_array_equal(np.sort(values), pixels[valid])


def test_a_sample_of_a_large_image_is_spread_over_all_of_it() -> None:
    rows = np.broadcast_to(np.arange(5000, dtype=np.float32)[:, None], (5000, 300))
    values = _survey.sample_values(Image.from_array(rows))
    assert values.size == 8 * 256 * 300
    assert (values.min(), values.max()) == (0, 4999)
    assert np.median(values) == pytest.approx(2499.5, abs=150)


def test_extremes_are_found_wherever_they_lie() -> None:
    pixels = np.zeros((1500, 2500), np.float32)
    pixels[1499, 2499], pixels[1300, 4], pixels[7, 1100] = 5, -3, 1e9
    valid = pixels < 1e8
    assert _survey.extremes(Image.from_array(pixels, valid=valid)) == (-3, 5)
    assert _survey.extremes(Image.from_array(np.full((4, 5), np.nan))) == (0, 0)


def test_percentiles_are_those_of_valid_pixels() -> None:
    pixels = np.arange(101, dtype=np.float32)[None].repeat(3, 0)
    valid = np.ones(pixels.shape, np.bool_)
    np.testing.assert_allclose(_survey.percentiles(Image.from_array(pixels, valid=valid), [0, 25, 100]), [0, 25, 100])
    valid[:, 51:] = False
    np.testing.assert_allclose(_survey.percentiles(Image.from_array(pixels, valid=valid), [50]), [25])
    assert _survey.percentiles(Image.from_array(np.full((2, 2), np.nan)), [5, 95]).tolist() == [0, 0]
