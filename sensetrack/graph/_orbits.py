"""Finds the orbit file of a product: in folders, also in SNAP's layout and zipped, or downloads it."""

from __future__ import annotations

import dataclasses
import logging
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sensetrack.errors import DownloadError, GraphError, InputError, MissingExtraError, SensetrackError
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.sensors.sentinel1._orbit import MARGIN, orbit_of, read_orbit

Kind = Literal["POEORB", "RESORB"]

NAMES: dict[Kind, str] = {"POEORB": "precise", "RESORB": "restituted"}

_FILE = re.compile(
    r"(S1[A-D])_OPER_AUX_(POEORB|RESORB)_\w+?_(\d{8}T\d{6})_V(\d{8}T\d{6})_(\d{8}T\d{6})(?:\.EOF(?:\.zip)?|\.zip)$",
    re.IGNORECASE,
)
_LARGEST = 64 * 2**20
"""What an orbit file in an archive may hold; precise ones have about 4.5 MB."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """For when an orbit is wanted.

    Attributes
    ----------
    name : str
        Of the product, for messages.
    mission : str
        ``S1A``, ``S1B``, ...
    start, stop : datetime
        UTC.
    """

    name: str
    mission: str
    start: datetime
    stop: datetime


def local_orbit(wanted: Wanted, place: Path, kind: Kind) -> StateVectors | None:
    """Return the orbit of a kind that covers a product: of several the one that was made last; None if there is none.

    Parameters
    ----------
    wanted : Wanted
    place : pathlib.Path
        An orbit file, or a folder with some in any depth, as SNAP has them in
        ``Orbits/Sentinel-1/POEORB/S1A/2022/01``; ``.EOF``, or zipped. Names tell what is in them; a single file of
        another name is taken for what is wanted.

    Raises
    ------
    InputError
        The file that fits cannot be read, or does not hold what its name says.
    """
    if place.is_file() and _FILE.search(place.name) is None:
        orbit = read_any(place)
        return orbit if orbit.covers(wanted.start, wanted.stop) else None
    found = []
    for path in _files(place):
        match = _FILE.search(path.name)
        if match is None or match[1].upper() != wanted.mission or match[2].upper() != kind:
            continue
        made, begin, end = (
            datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for text in match.group(3, 4, 5)
        )
        if begin <= wanted.start - MARGIN and wanted.stop + MARGIN <= end:
            found.append((made, begin, path))
    if not found:
        return None
    return _checked(read_any(max(found)[2]), wanted)


def read_any(path: Path) -> StateVectors:
    """Read an orbit file, also a zipped one.

    Raises
    ------
    InputError
        It cannot be read, or an archive holds no orbit file or an unlikely large one.
    """
    if path.suffix.lower() != ".zip":
        return read_orbit(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = [each for each in archive.infolist() if each.filename.upper().endswith(".EOF")]
            if len(members) != 1 or members[0].file_size > _LARGEST:
                raise InputError(f"{path}: holds {len(members)} orbit files (.EOF) of a likely size, not one")
            with archive.open(members[0]) as file:
                content = file.read(_LARGEST)
    except (OSError, zipfile.BadZipFile, RuntimeError) as error:
        raise InputError(f"{path}: cannot be read as a zip archive ({error})") from error
    return orbit_of(content, str(path))


def downloaded_orbit(wanted: Wanted, kind: Kind, folder: Path | None = None) -> StateVectors:
    """Return the orbit of a kind from the public bucket, or from what was downloaded before.

    Parameters
    ----------
    wanted : Wanted
    kind : {"POEORB", "RESORB"}
        Of a restituted orbit the precise one takes the place where there is one.
    folder : pathlib.Path, optional
        Where files go; default: the user's cache.

    Raises
    ------
    DownloadError
        There is none yet, or the server does not answer.
    """
    from sensetrack import catalog

    folder = folder or catalog.cache_folder("orbits")
    folder.mkdir(parents=True, exist_ok=True)
    client = catalog.Client()
    over = catalog.Pass(wanted.name, wanted.mission, wanted.start, wanted.stop)
    file = catalog.find_orbit_file(over, catalog.OrbitBucket(client), folder, precise=kind == "POEORB")
    if not file.path.exists():
        catalog.fetch(file, client)
        catalog.check_orbit(file.path, [over])
    return _checked(read_orbit(file.path), wanted)


def orbit_for(wanted: Wanted, kinds: tuple[Kind, ...], place: Path | None, *, download: bool) -> StateVectors:
    """Return the orbit of a product, of the first kind that there is.

    Parameters
    ----------
    wanted : Wanted
    kinds : tuple of {"POEORB", "RESORB"}
        In the order in which they are wanted; another one than the first is taken with a warning.
    place : pathlib.Path or None
        As `local_orbit`.
    download : bool
        Whether to download what is not there.

    Raises
    ------
    GraphError
        There is none, or it cannot be downloaded.
    InputError
        The place is not there, or a file in it cannot be read.
    """
    if place is not None and not place.exists():
        raise InputError(f"{place}: the folder of orbit files is not there")
    reason = ""
    for kind in kinds:
        found = None if place is None else local_orbit(wanted, place, kind)
        if found is None and download:
            try:
                found = downloaded_orbit(wanted, kind)
            except (DownloadError, MissingExtraError) as error:
                reason = f" ({error})"
        if found is not None:
            if kind != kinds[0]:
                log.warning("no %s orbit covers %s; its %s one is taken", NAMES[kinds[0]], wanted.name, NAMES[kind])
            return found
    raise GraphError(_absence(wanted, kinds, place, download) + reason)


def part_of(orbit: StateVectors, start: datetime, stop: datetime) -> StateVectors:
    """Return the state vectors between two times: those of a day are slow to send along with every band."""
    begin, end = ((time - orbit.reference).total_seconds() for time in (start, stop))
    kept = (orbit.seconds >= begin) & (orbit.seconds <= end)
    return dataclasses.replace(
        orbit, seconds=orbit.seconds[kept], positions=orbit.positions[kept], velocities=orbit.velocities[kept]
    )


def _files(place: Path) -> Iterator[Path]:
    if not place.is_dir():
        yield place
        return
    for pattern in ("*.[eE][oO][fF]", "*.[zZ][iI][pP]"):
        yield from sorted(place.rglob(pattern))


def _checked(orbit: StateVectors, wanted: Wanted) -> StateVectors:
    if not orbit.covers(wanted.start, wanted.stop):
        raise InputError(f"{orbit.source}: its state vectors do not cover {wanted.name}, as its name promises")
    return orbit


def _absence(wanted: Wanted, kinds: tuple[Kind, ...], place: Path | None, download: bool) -> str:
    what = " or ".join(NAMES[kind] for kind in kinds)
    text = f"no {what} orbit covers {wanted.name} ({wanted.start:%Y-%m-%d %H:%M:%S} to {wanted.stop:%H:%M:%S} UTC)"
    where = f" in {place}" if place is not None else ", and no folder of orbit files is given"
    if download:
        return f"{text}{where}, nor on the server; precise orbits come about 20 days after the acquisition"
    layout = f"Sentinel-1/{kinds[0]}/{wanted.mission}/{wanted.start:%Y/%m}"
    return (
        f"{text}{where}; give a folder with --orbits (files in any depth, as in {layout}), allow --download, or set "
        "continueOnFail = true to keep the product's own orbit"
    )


def found_or_none(
    wanted: Wanted, kinds: tuple[Kind, ...], place: Path | None, *, download: bool
) -> StateVectors | None:
    """Return the orbit as `orbit_for`, or None, with a warning, where there is none."""
    try:
        return orbit_for(wanted, kinds, place, download=download)
    except SensetrackError as error:
        log.warning("%s; the product's own orbit is kept", error)
        return None
