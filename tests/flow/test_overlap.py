"""Squares: every wanted pixel is found once, alike in every part of an image, with context and without steps."""

from __future__ import annotations

import numpy as np

from sensetrack.flow.overlap import FADE, SIDE, in_squares
from sensetrack.types import FloatArray


def images_of(rows: int, cols: int) -> tuple[FloatArray, ...]:
    """An image whose pixels say where they are, and weights of 1."""
    at = (1000.0 * np.arange(rows)[:, None] + np.arange(cols)).astype(np.float32)
    ones = np.ones((rows, cols), np.float32)
    return at, at, ones, ones


def test_every_pixel_comes_back_to_its_place() -> None:
    images = images_of(2 * SIDE, 3 * SIDE)
    dx, dy = in_squares(lambda first, *_: (first, -first), images, 48, 0)
    np.testing.assert_allclose(dx, images[0], rtol=1e-6)
    np.testing.assert_allclose(dy, -images[0], rtol=1e-6)


def test_squares_bring_their_context() -> None:
    shapes = []

    def find(first: FloatArray, *rest: FloatArray) -> tuple[FloatArray, FloatArray]:
        assert all(image.shape == first.shape for image in rest)
        shapes.append(first.shape)
        return first, first

    in_squares(find, images_of(2 * SIDE, 2 * SIDE), 48, 0)
    corner, full = SIDE // 2 + 48, SIDE + 96
    assert shapes == [(r, c) for r in (corner, full, corner) for c in (corner, full, corner)]


def test_only_squares_with_wanted_pixels_are_found() -> None:
    places = []

    def find(first: FloatArray, *_: FloatArray) -> tuple[FloatArray, FloatArray]:
        places.append(first[0, 0])
        return first, first

    images = images_of(4 * SIDE, 4 * SIDE)
    images[2][:, : 2 * SIDE] = 0
    in_squares(find, images, FADE, SIDE - 40)
    # Rows 256, 512 and 768; of the columns 512 is cut by what is invalid, and 1024 is beyond what is wanted.
    first = SIDE // 2 - FADE
    assert places == [1000.0 * (first + SIDE * k) + first + SIDE * j for k in (0, 1, 2) for j in (1, 2)]


def test_neighbours_pass_into_each_other() -> None:
    """Squares that disagree by 1 leave steps of no more than one part in the width of the passage."""
    values = iter(range(9))

    def find(first: FloatArray, *_: FloatArray) -> tuple[FloatArray, FloatArray]:
        value = float(next(values) % 3)
        return np.full_like(first, value), np.full_like(first, -value)

    dx, dy = in_squares(find, images_of(2 * SIDE, 2 * SIDE), 48, 0)
    assert np.abs(np.diff(dx, axis=1)).max() < 1.01 / (2 * FADE)
    np.testing.assert_allclose(np.diff(dx, axis=0), 0, atol=1e-6)
    np.testing.assert_array_equal(dy, -dx)
    assert (dx[0, 0], dx[0, SIDE], dx[0, -1]) == (0, 1, 2)


def test_a_part_of_an_image_has_the_same_flow() -> None:
    """What a square gives depends on all of it, so only squares that lie alike agree."""

    def find(first: FloatArray, *_: FloatArray) -> tuple[FloatArray, FloatArray]:
        total = np.cumsum(np.cumsum(first, axis=0), axis=1)
        return total, np.flip(total)

    images = tuple(np.random.default_rng(0).random((3 * SIDE, 4 * SIDE), np.float32) for _ in range(4))
    whole = in_squares(find, images, 64, 0)
    part = in_squares(find, tuple(image[:, SIDE:] for image in images), 64, 0)
    inner = slice(SIDE // 2 + FADE, None)
    for first, second in zip(whole, part, strict=True):
        np.testing.assert_array_equal(first[:, SIDE:][:, inner], second[:, inner])


def test_what_is_not_a_number_stays_in_its_square() -> None:
    values = iter([np.nan, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])

    def find(first: FloatArray, *_: FloatArray) -> tuple[FloatArray, FloatArray]:
        value = np.full_like(first, next(values))
        return value, value

    dx, _ = in_squares(find, images_of(2 * SIDE, 2 * SIDE), 48, 0)
    edge = SIDE // 2 + FADE
    assert np.isnan(dx[:edge, :edge]).all()
    np.testing.assert_allclose(dx[edge:], 1, rtol=1e-6)
    np.testing.assert_allclose(dx[:edge, edge:], 1, rtol=1e-6)
