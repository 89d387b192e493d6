"""Mirrors of the former Copernicus hub (DHuS), through the library sentinelsat."""

from __future__ import annotations

import urllib.parse
from datetime import UTC
from pathlib import Path
from typing import Any

from sensetrack.catalog._http import Client
from sensetrack.catalog._part import ALGORITHMS, Checksum
from sensetrack.catalog._url import check_url, shown
from sensetrack.catalog.access import Basic, Credentials
from sensetrack.catalog.query import Entry, Query, file_name, in_order
from sensetrack.catalog.transfer import Wanted
from sensetrack.errors import DownloadError, MissingExtraError, ParameterError
from sensetrack.raster.crs import Extent

_PLATFORMS = {"sentinel-1": "Sentinel-1", "sentinel-2": "Sentinel-2"}
_SHORT = {"L1C": "S2MSI1C", "L2A": "S2MSI2A"}


class Dhus:
    """A hub that runs DHuS, as some agencies do.

    Searching and downloading need ``DHUS_USERNAME`` and ``DHUS_PASSWORD`` in the environment, or the hub's machine in
    ``~/.netrc``.

    Parameters
    ----------
    client : Client
    url : str
        Of the hub, such as ``https://colhub.met.no``.

    Raises
    ------
    MissingExtraError
        sentinelsat is not installed.
    DownloadError
        The URL is not encrypted.
    """

    def __init__(self, client: Client, url: str) -> None:
        try:
            import sentinelsat
        except ModuleNotFoundError:
            raise MissingExtraError("download", "a DHuS mirror") from None
        self._library: Any = sentinelsat
        self._client = client
        self._url = check_url(url)
        self._host = urllib.parse.urlsplit(url).hostname or ""
        self.name = self._host
        self._session: Any = None

    def search(self, query: Query) -> list[Entry]:
        """Return the scenes that a query is met by, as `Catalogue.search`."""
        if query.sensor not in _PLATFORMS:
            raise ParameterError(f"sensor = '{query.sensor}': {self.name} has Sentinel-1 and Sentinel-2 alone")
        words: dict[str, Any] = {"platformname": _PLATFORMS[query.sensor]}
        if query.name is not None:
            words["filename"] = f"{query.name.removesuffix('.SAFE')}*"
        if query.start is not None or query.end is not None:
            words["date"] = (query.start, query.end)
        if query.product_type is not None:
            words["producttype"] = _SHORT.get(query.product_type.upper(), query.product_type)
        if query.track is not None:
            words["relativeorbitnumber"] = query.track
        if query.direction is not None:
            words["orbitdirection"] = query.direction.upper()
        if query.cloud_cover is not None:
            words["cloudcoverpercentage"] = (0, query.cloud_cover)
        boxes: list[Extent | None] = [*query.boxes()]
        found: list[Entry] = []
        for box in boxes or [None]:
            area = None if box is None else _polygon(box)
            listed = self._ask("query", area=area, order_by="beginposition", limit=query.limit, **words)
            found += [self._entry(key, about) for key, about in listed.items()]
        return in_order(found, query.limit)

    def login(self) -> None:
        """See to it that there are credentials, as `Catalogue.login`."""
        self._credentials()

    def wanted(self, entry: Entry, folder: Path, bands: tuple[str, ...] = ()) -> list[Wanted]:
        """Return the zip of a product, as `Catalogue.wanted`."""
        if bands:
            raise ParameterError(f"band = '{bands[0]}': {self.name} gives whole products; leave it out")
        about = self._ask("get_product_odata", entry.key)
        sums = [Checksum.parse(name, about[name]) for name in ALGORITHMS if name in about]
        return [
            Wanted(
                url=check_url(str(about["url"])),
                path=folder / f"{file_name(entry.name).removesuffix('.SAFE')}.zip",
                size=int(about["size"]) or None,
                checksums=tuple(item for item in sums if item is not None)[:1],
                access=Basic(self._credentials(), (self._host,)),
                refused="" if about.get("Online", True) else "lies in the archive of the hub",
            )
        ]

    def complete(self, entry: Entry, folder: Path, wanted: list[Wanted]) -> Path:
        """Return the zip, as `Catalogue.complete`."""
        return wanted[0].path

    def _entry(self, key: str, about: dict[str, Any]) -> Entry:
        cloud, track = about.get("cloudcoverpercentage"), about.get("relativeorbitnumber")
        start = about.get("beginposition")
        return Entry(
            name=str(about.get("title", key)),
            source=self.name,
            key=key,
            start=None if start is None else start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC),
            product_type=about.get("producttype"),
            cloud_cover=None if cloud is None else float(cloud),
            track=None if track is None else int(track),
            direction=str(about["orbitdirection"]).lower() if "orbitdirection" in about else None,
        )

    def _ask(self, method: str, *values: Any, **words: Any) -> Any:
        """Ask through the library; what it raises (OSError of the network) becomes ours, without what was sent."""
        if self._session is None:
            own = self._credentials()
            self._session = self._library.SentinelAPI(
                own.username, own.password, self._url, show_progressbars=False, timeout=self._client.timeout
            )
        try:
            return getattr(self._session, method)(*values, **words)
        except (
            self._library.SentinelAPIError,
            OSError,
            ValueError,
            LookupError,
            TypeError,
            SyntaxError,
        ) as error:
            raise DownloadError(
                f"{shown(self._url)}: does not answer as a DHuS does ({type(error).__name__})"
            ) from None

    def _credentials(self) -> Credentials:
        return Credentials.find("DHUS", self._host)


def _polygon(box: Extent) -> str:
    west, south, east, north = box
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"
