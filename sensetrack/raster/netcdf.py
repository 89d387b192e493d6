"""netCDF-4 files by the CF-1.8 conventions: written block by block, read window by window.

Coordinates are those of pixel centres. The grid mapping variable ``mapping`` carries the CRS as CF attributes and as
WKT, and the affine transform as GDAL writes it, so that xarray, rioxarray, GDAL and QGIS all place the layers alike.
Nothing in the file depends on when or where it was written: the same layers give the same bytes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import CorruptFileError, InputError, NotARasterError
from sensetrack.raster import cf, steady
from sensetrack.raster.disk import DiskFile
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.raster.write import atomic
from sensetrack.types import PathLike

if TYPE_CHECKING:
    from sensetrack.raster.layers import Content, Layer

CHUNK = 256
"""Side of a compressed chunk: a few fit the cache, so that small blocks do not unpack a chunk again and again."""

_RENAMED = {"history": cf.PREFIX + "history"}
"""Tags whose names mean something else in CF; ``history`` is text that other tools append to."""


@dataclass(frozen=True)
class Header:
    """What a netCDF file says of itself without its pixels."""

    grid: Grid
    names: tuple[str, ...]
    tags: dict[str, str]
    attributes: dict[str, dict[str, Any]]


class NetcdfWriter:
    """Writes layers block by block into a netCDF-4 file, under a temporary name until it is closed.

    Parameters
    ----------
    path : path-like
    grid : Grid
    content : Content
        With a `Content.period` the layers get a leading ``mid_date`` dimension of length 1, and ``date1`` and
        ``date2``, so that files of many pairs concatenate into a cube.
    overwrite : bool

    Raises
    ------
    OutputError
        As `sensetrack.raster.write.atomic`.
    """

    def __init__(self, path: PathLike, grid: Grid, content: Content, *, overwrite: bool = False) -> None:
        self.path = Path(path)
        self.grid = grid
        self.content = content
        self._overwrite = overwrite
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            part = stack.enter_context(atomic(self.path, overwrite=self._overwrite))
            self._disk = stack.enter_context(DiskFile(part))
            self._file = stack.enter_context(steady.create(self._disk))
            self._dims = cf.write_coordinates(self._file, self.grid, self.content.period)
            _write_attributes(self._file, self.grid, self.content)
            for layer in self.content.layers:
                self._create(layer)
            for alias, name in self.content.aliases.items():
                # A hard link: one array under two names, for readers that look for either.
                self._file._h5file[alias] = self._file._h5file[name]
            self._stack = stack.pop_all()
        return self

    def _create(self, layer: Layer) -> None:
        dtype = np.dtype(layer.dtype)
        fill = np.float32(np.nan) if dtype.kind == "f" else layer.fill
        lead = (1,) * (len(self._dims) - 2)
        variable = self._file.create_variable(
            layer.name,
            self._dims,
            dtype,
            fillvalue=None if fill is None else dtype.type(fill),
            chunks=(*lead, min(CHUNK, self.grid.height), min(CHUNK, self.grid.width)),
            compression="gzip",
            compression_opts=4,
            shuffle=True,
        )
        variable.attrs["grid_mapping"] = cf.MAPPING
        if not cf.is_upright(self.grid):
            variable.attrs["coordinates"] = "y x"
        if layer.long_name:
            variable.attrs["long_name"] = layer.long_name
        variable.attrs["units"] = layer.units
        for name, value in layer.attributes.items():
            variable.attrs[name] = value

    def write(self, block: Block, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write one block of every layer.

        Parameters
        ----------
        block : Block
        arrays : mapping of str to ndarray
            One ``(row, col)`` array of the block's shape for each layer; others are ignored.
        """
        index = (0,) * (len(self._dims) - 2) + block.slices
        for layer in self.content.layers:
            self._file[layer.name][index] = _pack(arrays[layer.name], layer)
            self._disk.check()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def describe(path: str) -> Header:
    """Read the metadata of a netCDF-4 file whose layers lie on one grid.

    Layers are the variables over the last two dimensions of the largest of them, with no other dimension longer
    than 1. The grid comes from the coordinates of the pixel centres.

    Raises
    ------
    InputError
        There is no such file, or no layer in it.
    NotARasterError
        It is not netCDF-4.
    """
    with _opened(path) as file:
        names = _layer_names(file)
        if not names:
            raise InputError(f"{path}: has no layer with two dimensions such as (y, x)")
        attributes = {name: _attributes(variable) for name, variable in file.variables.items()}
        tags = _attributes(file)
        for plain, renamed in _RENAMED.items():
            if renamed in tags:
                tags[plain] = tags.pop(renamed)
        shape = file.variables[names[0]].shape[-2:]
        grid = cf.read_grid(path, file, names[0], (int(shape[0]), int(shape[1])), attributes, tags)
        return Header(grid, names, {name: str(value) for name, value in tags.items()}, attributes)


