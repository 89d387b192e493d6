"""Resampling at exact sub-pixel positions, in which invalid pixels never take part.

GDAL's warper rounds integers, blends holes and edges in ways that depend on the pixel type and the mask, and
places its kernels by block. Here every output pixel depends on its own position only: whatever the blocks,
threads or engine, the bytes are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from rasterio.crs import CRS

from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.methods import Method
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray

KERNELS: dict[Method, int] = {"nearest": 0, "bilinear": 1, "cubic": 2, "lanczos": 3, "average": 4}
"""Methods with a kernel that can be stretched, and their number in the compiled loop."""

Positions: TypeAlias = Callable[[Grid, Grid, Block], tuple[DoubleArray, DoubleArray]]
"""Says where the pixels of a block of a target grid lie in a source grid, as `source_positions` does."""

_RADIUS = (0.5, 1.0, 2.0, 3.0, 0.5)
_LATTICE = 16
_STRETCH_FROM = 1.05
_SOURCE_PIXELS = 2**24


def source_positions(target: Grid, source: Grid, block: Block) -> tuple[DoubleArray, DoubleArray]:
    """Return where the pixel centres of a block of ``target`` lie in ``source``.

    Between different CRSs the transformation is exact on every 16th pixel, counted from the target's corner, and
    bilinear between (below 0.01 pixels off for pixels up to 1 km).

    Parameters
    ----------
    target, source : Grid
    block : Block
        Window in pixels of ``target``.

    Returns
    -------
    row, col : ndarray of float64
        Fractional pixel positions, integer at pixel centres; infinite where the CRS cannot be reached.
    """
    rows = np.arange(block.row, block.row + block.height, dtype=np.float64)
    cols = np.arange(block.col, block.col + block.width, dtype=np.float64)
    if target.crs == source.crs:
        return _affine_positions(target, source, rows, cols)
    first_row, first_col = block.row // _LATTICE, block.col // _LATTICE
    node_rows = np.arange(first_row, (block.row + block.height - 1) // _LATTICE + 2) * float(_LATTICE)
    node_cols = np.arange(first_col, (block.col + block.width - 1) // _LATTICE + 2) * float(_LATTICE)
    x, y = target.xy(*np.meshgrid(node_rows, node_cols, indexing="ij"))
    node_row, node_col = source.rowcol(*transform_points(target.crs, source.crs, x, y))
    return _between(node_row, rows, cols, first_row, first_col), _between(node_col, rows, cols, first_row, first_col)


def sample(
    pixels: PixelArray,
    valid: Mask,
    row: DoubleArray,
    col: DoubleArray,
    method: Method = "cubic",
    scale: tuple[float, float] = (1.0, 1.0),
    origin: tuple[int, int] = (0, 0),
) -> tuple[PixelArray, Mask]:
    """Interpolate an image at fractional positions.

    Where a tap of the kernel is invalid or outside, the remaining ones of the (positive) bilinear kernel are used,
    renormalised: a constant image with holes stays exactly that constant. A position is valid when the pixel that
    contains it is; for stretched kernels and ``average``, when at least half of the weight is valid.

    Parameters
    ----------
    pixels : ndarray of float32 or complex64
        ``(row, col)``.
    valid : ndarray of bool
    row, col : ndarray of float64
        Positions, integer at pixel centres, of any one two-dimensional shape.
    method : {"nearest", "bilinear", "cubic", "lanczos", "average", "spline"}
        ``cubic`` is that of Catmull and Rom (Keys, 1981, a = -0.5), ``lanczos`` has a = 3, ``average`` is the mean over
        an output pixel's area. For ``spline`` see `sensetrack.raster.spline.sample_spline`: it has another rule of
        validity and cannot be stretched.
    scale : tuple of float
        Source pixels per output pixel along rows and columns; above 1.05 kernels are stretched by it, so that
        detail finer than the output does not alias.
    origin : tuple of int
        Row and column of ``pixels[0, 0]`` in the numbering of ``row`` and ``col``.

    Returns
    -------
    samples : ndarray
        Same dtype as ``pixels``, 0 where invalid.
    valid : ndarray of bool
    """
    # Compiled loops are loaded when pixels are, not by every command that knows a grid.
    from sensetrack.raster._kernels import sample_into
    from sensetrack.raster.spline import sample_spline

    if method == "spline":
        return sample_spline(pixels, valid, row, col, origin)
    kernel = KERNELS[method]
    stretch = _stretch(method, scale)
    out = np.zeros(row.shape, pixels.dtype)
    good = np.zeros(row.shape, np.bool_)
    taps = [2 * math.ceil(_RADIUS[kernel] * factor) + 2 for factor in stretch]
    # Contiguous, so that one compiled variant serves all callers.
    image = np.ascontiguousarray(pixels), np.ascontiguousarray(valid)
    place = np.ascontiguousarray(row), np.ascontiguousarray(col)
    sample_into(out, good, *image, *place, kernel, stretch, origin, np.empty(taps[0]), np.empty(taps[1]))
    return out, good


def resample_window(
    read: Callable[[Block], tuple[PixelArray, Mask]],
    source: Grid,
    target: Grid,
    block: Block,
    method: Method,
    dtype: type[np.inexact] = np.float32,
    positions: Positions = source_positions,
) -> tuple[PixelArray, Mask]:
    """Resample one block of a target grid from an image that is read window by window.

    Parameters
    ----------
    read : callable
        Returns pixels and valid mask of a window inside the source.
    source, target : Grid
    block : Block
        Window in pixels of ``target``.
    method : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"}
        Where the source's pixels are finer than the target's by more than 5 %, a Lanczos kernel stretched to the
        target's pixels stands in for ``spline``, so that nothing aliases.
    dtype : type
        float32 or complex64, as ``read`` returns.
    positions : callable
        Where pixels are taken from, if not from where they lie.
    """
    row, col = positions(target, source, block)
    scale = pixel_ratio(target, source)
    if method == "spline" and max(scale) > _STRETCH_FROM:
        method = "lanczos"
    window = _window(row, col, _reach(method, scale), source.shape)
    out: PixelArray = np.zeros(block.shape, dtype)
    good = np.zeros(block.shape, np.bool_)
    if window is None:
        return out, good
    if window.height * window.width > _SOURCE_PIXELS and max(block.shape) > 1:
        for part in _halves(block):
            where = part.within(block)
            out[where], good[where] = resample_window(read, source, target, part, method, dtype, positions)
        return out, good
    return sample(*read(window), row, col, method, scale, (window.row, window.col))


def pixel_ratio(target: Grid, source: Grid) -> tuple[float, float]:
    """Return how many source pixels one target pixel spans along source rows and columns, at the grid's centre."""
    row, col = source.rowcol(*around_centre(target, source.crs))
    if not (np.isfinite(row).all() and np.isfinite(col).all()):
        return 1.0, 1.0
    return (
        math.hypot(float(row[1] - row[0]), float(row[2] - row[0])),
        math.hypot(float(col[1] - col[0]), float(col[2] - col[0])),
    )


