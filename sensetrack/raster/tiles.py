"""Blocks of pixels and plans that cover a raster with them.

A block plus its margin is read, worked on, and trimmed back: the three steps are one value here, so that no
caller adds or subtracts margins by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

TILE = 512
"""Side of a tile in the files that we write, in pixels."""


@dataclass(frozen=True, order=True)
class Block:
    """A rectangle of pixels; it may reach beyond the raster it refers to.

    Parameters
    ----------
    row, col : int
        Upper left pixel.
    height, width : int
        Size in pixels.
    """

    row: int
    col: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.height, self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the block in an array of the whole raster; only for blocks that lie inside it."""
        return slice(self.row, self.row + self.height), slice(self.col, self.col + self.width)

    def expand(self, margin: int) -> Block:
        """Return the block with ``margin`` more pixels on every side."""
        return Block(self.row - margin, self.col - margin, self.height + 2 * margin, self.width + 2 * margin)

    def scale(self, step: int) -> Block:
        """Return the block in a raster whose pixels are ``step`` times finer."""
        return Block(self.row * step, self.col * step, self.height * step, self.width * step)

    def clip(self, shape: tuple[int, int]) -> Block | None:
        """Return the part inside a raster of ``shape``, or None when there is none."""
        row, col = max(self.row, 0), max(self.col, 0)
        bottom = min(self.row + self.height, shape[0])
        right = min(self.col + self.width, shape[1])
        if bottom <= row or right <= col:
            return None
        return Block(row, col, bottom - row, right - col)

    def intersection(self, other: Block) -> Block:
        """Return the part that two blocks share, which may be empty."""
        row, col = max(self.row, other.row), max(self.col, other.col)
        bottom = min(self.row + self.height, other.row + other.height)
        right = min(self.col + self.width, other.col + other.width)
        return Block(row, col, max(0, bottom - row), max(0, right - col))

    def within(self, outer: Block) -> tuple[slice, slice]:
        """Return the index of this block in an array that holds ``outer``."""
        return Block(self.row - outer.row, self.col - outer.col, self.height, self.width).slices


def whole(shape: tuple[int, int]) -> Block:
    """Return the block that covers a raster of ``shape``."""
    return Block(0, 0, *shape)


def tiles_under(block: Block, shape: tuple[int, int]) -> Iterator[Block]:
    """Yield the tiles of a file of ``shape`` that a block touches, row by row; those at its edges are smaller."""
    for row in range(block.row // TILE * TILE, block.row + block.height, TILE):
        for col in range(block.col // TILE * TILE, block.col + block.width, TILE):
            yield Block(row, col, min(TILE, shape[0] - row), min(TILE, shape[1] - col))


def plan_blocks(shape: tuple[int, int], size: int, multiple: int = 1) -> Iterator[Block]:
    """Yield blocks of at most ``size`` x ``size`` pixels that cover a raster once, in the order of its tiles.

    Blocks either consist of whole tiles or divide one: a file that is written in this order needs one open tile.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the raster.
    size : int
        Side of a block in pixels, at least 1; blocks at the lower and right edge are smaller.
    multiple : int
        Power of two up to `TILE`: every block starts at a multiple of it, and its side is rounded to a power of two.
    """
    if multiple > 1:
        size = max(multiple, 1 << (size.bit_length() - 1)) if size < TILE else size
    outer = max(TILE, size - size % TILE)
    parts = -(-outer // size)
    inner = -(-outer // parts)
    for row in range(0, shape[0], outer):
        for col in range(0, shape[1], outer):
            bottom, right = min(row + outer, shape[0]), min(col + outer, shape[1])
            for i in range(row, bottom, inner):
                for j in range(col, right, inner):
                    yield Block(i, j, min(inner, bottom - i), min(inner, right - j))
