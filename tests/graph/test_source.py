"""Lazy pixels of operators: decimated reads, and tiles that are kept."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from sensetrack.graph.source import Cached, Derived, cached, derived
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PixelArray

SHAPE = (1100, 1300)


@dataclass(frozen=True, eq=False)
class Counting(Derived):
    """Pixels that tell where they lie; remembers which blocks were asked for."""

    asked: list[Block] = field(default_factory=list)

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        self.asked.append(block)
        row, col = np.mgrid[block.row : block.row + block.height, block.col : block.col + block.width]
        pixels = (row * SHAPE[1] + col).astype(np.float32)
        return pixels, (row + col) % 7 != 0


def test_a_decimated_read_picks_pixels() -> None:
    pixels, valid = Counting().read(Block(10, 20, 40, 60), (4, 6))
    assert pixels.tolist() == [[(10 + 10 * i) * SHAPE[1] + 20 + 10 * j for j in range(6)] for i in range(4)]
    assert valid.shape == (4, 6)


def test_cached_tiles_are_the_same_pixels_and_computed_once() -> None:
    source = Counting()
    kept = Cached(source, SHAPE)
    block = Block(400, 300, 700, 900)
    expected = Counting().compute(block)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: kept.compute(block), range(8)))
    for pixels, valid in results:
        assert np.array_equal(pixels, expected[0])
        assert np.array_equal(valid, expected[1])
    assert len(source.asked) == len(set(source.asked)) == 9  # 3 x 3 tiles of 512


def test_a_copy_starts_empty_and_reads_the_same() -> None:
    kept = Cached(Counting(), SHAPE)
    block = Block(0, 0, 30, 30)
    first = kept.compute(block)[0]
    again = pickle.loads(pickle.dumps(kept))
    assert np.array_equal(again.compute(block)[0], first)


def test_an_image_is_cached_once() -> None:
    plain = Image.from_array(np.zeros(SHAPE, np.float32))
    image = derived(plain, Counting(), metadata={"unit": "1"})
    kept = cached(image)
    assert cached(kept) is kept
    assert np.array_equal(kept.read(Block(5, 5, 10, 10))[0], image.read(Block(5, 5, 10, 10))[0])
    assert kept.metadata["unit"] == "1"