def read(path: str, names: Sequence[str], block: Block) -> dict[str, NDArray[Any]]:
    """Read a window of layers; packed integers become float32 with NaN where missing, flags stay integers.

    Raises
    ------
    CorruptFileError
        The pixels cannot be read.
    """
    with _opened(path) as file:
        layers = {}
        for name in names:
            variable = file.variables[name]
            index = (0,) * (len(variable.shape) - 2) + block.slices
            try:
                raw = np.asarray(variable[index])
            except OSError as error:
                raise CorruptFileError(f"{path}: layer {name} cannot be read ({error})") from error
            layers[name] = _unpack(raw, _attributes(variable))
        return layers


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    import h5netcdf

    if not Path(path).exists():
        raise InputError(f"{path}: no such file")
    try:
        file = h5netcdf.File(path, "r")
    except (OSError, ValueError) as error:
        raise NotARasterError(f"{path}: not a netCDF-4 file that can be read ({error})") from error
    with file:
        yield file


def _layer_names(file: Any) -> tuple[str, ...]:
    import h5py

    flat = {
        name: variable
        for name, variable in file.variables.items()
        if len(variable.shape) >= 2 and all(size == 1 for size in variable.shape[:-2]) and variable.dtype.kind in "fiu"
    }
    if not flat:
        return ()
    dims = max(flat.values(), key=lambda variable: int(np.prod(variable.shape))).dimensions[-2:]
    coordinates = {"x", "y", "lat", "lon", "latitude", "longitude"}
    names: dict[object, str] = {}
    for name, item in flat.items():
        if item.dimensions[-2:] == dims and name not in coordinates:
            # Second names of an array are not layers of their own.
            names.setdefault(h5py.h5o.get_info(item._h5ds.id).addr, name)
    return tuple(names.values())


def _attributes(item: Any) -> dict[str, Any]:
    """Attributes as plain Python values; one-element arrays become scalars, bytes become text."""
    plain: dict[str, Any] = {}
    for name, value in item.attrs.items():
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(-1)[0]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        plain[name] = value.item() if isinstance(value, np.generic) else value
    return plain


def _pack(array: NDArray[Any], layer: Layer) -> NDArray[Any]:
    dtype = np.dtype(layer.dtype)
    if dtype.kind == "f" or array.dtype == dtype:
        return np.asarray(array, dtype)
    missing = ~np.isfinite(array)
    limits = np.iinfo(dtype)
    rounded = np.clip(np.rint(np.where(missing, 0, array)), limits.min, limits.max)
    return np.asarray(np.where(missing, layer.fill or 0, rounded), dtype)


def _unpack(raw: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[Any]:
    if "flag_masks" in attributes or "flag_values" in attributes:
        return raw
    values = np.asarray(raw, np.float32)
    fill = attributes.get("_FillValue")
    if fill is not None:
        values = np.where(raw == fill, np.float32(np.nan), values)
    scale, offset = attributes.get("scale_factor", 1.0), attributes.get("add_offset", 0.0)
    return values if (scale, offset) == (1.0, 0.0) else np.asarray(values * scale + offset, np.float32)


def _write_attributes(file: Any, grid: Grid, content: Content) -> None:
    file.attrs["Conventions"] = "CF-1.8"
    for name, value in content.tags.items():
        file.attrs[_RENAMED.get(name, name)] = value
    if "history" in content.tags:
        file.attrs["history"] = "\n".join(json.loads(content.tags["history"]))
    file.attrs[cf.PREFIX + "transform"] = json.dumps(tuple(grid.transform)[:6])
    variables = {**content.variables, cf.MAPPING: cf.mapping_attributes(grid)}
    for name, attributes in variables.items():
        variable = file.create_variable(name, (), "i1", data=np.int8(0))
        for key, value in attributes.items():
            variable.attrs[key] = value
