"""Pixels of a PRISMA file, window by window, and the places of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sensetrack.errors import InputError
from sensetrack.raster.tiles import Block
from sensetrack.sensors._container import Container
from sensetrack.sensors._hdf5 import opened, read_window
from sensetrack.types import DoubleArray, Mask, PixelArray

if TYPE_CHECKING:
    import h5py

CLOUDY = 1
"""Class of the cloud mask."""


@dataclass(frozen=True)
class CubeSource:
    """Reads one band in the geometry of the file.

    Attributes
    ----------
    container : Container
    file, dataset : str
    band : int
        Place on the middle axis of a cube, from 0.
    scaling : tuple of float or None
        Gain and offset; None leaves the numbers.
    nodata : float or None
        Number that is no measurement.
    errors : str or None
        Error matrix, of which only 0 is good; as large as ``dataset``.
    clouds : str or None
        Cloud mask ``(row, col)``.
    """

    container: Container
    file: str
    dataset: str
    band: int
    scaling: tuple[float, float] | None
    nodata: float | None
    errors: str | None = None
    clouds: str | None = None

    def read(self, block: Block, shape: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Return the pixels of a window and where they are valid, 0 where they are not."""
        with opened(self.container, self.file) as file:
            numbers = self._window(file, self.dataset, block, shape)
            valid = np.ones(numbers.shape, np.bool_)
            if self.nodata is not None:
                valid &= numbers != self.nodata
            if self.errors is not None:
                valid &= self._window(file, self.errors, block, shape) == 0
            if self.clouds is not None:
                valid &= read_window(_dataset(file, self.clouds), block, shape) != CLOUDY
        pixels = numbers.astype(np.float32)
        if self.scaling is not None:
            gain, offset = self.scaling
            pixels = (numbers.astype(np.float64) * gain + offset).astype(np.float32)
        return np.where(valid, pixels, np.float32(0)), valid

    def _window(self, file: h5py.File, name: str, block: Block, shape: tuple[int, int]) -> np.ndarray:
        dataset = _dataset(file, name)
        return read_window(dataset, block, shape, self.band if dataset.ndim == 3 else None)


@dataclass(frozen=True)
class ArrayPlaces:
    """Latitude and longitude of all pixels.

    Attributes
    ----------
    container : Container
    file, latitude, longitude : str
        File and datasets ``(row, col)``.
    """

    container: Container
    file: str
    latitude: str
    longitude: str

    def check(self, shape: tuple[int, int]) -> None:
        """Look whether the arrays are there and as large as the image.

        Raises
        ------
        InputError
            They are not.
        """
        with opened(self.container, self.file) as file:
            for name in (self.latitude, self.longitude):
                found = _dataset(file, name).shape
                if found != shape:
                    raise InputError(f"{self.container.path}: {name} is {found} for an image of {shape} pixels")

    def read(self, rows: slice, cols: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return latitude and longitude, degrees."""
        with opened(self.container, self.file) as file:
            lat, lon = (_dataset(file, name)[rows, cols] for name in (self.latitude, self.longitude))
        return np.asarray(lat, np.float64), np.asarray(lon, np.float64)


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    found = file.get(name)
    if found is None or not hasattr(found, "ndim"):
        raise InputError(f"{file.filename}: lacks the dataset {name}")
    return found