def around_centre(grid: Grid, crs: CRS | None) -> tuple[DoubleArray, DoubleArray]:
    """Return x and y in ``crs`` of three points: a grid's centre, one row below it, one column to its right."""
    row, col = (grid.height - 1) / 2, (grid.width - 1) / 2
    return transform_points(grid.crs, crs, *grid.xy(np.array([row, row + 1, row]), np.array([col, col, col + 1])))


def _affine_positions(
    target: Grid, source: Grid, rows: DoubleArray, cols: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    t = ~source.transform @ target.transform
    r, c = rows[:, None] + 0.5, cols[None, :] + 0.5
    return t.e * r + t.d * c + (t.f - 0.5), t.b * r + t.a * c + (t.c - 0.5)


def _between(nodes: DoubleArray, rows: DoubleArray, cols: DoubleArray, first_row: int, first_col: int) -> DoubleArray:
    """Interpolate lattice nodes bilinearly at all rows and columns."""
    i, v = np.divmod(rows / _LATTICE - first_row, 1.0)
    j, u = np.divmod(cols / _LATTICE - first_col, 1.0)
    i, j = i.astype(np.intp)[:, None], j.astype(np.intp)[None, :]
    v, u = v[:, None], u[None, :]
    with np.errstate(invalid="ignore"):
        top = nodes[i, j] * (1 - u) + nodes[i, j + 1] * u
        bottom = nodes[i + 1, j] * (1 - u) + nodes[i + 1, j + 1] * u
        between: DoubleArray = top * (1 - v) + bottom * v
    return between


def _stretch(method: Method, scale: tuple[float, float]) -> tuple[float, float]:
    if method == "nearest":
        return 1.0, 1.0
    rows, cols = (factor if factor > _STRETCH_FROM else 1.0 for factor in scale)
    return rows, cols


def _reach(method: Method, scale: tuple[float, float]) -> tuple[float, float]:
    """Return the pixels around a position that are needed, along rows and columns."""
    if method == "spline":
        from sensetrack.raster.spline import REACH

        return REACH, REACH
    rows, cols = (_RADIUS[KERNELS[method]] * factor + 2 for factor in _stretch(method, scale))
    return rows, cols


def _window(row: DoubleArray, col: DoubleArray, reach: tuple[float, float], shape: tuple[int, int]) -> Block | None:
    """Return the part of a source of ``shape`` that the kernels touch, or None."""
    near = (row > -reach[0]) & (row < shape[0] + reach[0]) & (col > -reach[1]) & (col < shape[1] + reach[1])
    if not near.any():
        return None
    row, col = row[near], col[near]
    top, left = math.floor(row.min() - reach[0]), math.floor(col.min() - reach[1])
    bottom, right = math.ceil(row.max() + reach[0]) + 1, math.ceil(col.max() + reach[1]) + 1
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
