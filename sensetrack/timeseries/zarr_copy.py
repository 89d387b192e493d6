"""A netCDF cube as Zarr, chunk by chunk; needs the extra ``zarr``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from sensetrack.errors import MissingExtraError, OutputError
from sensetrack.types import PathLike


def check_zarr(output: PathLike, *, overwrite: bool = False) -> None:
    """Raise when a Zarr folder of this name cannot be written.

    Raises
    ------
    MissingExtraError
        zarr is not installed.
    OutputError
        The output exists already, or its folder does not exist.
    """
    _library()
    final = Path(output)
    if final.exists() and not overwrite:
        raise OutputError(f"{final}: exists already; choose another name or pass --overwrite")
    if not final.parent.is_dir():
        raise OutputError(f"{final}: the folder {final.parent} does not exist")


def netcdf_to_zarr(source: PathLike, output: PathLike) -> None:
    """Copy all variables and attributes of a netCDF file into a Zarr folder (format 2, as xarray reads it).

    It appears under its name when it is complete; one that is there already is replaced.

    Raises
    ------
    MissingExtraError
        zarr is not installed.
    OutputError
        It cannot be written.
    """
    import h5netcdf

    zarr = _library()
    final = Path(output)
    part = final.with_name(f".{final.stem}.{os.getpid()}.partial.zarr")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with h5netcdf.File(os.fspath(source), "r") as file:
            group = zarr.open_group(str(part), mode="w", zarr_format=2)
            group.attrs.update({name: _plain(value) for name, value in file.attrs.items()})
            for name, variable in file.variables.items():
                _copy(group, name, variable)
            zarr.consolidate_metadata(str(part), zarr_format=2)
        if final.exists():
            shutil.rmtree(final)
        part.replace(final)
    except OSError as error:
        raise OutputError(f"{final}: cannot be written ({error.strerror or error}); is the disk full?") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _copy(group: Any, name: str, variable: Any) -> None:
    attributes = {key: _plain(value) for key, value in variable.attrs.items() if key != "_FillValue"}
    fill = variable.attrs.get("_FillValue")
    chunks = variable.chunks or variable.shape
    array = group.create_array(
        name,
        shape=variable.shape,
        chunks=tuple(max(1, size) for size in chunks),
        dtype=variable.dtype,
        fill_value=None if fill is None else np.asarray(fill).reshape(-1)[0],
        attributes={"_ARRAY_DIMENSIONS": list(variable.dimensions), **attributes},
    )
    if not variable.shape:
        array[...] = variable[...]
        return
    for start in np.ndindex(*(-(-size // step) for size, step in zip(variable.shape, chunks, strict=True))):
        window = tuple(slice(at * step, (at + 1) * step) for at, step in zip(start, chunks, strict=True))
        array[window] = variable[window]


def _library() -> Any:
    try:
        import zarr
    except ImportError:
        raise MissingExtraError("zarr", "writing Zarr cubes") from None
    return zarr


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist() if value.size != 1 else value.reshape(-1)[0].item()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value
