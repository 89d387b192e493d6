"""Writing: atomic replacement, and one tiled GeoTIFF writer for every layer we store."""

from __future__ import annotations

import contextlib
import glob
import math
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.windows import Window

from sensetrack.errors import OutputError
from sensetrack.raster._gdal import GDAL_CACHE_BYTES, opened, reason_of
from sensetrack.raster._quiet import quietly
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import TILE, Block, tiles_under, whole
from sensetrack.types import PathLike


@contextlib.contextmanager
def atomic(path: PathLike, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a temporary sibling that is renamed to ``path`` on success and removed on failure.

    What an earlier, killed process left behind for the same ``path`` is removed first.

    Parameters
    ----------
    path : path-like
        Final name.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        The file exists and may not be replaced, its folder does not exist, or the disk is full.
    """
    final = Path(path)
    check_target(final, overwrite=overwrite)
    _remove_abandoned(final)
    part = final.with_name(f".{final.stem}.{socket.gethostname()}-{os.getpid()}.partial{final.suffix}")
    try:
        yield part
        part.replace(final)
    except (OSError, RasterioError) as error:
        raise _unwritable(final, error) from error
    finally:
        for leftover in (part, part.with_name(part.name + ".aux.xml")):
            leftover.unlink(missing_ok=True)


def check_target(path: PathLike, *, overwrite: bool = True) -> None:
    """Raise when a file of this name cannot be written; call it before the work that fills it.

    Raises
    ------
    OutputError
        The folder does not exist, the name is a folder, or the file exists and may not be replaced.
    """
    final = Path(path)
    if not final.parent.is_dir():
        raise OutputError(f"{final}: the folder {final.parent} does not exist")
    if final.is_dir():
        raise OutputError(f"{final}: is a folder; name a file")
    if final.exists() and not overwrite:
        raise OutputError(f"{final}: exists already; choose another name or pass --overwrite")


def refuse_same_file(output: PathLike, inputs: Sequence[PathLike | None]) -> None:
    """Raise when the output would replace one of its inputs.

    Raises
    ------
    OutputError
        ``output`` and an input are the same file.
    """
    final = Path(output)
    for name in inputs:
        if name is not None and final.exists() and Path(name).exists() and final.samefile(name):
            raise OutputError(f"{final}: is also an input; choose another output name")


class TiledWriter:
    """Writes named layers block by block into a tiled GeoTIFF, under a temporary name until it is closed.

    Use as a context manager. Tiles are 512 x 512, deflate, with the predictor of their type; missing is NaN, or
    ``nodata``. Each tile is written once, when it is complete: the bytes depend on the order of the blocks alone, not
    on what else GDAL does meanwhile, and a failing disk is noticed. Blocks in the order of `plan_blocks` keep one tile
    per layer in memory; in any other order, those that are begun.

    Parameters
    ----------
    path : path-like
        Final name; it appears only when the context ends without an error.
    grid : Grid
        Grid of the output.
    layers : sequence of str
        Band descriptions in order.
    tags : mapping, optional
        Dataset tags.
    overwrite : bool
        Whether an existing file may be replaced.
    dtype : str
        Pixel type of all layers: float32, complex64 or an integer type of GeoTIFF.
    nodata : float or None
        What missing pixels hold; NaN but for integers. None: nothing stands for missing.
    scaling : sequence of tuple of float
        Scale and offset of each layer, where its numbers stand for others.

    Raises
    ------
    OutputError
        As `atomic`.
    """

    def __init__(
        self,
        path: PathLike,
        grid: Grid,
        layers: Sequence[str],
        tags: Mapping[str, str] | None = None,
        *,
        overwrite: bool = True,
        dtype: str = "float32",
        nodata: float | None = math.nan,
        scaling: Sequence[tuple[float, float]] = (),
    ) -> None:
        self.path = Path(path)
        self.grid = grid
        self.layers = tuple(layers)
        self.tags = dict(tags or {})
        self.dtype = dtype
        self.nodata = nodata
        self.scaling = tuple(scaling)
        self._overwrite = overwrite
        self._stack = contextlib.ExitStack()
        self._begun: dict[Block, _Tile] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self._part = stack.enter_context(atomic(self.path, overwrite=self._overwrite))
            stack.push(self._check_complete)
            stack.enter_context(rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES))
            self._dataset = stack.enter_context(self._create(self._part))
            self._dataset.update_tags(**self.tags)
            for number, name in enumerate(self.layers, start=1):
                self._dataset.set_band_description(number, name)
            if self.scaling:
                self._dataset.scales, self._dataset.offsets = zip(*self.scaling, strict=True)
            stack.push(self._write_begun)
            self._stack = stack.pop_all()
        return self

    def _create(self, part: Path) -> rasterio.io.DatasetWriter:
        with quietly(NotGeoreferencedWarning):
            return rasterio.open(
                part,
                "w",
                driver="GTiff",
                height=self.grid.height,
                width=self.grid.width,
                count=len(self.layers),
                dtype=self.dtype,
                crs=self.grid.crs,
                transform=None if self.grid.transform.is_identity else self.grid.transform,
                nodata=self.nodata,
                tiled=True,
                blockxsize=TILE,
                blockysize=TILE,
                compress="deflate",
                predictor=3 if self.dtype == "float32" else 1 if "complex" in self.dtype else 2,
                bigtiff="if_safer",
                interleave="band",
            )

    def write(self, block: Block, arrays: Mapping[str, np.ndarray]) -> None:
        """Write one block of every layer; each pixel may be written once.

        Parameters
        ----------
        block : Block
            Position in the output grid, inside it.
        arrays : mapping of str to ndarray
            One ``(row, col)`` array of the block's shape for each layer.

        Raises
        ------
        OutputError
            The disk is full.
        """
        pixels = np.stack([np.asarray(arrays[name], dtype=self.dtype) for name in self.layers])
        for position in tiles_under(block, self.grid.shape):
            part = block.intersection(position)
            tile = self._begun.get(position) or self._empty(position)
            tile.pixels[:, *part.within(position)] = pixels[:, *part.within(block)]
            tile.filled += part.height * part.width
            if tile.filled < position.height * position.width:
                self._begun[position] = tile
            else:
                self._begun.pop(position, None)
                self._write_tile(position, tile)

    def _empty(self, position: Block) -> _Tile:
        return _Tile(np.full((len(self.layers), *position.shape), self.nodata or 0, self.dtype))

    def _write_tile(self, position: Block, tile: _Tile) -> None:
        window = Window(position.col, position.row, position.width, position.height)
        try:
            self._dataset.write(tile.pixels, window=window)
        except RasterioError as error:
            raise _unwritable(self.path, error) from error

    def _write_begun(self, kind: type[BaseException] | None, *_: object) -> None:
        """On success, write the tiles that are not complete."""
        if kind is None:
            for position in sorted(self._begun):
                self._write_tile(position, self._begun[position])

    def _check_complete(self, kind: type[BaseException] | None, *_: object) -> None:
        """On success, look whether all tiles are in the file: GDAL does not say when the last ones fail."""
        if kind is not None:
            return
        size = self._part.stat().st_size
        with opened(str(self._part)) as ds:
            for position in tiles_under(whole(self.grid.shape), self.grid.shape):
                name = f"{position.col // TILE}_{position.row // TILE}"
                for band in range(1, len(self.layers) + 1):
                    offset = ds.get_tag_item(f"BLOCK_OFFSET_{name}", "TIFF", bidx=band)
                    length = ds.get_tag_item(f"BLOCK_SIZE_{name}", "TIFF", bidx=band)
                    if offset is None or length is None or int(offset) + int(length) > size:
                        raise _unwritable(self.path, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stack.__exit__(kind, error, trace)
        except OutputError:
            # An error of the work in the context is not one of writing; it goes on as it is.
            if error is None or isinstance(error, OutputError):
                raise


@dataclass
class _Tile:
    """A tile of all layers while its blocks come in."""

    pixels: np.ndarray
    filled: int = 0


def _unwritable(path: Path, error: BaseException | None) -> OutputError:
    # Only GDAL's errors hide their cause below; what lies below the system's own is what a library tried before.
    said = error.strerror if isinstance(error, OSError) and error.errno else None
    why = f" ({said or reason_of(error)})" if error else ""
    return OutputError(f"{path}: cannot be written{why}; is the disk full or read-only?")


def _remove_abandoned(final: Path) -> None:
    """Delete partial siblings of processes on this machine that no longer run."""
    host = socket.gethostname()
    for part in final.parent.glob(f".{glob.escape(final.stem)}.{host}-*.partial{glob.escape(final.suffix)}"):
        pid = part.name.removeprefix(f".{final.stem}.{host}-").partition(".")[0]
        if pid.isdigit() and int(pid) != os.getpid() and not is_running(int(pid)):
            part.unlink(missing_ok=True)


def is_running(pid: int) -> bool:
    """Whether a process of this number runs on this machine, whoever started it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
