"""What a file is: an image, a displacement field or a velocity map, with its grid, its layers and their statistics.

Statistics come from a decimated read, so that a file of any size answers at once; `FileInfo.step` says how coarse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from sensetrack.displacement import Provenance
from sensetrack.raster.dates import acquisition_time
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.layers import LayerFile
from sensetrack.summary import SAMPLE, Statistics, flag_array, flag_counts, read_sample, shares_of, usable_mask
from sensetrack.types import FloatArray, Mask, PathLike

PIXEL_UNITS = {"dx": "px", "dy": "px", "sigma_dx": "px", "sigma_dy": "px"}

KINDS = ("displacement", "velocity")
"""What the tag ``product`` says in files of ours."""


@dataclass(frozen=True)
class LayerInfo:
    """One band or variable.

    Attributes
    ----------
    name : str
        Band description, colour, or ``band 1``.
    dtype : str
        Pixel type in the file.
    unit : str
        ``""`` where it is not known.
    nodata : float or None
    statistics : Statistics
    """

    name: str
    dtype: str
    unit: str
    nodata: float | None
    statistics: Statistics


@dataclass(frozen=True)
class FileInfo:
    """What `look_at` found.

    Attributes
    ----------
    path : str
    kind : str
        ``image``, ``displacement`` or ``velocity``.
    grid : Grid
    step : int
        The statistics come from every ``step``-th pixel.
    layers : tuple of LayerInfo
    flags : mapping or None
        Share of pixels that are measurements and that carry each flag, 0..1; None for images.
    start, end : datetime or None
        Acquisition time of an image (both are the same), or of the two images of a pair, UTC.
    days : float or None
        Time base of a pair.
    tags : mapping
        Dataset tags.
    """

    path: str
    kind: str
    grid: Grid
    step: int
    layers: tuple[LayerInfo, ...]
    flags: Mapping[str, float] | None
    start: datetime | None
    end: datetime | None
    days: float | None
    tags: Mapping[str, str]

    @property
    def provenance(self) -> Provenance | None:
        """Where a displacement or velocity comes from."""
        return None if self.kind == "image" else Provenance.from_tags(self.tags)


def look_at(path: PathLike, sample: int = SAMPLE) -> FileInfo:
    """Describe a raster, a displacement file or a velocity file.

    Parameters
    ----------
    path : path-like
        Anything that GDAL reads, or one of our own files.
    sample : int
        Longest side of the decimated read behind the statistics.

    Returns
    -------
    FileInfo

    Raises
    ------
    InputError
        There is no such file, it is no raster, or its pixels cannot be read.
    """
    source = _Netcdf(path, sample) if Path(path).suffix.lower() == ".nc" else _Raster(path, sample)
    kind = _kind(source)
    usable = flags = None
    if kind != "image" and "flags" in source.names:
        flags = flag_array(source.read("flags")[0])
        usable = usable_mask(flags)
    layers = []
    for name in source.names:
        values, valid = source.read(name)
        chosen = valid if usable is None or name == "flags" else valid & usable
        dtype, unit, nodata = source.about(name)
        layers.append(LayerInfo(name, dtype, unit, nodata, Statistics.of(values, chosen)))
    start, end, days = _times(source, kind)
    return FileInfo(
        path=str(path),
        kind=kind,
        grid=source.grid,
        step=source.step,
        layers=tuple(layers),
        flags=None if flags is None else shares_of(flag_counts(flags), flags.size),
        start=start,
        end=end,
        days=days,
        tags=source.tags,
    )


class _Raster:
    """The bands of anything that GDAL reads."""

    def __init__(self, path: PathLike, sample: int) -> None:
        first = Image.open(path, band=1)
        self.grid, self.tags, self.acquired = first.grid, first.metadata, first.acquired
        self.names = tuple(text or f"band {number}" for number, text in enumerate(first.band_names, start=1))
        self.step = max(1, -(-max(self.grid.shape) // sample))
        self._images = {name: Image.open(path, band=number) for number, name in enumerate(self.names, start=1)}
        self._sample = sample

    def read(self, name: str) -> tuple[FloatArray, Mask]:
        return read_sample(self._images[name], self._sample)

    def about(self, name: str) -> tuple[str, str, float | None]:
        image = self._images[name]
        return image.dtype, _unit(name, self.tags), image.nodata


class _Netcdf:
    """The variables of a netCDF file that share its grid."""

    def __init__(self, path: PathLike, sample: int) -> None:
        self._file = LayerFile.open(path)
        self.grid, self.tags, self.names = self._file.grid, self._file.tags, self._file.names
        self.acquired = acquisition_time(self.tags, Path(path).name)
        self.step = max(1, -(-max(self.grid.shape) // sample))

    def read(self, name: str) -> tuple[FloatArray, Mask]:
        values = self._file.read(names=[name])[name][:: self.step, :: self.step].astype(np.float32)
        return values, np.isfinite(values)

    def about(self, name: str) -> tuple[str, str, float | None]:
        attributes = self._file.attributes.get(name, {})
        nodata = attributes.get("_FillValue")
        unit = str(attributes.get("units", ""))
        dtype = "uint8" if "flag_masks" in attributes else "float32"
        return dtype, "" if unit == "1" else unit, None if nodata is None else float(nodata)


def _kind(source: _Raster | _Netcdf) -> str:
    """Tell by the tag of our own files, else by the names of the layers."""
    product = source.tags.get("product", "")
    if product in KINDS:
        return product
    return "velocity" if {"vx", "vy"} <= set(source.names) else "image"


def _unit(name: str, tags: Mapping[str, str]) -> str:
    """Return the unit of a layer of ours."""
    if name in PIXEL_UNITS:
        return PIXEL_UNITS[name]
    return tags.get("units", "") if name.startswith("v") and tags.get("product") == "velocity" else ""


def _times(found: _Raster | _Netcdf, kind: str) -> tuple[datetime | None, datetime | None, float | None]:
    """Return the acquisition time of an image, or both times and the time base of a pair."""
    if kind == "image":
        return found.acquired, found.acquired, None
    source = Provenance.from_tags(found.tags)
    start, end, days = source.reference_date, source.secondary_date, source.days
    if days is None and start is not None and end is not None:
        days = (end - start) / timedelta(days=1)
    if end is None and start is not None and days is not None:
        end = start + timedelta(days=days)
    return start, end, days
