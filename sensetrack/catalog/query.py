"""What is searched for, and what a catalogue says of a scene."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import ValidationInfo, field_validator

from sensetrack.catalog._part import Checksum
from sensetrack.catalog.transfer import Wanted
from sensetrack.convert import area_of
from sensetrack.coregister.regrid import WGS84
from sensetrack.errors import DownloadError, ParameterError
from sensetrack.params import Params, param
from sensetrack.raster.crs import Extent, transform_extent
from sensetrack.raster.dates import parse_time

Sensor = Literal["sentinel-1", "sentinel-2", "landsat"]
Direction = Literal["ascending", "descending"]

_FILE_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,199}")


class Query(Params):
    """What is searched for; what is None is not asked about."""

    sensor: Sensor = param("sentinel-2", "Satellites.")
    name: str | None = param(None, "Name of one product.", min_length=4)
    aoi: str | None = param(None, "Area: west,south,east,north in degrees, or the extent of a vector file.")
    start: datetime | None = param(None, "Earliest acquisition, UTC.")
    end: datetime | None = param(None, "Latest acquisition, UTC; a date means the whole day.")
    product_type: str | None = param(None, "Kind of product: SLC, GRD, L1C, L2A, or as the catalogue has it.")
    collection: str | None = param(None, "Collection of the catalogue. [default: that of the sensor]")
    track: int | None = param(None, "Relative orbit, or path of Landsat.", ge=1, le=251)
    row: int | None = param(None, "Row of a Landsat scene.", ge=1, le=248)
    direction: Direction | None = param(None, "Direction of the orbit.")
    cloud_cover: float | None = param(None, "Most clouds of the scene.", unit="%", ge=0, le=100)
    limit: int = param(100, "Most scenes, the earliest first.", ge=1, le=10_000)

    @field_validator("start", "end", mode="before")
    @classmethod
    def _in_utc(cls, value: Any, info: ValidationInfo) -> Any:
        time = parse_time(value) if isinstance(value, str) else value
        if isinstance(time, date) and not isinstance(time, datetime):
            time = datetime(time.year, time.month, time.day)
        if not isinstance(time, datetime):
            return value
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        is_date = time.time() == clock()
        return time + timedelta(days=1, microseconds=-1) if is_date and info.field_name == "end" else time

    def model_post_init(self, context: Any) -> None:
        """Check what single fields cannot.

        Raises
        ------
        ParameterError
            The dates are reversed; or there is neither a name, an area nor a track.
        """
        if self.start is not None and self.end is not None and self.end < self.start:
            raise ParameterError(f"end = {self.end:%Y-%m-%d} is before start = {self.start:%Y-%m-%d}")
        if self.name is None and self.aoi is None and self.track is None:
            raise ParameterError("needs an area (aoi), a track or the name of a product")

    def boxes(self) -> list[Extent]:
        """Return the area as boxes of longitude and latitude, degrees; two across the antimeridian, none for anywhere.

        Raises
        ------
        InputError, ParameterError
            The area cannot be read, or makes no sense.
        """
        return [] if self.aoi is None else boxes_of(self.aoi)


@dataclass(frozen=True)
class Entry:
    """What a catalogue says of a scene.

    Attributes
    ----------
    name : str
    source : str
        The catalogue.
    key : str
        Under which the catalogue has it.
    start : datetime or None
        Of the acquisition, UTC.
    product_type : str or None
    size : int or None
        Bytes, where all of it is one file.
    cloud_cover : float or None
        Percent.
    track : int or None
    direction : str or None
    online : bool
        Whether it can be had at once.
    footprint : dict or None
        GeoJSON geometry.
    href : str
        Where it is fetched; ``""`` where it is several files.
    checksums : tuple of Checksum
    item : dict or None
        The STAC Item.
    """

    name: str
    source: str
    key: str
    start: datetime | None = None
    product_type: str | None = None
    size: int | None = None
    cloud_cover: float | None = None
    track: int | None = None
    direction: str | None = None
    online: bool = True
    footprint: dict[str, Any] | None = field(default=None, repr=False)
    href: str = field(default="", repr=False)
    checksums: tuple[Checksum, ...] = field(default=(), repr=False)
    item: dict[str, Any] | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Return what there is to know as JSON."""
        return {
            "name": self.name,
            "source": self.source,
            "id": self.key,
            "start": None if self.start is None else self.start.isoformat(),
            "product_type": self.product_type,
            "size": self.size,
            "cloud_cover": self.cloud_cover,
            "track": self.track,
            "direction": self.direction,
            "online": self.online,
            "footprint": self.footprint,
        }


class Catalogue(Protocol):
    """A place where scenes are found, and how they are had from it."""

    name: str

    def search(self, query: Query) -> list[Entry]:
        """Return the scenes that a query is met by, the earliest first.

        Raises
        ------
        DownloadError
            The catalogue does not answer, or with something else.
        ParameterError
            It does not know what is asked for.
        """
        ...

    def login(self) -> None:
        """See to it that there are credentials where downloads need them.

        Raises
        ------
        CredentialsError
            There are none.
        """
        ...

    def wanted(self, entry: Entry, folder: Path, bands: tuple[str, ...]) -> list[Wanted]:
        """Return the files of a scene that are to come.

        Raises
        ------
        ParameterError
            There are no such bands, or the catalogue has no single ones.
        DownloadError
            The entry holds no file that may be fetched.
        """
        ...

    def complete(self, entry: Entry, folder: Path, wanted: list[Wanted]) -> Path:
        """Write what makes the files a product, once they have come, and return what to open.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        ...


def boxes_of(aoi: str) -> list[Extent]:
    """Return an area as boxes of longitude and latitude, degrees.

    Parameters
    ----------
    aoi : str
        ``west,south,east,north`` in degrees, or a vector file, of which the extent counts.

    Raises
    ------
    ParameterError
        It makes no sense, or does not lie on the earth.
    InputError
        The file cannot be read.
    """
    extent, crs = area_of(aoi)
    boxes = transform_extent(crs, WGS84, extent)
    for west, south, east, north in boxes:
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
            raise ParameterError(f"aoi = '{aoi}': does not lie within 180 degrees of longitude and 90 of latitude")
    if not boxes:
        raise ParameterError(f"aoi = '{aoi}': cannot be expressed in longitude and latitude")
    return boxes


def file_name(text: str) -> str:
    """Return a name from a catalogue if it may be one of a file.

    Raises
    ------
    DownloadError
        It is empty, leads elsewhere, or holds odd characters.
    """
    if not _FILE_NAME.fullmatch(text):
        raise DownloadError(f"the catalogue has the name {text[:80]!r}, which is none for a file; it is not used")
    return text


def in_order(entries: list[Entry], limit: int) -> list[Entry]:
    """Return entries once each, the earliest first."""
    once = {entry.key: entry for entry in entries}
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(once.values(), key=lambda entry: (entry.start or latest, entry.name))[:limit]
