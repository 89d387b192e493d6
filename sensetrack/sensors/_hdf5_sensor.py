"""What sensors share whose products are one HDF5 file, alone, in a folder or in an archive."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from sensetrack.errors import CorruptFileError, InputError
from sensetrack.sensors._base import Product, Sensor, file_name
from sensetrack.sensors._container import Container
from sensetrack.sensors._hdf5 import is_hdf5, opened

if TYPE_CHECKING:
    import h5py


class Hdf5Sensor(Sensor):
    """A sensor whose products are one HDF5 file each."""

    files: ClassVar[str]
    """Regular expression of the files that may be products."""

    def recognises(self, container: Container) -> bool:
        """Whether there is an HDF5 file of the sensor, or one of its names that cannot be opened."""
        if container.kind == "file":
            return self._recognises(container, next(iter(container.sizes)))
        names = [container.entry] if container.entry is not None else container.find(self.files)[:3]
        return any(self._recognises(container, name) for name in names)

    def open(self, container: Container) -> Product:
        """Read the attributes of the file and the shapes of what it holds."""
        name = self._file(container)
        with opened(container, name) as file:
            return self._product(container, name, file)

    @abstractmethod
    def _is_named(self, name: str) -> bool:
        """Whether a file's name is that of a product."""

    @abstractmethod
    def _is_own(self, file: h5py.File, name: str) -> bool:
        """Whether what a file holds is a product."""

    @abstractmethod
    def _product(self, container: Container, name: str, file: h5py.File) -> Product:
        """Return the product that an open file of a container is."""

    def _recognises(self, container: Container, name: str) -> bool:
        if not is_hdf5(container, name):
            return False
        is_named = self._is_named(file_name(name))
        if container.kind in ("zip", "tar") and is_named:
            # Opening a file in a compressed archive unpacks much of it.
            return True
        try:
            with opened(container, name) as file:
                return self._is_own(file, name)
        except CorruptFileError:
            return is_named

    def _file(self, container: Container) -> str:
        if container.kind == "file":
            return next(iter(container.sizes))
        if container.entry is not None:
            return container.entry
        found = [name for name in container.find(self.files) if self._recognises(container, name)]
        if len(found) > 1:
            raise InputError(f"{container.path}: holds several products; name the file of one: {', '.join(found[:4])}")
        return found[0]
