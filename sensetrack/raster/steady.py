"""netCDF-4 files for writing whose bytes depend on nothing but what is written.

HDF5 gives a compressed chunk its place in the file when it leaves the cache, and frees what was deleted, at the latest
when the last handle of the dataset goes. Python says when that is: later where something else holds the frame that
named the handle, such as the profiler that samples the threads of Dask's workers. The same layers would then lie in
another order. So each object of the file is opened once here and held until all is written.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensetrack.raster.disk import DiskFile

CACHE_BYTES = 4 * 2**20
"""Per layer; blocks are written as whole chunks, so little waits for its rest."""


@contextlib.contextmanager
def create(disk: DiskFile) -> Iterator[Any]:
    """Yield a new ``h5netcdf.File`` that is written to a file object.

    Parameters
    ----------
    disk : DiskFile
    """
    import h5netcdf

    # Order of creation is what netCDF-4 asks for.
    with _file_class()(disk, "w", rdcc_nbytes=CACHE_BYTES, track_order=True) as held:
        with h5netcdf.File(held, "w") as file:
            yield file
        held.flush()


@lru_cache(maxsize=1)
def _file_class() -> Any:
    import h5py

    class HeldFile(h5py.File):  # type: ignore[misc]
        """An HDF5 file that holds every object that was made or asked for by name."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._held: dict[str, Any] = {}
            self._deleted: list[Any] = []

        def __getitem__(self, name: Any) -> Any:
            if not isinstance(name, str):
                return super().__getitem__(name)
            path = _path(name)
            if path == "/":
                return self
            if path not in self._held:
                self._held[path] = super().__getitem__(path)
            return self._held[path]

        def create_dataset(self, name: str, *args: Any, **kwargs: Any) -> Any:
            self._held[_path(name)] = made = super().create_dataset(name, *args, **kwargs)
            return made

        def __delitem__(self, name: str) -> None:
            self._deleted.append(self[name])
            super().__delitem__(name)
            del self._held[_path(name)]

    return HeldFile


def _path(name: str) -> str:
    return "/" + name.strip("/")
