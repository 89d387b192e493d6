"""The file of a series: a CF-1.8 netCDF cube, written block by block, and read by block or by pixel.

Velocities have the axes ``(mid_date, y, x)`` with ``date1`` and ``date2``, as cubes of pairs have: TICOI takes it as
one, with ``errorx`` and ``errory``, and so do readers of ITS_LIVE cubes, which ask for ``vx``, ``vy``, ``v``,
``date_dt`` and ``acquisition_date_img1``. Positions have the axes ``(date, y, x)``.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import CorruptFileError, InputError, NotARasterError
from sensetrack.raster import cf
from sensetrack.raster.disk import DiskFile
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block, whole
from sensetrack.raster.write import atomic
from sensetrack.timeseries import words
from sensetrack.timeseries.products import MAPS, POSITIONS, VELOCITIES
from sensetrack.types import PathLike

CHUNK = 32
"""Side of a chunk, which holds all times: a pixel's series takes one chunk of each layer."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ALIASES = {
    "errorx": "vx_error",
    "errory": "vy_error",
    "acquisition_date_img1": "date1",
    "acquisition_date_img2": "date2",
}


@dataclass(frozen=True, eq=False)
class Header:
    """What a cube says besides its pixels.

    Attributes
    ----------
    grid : Grid
    dates : tuple of datetime
    spans : ndarray of int64, shape (velocity, 2)
        Dates, as indices, between which velocities are means.
    pairs : tuple of tuple of int
        Dates of the pairs behind it, as indices.
    pair_values : mapping of str to ndarray
        What is known of each pair: `words.PAIR_LAYERS`.
    pair_names : tuple of tuple of str
        Reference and secondary of each pair.
    tags : mapping of str to str
        More global attributes.
    """

    grid: Grid
    dates: tuple[datetime, ...]
    spans: NDArray[np.int64]
    pairs: tuple[tuple[int, int], ...]
    pair_names: tuple[tuple[str, str], ...] = ()
    pair_values: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def middles(self) -> list[datetime]:
        """Middle of each velocity."""
        return [self.dates[i] + (self.dates[j] - self.dates[i]) / 2 for i, j in self.spans]


