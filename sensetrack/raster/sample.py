"""A decimated look at any file of layers, so that a file of any size answers at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from sensetrack.raster.dates import acquisition_time
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.layers import TABLES, LayerFile
from sensetrack.types import FloatArray, Mask, PathLike

SAMPLE = 2000
"""Longest side of a sample in pixels."""


@dataclass(frozen=True)
class About:
    """How one layer is stored.

    Attributes
    ----------
    dtype : str
        Pixel type in the file.
    unit : str
        ``""`` where the file does not say, or the layer is a pure number.
    nodata : float or None
    """

    dtype: str
    unit: str
    nodata: float | None


class SampledFile(ABC):
    """Layers of a file, each read decimated by ``step`` in both directions.

    Attributes
    ----------
    grid : Grid
        Of the file itself.
    names : tuple of str
    tags : mapping of str to str
    acquired : datetime or None
    step : int
    """

    grid: Grid
    names: tuple[str, ...]
    tags: Mapping[str, str]
    acquired: datetime | None
    step: int

    @abstractmethod
    def read(self, name: str) -> tuple[FloatArray, Mask]:
        """Return one layer, NaN where missing, and where it is valid; complex pixels as their amplitude."""

    @abstractmethod
    def about(self, name: str) -> About:
        """Return how one layer is stored."""


def open_sample(path: PathLike, size: int = SAMPLE) -> SampledFile:
    """Open any raster, or a netCDF file of layers on one grid.

    Parameters
    ----------
    path : path-like
    size : int
        Longest side of what is read.

    Raises
    ------
    InputError
        There is no such file, or it is neither, such as a table of points.
    """
    return _Layers(path, size) if Path(path).suffix.lower() in (".nc", *TABLES) else _Raster(path, size)


class _Raster(SampledFile):
    def __init__(self, path: PathLike, size: int) -> None:
        first = Image.open(path, band=1)
        self.grid, self.tags, self.acquired = first.grid, first.metadata, first.acquired
        self.step = max(1, -(-max(self.grid.shape) // size))
        self._size = size
        self._images: dict[str, Image] = {}
        for number, text in enumerate(first.band_names, start=1):
            name = text if text and text not in self._images else f"band {number}"
            self._images[name] = Image.open(path, band=number)
        self.names = tuple(self._images)

    def read(self, name: str) -> tuple[FloatArray, Mask]:
        pixels, valid = self._images[name].read_overview(self._size)
        values = np.asarray(np.abs(pixels) if np.iscomplexobj(pixels) else pixels, np.float32)
        return np.where(valid, values, np.float32(np.nan)), valid

    def about(self, name: str) -> About:
        image = self._images[name]
        return About(image.dtype, "", image.nodata)


class _Layers(SampledFile):
    def __init__(self, path: PathLike, size: int) -> None:
        self._file = LayerFile.open(path)
        self.grid, self.tags, self.names = self._file.grid, self._file.tags, self._file.names
        self.acquired = acquisition_time(self.tags, Path(path).name)
        self.step = max(1, -(-max(self.grid.shape) // size))

    def read(self, name: str) -> tuple[FloatArray, Mask]:
        layer = self._file.read(names=[name])[name]
        values = np.asarray(layer[:: self.step, :: self.step], np.float32)
        return values, np.isfinite(values)

    def about(self, name: str) -> About:
        attributes = self._file.attributes.get(name, {})
        unit, nodata = str(attributes.get("units", "")), attributes.get("_FillValue")
        dtype = "uint8" if "flag_masks" in attributes else "float32"
        return About(dtype, "" if unit == "1" else unit, None if nodata is None else float(nodata))
