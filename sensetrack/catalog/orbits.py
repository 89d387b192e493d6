"""Orbit files of Sentinel-1: which one covers a scene, and where to get it.

Precise orbits come about 20 days after the acquisition, restituted ones within hours.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Protocol

from sensetrack.catalog._http import Client
from sensetrack.catalog._url import shown
from sensetrack.catalog.cdse import DataSpace, stamp
from sensetrack.catalog.query import file_name
from sensetrack.catalog.transfer import Wanted
from sensetrack.errors import DownloadError, InputError
from sensetrack.sensors import Node, open_product, parse_xml
from sensetrack.sensors.sentinel1._orbit import MARGIN, best_orbit, read_orbit
from sensetrack.types import PathLike

KINDS = ("AUX_POEORB", "AUX_RESORB")
"""The precise orbits before the restituted ones."""

_SCENE = re.compile(r"(S1[A-D])_\w{2}_\w{4}_\w{4}_(\d{8}T\d{6})_(\d{8}T\d{6})_\w+")
_MOST_PAGES = 200


@dataclass(frozen=True)
class Pass:
    """When a satellite took a scene.

    Attributes
    ----------
    name : str
        Of the scene, for messages.
    mission : str
        ``S1A``, ``S1B``, ...
    start, stop : datetime
        UTC.
    """

    name: str
    mission: str
    start: datetime
    stop: datetime


class OrbitSource(Protocol):
    """A place that has orbit files."""

    def find(self, over: Pass, kind: str) -> list[Wanted]:
        """Return files of one kind that may cover a scene, with names for paths."""
        ...


def pass_of(scene: PathLike) -> Pass:
    """Return when a scene was taken, from its name, also without the scene; else from what is at the path.

    Raises
    ------
    InputError
        It is no scene of Sentinel-1.
    """
    name = Path(scene).name
    match = _SCENE.match(name)
    if match is not None:
        start, stop = (datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for text in match.group(2, 3))
        return Pass(match[0].removesuffix("_COG"), match[1], start, stop)
    product = open_product(scene)
    if product.sensor != "sentinel1" or product.start is None or product.stop is None:
        raise InputError(f"{scene}: is no scene of Sentinel-1, and its name is none of one")
    return Pass(product.name, f"S1{product.mission[-1]}", product.start, product.stop)


def find_orbit_file(over: Pass, source: OrbitSource, folder: Path, *, precise: bool = False) -> Wanted:
    """Return the orbit file that covers a scene best: one that the folder has, or else one that is to come.

    Parameters
    ----------
    over : Pass
    source : OrbitSource
    folder : pathlib.Path
        Of orbit files; a precise one there is taken without asking the source.
    precise : bool
        Take nothing less than a precise one.

    Raises
    ------
    DownloadError
        There is none yet, or the source does not answer.
    """
    own = {file.name: file for file in folder.glob("*.EOF")}
    kinds = KINDS[:1] if precise else KINDS
    for kind in kinds:
        best = best_orbit((name for name in own if kind in name.upper()), over.mission, over.start, over.stop)
        if best is not None:
            return Wanted("", own[best])
        there = {each.path.name: each for each in source.find(over, kind)}
        best = best_orbit(there, over.mission, over.start, over.stop)
        if best is not None:
            found = there[best]
            return Wanted(found.url, folder / file_name(best), found.size, found.checksums, found.access)
    what = "precise orbit" if precise else "orbit"
    raise DownloadError(
        f"{over.name}: no {what} covers {over.start:%Y-%m-%d %H:%M:%S} to {over.stop:%H:%M:%S} UTC; "
        "precise orbits come about 20 days after the acquisition, restituted ones within hours"
    )


def check_orbit(path: Path, over: Sequence[Pass]) -> None:
    """See to it that an orbit file that came can be read and covers scenes; one that cannot is removed.

    Raises
    ------
    InputError
    """
    try:
        vectors = read_orbit(path)
    except InputError:
        path.unlink(missing_ok=True)
        raise
    for each in over:
        if not vectors.covers(each.start, each.stop):
            since = f"{each.start:%Y-%m-%d %H:%M:%S}"
            raise InputError(f"{path}: does not hold the vectors from {since} on that its name promises")


class DataSpaceOrbits:
    """Orbit files of the Copernicus Data Space; see `DataSpace` for its credentials."""

    def __init__(self, space: DataSpace) -> None:
        self._space = space

    def find(self, over: Pass, kind: str) -> list[Wanted]:
        """Return files that cover a scene."""
        condition = " and ".join(
            (
                "Collection/Name eq 'SENTINEL-1'",
                f"startswith(Name,'{over.mission}')",
                f"contains(Name,'{kind}')",
                f"ContentDate/Start le {stamp(over.start - MARGIN)}",
                f"ContentDate/End ge {stamp(over.stop + MARGIN)}",
            )
        )
        entries = self._space.find(condition, 100)
        return [each for entry in entries for each in self._space.wanted(entry, Path())]


class OrbitBucket:
    """The public bucket of Sentinel-1 orbits on AWS, which needs no credentials.

    Parameters
    ----------
    client : Client
    url : str

    References
    ----------
    https://registry.opendata.aws/s1-orbits/
    """

    def __init__(self, client: Client, url: str = "https://s1-orbits.s3.us-west-2.amazonaws.com") -> None:
        self._client, self._url = client, url.rstrip("/")
        self._listed: dict[str, list[str]] = {}

    def find(self, over: Pass, kind: str) -> list[Wanted]:
        """Return all files of a satellite, or of the days about the acquisition where they are made at once."""
        stem = f"{kind}/{over.mission}_OPER_{kind}_OPOD_"
        if kind == "AUX_POEORB":
            # Some were made again years later, so the date of making in the name does not help.
            prefixes = [stem]
        else:
            days = (over.start.date() + timedelta(days=number) for number in range(-1, 2))
            prefixes = [f"{stem}{day:%Y%m%d}" for day in days]
        keys = [key for prefix in prefixes for key in self._keys(prefix)]
        return [Wanted(f"{self._url}/{urllib.parse.quote(key)}", Path(PurePosixPath(key).name)) for key in keys]

    def _keys(self, prefix: str) -> list[str]:
        if prefix not in self._listed:
            self._listed[prefix] = list(self._pages(prefix))
        return self._listed[prefix]

    def _pages(self, prefix: str) -> Iterator[str]:
        token: str | None = None
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            fields = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
            page = self._page(f"{self._url}/?{urllib.parse.urlencode(fields)}")
            for node in page.all("Contents/Key"):
                yield node.text
            token = page.optional_string("NextContinuationToken")
            if not token:
                return
            if token in seen:
                break
            seen.add(token)
        raise DownloadError(f"{self._url}: its pages go round")

    def _page(self, url: str) -> Node:
        try:
            return parse_xml(self._client.content(url), shown(url))
        except InputError as error:
            raise DownloadError(f"{shown(url)}: answers with something that is no list of files ({error})") from error
