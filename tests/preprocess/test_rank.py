"""Ranks among neighbours: what they are, what changed light does to them, and what they make of the motion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.preprocess._ranks import soft_ranks
from sensetrack.preprocess.rank import Rank
from sensetrack.trackers.adaptive_lk import AdaptiveLk

Texture = Callable[..., np.ndarray]


def test_hard_ranks_are_shares_of_darker_and_brighter_neighbours() -> None:
    rng = np.random.default_rng(2)
    image, valid = rng.random((20, 24), np.float32), rng.random((20, 24)) > 0.1
    found = soft_ranks(image, valid, np.full(image.shape, 1e-6, np.float32), 2)
    for r, c in ((0, 0), (10, 12), (19, 23), (7, 1)):
        window = np.s_[max(r - 2, 0) : r + 3, max(c - 2, 0) : c + 3]
        others = valid[window].copy()
        others[r - max(r - 2, 0), c - max(c - 2, 0)] = False
        expected = np.sign(image[r, c] - image[window])[others].mean() if valid[r, c] else 0
        assert found[r, c] == pytest.approx(expected, abs=1e-3)


def test_light_that_keeps_the_order_of_neighbours_changes_little(texture: Texture) -> None:
    image = texture((200, 220))
    light = np.linspace(0.3, 3, 220) * np.linspace(0.5, 2, 200)[:, None]
    plain, changed = (Rank().apply(each)[0] for each in (image, light * image**1.5))
    assert np.corrcoef(plain.ravel(), changed.ravel())[0, 1] > 0.97


def test_units_do_not_matter(texture: Texture) -> None:
    image = texture((120, 130))
    np.testing.assert_allclose(Rank().apply(image * 1e-4 + 0.02)[0], Rank().apply(image)[0], atol=1e-3)


def test_constant_ground_has_no_rank() -> None:
    assert not Rank().apply(np.full((40, 50), 7.0, np.float32))[0].any()


def test_the_last_bits_of_flat_ground_are_no_texture(texture: Texture) -> None:
    image = texture((200, 300))
    image[:, 180:] = 100 + np.random.default_rng(0).normal(0, 1e-3, (200, 120))
    assert np.abs(Rank().apply(image)[0][:, 200:]).max() < 0.05


def test_motion_is_found_under_shading_that_does_not_move(texture: Texture) -> None:
    """A pattern of light that stays where it is, as strong as the ground, holds brightness back more than ranks."""
    shape = (224, 240)
    light = 1 + 0.5 * (texture(shape, seed=9, shortest=30, longest=80) - 100) / 20
    pair = [light * texture(shape, dx=dx, dy=dy, shortest=5, longest=15) for dx, dy in ((0, 0), (1.4, -0.7))]
    errors = []
    for images in (pair, [Rank().apply(image)[0] for image in pair]):
        field = AdaptiveLk(preset="fast", search=8).track(*images)
        errors.append(np.nanmean(np.hypot(field.dx - 1.4, field.dy + 0.7)[40:-40, 40:-40]))
    assert errors[1] < 0.5 * errors[0]
