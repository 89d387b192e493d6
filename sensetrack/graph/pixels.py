"""Lazy pixels that several operators need: windows, quantities of stored numbers, parts of complex numbers, masks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensetrack.graph.scene import SceneBand
from sensetrack.graph.source import Derived, derived
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PixelArray

READ_PIXELS = 2**22
"""Pixels that are read at a time where an output block needs a larger window."""


@dataclass(frozen=True, eq=False)
class Window(Derived):
    """Every so many pixels of an image from one of its pixels on; what lies outside of the image is invalid.

    Attributes
    ----------
    image : Image
    row, col : int
        Of the first pixel.
    steps : tuple of int
        Rows and columns from one pixel to the next.
    """

    image: Image
    row: int = 0
    col: int = 0
    steps: tuple[int, int] = (1, 1)

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return a window."""
        down, right = self.steps
        if self.steps == (1, 1):
            return self.image.read(Block(self.row + block.row, self.col + block.col, *block.shape))
        parts = []
        for part in strips(block, (block.width * right) * down):
            first = Block(self.row + part.row * down, self.col + part.col * right, 1, 1)
            area = Block(first.row, first.col, (part.height - 1) * down + 1, (part.width - 1) * right + 1)
            pixels, valid = self.image.read(area)
            parts.append((pixels[::down, ::right], valid[::down, ::right]))
        pixels, valid = (np.concatenate(each) for each in zip(*parts, strict=True))
        return pixels, valid


def strips(block: Block, per_row: int) -> Iterator[Block]:
    """Yield the rows of a block in strips, so that the pixels to read for each stay below `READ_PIXELS`.

    Parameters
    ----------
    block : Block
    per_row : int
        Pixels to read for one row of the block.
    """
    height = max(1, READ_PIXELS // max(1, per_row))
    for row in range(block.row, block.row + block.height, height):
        yield Block(row, block.col, min(height, block.row + block.height - row), block.width)


@dataclass(frozen=True, eq=False)
class Scaled(Derived):
    """``number * scale + offset``, computed in double precision.

    Attributes
    ----------
    image : Image
    scale, offset : float
    """

    image: Image
    scale: float
    offset: float

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return the quantity, float32."""
        pixels, valid = self.image.read(block)
        values = np.where(valid, pixels.astype(np.float64) * self.scale + self.offset, 0.0)
        return values.astype(np.float32), valid


@dataclass(frozen=True, eq=False)
class Part(Derived):
    """One number of complex pixels.

    Attributes
    ----------
    image : Image
    part : {"i", "q", "intensity"}
        Real part, imaginary part, or the square of the magnitude.
    """

    image: Image
    part: Literal["i", "q", "intensity"]

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return the numbers, float32."""
        pixels, valid = self.image.read(block)
        if self.part == "intensity":
            return np.asarray(pixels.real**2 + pixels.imag**2, np.float32), valid
        return np.asarray(pixels.real if self.part == "i" else pixels.imag, np.float32), valid


@dataclass(frozen=True, eq=False)
class Inside(Derived):
    """An image of which only what lies inside of an area is valid.

    Attributes
    ----------
    image : Image
    area : callable
        Returns which pixels of a window are inside; pickles.
    """

    image: Image
    area: Callable[[Block], Mask]

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return pixels, 0 outside."""
        inside = self.area(block)
        if not inside.any():
            return np.zeros(block.shape, np.complex64 if self.image.is_complex else np.float32), inside
        pixels, valid = self.image.read(block)
        valid = valid & inside
        return np.where(valid, pixels, pixels.dtype.type(0)), valid


def window(image: Image, row: int, col: int, shape: tuple[int, int], steps: tuple[int, int] = (1, 1)) -> Image:
    """Return a part of an image, or every so many pixels of one.

    The centres of pixels that are kept stay where they are on the map: with steps, the first pixel of the result
    reaches beyond the window.

    Parameters
    ----------
    image : Image
    row, col : int
        First pixel; the part may reach beyond the image.
    shape : tuple of int
        Rows and columns of the result.
    steps : tuple of int
        Rows and columns from one pixel to the next.
    """
    source = Window(image, row, col, steps)
    return derived(image, source, grid=every(image.grid, row, col, shape, steps), dtype=pixel_type(image))


def every(grid: Grid, row: int, col: int, shape: tuple[int, int], steps: tuple[int, int]) -> Grid:
    """Return the grid of every so many pixels, whose centres stay where they are; see `window`."""
    down, right = steps
    corner = grid.transform.translation(col + 0.5 - right / 2, row + 0.5 - down / 2)
    return Grid(shape, grid.transform @ corner @ grid.transform.scale(right, down), grid.crs)


def as_read(image: Image) -> Image:
    """Return an image that others may resample as it is: neither its own resampling nor its filters are undone."""
    if image.warp is None and not image.processes:
        return image
    return derived(image, Window(image), dtype=pixel_type(image))


def pixel_type(image: Image) -> str:
    """Return ``complex64`` or ``float32``: in which type an image is read."""
    return "complex64" if image.is_complex else "float32"


def quantity(band: SceneBand) -> Image:
    """Return the physical values of a band: what its stored numbers mean, float32."""
    if (band.scale, band.offset) == (1.0, 0.0):
        return band.image
    return derived(band.image, Scaled(band.image, band.scale, band.offset))


def part_of(image: Image, part: Literal["i", "q", "intensity"]) -> Image:
    """Return the real part, the imaginary part, or the intensity of a complex image."""
    return derived(image, Part(image, part))


def may_have_gaps(band: SceneBand) -> SceneBand:
    """Return a band as it is stored once some of its pixels may have no value.

    Integers that know no number for missing become float32, in which NaN means missing.
    """
    if is_float(band.dtype) or math.isfinite(band.nodata):
        return band
    return dataclasses.replace(band, dtype="float32", nodata=math.nan)


def is_float(dtype: str) -> bool:
    """Whether a type is of real or complex numbers, not of integers."""
    return np.dtype(dtype).kind in "fc"
