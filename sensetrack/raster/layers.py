"""Files of named layers: what they hold, one lazy reader, and one way to write them under any suffix."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from sensetrack.errors import CorruptFileError, GridError, InputError, OutputError
from sensetrack.raster import _gdal
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block, whole
from sensetrack.raster.write import TiledWriter, check_target
from sensetrack.types import PathLike

RASTERS = (".tif", ".tiff", ".nc")
TABLES = (".csv", ".parquet", ".gpkg")
SUFFIXES = (*RASTERS, *TABLES)
"""Suffixes that `create` writes; tables hold points and are not read back."""

STRIPE = 512
"""Rows that are written at a time from arrays in memory: one row of tiles."""

__all__ = ["RASTERS", "SUFFIXES", "TABLES", "Content", "Layer", "LayerFile", "LayerWriter", "create", "save"]


@dataclass(frozen=True)
class Layer:
    """One named layer and what it means.

    Attributes
    ----------
    name : str
    long_name : str
        What a plot would write beside it.
    units : str
        In UDUNITS; ``"1"`` for pure numbers and pixels.
    dtype : str
        ``float32`` (missing is NaN) or an integer type, as netCDF and tables store it; GeoTIFFs are all float32.
    fill : float or None
        Value that stands for missing in an integer layer; None when every value counts.
    attributes : mapping
        More netCDF attributes.
    """

    name: str
    long_name: str = ""
    units: str = "1"
    dtype: str = "float32"
    fill: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Content:
    """What a file holds besides its pixels.

    Attributes
    ----------
    name : str
        What it is, such as ``displacement``; also the name of a GeoPackage layer.
    layers : tuple of Layer
        In file order.
    tags : mapping of str to str
        Dataset tags.
    columns : tuple of str
        Columns of point tables after ``x`` and ``y``: layers or `lengths`.
    value : str
        Layer that says whether a point has a value.
    lengths : mapping of str to pair of str
        Columns computed as the length of a vector of two layers.
    placement : tuple of float or None
        ``(spacing, origin_row, origin_col)`` in input pixels: the corner of the output grid's pixel (0, 0) lies at
        the origin. Tables then start with ``row`` and ``col``, the window centre in input pixels.
    period : pair of datetime or None
        First and last date; netCDF files then have a ``mid_date`` dimension of length 1.
    variables : mapping
        netCDF variables that hold attributes only.
    aliases : mapping of str to str
        Second names of netCDF variables; they share the data.
    """

    name: str
    layers: tuple[Layer, ...]
    tags: Mapping[str, str]
    columns: tuple[str, ...]
    value: str
    lengths: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    placement: tuple[float, float, float] | None = None
    period: tuple[datetime, datetime] | None = None
    variables: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


class LayerWriter(Protocol):
    """Takes the blocks of a file, each once, in any order."""

    def write(self, block: Block, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write one block of every layer; arrays of other names are ignored."""


def create(
    path: PathLike, grid: Grid, content: Content, *, overwrite: bool = False, keep_empty: bool = False
) -> AbstractContextManager[LayerWriter]:
    """Open a new file for writing block by block; it appears when the context ends without an error.

    Parameters
    ----------
    path : path-like
        ``.tif`` (tiled GeoTIFF), ``.nc`` (CF-1.8), or a table of points: ``.csv``, ``.parquet`` (GeoParquet),
        ``.gpkg``.
    grid : Grid
    content : Content
    overwrite : bool
        Whether an existing file may be replaced.
    keep_empty : bool
        Whether tables also get a row for pixels without a value.

    Raises
    ------
    OutputError
        Unknown suffix; or the file exists and may not be replaced, or cannot be written.
    """
    suffix = check_suffix(path)
    check_target(path, overwrite=overwrite)
    if suffix == ".nc":
        from sensetrack.raster.netcdf import NetcdfWriter

        return NetcdfWriter(path, grid, content, overwrite=overwrite)
    if suffix in TABLES:
        from sensetrack.raster.table import TableWriter

        return TableWriter(path, grid, content, overwrite=overwrite, keep_empty=keep_empty)
    names = [layer.name for layer in content.layers]
    return TiledWriter(path, grid, names, content.tags, overwrite=overwrite)


