"""Tables of points: CSV, GeoParquet 1.1 and GeoPackage, written in chunks.

Each point is the centre of an output pixel. Rows come in the order in which blocks are written, row by row within
each. Missing numbers are empty (CSV) or null.
"""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.raster.write import atomic
from sensetrack.types import DoubleArray, PathLike

if TYPE_CHECKING:
    import pyarrow

    from sensetrack.raster.layers import Content

ROWS = 2**18
"""Rows that are collected before they are written."""

GEOMETRY = "geometry"


class TableWriter:
    """Writes the points of a grid block by block, under a temporary name until it is closed.

    Parameters
    ----------
    path : path-like
        ``.csv``, ``.parquet`` or ``.gpkg``.
    grid : Grid
    content : Content
    overwrite : bool
    keep_empty : bool
        Whether pixels whose `Content.value` layer is missing get a row too.

    Raises
    ------
    OutputError
        As `sensetrack.raster.write.atomic`.
    """

    def __init__(
        self, path: PathLike, grid: Grid, content: Content, *, overwrite: bool = False, keep_empty: bool = False
    ) -> None:
        self.path = Path(path)
        self.grid = grid
        self.content = content
        self.keep_empty = keep_empty
        self._overwrite = overwrite
        self._stack = contextlib.ExitStack()
        self._waiting: list[pyarrow.Table] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            part = stack.enter_context(atomic(self.path, overwrite=self._overwrite))
            kinds: dict[str, type[_Sink]] = {".csv": _CsvSink, ".parquet": _ParquetSink, ".gpkg": _GeoPackageSink}
            kind = kinds[self.path.suffix.lower()]
            self._sink = stack.enter_context(contextlib.closing(kind(part, self.grid, self.content.name)))
            stack.push(self._finish)
            self._stack = stack.pop_all()
        return self

    def write(self, block: Block, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the points of one block, row by row.

        Parameters
        ----------
        block : Block
        arrays : mapping of str to ndarray
            One ``(row, col)`` array of the block's shape for each column; others are ignored.
        """
        self._waiting.append(self._points(block, arrays))
        if sum(table.num_rows for table in self._waiting) >= ROWS:
            self._flush()

    def _points(self, block: Block, arrays: Mapping[str, NDArray[Any]]) -> pyarrow.Table:
        import pyarrow

        content = self.content
        value = arrays[content.value]
        rows, cols = np.nonzero(np.ones(value.shape, np.bool_) if self.keep_empty else np.isfinite(value))
        out_row, out_col = rows + block.row, cols + block.col
        columns: dict[str, NDArray[Any]] = {}
        if content.placement is not None:
            spacing, origin_row, origin_col = content.placement
            columns["row"] = (out_row + 0.5) * spacing + origin_row - 0.5
            columns["col"] = (out_col + 0.5) * spacing + origin_col - 0.5
        columns["x"], columns["y"] = self.grid.xy(out_row, out_col)
        dtypes = {layer.name: np.dtype(layer.dtype) for layer in content.layers}
        for name in content.columns:
            if name in content.lengths:
                first, second = content.lengths[name]
                columns[name] = np.hypot(arrays[first][rows, cols], arrays[second][rows, cols])
            else:
                columns[name] = np.asarray(arrays[name][rows, cols], dtypes[name])
        return pyarrow.table(
            {name: pyarrow.array(column, from_pandas=column.dtype.kind == "f") for name, column in columns.items()}
        )

    def _flush(self) -> None:
        import pyarrow

        if self._waiting:
            self._sink.write(pyarrow.concat_tables(self._waiting).combine_chunks())
            self._waiting.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._flush()


class _Sink(Protocol):
    """Writes tables one after the other into one file."""

    def __init__(self, path: Path, grid: Grid, name: str) -> None: ...

    def write(self, table: pyarrow.Table) -> None: ...

    def close(self) -> None: ...


class _CsvSink:
    """Comma-separated values with a header line, UTF-8."""

    def __init__(self, path: Path, grid: Grid, name: str) -> None:
        self._file = path.open("wb")
        self._started = False

    def write(self, table: pyarrow.Table) -> None:
        from pyarrow import csv

        if not self._started:
            self._file.write((",".join(table.column_names) + "\n").encode())
            self._started = True
        csv.write_csv(table, self._file, csv.WriteOptions(include_header=False))

    def close(self) -> None:
        self._file.close()


class _ParquetSink:
    """GeoParquet 1.1: WKB points, the CRS as PROJJSON, the bounding box of what was written."""

    def __init__(self, path: Path, grid: Grid, name: str) -> None:
        self._path = path
        self._crs = grid.crs
        self._writer: Any = None
        self._bounds = [np.inf, np.inf, -np.inf, -np.inf]

    def write(self, table: pyarrow.Table) -> None:
        from pyarrow import parquet

        x, y = table["x"].to_numpy(), table["y"].to_numpy()
        if len(x):
            low, high = self._bounds[:2], self._bounds[2:]
            self._bounds = [
                *np.minimum(low, [x.min(), y.min()]).tolist(),
                *np.maximum(high, [x.max(), y.max()]).tolist(),
            ]
        full = table.append_column(GEOMETRY, _wkb_points(x, y))
        if self._writer is None:
            self._writer = parquet.ParquetWriter(self._path, full.schema, compression="zstd", store_schema=False)
        self._writer.write_table(full)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.add_key_value_metadata({"geo": json.dumps(self._metadata())})
            self._writer.close()

    def _metadata(self) -> dict[str, Any]:
        import pyproj

        column: dict[str, Any] = {
            "encoding": "WKB",
            "geometry_types": ["Point"],
            # Null says that the CRS is not known; leaving it out would say longitude and latitude.
            "crs": None if self._crs is None else pyproj.CRS.from_user_input(self._crs).to_json_dict(),
        }
        if np.isfinite(self._bounds).all():
            column["bbox"] = self._bounds
        return {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}


class _GeoPackageSink:
    """One layer of points in a GeoPackage."""

    def __init__(self, path: Path, grid: Grid, name: str) -> None:
        self._path = path
        self._crs = None if grid.crs is None else grid.crs.to_wkt()
        self._layer = name
        self._started = False

    def write(self, table: pyarrow.Table) -> None:
        import pyogrio
        from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

        points = _wkb_points(table["x"].to_numpy(), table["y"].to_numpy())
        with warnings.catch_warnings(), undated():
            # Pictures without georeference have no CRS, and nothing is to be said about it.
            warnings.filterwarnings("ignore", message="'crs' was not provided", category=UserWarning)
            try:
                pyogrio.write_arrow(
                    table.append_column(GEOMETRY, points),
                    self._path,
                    layer=self._layer,
                    driver="GPKG",
                    geometry_name=GEOMETRY,
                    geometry_type="Point",
                    crs=self._crs,
                    append=self._started,
                )
            except (DataLayerError, DataSourceError, FeatureError) as error:
                raise OSError(error) from error
        self._started = True

    def close(self) -> None:
        """Nothing stays open between writes."""


@contextlib.contextmanager
def undated() -> Iterator[None]:
    """Let GDAL write no time of its own into a GeoPackage, so that equal tables give equal bytes."""
    import pyogrio

    option = "OGR_CURRENT_DATE"
    before = pyogrio.get_gdal_config_option(option)
    pyogrio.set_gdal_config_options({option: "1970-01-01T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({option: before})


def _wkb_points(x: DoubleArray, y: DoubleArray) -> pyarrow.Array:
    """Return little-endian WKB points as one Arrow binary array, without a Python object per point."""
    import pyarrow

    points = np.empty(len(x), dtype=[("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
    points["order"], points["kind"], points["x"], points["y"] = 1, 1, x, y
    offsets = np.arange(len(x) + 1, dtype=np.int32) * points.itemsize
    buffers = [None, pyarrow.py_buffer(offsets), pyarrow.py_buffer(points.tobytes())]
    return pyarrow.Array.from_buffers(pyarrow.binary(), len(x), buffers)
