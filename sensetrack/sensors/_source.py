"""Bands of raster files that are calibrated and masked as they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray


class Calibration(Protocol):
    """Turns stored numbers into a physical quantity; pickles."""

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return the quantity and where it is defined, for pixels at ``rows`` x ``cols`` of the file."""
        ...


class PixelMask(Protocol):
    """Says which pixels are usable; pickles."""

    def read(self, grid: Grid, block: Block, shape: tuple[int, int]) -> Mask:
        """Return True where pixels of a window of ``grid``, decimated to ``shape``, are usable."""
        ...


@dataclass(frozen=True)
class Linear:
    """``gain * number + offset``.

    Attributes
    ----------
    gain, offset : float
    """

    gain: float
    offset: float

    def __call__(
        self, pixels: PixelArray, valid: Mask, rows: DoubleArray, cols: DoubleArray
    ) -> tuple[PixelArray, Mask]:
        """Return the quantity, float32."""
        return (pixels.astype(np.float64) * self.gain + self.offset).astype(np.float32), valid


@dataclass(frozen=True)
class BandSource:
    """Reads one band of a raster file, leaves out what masks call unusable, and calibrates the rest.

    Attributes
    ----------
    raw : Image
        The band as it is stored.
    calibration : Calibration or None
        None leaves the numbers as they are.
    masks : tuple of PixelMask
    unusable : tuple of float
        Stored numbers that are no measurements, beside nodata.
    """

    raw: Image
    calibration: Calibration | None = None
    masks: tuple[PixelMask, ...] = ()
    unusable: tuple[float, ...] = ()

    def read(self, block: Block, shape: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Return calibrated pixels of a window and where they are valid, 0 where they are not."""
        pixels, valid = self.raw.read_file(block, shape)
        for number in self.unusable:
            valid = valid & (pixels != number)
        for mask in self.masks:
            if not valid.any():
                break
            valid = valid & mask.read(self.raw.grid, block, shape)
        if self.calibration is not None:
            pixels, valid = self.calibration(pixels, valid, *positions(block, shape))
        pixels = np.where(valid, pixels, pixels.dtype.type(0))
        return pixels, valid


def positions(block: Block, shape: tuple[int, int]) -> tuple[DoubleArray, DoubleArray]:
    """Return the rows and columns of a window that is decimated to ``shape``: those that GDAL takes, whole numbers."""
    rows = block.row + np.floor((np.arange(shape[0]) + 0.5) * block.height / shape[0])
    cols = block.col + np.floor((np.arange(shape[1]) + 0.5) * block.width / shape[1])
    return rows, cols


@dataclass(frozen=True)
class Polygons:
    """Areas in map coordinates whose pixels are unusable.

    Attributes
    ----------
    rings : tuple
        Polygons, each a tuple of rings of ``(x, y)``, the outer one first.
    """

    rings: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]

    def read(self, grid: Grid, block: Block, shape: tuple[int, int]) -> Mask:
        """Return True where the centres of pixels lie in none of the polygons."""
        from rasterio.features import rasterize

        if not self.rings:
            return np.ones(shape, np.bool_)
        corner = grid.crop(block.row, block.col, block.shape).transform
        scale = Affine.scale(block.width / shape[1], block.height / shape[0])
        shapes = [{"type": "Polygon", "coordinates": polygon} for polygon in self.rings]
        inside = rasterize(shapes, out_shape=shape, transform=corner @ scale, dtype="uint8")
        return np.asarray(inside == 0)


class Rule(Protocol):
    """Turns the numbers of a quality band into usable or not; pickles."""

    def __call__(self, numbers: NDArray[np.int64]) -> Mask:
        """Return True where usable."""
        ...


@dataclass(frozen=True)
class Bits:
    """Usable where none of some bits is set."""

    unusable: int

    def __call__(self, numbers: NDArray[np.int64]) -> Mask:
        """Return True where usable."""
        return np.asarray((numbers & self.unusable) == 0)


@dataclass(frozen=True)
class NotAmong:
    """Usable where the class is none of some."""

    classes: frozenset[int]

    def __call__(self, numbers: NDArray[np.int64]) -> Mask:
        """Return True where usable."""
        return ~np.isin(numbers, list(self.classes))


@dataclass(frozen=True)
class QualityBand:
    """A raster of classes or bits, on any north-up grid of the band's CRS, read by its nearest pixel.

    Attributes
    ----------
    image : Image
        Its pixels without a value are unusable.
    rule : Rule
    """

    image: Image
    rule: Rule

    def read(self, grid: Grid, block: Block, shape: tuple[int, int]) -> Mask:
        """Return True where pixels of a window of ``grid``, decimated to ``shape``, are usable."""
        rows, cols = positions(block, shape)
        own = self.image.grid
        if own.difference(grid) is not None:
            x, _ = grid.xy(np.zeros_like(cols), cols)
            _, y = grid.xy(rows, np.zeros_like(rows))
            rows = own.rowcol(np.full_like(y, own.transform.c), y)[0]
            cols = own.rowcol(x, np.full_like(x, own.transform.f))[1]
        row, col = (np.rint(each).astype(np.int64) for each in (rows, cols))
        inside = ((row >= 0) & (row < own.height))[:, None] & ((col >= 0) & (col < own.width))[None, :]
        if not inside.any():
            return np.zeros(shape, np.bool_)
        row, col = row.clip(0, own.height - 1), col.clip(0, own.width - 1)
        area = Block(int(row[0]), int(col[0]), int(row[-1] - row[0]) + 1, int(col[-1] - col[0]) + 1)
        coarse = area.shape
        if shape != block.shape:
            # An overview of a scene does not read the whole mask.
            coarse = min(area.height, 2 * shape[0]), min(area.width, 2 * shape[1])
        numbers, known = self.image.read_file(area, coarse)
        i = (row - area.row) * coarse[0] // area.height
        j = (col - area.col) * coarse[1] // area.width
        usable = known & self.rule(np.rint(numbers.real).astype(np.int64))
        return np.asarray(usable[np.ix_(i, j)] & inside)
