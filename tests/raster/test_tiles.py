"""Blocks and plans: every pixel once, and margins that come off as they went on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.raster.tiles import TILE, Block, plan_blocks, tiles_under, whole

shapes = st.tuples(st.integers(1, 1400), st.integers(1, 1400))
blocks = st.builds(Block, st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 60), st.integers(1, 60))


@given(shapes, st.integers(40, 1600))
def test_a_plan_covers_every_pixel_exactly_once(shape: tuple[int, int], size: int) -> None:
    covered = np.zeros(shape, np.uint8)
    for block in plan_blocks(shape, size):
        assert max(block.shape) <= size
        assert block.clip(shape) == block
        covered[block.slices] += 1
    assert covered.min() == covered.max() == 1


@given(shapes, st.integers(40, 1600))
def test_a_plan_keeps_few_tiles_open(shape: tuple[int, int], size: int) -> None:
    left = {tile: tile.height * tile.width for tile in tiles_under(whole(shape), shape)}
    begun: set[Block] = set()
    for block in plan_blocks(shape, size):
        for tile in tiles_under(block, shape):
            part = block.intersection(tile)
            left[tile] -= part.height * part.width
            (begun.add if left[tile] else begun.discard)(tile)
        assert len(begun) <= 1
    assert not any(left.values())


@pytest.mark.parametrize(("size", "expected"), [(1, 1), (7, 7), (100, 86), (341, 256), (512, 512), (600, 512)])
def test_small_blocks_divide_a_tile_evenly(size: int, expected: int) -> None:
    assert next(plan_blocks((2000, 2000), size)).shape == (expected, expected)


def test_large_blocks_consist_of_whole_tiles() -> None:
    assert next(plan_blocks((5000, 5000), 1100)).shape == (2 * TILE, 2 * TILE)


@given(blocks, st.integers(0, 20))
def test_a_margin_comes_off_as_it_went_on(block: Block, margin: int) -> None:
    outer = block.expand(margin)
    assert outer.shape == (block.height + 2 * margin, block.width + 2 * margin)
    array = np.arange(outer.height * outer.width).reshape(outer.shape)
    rows, cols = np.mgrid[outer.row : outer.row + outer.height, outer.col : outer.col + outer.width]
    inside = block.within(outer)
    assert array[inside].shape == block.shape
    assert (rows[inside][0, 0], cols[inside][0, 0]) == (block.row, block.col)


@given(blocks, st.tuples(st.integers(1, 70), st.integers(1, 70)))
def test_clip_keeps_the_pixels_inside_and_no_others(block: Block, shape: tuple[int, int]) -> None:
    inside = {
        (row, col)
        for row in range(block.row, block.row + block.height)
        for col in range(block.col, block.col + block.width)
        if 0 <= row < shape[0] and 0 <= col < shape[1]
    }
    part = block.clip(shape)
    assert (part is None) == (not inside)
    if part is not None:
        assert part.height * part.width == len(inside)
        assert (part.row, part.col) == min(inside)
        assert part == block.intersection(whole(shape))


@given(blocks, blocks)
def test_an_intersection_is_what_both_share(one: Block, other: Block) -> None:
    image = np.zeros((200, 200), np.uint8)
    for block in (one, other):
        image[Block(block.row + 60, block.col + 60, *block.shape).slices] += 1
    shared = one.intersection(other)
    assert shared.height * shared.width == np.count_nonzero(image == 2)
    assert shared == other.intersection(one) or shared.height * shared.width == 0


@given(blocks, st.integers(1, 32))
def test_scale_keeps_what_a_block_covers(block: Block, step: int) -> None:
    fine = block.scale(step)
    assert (fine.row, fine.col) == (block.row * step, block.col * step)
    assert fine.shape == (block.height * step, block.width * step)
