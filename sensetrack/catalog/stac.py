"""Public STAC catalogues: scenes as Items with one cloud-optimised GeoTIFF per band, read in place or downloaded.

References
----------
https://github.com/radiantearth/stac-api-spec
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from sensetrack.catalog._files import write_text
from sensetrack.catalog._http import Access, Client
from sensetrack.catalog._part import Checksum
from sensetrack.catalog._url import check_url, is_local, shown
from sensetrack.catalog.query import Entry, Query, file_name, in_order
from sensetrack.catalog.transfer import Wanted
from sensetrack.errors import DownloadError, ParameterError, did_you_mean
from sensetrack.log import logger
from sensetrack.raster.crs import Extent
from sensetrack.raster.dates import parse_time

_log = logger(__name__)

PAGE = 100
_RASTER = (".tif", ".tiff", ".jp2")
_BAND = re.compile(r"(?:^|_)(B\d{1,2}A?|B8A|SCL|AOT|WVP)(?:_\d\dm)?$", re.IGNORECASE)
_LANDSAT_NEEDS = re.compile(r"_(MTL\.(txt|json)|QA_PIXEL\.TIF|QA_RADSAT\.TIF)$", re.IGNORECASE)
_TRACK = re.compile(r"_R(\d{3})_")


class Stac:
    """A STAC API that anyone may search.

    Parameters
    ----------
    client : Client
    url : str
        Of the API's root, below which ``/search`` lies.
    name : str
        How it is called in messages.
    collections : mapping of str to str
        Collection of each sensor.
    access : Access, optional
        What lets downloads in.
    """

    def __init__(
        self,
        client: Client,
        url: str,
        *,
        name: str,
        collections: Mapping[str, str],
        access: Access | None = None,
    ) -> None:
        self.name = name
        self._client, self._url, self._access = client, url.rstrip("/"), access
        self._collections = collections

    def search(self, query: Query) -> list[Entry]:
        """Return the scenes that a query is met by, as `Catalogue.search`."""
        if query.collection is None and query.sensor not in self._collections:
            raise ParameterError(
                f"sensor = '{query.sensor}': {self.name} has no collection for it that can be read; "
                f"it has {', '.join(self._collections)}"
            )
        boxes: list[Extent | None] = [*query.boxes()]
        found: list[Entry] = []
        for box in boxes or [None]:
            found += self._find(query, box)
        return in_order(found, query.limit)

    def login(self) -> None:
        """There are no credentials."""

    def wanted(self, entry: Entry, folder: Path, bands: tuple[str, ...]) -> list[Wanted]:
        """Return the files of some bands, as `Catalogue.wanted`; without bands a scene is read in place."""
        item = entry.item or {}
        files = {key: href for key, href in _hrefs(item).items() if _is_raster(href)}
        if not bands:
            if not files:
                raise DownloadError(f"{entry.name}: {self.name} has no file of it that is open to all")
            if _is_landsat(item) or self._access is not None:
                raise ParameterError(
                    f"{entry.name}: is not read in place from {self.name}; name what to download with --band, such as "
                    f"{', '.join(list(files)[:4])}"
                )
            return []
        chosen = dict(self._choose(item, files, band) for band in bands)
        if _is_landsat(item):
            chosen |= {key: href for key, href in _hrefs(item).items() if _LANDSAT_NEEDS.search(_base(href))}
        place = folder / file_name(entry.name)
        return [
            Wanted(
                url=check_url(href),
                path=place / file_name(_base(href)),
                size=_size(item["assets"][key]),
                checksums=_checksums(item["assets"][key]),
                access=self._access,
            )
            for key, href in chosen.items()
        ]

    def complete(self, entry: Entry, folder: Path, wanted: list[Wanted]) -> Path:
        """Write the Item beside its files, as `Catalogue.complete`; files that came are named by their place there."""
        item = json.loads(json.dumps(entry.item))
        place = folder / file_name(entry.name)
        if _is_landsat(item):
            return place
        hrefs = _hrefs(item)
        came = {each.url for each in wanted}
        assets = {}
        for key, asset in item["assets"].items():
            # An Item may name each band twice, also in a bucket that only its owner reads; or a file of this machine.
            href = hrefs.get(key, "")
            if href.startswith("https:") or (href.startswith("http:") and is_local(href)):
                assets[key] = asset | {"href": _base(hrefs[key]) if hrefs[key] in came else hrefs[key]}
        properties = item["properties"]
        # What tells the sensor comes first, so that a look at the beginning is enough.
        first = {key: properties.pop(key) for key in ("platform", "constellation", "datetime") if key in properties}
        head = {key: item.pop(key) for key in ("type", "stac_version", "id", "collection") if key in item}
        path = place / f"{file_name(entry.name)}.json"
        written = {**head, "properties": {**first, **properties}, **{k: item[k] for k in item if k not in _OURS}}
        written |= {"assets": assets, "links": []}
        write_text(path, json.dumps(written, indent=2))
        return path

    def _find(self, query: Query, box: Extent | None) -> list[Entry]:
        """Return what the pages of one search hold."""
        body: dict[str, Any] = {
            "collections": [query.collection or self._collections[query.sensor]],
            "limit": min(query.limit, PAGE),
        }
        if box is not None:
            body["bbox"] = list(box)
        if query.start is not None or query.end is not None:
            ends = ("..", ".."), (query.start, query.end)
            body["datetime"] = "/".join(_stamp(time) or blank for blank, time in zip(*ends, strict=True))
        if query.name is not None:
            body["ids"] = [query.name]
        if query.cloud_cover is not None:
            body["query"] = {"eo:cloud_cover": {"lte": query.cloud_cover}}
        url, found, keys = f"{self._url}/search", list[Entry](), set[str]()
        post: dict[str, Any] | None = body
        while len(found) < query.limit:
            page = self._client.json(url, body=post)
            features = page.get("features") if isinstance(page, dict) else None
            if not isinstance(features, list):
                raise DownloadError(f"{shown(url)}: answers with something that is no page of STAC Items")
            entries = list(self._entries(features))
            new = [entry for entry in entries if entry.key not in keys]
            keys.update(entry.key for entry in new)
            found += [entry for entry in new if _meets(entry, query)]
            following = _next(page, url, post)
            if following is None or not features:
                break
            if not new:
                raise DownloadError(f"{shown(url)}: its pages go round: this one holds nothing new")
            url, post = following
        return found

    def _entries(self, features: list[Any]) -> Iterator[Entry]:
        for item in features:
            try:
                yield _entry(item, self.name)
            except (KeyError, TypeError, ValueError, AttributeError):
                _log.warning("%s lists an Item that is none; it is left out", self.name)

    def _choose(self, item: dict[str, Any], files: dict[str, str], band: str) -> tuple[str, str]:
        """Return the asset of a band: by its key, its name, its common name, or that of its file."""
        wanted = band.lower()
        for key, href in files.items():
            if wanted in _names(key, item["assets"][key], href):
                return key, href
        known = {name for key, href in files.items() for name in (key,)}
        raise ParameterError(f"band = '{band}': {item['id']} has none of that name{did_you_mean(band, known)}")


_OURS = ("properties", "assets", "links")


def _entry(item: dict[str, Any], source: str) -> Entry:
    properties = item["properties"]
    if not isinstance(item["id"], str) or not isinstance(item["assets"], dict):
        raise TypeError
    track = properties.get("sat:relative_orbit") or properties.get("landsat:wrs_path")
    if track is None:
        found = _TRACK.search(str(properties.get("s2:product_uri") or item["id"]))
        track = found[1] if found else None
    begins = properties.get("datetime") or properties.get("start_datetime")
    cloud, direction = properties.get("eo:cloud_cover"), properties.get("sat:orbit_state")
    return Entry(
        name=item["id"],
        source=source,
        key=item["id"],
        start=parse_time(begins) if begins else None,
        product_type=properties.get("s2:product_type") or properties.get("product:type") or item.get("collection"),
        cloud_cover=None if cloud is None else float(cloud),
        track=None if track is None else int(track),
        direction=None if direction is None else str(direction).lower(),
        footprint=item.get("geometry"),
        item=item,
    )


def _meets(entry: Entry, query: Query) -> bool:
    """Whether an Item is what was asked for; not every catalogue heeds every condition."""
    properties = (entry.item or {})["properties"]
    row = properties.get("landsat:wrs_row")
    if query.row is not None and (row is None or int(row) != query.row):
        return False
    if query.track is not None and entry.track != query.track:
        return False
    # Optical satellites see by day: where no state is said, they come down.
    if query.direction is not None and (entry.direction or "descending") != query.direction:
        return False
    if query.cloud_cover is not None and entry.cloud_cover is not None and entry.cloud_cover > query.cloud_cover:
        return False
    return query.product_type is None or query.product_type.lower() in str(entry.product_type).lower()


def _next(page: dict[str, Any], url: str, body: dict[str, Any] | None) -> tuple[str, dict[str, Any] | None] | None:
    """Return where the next page is and what to post there."""
    for link in page.get("links") or []:
        if isinstance(link, dict) and link.get("rel") == "next" and link.get("href"):
            place = urllib.parse.urljoin(url, str(link["href"]))
            if str(link.get("method", "GET")).upper() != "POST":
                return place, None
            own = link.get("body") or {}
            return place, {**(body or {}), **own} if link.get("merge") else (own or body)
    return None


def _hrefs(item: dict[str, Any]) -> dict[str, str]:
    """Return where the assets lie, as absolute URLs."""
    links = item.get("links") or []
    own = next((str(link["href"]) for link in links if isinstance(link, dict) and link.get("rel") == "self"), "")
    assets = item.get("assets") or {}
    found = {key: str(asset["href"]) for key, asset in assets.items() if isinstance(asset, dict) and "href" in asset}
    return {key: urllib.parse.urljoin(own, href) for key, href in found.items()}


def _names(key: str, asset: dict[str, Any], href: str) -> set[str]:
    bands = [band for band in asset.get("eo:bands") or asset.get("bands") or [] if isinstance(band, dict)]
    stem = PurePosixPath(_base(href)).stem
    file = _BAND.search(stem)
    names = {key, stem, file[1] if file else key}
    if len(bands) == 1:
        names |= {str(bands[0].get(name, key)) for name in ("name", "common_name", "eo:common_name")}
    return {name.lower() for name in names}


def _is_raster(href: str) -> bool:
    return href.startswith(("https:", "http:")) and _base(href).lower().endswith(_RASTER)


def _is_landsat(item: dict[str, Any]) -> bool:
    return "landsat" in str(item["properties"].get("platform", item.get("collection", ""))).lower()


def _base(href: str) -> str:
    return PurePosixPath(urllib.parse.unquote(urllib.parse.urlsplit(href).path)).name


def _size(asset: dict[str, Any]) -> int | None:
    size = asset.get("file:size")
    return size if isinstance(size, int) and size > 0 else None


def _checksums(asset: dict[str, Any]) -> tuple[Checksum, ...]:
    """Return the checksum of a multihash: one byte for the algorithm, one for the length, and the digest."""
    text = str(asset.get("file:checksum") or "")
    algorithm = {"1220": "sha256", "1340": "sha512", "1114": "sha1"}.get(text[:4].lower())
    found = Checksum.parse(algorithm, text[4:]) if algorithm else None
    return (found,) if found else ()


def _stamp(time: datetime | None) -> str | None:
    return None if time is None else f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
