"""Images that are moved onto their reference while they are read: grid change and shift in one resampling."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np
from rasterio.enums import Resampling

from sensetrack.coregister.shift import ShiftModel
from sensetrack.errors import InputError
from sensetrack.pair import bring_onto
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.methods import Method, check_method
from sensetrack.raster.resample import source_positions
from sensetrack.raster.tiles import Block, whole
from sensetrack.types import DoubleArray


def move(image: Image, grid: Grid, shift: ShiftModel | None = None, resampling: Method = "spline") -> Image:
    """Return an image on a reference's grid, its content moved to where the reference has it, lazily.

    Pixel ``(row, col)`` of the result is the image at ``(row + dy, col + dx)`` of ``grid``, taken from the image's own
    pixels in a single resampling, also when its grid is another one or it was resampled already.

    Parameters
    ----------
    image : Image
    grid : Grid
        Grid of the reference, in whose pixels ``shift`` counts.
    shift : ShiftModel, optional
        Measured between the reference and this image on ``grid``; None changes the grid only.
    resampling : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"}
        ``spline`` displaces content least and is valid where the 4 x 4 pixels around a position are
        (`sensetrack.raster.spline.sample_spline`); see also `sensetrack.raster.resample.resample_window`.

    Raises
    ------
    ParameterError
        Unknown method.
    GridError
        The image cannot be brought onto the grid, or the shift was measured on another grid.
    InputError
        The image has been moved already.
    """
    method = check_method(resampling)
    if isinstance(image, MovedImage):
        raise InputError(f"{image.name} has been moved already; move the image it came from by the sum of both shifts")
    if shift is not None:
        shift.check_grid(grid, image.name)
    own = image if image.warp is None else dataclasses.replace(image, grid=image.warp.source, warp=None)
    placed = bring_onto(own, grid, method) if own.grid.difference(grid) else own.on_grid(grid, method)
    return placed if shift is None else MovedImage.of(placed, shift)


@dataclass(frozen=True, eq=False, kw_only=True)
class MovedImage(Image):
    """An image whose pixels are moved by a shift model as they are read; see `move`, which builds it.

    Attributes
    ----------
    shift : ShiftModel
    """

    shift: ShiftModel

    @classmethod
    def of(cls, image: Image, shift: ShiftModel) -> Self:
        """Build from an image that is resampled onto the reference's grid."""
        return cls(**{item.name: getattr(image, item.name) for item in dataclasses.fields(Image)}, shift=shift)

    def on_grid(self, grid: Grid, resampling: Method | Resampling = "spline") -> Self:
        """Refuse: the shift counts in pixels of the present grid.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"{self.name} is moved as it is read; write it to a file before resampling it again")

    def _positions(self, target: Grid, source: Grid, block: Block) -> tuple[DoubleArray, DoubleArray]:
        return moved_positions(target, source, block, self.shift)


def moved_positions(target: Grid, source: Grid, block: Block, shift: ShiftModel) -> tuple[DoubleArray, DoubleArray]:
    """Return where the shifted pixel centres of a block of ``target`` lie in ``source``.

    The block is moved by the shift at its centre exactly; what the shift differs by within the block goes through the
    local derivative of the transformation, which is exact for grids in one CRS.

    Parameters
    ----------
    target, source : Grid
    block : Block
        Window in pixels of ``target``.
    shift : ShiftModel

    Returns
    -------
    row, col : ndarray of float64
        Fractional pixel positions, integer at pixel centres; infinite where the CRS cannot be reached.
    """
    middle = block.row + (block.height - 1) / 2, block.col + (block.width - 1) / 2
    dx0, dy0 = map(float, shift.predict(*middle))
    corner = target.transform @ target.transform.translation(block.col + dx0, block.row + dy0)
    moved = Grid(block.shape, corner, target.crs)
    if shift.kind == "shift":
        return source_positions(moved, source, whole(block.shape))
    rows = np.arange(block.row, block.row + block.height)[:, None]
    cols = np.arange(block.col, block.col + block.width)[None, :]
    dx, dy = shift.predict(rows, cols)
    wide = source_positions(moved, source, whole(block.shape).expand(1))
    row, col = (_add(position, dx - dx0, dy - dy0) for position in wide)
    return row, col


def _add(position: DoubleArray, dx: DoubleArray, dy: DoubleArray) -> DoubleArray:
    """Return positions, given with a border of one pixel, plus their derivative times a shift."""
    with np.errstate(invalid="ignore"):
        along_row = (position[2:, 1:-1] - position[:-2, 1:-1]) / 2
        along_col = (position[1:-1, 2:] - position[1:-1, :-2]) / 2
        total: DoubleArray = position[1:-1, 1:-1] + along_row * dy + along_col * dx
    return total
