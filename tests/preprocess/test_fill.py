"""Which gaps are filled, and with what."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.preprocess.fill import Fill
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import plan_blocks

SHAPE = (70, 80)


def plane(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    row, col = np.mgrid[: shape[0], : shape[1]]
    return (100 + 0.7 * col - 0.4 * row).astype(np.float32)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 12])
@pytest.mark.parametrize("axis", [0, 1])
def test_lines_are_filled_up_to_the_width_and_no_further(width: int, axis: int) -> None:
    for gap, is_filled in ((width, True), (width + 1, False)):
        valid = np.ones(SHAPE, np.bool_)
        valid[(slice(30, 30 + gap), slice(None))[:: 1 if axis == 0 else -1]] = False
        result, good = Fill(width=width).apply(plane(), valid)
        inner = np.s_[20:50, 20:60]
        assert good[inner].all() == is_filled
        assert (good[inner] & ~valid[inner]).any() == is_filled
        np.testing.assert_allclose(result[good], plane()[good], rtol=1e-5)


def test_slanting_lines_count_by_their_width() -> None:
    row, col = np.mgrid[: SHAPE[0], : SHAPE[1]]
    across = (row - 35) * np.cos(0.3) + (col - 40) * np.sin(0.3)
    for width, is_filled in ((5, True), (3, False)):
        valid = np.abs(across) > 2
        good = Fill(width=width).apply(plane(), valid)[1]
        assert good[25:45, 25:55].all() == is_filled


def test_wide_holes_stay_entirely_as_they_are() -> None:
    row, col = np.mgrid[: SHAPE[0], : SHAPE[1]]
    for hole in (
        (np.abs(row - 30) < 9) & (np.abs(col - 40) < 12),
        (row - 30) ** 2 + (col - 40) ** 2 < 90,
        np.abs(row - 30) + np.abs(col - 40) < 14,
    ):
        valid = ~hole
        valid[60, :] = False
        image = plane()
        result, good = Fill(width=5).apply(image, valid)
        assert not good[hole].any()
        assert not result[hole].any()
        assert good[60, 10:-10].all()


def test_a_line_is_filled_up_to_near_a_wide_hole() -> None:
    valid = np.ones(SHAPE, np.bool_)
    valid[20:50, 10:40] = False
    valid[35, 40:] = False
    good = Fill(width=4).apply(plane(), valid)[1]
    assert good[35, 46:70].all()
    assert not good[20:50, 10:40].any()


def test_valid_pixels_do_not_change_and_values_stay_in_range(texture: Callable[..., np.ndarray]) -> None:
    image = texture(SHAPE, shortest=3.0)
    valid = np.random.default_rng(0).random(SHAPE) > 0.3
    result, good = Fill(width=6).apply(image, valid)
    np.testing.assert_array_equal(result[valid], image[valid])
    assert good[10:-10, 10:-10].all()
    assert result[good].min() >= image[valid].min()
    assert result[good].max() <= image[valid].max()


def test_texture_is_interpolated(texture: Callable[..., np.ndarray]) -> None:
    image = texture(SHAPE, shortest=12.0)
    valid = np.ones(SHAPE, np.bool_)
    valid[::9] = False
    result, good = Fill(width=2).apply(image, valid)
    filled = good & ~valid
    assert filled.sum() > 300
    assert np.sqrt(np.mean((result - image)[filled] ** 2)) < 0.12 * image.std()


def test_blocks_and_the_edge_of_the_image(texture: Callable[..., np.ndarray]) -> None:
    valid = np.random.default_rng(3).random(SHAPE) > 0.5
    valid[:, 33:36] = False
    valid[-2:] = False
    each = Fill(width=4)
    image = each.bind(Image.from_array(texture(SHAPE), valid=valid), {})
    pixels, good = image.read()
    assert not good[-2:].any(), "beyond the last row nothing is known"
    for block in plan_blocks(SHAPE, 17):
        part, part_good = image.read(block)
        np.testing.assert_array_equal(part_good, good[block.slices])
        np.testing.assert_array_equal(part, pixels[block.slices])
