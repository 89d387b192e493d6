"""Looks at an image that may be larger than memory: all of it in blocks, or a sample of its values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.types import DoubleArray, Mask, PixelArray

BLOCK = 1024
"""Side of the blocks in which a whole image is read."""

SAMPLES = 64
"""Blocks of a sample at most."""

SAMPLE_BLOCK = 256
"""Side of a block of a sample in pixels."""


def blocks_of(image: Image) -> Iterator[tuple[Block, PixelArray, Mask]]:
    """Yield the whole image block by block: where it lies, its pixels, and where they are valid."""
    for block in plan_blocks(image.grid.shape, BLOCK):
        yield (block, *image.read(block))


def sample_blocks(image: Image) -> Iterator[tuple[Block, PixelArray, Mask]]:
    """Yield blocks that are spread evenly over the image: all of a small one, about 4 Mpx of a large one."""
    rows, cols = (_starts(size) for size in image.grid.shape)
    for row in rows:
        for col in cols:
            block = Block(row, col, SAMPLE_BLOCK, SAMPLE_BLOCK).clip(image.grid.shape)
            assert block is not None
            yield (block, *image.read(block))


def sample_values(image: Image) -> NDArray[np.inexact]:
    """Return the valid values of `sample_blocks`, float32 or complex64, of shape ``(n,)``; none when none is valid."""
    found = [pixels[valid] for _, pixels, valid in sample_blocks(image)]
    return np.concatenate(found) if found else np.empty(0, np.float32)


def extremes(image: Image) -> tuple[float, float]:
    """Return the least and the largest valid value of all of a real image; 0 and 0 when none is valid."""
    low, high = np.inf, -np.inf
    for _, pixels, valid in blocks_of(image):
        if valid.any():
            values = pixels[valid]
            low, high = min(low, float(values.min())), max(high, float(values.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def percentiles(image: Image, shares: Sequence[float]) -> DoubleArray:
    """Return the values below which given shares (percent) of a sample of a real image lie; 0 when none is valid."""
    values = sample_values(image)
    found: DoubleArray = np.percentile(values.astype(np.float64) if values.size else np.zeros(1), shares)
    return found


def _starts(size: int) -> list[int]:
    """First pixels of the blocks along one axis: side by side where they fit, else evenly apart."""
    most = int(SAMPLES**0.5)
    count = -(-size // SAMPLE_BLOCK)
    if count <= most:
        return list(range(0, size, SAMPLE_BLOCK))
    return [int(start) for start in np.linspace(0, size - SAMPLE_BLOCK, most)]
