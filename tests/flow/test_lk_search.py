"""The search at the coarsest level: whole lags, up to its reach, with holes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.flow.lk_search import search

Texture = Callable[..., np.ndarray]


def pair_of(texture: Texture, dx: int, dy: int) -> list[np.ndarray]:
    return [texture((48, 56), dx=x, dy=y, mean=0, longest=12) for x, y in ((0, 0), (dx, dy))]


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (3, -2), (-4, 4), (5, 5)])
def test_whole_lags_are_found(texture: Texture, dx: int, dy: int) -> None:
    first, second = pair_of(texture, dx, dy)
    (found_x, found_y), (back_x, back_y) = search(first, second, 5)
    inner = np.s_[12:-12, 12:-12]
    np.testing.assert_array_equal(found_x[inner], dx)
    np.testing.assert_array_equal(found_y[inner], dy)
    np.testing.assert_array_equal(back_x[inner], -dx)
    np.testing.assert_array_equal(back_y[inner], -dy)


def test_holes_do_not_lead_astray(texture: Texture) -> None:
    first, second = pair_of(texture, 3, 1)
    for image in (first, second):
        image[18:26, 20:28] = 0
    (found_x, found_y), _ = search(first, second, 5)
    inner = np.s_[14:-14, 14:-14]
    np.testing.assert_array_equal(found_x[inner], 3)
    np.testing.assert_array_equal(found_y[inner], 1)


def test_ground_without_texture_stays_where_it_is() -> None:
    flat = np.zeros((32, 40), np.float32)
    for found in [each for way in search(flat, flat, 3) for each in way]:
        np.testing.assert_array_equal(found, 0)


def test_the_way_back_is_that_of_the_images_in_turn(texture: Texture) -> None:
    """Over several strips, and with its own best where the two ways differ."""
    rng = np.random.default_rng(1)
    first, second = (texture((300, 40), dx=x, mean=0, longest=12) for x in (0, 2))
    second[140:200] = rng.permutation(second[140:200].ravel()).reshape(60, 40)
    for mine, other in zip(search(first, second, 4)[1], search(second, first, 4)[0], strict=True):
        np.testing.assert_array_equal(mine, other)
