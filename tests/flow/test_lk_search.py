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
    found_x, found_y = search(first, second, 5, 5)
    inner = np.s_[12:-12, 12:-12]
    np.testing.assert_array_equal(found_x[inner], dx)
    np.testing.assert_array_equal(found_y[inner], dy)


def test_holes_do_not_lead_astray(texture: Texture) -> None:
    first, second = pair_of(texture, 3, 1)
    for image in (first, second):
        image[18:30, 20:32] = 0
    found_x, found_y = search(first, second, 5, 7)
    inner = np.s_[14:-14, 14:-14]
    np.testing.assert_array_equal(found_x[inner], 3)
    np.testing.assert_array_equal(found_y[inner], 1)


def test_ground_without_texture_stays_where_it_is() -> None:
    flat = np.zeros((32, 40), np.float32)
    for found in search(flat, flat, 3, 5):
        np.testing.assert_array_equal(found, 0)
