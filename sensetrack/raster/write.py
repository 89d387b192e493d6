"""Writing: atomic replacement, and one tiled GeoTIFF writer for every layer we store."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from sensetrack.errors import OutputError
from sensetrack.raster._gdal import GDAL_CACHE_BYTES
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.types import PathLike

TILE = 512


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
        raise OutputError(f"{final}: cannot be written ({error}); is the disk full or read-only?") from error
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
    """Writes named float layers block by block into a tiled GeoTIFF, under a temporary name until it is closed.

    Use as a context manager. Tiles are 512 x 512, deflate, predictor 3 where real; missing is NaN.

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
    dtype : {"float32", "complex64"}
        Pixel type of all layers.

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
        dtype: Literal["float32", "complex64"] = "float32",
    ) -> None:
        self.path = Path(path)
        self.grid = grid
        self.layers = tuple(layers)
        self.tags = dict(tags or {})
        self.dtype = dtype
        self._overwrite = overwrite
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            part = stack.enter_context(atomic(self.path, overwrite=self._overwrite))
            stack.enter_context(rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES))
            self._dataset = stack.enter_context(self._create(part))
            self._dataset.update_tags(**self.tags)
            for number, name in enumerate(self.layers, start=1):
                self._dataset.set_band_description(number, name)
            self._stack = stack.pop_all()
        return self

    def _create(self, part: Path) -> rasterio.io.DatasetWriter:
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
            nodata=np.nan,
            tiled=True,
            blockxsize=TILE,
            blockysize=TILE,
            compress="deflate",
            predictor=3 if self.dtype == "float32" else 1,
            bigtiff="if_safer",
            interleave="band",
        )

    def write(self, block: Block, arrays: Mapping[str, np.ndarray]) -> None:
        """Write one block of every layer.

        Parameters
        ----------
        block : Block
            Position in the output grid.
        arrays : mapping of str to ndarray
            One ``(row, col)`` array of the block's shape for each layer.
        """
        window = Window(block.col, block.row, block.width, block.height)
        stack = np.stack([np.asarray(arrays[name], dtype=self.dtype) for name in self.layers])
        self._dataset.write(stack, window=window)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)


def _remove_abandoned(final: Path) -> None:
    """Delete partial siblings of processes on this machine that no longer run."""
    host = socket.gethostname()
    for part in final.parent.glob(f".{final.stem}.{host}-*.partial{final.suffix}"):
        pid = part.name.removeprefix(f".{final.stem}.{host}-").partition(".")[0]
        if pid.isdigit() and int(pid) != os.getpid() and not _is_running(int(pid)):
            part.unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
