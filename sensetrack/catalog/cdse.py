"""The catalogue of the Copernicus Data Space (OData), and what is downloaded from there.

References
----------
https://documentation.dataspace.copernicus.eu/APIs/OData.html
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensetrack.catalog._http import Access, Client
from sensetrack.catalog._part import Checksum
from sensetrack.catalog._url import shown
from sensetrack.catalog.access import Credentials, OAuth
from sensetrack.catalog.query import Entry, Query, file_name, in_order
from sensetrack.catalog.transfer import Wanted
from sensetrack.errors import DownloadError, ParameterError
from sensetrack.log import logger
from sensetrack.raster.crs import Extent
from sensetrack.raster.dates import parse_time

_log = logger(__name__)

PAGE = 200
COLLECTIONS = {"sentinel-1": "SENTINEL-1", "sentinel-2": "SENTINEL-2"}
_SHORT = {"L1C": "S2MSI1C", "L2A": "S2MSI2A"}
_IN_NAME = ("SLC", "GRD", "GRDH", "GRDM", "RAW", "OCN")


class DataSpace:
    """The Copernicus Data Space: Sentinel products as zip, and orbit files.

    Searching needs no credentials, downloading does: ``CDSE_USERNAME`` and ``CDSE_PASSWORD`` in the environment, or
    machine ``identity.dataspace.copernicus.eu`` in ``~/.netrc``.

    Parameters
    ----------
    client : Client
    catalogue, download, identity : str
        URLs of the services.
    domain : str
        Hosts at and below it may see the token.
    """

    name = "cdse"

    def __init__(
        self,
        client: Client,
        *,
        catalogue: str = "https://catalogue.dataspace.copernicus.eu/odata/v1",
        download: str = "https://download.dataspace.copernicus.eu/odata/v1",
        identity: str = "https://identity.dataspace.copernicus.eu/auth/realms/CDSE/protocol/openid-connect/token",
        domain: str = "dataspace.copernicus.eu",
    ) -> None:
        self._client = client
        self._catalogue, self._download, self._identity = catalogue, download, identity
        self._domain = domain
        self._access: Access = OAuth(client, identity, "cdse-public", self._credentials, (domain,))

    def search(self, query: Query) -> list[Entry]:
        """Return the scenes that a query is met by, as `Catalogue.search`."""
        if query.sensor not in COLLECTIONS and query.collection is None:
            raise ParameterError(f"sensor = '{query.sensor}': the Copernicus Data Space has none; use another source")
        if query.row is not None:
            raise ParameterError(f"row = {query.row}: is for Landsat, which the Copernicus Data Space does not have")
        found: list[Entry] = []
        boxes: list[Extent | None] = [*query.boxes()]
        for box in boxes or [None]:
            found += self.find(_filter(query, box), query.limit)
        return in_order(found, query.limit)

    def find(self, condition: str, limit: int) -> list[Entry]:
        """Return what meets a condition, the earliest first.

        Parameters
        ----------
        condition : str
            OData ``$filter``.
        limit : int

        Raises
        ------
        DownloadError
            The catalogue does not answer, with something else, or in pages that go round.
        """
        fields = {
            "$filter": condition,
            "$orderby": "ContentDate/Start asc",
            "$top": str(min(limit, PAGE)),
            "$expand": "Attributes",
        }
        url: str | None = f"{self._catalogue}/Products?{urllib.parse.urlencode(fields, quote_via=urllib.parse.quote)}"
        entries: list[Entry] = []
        keys: set[str] = set()
        while url is not None and len(entries) < limit:
            page = self._client.json(url)
            values = page.get("value") if isinstance(page, dict) else None
            if not isinstance(values, list):
                raise DownloadError(f"{shown(url)}: answers with something that is no page of a catalogue")
            new = [entry for entry in _entries(values) if entry.key not in keys]
            keys.update(entry.key for entry in new)
            entries += new
            follows = page.get("@odata.nextLink")
            if follows and values and not new:
                raise DownloadError(f"{shown(url)}: its pages go round: the next one holds nothing new")
            url = urllib.parse.urljoin(url, str(follows)) if follows and values else None
        return entries[:limit]

    def wanted(self, entry: Entry, folder: Path, bands: tuple[str, ...] = ()) -> list[Wanted]:
        """Return the zip of a product, as `Catalogue.wanted`."""
        if bands:
            raise ParameterError(f"band = '{bands[0]}': the Copernicus Data Space gives whole products; leave it out")
        stem = file_name(entry.name).removesuffix(".SAFE")
        name = stem if stem.upper().endswith((".EOF", ".ZIP")) else f"{stem}.zip"
        return [
            Wanted(
                url=f"{self._download}/Products({urllib.parse.quote(entry.key, safe='')})/$value",
                path=folder / name,
                size=entry.size,
                checksums=entry.checksums[:1],
                access=self._access,
                refused="" if entry.online else "lies in the archive; order it at browser.dataspace.copernicus.eu",
            )
        ]

    def complete(self, entry: Entry, folder: Path, wanted: list[Wanted]) -> Path:
        """Return the zip, as `Catalogue.complete`."""
        return wanted[0].path

    def login(self) -> None:
        """See to it that there are credentials, as `Catalogue.login`."""
        self._credentials()

    def _credentials(self) -> Credentials:
        return Credentials.find("CDSE", urllib.parse.urlsplit(self._identity).hostname or "", self._domain)


def _filter(query: Query, box: Extent | None) -> str:
    """Return the OData condition of a query in one box."""
    parts = [f"Collection/Name eq {_text(query.collection or COLLECTIONS[query.sensor])}"]
    if query.name is not None:
        name = query.name if query.name.endswith((".SAFE", ".EOF")) else f"{query.name}.SAFE"
        parts.append(f"Name eq {_text(name)}")
    if box is not None:
        west, south, east, north = (f"{value:.9g}" for value in box)
        ring = f"{west} {south},{east} {south},{east} {north},{west} {north},{west} {south}"
        parts.append(f"OData.CSC.Intersects(area=geography'SRID=4326;POLYGON(({ring}))')")
    if query.start is not None:
        parts.append(f"ContentDate/Start ge {stamp(query.start)}")
    if query.end is not None:
        parts.append(f"ContentDate/Start le {stamp(query.end)}")
    if query.product_type is not None:
        kind = query.product_type.upper()
        if kind in _IN_NAME:
            parts.append(f"contains(Name,{_text(f'_{kind}')})")
        else:
            parts.append(_attribute("String", "productType", "eq", _text(_SHORT.get(kind, query.product_type))))
    if query.track is not None:
        parts.append(_attribute("Integer", "relativeOrbitNumber", "eq", str(query.track)))
    if query.direction is not None:
        parts.append(_attribute("String", "orbitDirection", "eq", _text(query.direction.upper())))
    if query.cloud_cover is not None:
        parts.append(_attribute("Double", "cloudCover", "le", f"{query.cloud_cover:.2f}"))
    return " and ".join(parts)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def stamp(time: datetime) -> str:
    """Return a time as OData has it."""
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03d}Z"


def _attribute(kind: str, name: str, relation: str, value: str) -> str:
    place = f"OData.CSC.{kind}Attribute"
    return f"Attributes/{place}/any(att:att/Name eq '{name}' and att/{place}/Value {relation} {value})"


def _entries(values: list[Any]) -> Iterator[Entry]:
    """Turn what a page lists into entries; what lacks a name or an identifier is left out."""
    for value in values:
        try:
            yield _entry(value)
        except (KeyError, TypeError, ValueError, AttributeError):
            _log.warning("the Copernicus Data Space lists something without a name or an identifier; it is left out")


def _entry(value: dict[str, Any]) -> Entry:
    attributes = {item["Name"]: item["Value"] for item in value.get("Attributes") or []}
    sums = [Checksum.parse(item.get("Algorithm"), item.get("Value")) for item in value.get("Checksum") or []]
    direction = attributes.get("orbitDirection")
    cloud, track = attributes.get("cloudCover"), attributes.get("relativeOrbitNumber")
    begins = (value.get("ContentDate") or {}).get("Start")
    if not isinstance(value["Name"], str) or not isinstance(value["Id"], str):
        raise TypeError
    return Entry(
        name=value["Name"],
        source=DataSpace.name,
        key=value["Id"],
        start=parse_time(begins) if begins else None,
        product_type=attributes.get("productType"),
        size=int(value.get("ContentLength") or 0) or None,
        cloud_cover=None if cloud is None else float(cloud),
        track=None if track is None else int(track),
        direction=None if direction is None else str(direction).lower(),
        online=bool(value.get("Online", True)),
        footprint=value.get("GeoFootprint"),
        checksums=tuple(item for item in sums if item is not None),
    )
