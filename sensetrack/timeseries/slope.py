"""Slope of the ground on a grid, from an elevation model, block by block."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.ndimage import uniform_filter

from sensetrack.errors import GridError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, PathLike
from sensetrack.velocity.scale import centre_metres, metres_per_pixel


@dataclass(frozen=True, eq=False)
class Slope:
    """Slope along map x and map y, as a mean over a square; it holds no pixels, so it pickles as its path.

    Attributes
    ----------
    path : str
        The elevation model.
    grid : Grid
        Where slopes are wanted.
    heights : Image
        The model on that grid and ``margin`` pixels around it.
    side : int
        Pixels along the square, odd.
    """

    path: str
    grid: Grid
    heights: Image
    side: int

    @classmethod
    def open(cls, path: PathLike, grid: Grid, window: float | None = None) -> Self:
        """Place an elevation model on a grid.

        Parameters
        ----------
        path : path-like
            Heights in metres, in any CRS; detail that is finer than the grid is averaged.
        grid : Grid
        window : float, optional
            Side of the square in metres; default: one pixel of the grid.

        Raises
        ------
        GridError
            It does not overlap the grid, or one of the two has no CRS.
        """
        image = Image.open(path)
        if image.grid.crs is not None and grid.crs is not None and not grid.overlaps(image.grid):
            raise GridError(f"{os.fspath(path)}: the elevation model does not overlap the grid of the views")
        centre = centre_metres(grid, 1)
        pixel = math.hypot(float(centre.x_dx), float(centre.y_dx))
        side = 1 if window is None else max(1, 2 * round((window / pixel - 1) / 2) + 1)
        margin = side // 2 + 1
        around = grid.crop(-margin, -margin, (grid.height + 2 * margin, grid.width + 2 * margin))
        return cls(os.fspath(path), grid, image.on_grid(around, "spline"), side)

    def read(self, block: Block) -> DoubleArray:
        """Return the slope, metres of height per metre on the ground towards map x and map y, (2, row, col).

        NaN where heights are missing in the square or beside it.
        """
        reach = self.side // 2
        # The grid of the heights begins as much before the block's own as the block is read beyond its sides.
        area = Block(block.row, block.col, block.height + 2 * (reach + 1), block.width + 2 * (reach + 1))
        pixels, valid = self.heights.read(area)
        heights = np.where(valid, pixels, np.nan).astype(np.float64)
        if self.side > 1:
            # Running sums would carry what is missing along.
            known = np.isfinite(heights)
            full = uniform_filter(known.astype(np.float64), self.side) > 1 - 0.5 / self.side**2
            heights = np.where(full, uniform_filter(np.where(known, heights, 0.0), self.side), np.nan)
            heights = heights[reach:-reach, reach:-reach]
        by_col = (heights[1:-1, 2:] - heights[1:-1, :-2]) / 2
        by_row = (heights[2:, 1:-1] - heights[:-2, 1:-1]) / 2
        metres = metres_per_pixel(self.grid.crop(block.row, block.col, block.shape), 1, distances="ground")
        size = metres.x_dx * metres.y_dy - metres.x_dy * metres.y_dx
        return np.stack(
            [
                (metres.y_dy * by_col - metres.y_dx * by_row) / size,
                (metres.x_dx * by_row - metres.x_dy * by_col) / size,
            ]
        )
