"""Resampling at exact sub-pixel positions, in which invalid pixels never take part.

GDAL's warper rounds integers, blends holes and edges in ways that depend on the pixel type and the mask, and
places its kernels by block. Here every output pixel depends on its own position only: whatever the blocks,
threads or engine, the bytes are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from rasterio.enums import Resampling

from sensetrack.errors import ParameterError
from sensetrack.raster._kernels import sample_into
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.spline import REACH, sample_spline
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray

KERNELS = {
    Resampling.nearest: 0,
    Resampling.bilinear: 1,
    Resampling.cubic: 2,
    Resampling.lanczos: 3,
    Resampling.average: 4,
}
"""Resampling methods and their number in the compiled kernel."""

Method: TypeAlias = Resampling | Literal["spline"]
"""How to resample; ``"spline"`` is the interpolating cubic B-spline of `sensetrack.raster.spline`."""

_RADIUS = (0.5, 1.0, 2.0, 3.0, 0.5)
_LATTICE = 16
_STRETCH_FROM = 1.05
_SOURCE_PIXELS = 2**24


def check_method(method: Method) -> Method:
    """Return a method that can be used.

    Raises
    ------
    ParameterError
        There is no kernel for it.
    """
    if method != "spline" and method not in KERNELS:
        known = ", ".join(("spline", *(kernel.name for kernel in KERNELS)))
        name = method.name if isinstance(method, Resampling) else method
        raise ParameterError(f"resampling = '{name}' is not supported; use {known}")
    return method


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
    method: Resampling = Resampling.cubic,
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
    method : rasterio.enums.Resampling
        ``nearest``, ``bilinear``, ``cubic`` (Catmull-Rom; Keys, 1981, a = -0.5), ``lanczos`` (a = 3) or ``average``
        (mean over an output pixel's area).
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
    kernel = KERNELS[method]
    stretch = _stretch(kernel, scale)
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
) -> tuple[PixelArray, Mask]:
    """Resample one block of a target grid from an image that is read window by window.

    Parameters
    ----------
    read : callable
        Returns pixels and valid mask of a window inside the source.
    source, target : Grid
    block : Block
        Window in pixels of ``target``.
    method : rasterio.enums.Resampling or "spline"
        ``"spline"`` displaces content least and suits images that are to be tracked. Where the source's pixels are
        finer than the target's by more than 5 %, a stretched Lanczos kernel stands in, so that nothing aliases.
    dtype : type
        float32 or complex64, for blocks without any source pixel.
    """
    row, col = source_positions(target, source, block)
    scale = pixel_ratio(target, source)
    as_spline = method == "spline" and max(scale) <= _STRETCH_FROM
    kernel = Resampling.lanczos if method == "spline" else method
    radius = _RADIUS[KERNELS[kernel]]
    reach = [REACH if as_spline else radius * factor + 2 for factor in _stretch(KERNELS[kernel], scale)]
    known = np.isfinite(row) & np.isfinite(col)
    window = _window(row[known], col[known], reach, source.shape)
    if window is None:
        return np.zeros(block.shape, dtype), np.zeros(block.shape, np.bool_)
    if window.height * window.width > _SOURCE_PIXELS and max(block.shape) > 1:
        return _in_halves(read, source, target, block, method, dtype)
    pixels, valid = read(window)
    if as_spline:
        return sample_spline(pixels, valid, row, col, (window.row, window.col))
    return sample(pixels, valid, row, col, kernel, scale, (window.row, window.col))


def pixel_ratio(target: Grid, source: Grid) -> tuple[float, float]:
    """Return how many source pixels one target pixel spans along source rows and columns, at the grid's centre."""
    middle = [(target.height - 1) / 2, (target.width - 1) / 2]
    rows = np.array([middle[0], middle[0] + 1, middle[0]])
    cols = np.array([middle[1], middle[1], middle[1] + 1])
    row, col = source.rowcol(*transform_points(target.crs, source.crs, *target.xy(rows, cols)))
    if not (np.isfinite(row).all() and np.isfinite(col).all()):
        return 1.0, 1.0
    return (
        math.hypot(float(row[1] - row[0]), float(row[2] - row[0])),
        math.hypot(float(col[1] - col[0]), float(col[2] - col[0])),
    )


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


def _stretch(kernel: int, scale: tuple[float, float]) -> tuple[float, float]:
    if kernel == 0:
        return 1.0, 1.0
    rows, cols = (factor if factor > _STRETCH_FROM else 1.0 for factor in scale)
    return rows, cols


def _window(row: DoubleArray, col: DoubleArray, reach: list[float], shape: tuple[int, int]) -> Block | None:
    """Return the part of the source that the kernels touch, or None."""
    if not row.size:
        return None
    limit = 2.0**40
    top, bottom, left, right = (
        int(np.clip(value, -limit, limit))
        for value in (
            math.floor(row.min() - reach[0]),
            math.ceil(row.max() + reach[0]) + 1,
            math.floor(col.min() - reach[1]),
            math.ceil(col.max() + reach[1]) + 1,
        )
    )
    return Block(top, left, bottom - top, right - left).clip(shape)


def _in_halves(
    read: Callable[[Block], tuple[PixelArray, Mask]],
    source: Grid,
    target: Grid,
    block: Block,
    method: Method,
    dtype: type[np.inexact],
) -> tuple[PixelArray, Mask]:
    """Split the block along its longer side, so that no source window grows beyond bounds."""
    if block.height >= block.width:
        half = block.height // 2
        parts = [
            Block(block.row, block.col, half, block.width),
            Block(block.row + half, block.col, block.height - half, block.width),
        ]
    else:
        half = block.width // 2
        parts = [
            Block(block.row, block.col, block.height, half),
            Block(block.row, block.col + half, block.height, block.width - half),
        ]
    out = np.zeros(block.shape, dtype)
    good = np.zeros(block.shape, np.bool_)
    for part in parts:
        where = part.within(block)
        out[where], good[where] = resample_window(read, source, target, part, method, dtype)
    return out, good
