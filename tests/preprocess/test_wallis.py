"""Wallis' filter: what it brings to its targets, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.errors import ParameterError
from sensetrack.preprocess._local import box_moments
from sensetrack.preprocess.wallis import Wallis
from sensetrack.raster.image import Image

Texture = Callable[..., np.ndarray]


def test_the_local_mean_and_deviation_are_the_targets(texture: Texture) -> None:
    image = texture((300, 300), longest=12.0) * np.linspace(1, 4, 300) + np.linspace(0, 500, 300)[:, None]
    each = Wallis(window=41, mean=100, deviation=30)
    result, valid = each.apply(image)
    mean, deviation = (layer[25:-25, 25:-25] for layer in box_moments(result, valid, 41))
    assert np.abs(mean - 100).max() < 10
    assert np.median(deviation) == pytest.approx(30, rel=0.1)
    assert np.abs(deviation / 30 - 1).max() < 0.4


def test_light_that_varies_slowly_drops_out(texture: Texture) -> None:
    image = texture((256, 256), longest=12.0)
    light = np.linspace(0.4, 1.6, 256)[:, None] * np.linspace(1.5, 0.5, 256)
    plain, _ = Wallis().apply(image - image.mean())
    changed, _ = Wallis().apply((image - image.mean()) * light + 300 * light)
    inner = slice(30, -30), slice(30, -30)
    assert np.corrcoef(plain[inner].ravel(), changed[inner].ravel())[0, 1] > 0.98


def test_units_do_not_matter(texture: Texture) -> None:
    image = texture((120, 130))
    for each in (Wallis(), Wallis(contrast=0.6, brightness=0.3)):
        np.testing.assert_allclose(each.apply(image * 1e-4 + 0.02)[0], each.apply(image)[0], atol=0.05)


def test_without_contrast_and_brightness_it_is_one_gain_and_one_offset(texture: Texture) -> None:
    image = texture((150, 150))
    result, _ = Wallis(contrast=0, brightness=0, mean=10, deviation=5).apply(image)
    gain, offset = np.polyfit(image.ravel(), result.ravel(), 1)
    np.testing.assert_allclose(result, gain * image + offset, atol=1e-3)
    assert result.mean() == pytest.approx(10, abs=0.01)


def test_noise_on_flat_ground_grows_no_further_than_the_floor(texture: Texture) -> None:
    image = texture((200, 300))
    image[:, 180:] = 100 + np.random.default_rng(0).normal(0, 0.05, (200, 120))
    each = Wallis(window=21, floor=0.25, deviation=50)
    typical = float(each.fit(Image.from_array(image))["typical"])
    assert 5 < typical < 20
    flat = each.apply(image)[0][:, 195:-15]
    assert flat.std() == pytest.approx(50 * 0.05 / (0.25 * typical), rel=0.05)


def test_even_windows_are_refused() -> None:
    with pytest.raises(ParameterError, match="window = 10: a window has a middle pixel: use 9 or 11"):
        Wallis(window=10)
