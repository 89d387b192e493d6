"""Images that are moved onto their reference while they are read: grid change and shift in one resampling."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from rasterio.enums import Resampling

from sensetrack.coregister.shift import ShiftModel
from sensetrack.errors import InputError, ParameterError, did_you_mean
from sensetrack.pair import bring_onto
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image, Warp
from sensetrack.raster.resample import pixel_ratio, sample, source_positions
from sensetrack.raster.spline import REACH, sample_spline
from sensetrack.raster.tiles import Block, whole
from sensetrack.types import DoubleArray, Mask, PixelArray

Method = Literal["spline", "lanczos", "cubic", "bilinear", "nearest", "average"]
"""Ways to resample; ``spline`` is the interpolating cubic B-spline of `sensetrack.raster.spline`."""

METHODS: tuple[Method, ...] = get_args(Method)

_FINER_FROM = 1.05
_LARGEST_WINDOW = 2**24


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
    resampling : {"spline", "lanczos", "cubic", "bilinear", "nearest", "average"}
        ``spline`` displaces content least and is valid where the 4 x 4 pixels around a position are
        (`sensetrack.raster.spline.sample_spline`); where the image's pixels are finer than the grid's by more than
        5 %, a Lanczos kernel stretched to the grid's pixels stands in for it, so that nothing aliases. All others:
        `sensetrack.raster.resample.sample`.

    Raises
    ------
    ParameterError
        Unknown method.
    GridError
        The image cannot be brought onto the grid, or the shift was measured on another grid.
    InputError
        The image has been moved already.
    """
    if resampling not in METHODS:
        raise ParameterError(f"resampling = '{resampling}'{did_you_mean(resampling, METHODS)}")
    if isinstance(image, MovedImage) and image.shift is not None:
        raise InputError(f"{image.name} has been moved already; move the image it came from by the sum of both shifts")
    if shift is not None:
        shift.check_grid(grid, image.name)
    own = _unmoved(image)
    if own.grid.difference(grid):
        placed = bring_onto(own, grid)  # which checks that it can be
        if shift is None and resampling != "spline":
            return placed.on_grid(grid, Resampling[resampling])
    return MovedImage.of(own, grid, shift, resampling)


def _unmoved(image: Image) -> Image:
    """Return the image on its own grid, before any resampling."""
    known = {item.name: getattr(image, item.name) for item in dataclasses.fields(Image)}
    grid = image.grid if image.warp is None else image.warp.source
    return Image(**(known | {"grid": grid, "warp": None}))


@dataclass(frozen=True, eq=False)
class MovedImage(Image):
    """An image whose pixels are moved by a shift model as they are read; see `move`, which builds it.

    Attributes
    ----------
    shift : ShiftModel or None
    resampling : str
        One of `METHODS`.
    """

    shift: ShiftModel | None = None
    resampling: Method = "spline"

    @classmethod
    def of(cls, image: Image, grid: Grid, shift: ShiftModel | None, resampling: Method) -> Self:
        """Build from an image on its own grid."""
        known = {item.name: getattr(image, item.name) for item in dataclasses.fields(Image)}
        warp = Warp(image.grid, Resampling.cubic)
        return cls(**(known | {"grid": grid, "warp": warp}), shift=shift, resampling=resampling)

    def on_grid(self, grid: Grid, resampling: Resampling | Literal["spline"] = "spline") -> Self:
        """Refuse: the shift counts in pixels of the present grid.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError(f"{self.name} is moved as it is read; write it to a file before resampling it again")

    def _read_inside(self, block: Block) -> tuple[PixelArray, Mask]:
        assert self.warp is not None
        source, dtype = self.warp.source, self._pixel_type
        return _move_window(self._read_own, source, self.grid, block, self.shift, self.resampling, dtype)


def moved_positions(
    target: Grid, source: Grid, block: Block, shift: ShiftModel | None
) -> tuple[DoubleArray, DoubleArray]:
    """Return where the shifted pixel centres of a block of ``target`` lie in ``source``.

    The block is moved by the shift at its centre exactly; what the shift differs by within the block goes through the
    local derivative of the transformation, which is exact for grids in one CRS.

    Parameters
    ----------
    target, source : Grid
    block : Block
        Window in pixels of ``target``.
    shift : ShiftModel or None

    Returns
    -------
    row, col : ndarray of float64
        Fractional pixel positions, integer at pixel centres; infinite where the CRS cannot be reached.
    """
    if shift is None:
        return source_positions(target, source, block)
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


def _move_window(
    read: Callable[[Block], tuple[PixelArray, Mask]],
    source: Grid,
    target: Grid,
    block: Block,
    shift: ShiftModel | None,
    resampling: Method,
    dtype: type[np.inexact],
) -> tuple[PixelArray, Mask]:
    """Resample one block of the target grid from the part of the source that its kernels touch."""
    row, col = moved_positions(target, source, block, shift)
    ratio = pixel_ratio(target, source)
    as_spline = resampling == "spline" and max(ratio) <= _FINER_FROM
    reach = REACH if as_spline else math.ceil(3 * max(1.0, *ratio)) + 2
    window = _touched(row, col, reach, source.shape)
    if window is None:
        return np.zeros(block.shape, dtype), np.zeros(block.shape, np.bool_)
    if window.height * window.width > _LARGEST_WINDOW and max(block.shape) > 1:
        out, good = np.zeros(block.shape, dtype), np.zeros(block.shape, np.bool_)
        for part in _halves(block):
            where = part.within(block)
            out[where], good[where] = _move_window(read, source, target, part, shift, resampling, dtype)
        return out, good
    pixels, valid = read(window)
    origin = window.row, window.col
    if as_spline:
        return sample_spline(pixels, valid, row, col, origin)
    method = Resampling.lanczos if resampling == "spline" else Resampling[resampling]
    return sample(pixels, valid, row, col, method, ratio, origin)


def _touched(row: DoubleArray, col: DoubleArray, reach: int, shape: tuple[int, int]) -> Block | None:
    """Return the window of an image of ``shape`` within ``reach`` of the positions, or None."""
    known = np.isfinite(row) & np.isfinite(col)
    near = known & (row > -reach) & (row < shape[0] + reach) & (col > -reach) & (col < shape[1] + reach)
    if not near.any():
        return None
    top, left = math.floor(row[near].min()) - reach, math.floor(col[near].min()) - reach
    bottom, right = math.ceil(row[near].max()) + reach + 1, math.ceil(col[near].max()) + reach + 1
    return Block(top, left, bottom - top, right - left).clip(shape)


def _halves(block: Block) -> tuple[Block, Block]:
    """Split a block along its longer side."""
    if block.height >= block.width:
        half = block.height // 2
        upper = Block(block.row, block.col, half, block.width)
        return upper, Block(block.row + half, block.col, block.height - half, block.width)
    half = block.width // 2
    left = Block(block.row, block.col, block.height, half)
    return left, Block(block.row, block.col + half, block.height, block.width - half)
