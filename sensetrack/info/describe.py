"""What a file is: an image, a displacement field or a velocity map, with its grid, its layers and their statistics.

Statistics come from a decimated read, so that a file of any size answers at once; `FileInfo.step` says how coarse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sensetrack.info.summary import Statistics, flag_array, flag_counts, shares_of, usable_mask
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.sample import SAMPLE, SampledFile, open_sample
from sensetrack.types import PathLike

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
    source = open_sample(path, sample)
    kind = _kind(source)
    usable = flags = None
    if kind != "image" and "flags" in source.names:
        flags = flag_array(source.read("flags")[0])
        usable = usable_mask(flags)
    layers = []
    for name in source.names:
        values, valid = source.read(name)
        chosen = valid if usable is None or name == "flags" else valid & usable
        about = source.about(name)
        unit = about.unit or _unit(name, source.tags)
        layers.append(LayerInfo(name, about.dtype, unit, about.nodata, Statistics.of(values, chosen)))
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


def _kind(source: SampledFile) -> str:
    """Tell by the tag of our own files, else by the names of the layers."""
    product = source.tags.get("product", "")
    if product in KINDS:
        return product
    return "velocity" if {"vx", "vy"} <= set(source.names) else "image"


def _unit(name: str, tags: Mapping[str, str]) -> str:
    """Return the unit of a layer of ours."""
    if name in PIXEL_UNITS:
        return PIXEL_UNITS[name]
    if tags.get("product") == "enu":
        return tags.get("units", "") if name.startswith("v") and name != "views" else ""
    return tags.get("units", "") if name.startswith("v") and tags.get("product") == "velocity" else ""


def _times(found: SampledFile, kind: str) -> tuple[datetime | None, datetime | None, float | None]:
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
