"""Where the pixels of a map lie in other coordinates, quickly: exact on a lattice, cubic between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rasterio.crs import CRS

from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray

if TYPE_CHECKING:
    from sensetrack.radar.lattice import Lattice

DEGREES = CRS.from_epsg(4326)
"""Longitude and latitude on WGS84."""


@dataclass(frozen=True)
class MapPlaces:
    """A map and the lattice over it.

    Attributes
    ----------
    grid : Grid
    lattice : Lattice
    """

    grid: Grid
    lattice: Lattice

    def nodes(self, block: Block, crs: CRS | None = DEGREES) -> tuple[DoubleArray, DoubleArray]:
        """Return x and y (longitude and latitude) in ``crs`` of the nodes that a block needs.

        Longitudes go on without a jump, beyond 180 degrees.
        """
        rows = self.lattice.axis(block.row, block.height)[0]
        cols = self.lattice.axis(block.col, block.width)[0]
        x, y = transform_points(self.grid.crs, crs, *self.grid.xy(*np.meshgrid(rows, cols, indexing="ij")))
        if crs is None or not crs.is_geographic:
            return x, y
        middle = self.grid.xy((self.grid.height - 1) / 2, (self.grid.width - 1) / 2)
        return connected(x, float(transform_points(self.grid.crs, crs, *middle)[0])), y

    def spread(self, nodes: DoubleArray, block: Block) -> DoubleArray:
        """Return values of the pixels of a block from those of its nodes."""
        return self.lattice.spread(
            nodes, self.lattice.axis(block.row, block.height), self.lattice.axis(block.col, block.width)
        )

    def at(self, block: Block, crs: CRS | None = DEGREES) -> tuple[DoubleArray, DoubleArray]:
        """Return x and y (longitude and latitude) in ``crs`` of the pixels of a block."""
        if crs == self.grid.crs:
            rows = np.arange(block.row, block.row + block.height)
            cols = np.arange(block.col, block.col + block.width)
            return self.grid.xy(*np.meshgrid(rows, cols, indexing="ij"))
        x, y = self.nodes(block, crs)
        return self.spread(x, block), self.spread(y, block)


def connected(longitude: DoubleArray, middle: float) -> DoubleArray:
    """Return longitudes that are at most 180 degrees from a middle; the others stay as they are."""
    away = longitude - middle
    return np.where(away > 180, longitude - 360, np.where(away < -180, longitude + 360, longitude))


def read_around(image: Image, block: Block, period: int) -> tuple[PixelArray, Mask]:
    """Read a window of an image whose columns come again after ``period``, where that is not 0."""
    if not period:
        return image.read(block)
    parts, col = [], block.col
    while col < block.col + block.width:
        width = min(period - col % period, block.col + block.width - col)
        parts.append(image.read(Block(block.row, col % period, block.height, width)))
        col += width
    return np.concatenate([part[0] for part in parts], axis=1), np.concatenate([part[1] for part in parts], axis=1)