class CubeWriter:
    """Writes a cube block by block under a temporary name; it appears when the context ends without an error.

    Parameters
    ----------
    path : path-like
    header : Header
    overwrite : bool

    Raises
    ------
    OutputError
        As `sensetrack.raster.write.atomic`.
    """

    def __init__(self, path: PathLike, header: Header, *, overwrite: bool = False) -> None:
        self.path = Path(path)
        self.header = header
        self._overwrite = overwrite
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        import h5netcdf

        header = self.header
        with contextlib.ExitStack() as stack:
            part = stack.enter_context(atomic(self.path, overwrite=self._overwrite))
            self._disk = stack.enter_context(DiskFile(part))
            self._file = stack.enter_context(h5netcdf.File(self._disk, "w", rdcc_nbytes=16 * 2**20))
            flat = cf.write_coordinates(self._file, header.grid, None)
            self._write_times()
            self._write_attributes()
            axes = {"mid_date": VELOCITIES, "date": POSITIONS, "": (*MAPS, "alert")}
            for axis, names in axes.items():
                for name in names:
                    self._create(name, (axis, *flat) if axis else flat)
            self._write_pairs()
            for alias, name in _ALIASES.items():
                self._file._h5file[alias] = self._file._h5file[name]
            self._stack = stack.pop_all()
        return self

    def _write_times(self) -> None:
        header, file = self.header, self._file
        file.dimensions["mid_date"] = len(header.spans)
        file.dimensions["date"] = len(header.dates)
        ends = [[header.dates[i] for i in header.spans[:, end]] for end in (0, 1)]
        meanings = {
            "mid_date": ("mid_date", header.middles, "middle of the time of each velocity"),
            "date1": ("mid_date", ends[0], "start of the time of each velocity"),
            "date2": ("mid_date", ends[1], "end of the time of each velocity"),
            "date": ("date", header.dates, "acquisition of an image"),
        }
        for name, (axis, times, text) in meanings.items():
            variable = file.create_variable(name, (axis,), "f8", data=_days(times))
            variable.attrs["long_name"] = text
            if name == axis:
                variable.attrs["standard_name"] = "time"
                variable.attrs["axis"] = "T"
            variable.attrs["units"] = "days since 1970-01-01 00:00:00"
            variable.attrs["calendar"] = "standard"
        length = file.create_variable("date_dt", ("mid_date",), "f8", data=_days(ends[1]) - _days(ends[0]))
        length.attrs["long_name"] = "length of the time of each velocity"
        # Without the word "days" alone, which readers would turn into a time of their own.
        length.attrs["units"] = "86400 s"

    def _write_pairs(self) -> None:
        header, file = self.header, self._file
        if not header.pairs:
            return
        file.dimensions["pair"] = len(header.pairs)
        index = np.array(header.pairs, np.int32)
        for name, column in (("pair_first", 0), ("pair_second", 1)):
            variable = file.create_variable(name, ("pair",), "i4", data=np.ascontiguousarray(index[:, column]))
            variable.attrs["long_name"] = f"place of the {('earlier', 'later')[column]} image of a pair in date"
        for name, (text, unit) in words.PAIR_LAYERS.items():
            if name in header.pair_values:
                variable = file.create_variable(name, ("pair",), "f8", data=np.asarray(header.pair_values[name]))
                variable.attrs["long_name"], variable.attrs["units"] = text, unit

    def set_pairs(self, values: Mapping[str, NDArray[np.float64]]) -> None:
        """Write what the work has shown of each pair: arrays of `words.PAIR_LAYERS` that the header has already."""
        for name, array in values.items():
            self._file[name][...] = array

    def _write_attributes(self) -> None:
        header, file = self.header, self._file
        file.attrs["Conventions"] = "CF-1.8"
        proj4 = cf.mapping_attributes(header.grid).get("proj4text")
        tags = {"product": "series", "title": "surface displacement and velocity over time", "author": "sensetrack"}
        tags |= {} if proj4 is None else {"proj4": str(proj4), "projection": str(proj4)}
        tags |= {"pair_names": json.dumps(header.pair_names), **header.tags}
        for name, value in tags.items():
            file.attrs[name] = value
        file.attrs[cf.PREFIX + "transform"] = json.dumps(tuple(header.grid.transform)[:6])
        mapping = file.create_variable(cf.MAPPING, (), "i1", data=np.int8(0))
        for key, value in cf.mapping_attributes(header.grid).items():
            mapping.attrs[key] = value

    def _create(self, name: str, dims: tuple[str, ...]) -> None:
        sizes = [self._file.dimensions[dim].size for dim in dims]
        chunks = (*sizes[:-2], min(CHUNK, sizes[-2]), min(CHUNK, sizes[-1]))
        described = words.LAYERS[name]
        dtype = np.dtype(described.dtype)
        variable = self._file.create_variable(
            name,
            dims,
            dtype,
            fillvalue=np.float32(np.nan) if dtype.kind == "f" else None,
            chunks=chunks,
            compression="gzip",
            compression_opts=4,
            shuffle=True,
        )
        variable.attrs["grid_mapping"] = cf.MAPPING
        if not cf.is_upright(self.header.grid):
            variable.attrs["coordinates"] = "y x"
        variable.attrs["long_name"], variable.attrs["units"] = described.long_name, described.units
        for key, value in described.attributes.items():
            variable.attrs[key] = value

    def write(self, block: Block, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write one block of every layer; time axes come first."""
        for name, array in arrays.items():
            variable = self._file[name]
            variable[(slice(None),) * (len(variable.shape) - 2) + block.slices] = array
            self._disk.check()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


@dataclass(frozen=True, eq=False)
class Cube:
    """A series on disk, read lazily.

    Attributes
    ----------
    path : str
    header : Header
    """

    path: str
    header: Header

    @classmethod
    def open(cls, path: PathLike) -> Self:
        """Open a cube of ours.

        Raises
        ------
        InputError
            There is no such file, or it is no cube.
        NotARasterError
            It is not netCDF-4.
        """
        name = str(path)
        with _opened(name) as file:
            if file.attrs.get("product") != "series" or "date" not in file.variables:
                raise InputError(f"{name}: is no series of sensetrack ('sensetrack timeseries' writes them)")
            dates = tuple(_EPOCH + timedelta(days=float(day)) for day in file.variables["date"][...])
            known = _days(dates)
            spans = np.stack(
                [
                    [int(np.argmin(np.abs(known - day))) for day in file.variables[end][...]]
                    for end in ("date1", "date2")
                ],
                axis=1,
            ).astype(np.int64)
            attributes = {each: dict(variable.attrs) for each, variable in file.variables.items()}
            attributes = {
                each: {key: _plain(value) for key, value in found.items()} for each, found in attributes.items()
            }
            tags = {key: str(_plain(value)) for key, value in file.attrs.items()}
            shape = file.variables["vx"].shape[-2:]
            grid = cf.read_grid(name, file, "vx_mean", (int(shape[0]), int(shape[1])), attributes, dict(tags))
            pairs: tuple[tuple[int, int], ...] = ()
            values = {}
            if "pair_first" in file.variables:
                ends = (np.asarray(file.variables[end][...]).tolist() for end in ("pair_first", "pair_second"))
                pairs = tuple(zip(*ends, strict=True))
                values = {
                    key: np.asarray(file.variables[key][...]) for key in words.PAIR_LAYERS if key in file.variables
                }
            names = tuple((first, second) for first, second in json.loads(tags.get("pair_names", "[]")))
            return cls(name, Header(grid, dates, spans, pairs, names, values, tags))

    def read(self, names: Sequence[str], block: Block | None = None, step: int = 1) -> dict[str, NDArray[Any]]:
        """Read layers of a block, every ``step``-th pixel; time axes come first.

        Raises
        ------
        InputError
            A layer is not there.
        CorruptFileError
            The pixels cannot be read.
        """
        rows, cols = (block or whole(self.header.grid.shape)).slices
        index = slice(rows.start, rows.stop, step), slice(cols.start, cols.stop, step)
        with _opened(self.path) as file:
            absent = [name for name in names if name not in file.variables]
            if absent:
                raise InputError(f"{self.path}: no layer {', '.join(absent)}")
            try:
                return {
                    name: np.asarray(
                        file.variables[name][(slice(None),) * (len(file.variables[name].shape) - 2) + index]
                    )
                    for name in names
                }
            except OSError as error:
                raise CorruptFileError(f"{self.path}: cannot be read, is it cut off? ({error})") from error

    def at(self, x: float, y: float, names: Sequence[str] = (*VELOCITIES, *POSITIONS)) -> dict[str, NDArray[Any]]:
        """Return the series at the pixel that holds a map point; by default all of velocities and positions.

        Raises
        ------
        InputError
            The point lies outside of the cube, or a layer is not there.
        """
        row, col = (round(float(value)) for value in self.header.grid.rowcol(x, y))
        rows, cols = self.header.grid.shape
        if not (0 <= row < rows and 0 <= col < cols):
            raise InputError(f"{self.path}: the point {x:g}, {y:g} lies outside of it")
        return {name: array[..., 0, 0] for name, array in self.read(names, Block(row, col, 1, 1)).items()}


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


def _days(times: Sequence[datetime]) -> NDArray[np.float64]:
    return np.array([(time - _EPOCH) / timedelta(days=1) for time in times], np.float64)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value