def check_suffix(path: PathLike) -> str:
    """Return the lower-case suffix of an output, or say which ones would work.

    Raises
    ------
    OutputError
        `create` does not write files of that suffix.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(f"{path}: cannot write '{suffix or 'no suffix'}' files; use {', '.join(SUFFIXES)}")
    return suffix


def save(
    path: PathLike,
    grid: Grid,
    content: Content,
    arrays: Mapping[str, NDArray[Any]],
    *,
    overwrite: bool = False,
    keep_empty: bool = False,
) -> None:
    """Write arrays of the whole grid, a stripe at a time so that nothing is held twice.

    Parameters and errors as `create`.
    """
    with create(path, grid, content, overwrite=overwrite, keep_empty=keep_empty) as writer:
        for row in range(0, grid.height, STRIPE):
            block = Block(row, 0, min(STRIPE, grid.height - row), grid.width)
            writer.write(block, {name: array[block.slices] for name, array in arrays.items()})


@dataclass(frozen=True, eq=False)
class LayerFile:
    """A file of named layers, read block by block; it holds no handle, so it pickles as its path.

    Attributes
    ----------
    path : str
    grid : Grid
    names : tuple of str
        Layers in file order.
    tags : mapping of str to str
        Dataset tags, or the global attributes of a netCDF file.
    attributes : mapping
        Attributes of each netCDF variable; empty for GeoTIFF.
    """

    path: str
    grid: Grid
    names: tuple[str, ...]
    tags: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Open the metadata of a raster whose bands are named, or of a netCDF-4 file with layers on one grid.

        Raises
        ------
        InputError
            There is no such file, it is a table, or it has no named layers.
        NotARasterError
            It is neither a raster nor netCDF-4.
        """
        name = os.fspath(path)
        suffix = Path(name).suffix.lower()
        if suffix in TABLES:
            raise InputError(f"{name}: a table of points is not read back; give the {' or '.join(RASTERS)} file")
        if suffix == ".nc":
            from sensetrack.raster import netcdf

            header = netcdf.describe(name)
            return cls(name, header.grid, header.names, header.tags, header.attributes)
        info = _gdal.describe(name)
        names = tuple(band or f"band {number}" for number, band in enumerate(info.band_names, start=1))
        return cls(name, info.grid, names, dict(info.tags))

    def read(self, block: Block | None = None, names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """Read layers: float32 with NaN where missing, integer where the file stores flags.

        Parameters
        ----------
        block : Block, optional
            Window inside the file; default: all of it.
        names : sequence of str, optional
            Layers to read; default: all.

        Raises
        ------
        InputError
            A layer is not there, or the pixels are complex.
        GridError
            The window reaches beyond the file.
        CorruptFileError
            The pixels cannot be read.
        """
        block = block or whole(self.grid.shape)
        if block.clip(self.grid.shape) != block:
            raise GridError(f"{self.path}: {block} reaches beyond its {self.grid.height} x {self.grid.width} pixels")
        wanted = list(self.names if names is None else names)
        absent = [name for name in wanted if name not in self.names]
        if absent:
            raise InputError(f"{self.path}: no layer {', '.join(absent)}; it has {', '.join(self.names)}")
        if Path(self.path).suffix.lower() == ".nc":
            from sensetrack.raster import netcdf

            return netcdf.read(self.path, wanted, block)
        window = Window(block.col, block.row, block.width, block.height)
        with _gdal.opened(self.path) as dataset:
            try:
                bands = dataset.read([self.names.index(name) + 1 for name in wanted], window=window)
            except RasterioError as error:
                why = _gdal.reason_of(error, self.path)
                raise CorruptFileError(f"{self.path}: its pixels cannot be read, is it cut off? ({why})") from error
        if np.iscomplexobj(bands):
            raise InputError(f"{self.path}: its pixels are complex, so it is an image, and no displacement or velocity")
        return {name: np.asarray(band, np.float32) for name, band in zip(wanted, bands, strict=True)}
