"""Passes: what is moved back lands where it belongs, smoothing keeps to what is known, the rest is added up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.flow.passes import in_passes, move, smooth
from sensetrack.flow.spline import coefficients
from sensetrack.types import FloatArray

Texture = Callable[..., np.ndarray]


def constant(shape: tuple[int, ...], value: float) -> FloatArray:
    return np.full(shape, value, np.float32)


def test_moving_brings_content_back(texture: Texture) -> None:
    shape = (60, 70)
    reference, secondary = (texture(shape, dx=dx, dy=dy, mean=0, shortest=8) for dx, dy in ((0, 0), (2.3, -1.6)))
    flow = constant(shape, 2.3), constant(shape, -1.6)
    image, weight = move(coefficients(secondary), np.ones(shape, np.float32), flow)
    np.testing.assert_allclose(image[8:-8, 8:-8], reference[8:-8, 8:-8], atol=0.02)  # of a deviation of 20
    np.testing.assert_array_equal(weight[2:, :-3], 1)
    np.testing.assert_array_equal(weight[:1], 0)
    np.testing.assert_array_equal(weight[:, -2:], 0)


def test_weights_move_with_the_image() -> None:
    weight = np.ones((20, 24), np.float32)
    weight[:, 10:] = 0
    image, moved = move(coefficients(weight), weight, (constant(weight.shape, 2.5), constant(weight.shape, 0)))
    np.testing.assert_allclose(moved[5, 5:10], [1, 1, 0.5, 0, 0])
    assert image.shape == weight.shape


def test_border_pixels_stay_as_they_are_without_motion(texture: Texture) -> None:
    image = texture((30, 40))
    still = np.zeros_like(image)
    moved, weight = move(coefficients(image), np.ones_like(image), (still, still))
    np.testing.assert_allclose(moved, image, rtol=1e-5)
    np.testing.assert_array_equal(weight, 1)


def test_smoothing_leaves_out_what_is_invalid_unknown_or_too_long() -> None:
    dx, dy = constant((40, 40), 1.5), constant((40, 40), -0.5)
    weight = np.ones_like(dx)
    weight[:, :20] = 0
    dx[:, :20] = 900
    dx[30, 30], dy[10, 30] = np.nan, 33
    smooth_x, smooth_y = smooth((dx, dy), weight, 3.0, longest=32)
    np.testing.assert_allclose(smooth_x[:, 20:], 1.5, rtol=1e-5)
    np.testing.assert_allclose(smooth_y[:, 20:], -0.5, rtol=1e-5)
    np.testing.assert_array_equal(smooth_x[:, :5], 0)


def test_a_ramp_is_its_own_mean() -> None:
    ramp = np.tile(np.linspace(0, 2, 50, dtype=np.float32), (40, 1))
    smooth_x, _ = smooth((ramp, ramp), np.ones_like(ramp), 4.0, longest=32)
    np.testing.assert_allclose(smooth_x[:, 12:-12], ramp[:, 12:-12], atol=1e-5)


@pytest.mark.parametrize("passes", [1, 2, 3])
def test_later_passes_seek_the_rest_and_add_it(texture: Texture, passes: int) -> None:
    """A tracker that finds 80 % of a displacement misses a fifth of what the pass before it missed."""
    shape = (80, 80)
    reference, secondary = texture(shape, mean=0), texture(shape, dx=5.0, mean=0)
    ones = np.ones(shape, np.float32)
    left, calls = 5.0, []

    def find(first: FloatArray, second: FloatArray, is_last: bool) -> tuple[FloatArray, FloatArray]:
        nonlocal left
        inside = slice(20, 60), slice(20, 60)
        expected = texture(shape, dx=left, mean=0)
        assert np.abs(second - expected)[inside].max() < 0.15
        np.testing.assert_array_equal(first[inside], reference[inside])
        calls.append(is_last)
        found, left = 0.8 * left, 0.2 * left
        return constant(shape, found), constant(shape, 0)

    dx, dy = in_passes(find, reference, secondary, ones, ones, passes=passes, smoothing=4.0, longest=32)
    np.testing.assert_allclose(dx, 5 - left, rtol=1e-5)
    np.testing.assert_allclose(dy, 0, atol=1e-6)
    assert calls == [False] * (passes - 1) + [True]


def test_both_images_fade_towards_what_is_invalid_in_either(texture: Texture) -> None:
    """The secondary's hole lies 4 px to the right; once moved back, each image has both holes."""
    shape = (50, 60)
    weights = [np.ones(shape, np.float32) for _ in range(2)]
    weights[0][:, 10:14], weights[1][:, 40:44] = 0, 0
    images = [texture(shape, dx=dx, mean=0) * weight for dx, weight in zip((0.0, 4.0), weights, strict=True)]
    seen = []

    def find(first: FloatArray, second: FloatArray, is_last: bool) -> tuple[FloatArray, FloatArray]:
        seen.append((np.abs(first) < 1e-4, np.abs(second) < 1e-4))
        return constant(shape, 0 if is_last else 4), constant(shape, 0)

    in_passes(find, *images, *weights, passes=2, smoothing=2.0, longest=32)
    for image in seen[1]:
        assert image[:, 10:14].all()
        assert image[:, 36:40].all()
        assert not image[:, 20:30].any()
