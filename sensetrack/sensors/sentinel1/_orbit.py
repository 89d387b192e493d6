"""Orbit files of Sentinel-1 (EOF): precise (AUX_POEORB) and restituted (AUX_RESORB)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sensetrack.errors import InputError
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.sensors._xml import parse_xml
from sensetrack.types import PathLike

_NAME = re.compile(r"(S1[A-D])_OPER_AUX_(POEORB|RESORB)_\w+?_V(\d{8}T\d{6})_(\d{8}T\d{6})\.EOF$", re.IGNORECASE)
MARGIN = timedelta(seconds=30)
"""What an orbit should reach beyond an image on both sides."""


def read_orbit(path: PathLike) -> StateVectors:
    """Read the state vectors of an orbit file.

    Parameters
    ----------
    path : path-like
        ``.EOF``, as delivered.

    Raises
    ------
    InputError
        It cannot be read, is no orbit file, or not in the earth-fixed frame.
    """
    file = Path(path)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return orbit_of(content, str(path))


def orbit_of(content: bytes, path: str) -> StateVectors:
    """Return the state vectors in the content of an orbit file.

    Raises
    ------
    InputError
        It is no orbit file, or not in the earth-fixed frame.
    """
    root = parse_xml(content, path)
    nodes = root.all("Data_Block/List_of_OSVs/OSV")
    if not nodes:
        raise InputError(f"{path}: is no orbit file: it has no state vectors (Data_Block/List_of_OSVs/OSV)")
    frame = root.optional_string(".//Ref_Frame")
    if frame not in (None, "EARTH_FIXED"):
        raise InputError(f"{path}: its state vectors are in the frame {frame}; EARTH_FIXED is needed")
    return StateVectors.of(
        [node.time("UTC") for node in nodes],
        [[node.number(axis) for axis in ("X", "Y", "Z")] for node in nodes],
        [[node.number(axis) for axis in ("VX", "VY", "VZ")] for node in nodes],
        path,
    )


def find_orbit(path: PathLike, mission: str, start: datetime, stop: datetime) -> Path:
    """Return the best orbit file for an image: a precise one before a restituted one, the one that starts last.

    Parameters
    ----------
    path : path-like
        An orbit file, or a folder with some; validity is told by their names.
    mission : str
        ``S1A``, ``S1B``, ...
    start, stop : datetime
        Of the image.

    Raises
    ------
    InputError
        None covers the image.
    """
    place = Path(path)
    files = {file.name: file for file in sorted(place.rglob("*.EOF"))} if place.is_dir() else {place.name: place}
    best = best_orbit(files, mission, start, stop)
    if best is None:
        what = f"none of the {len(files)} orbit files in {path}" if place.is_dir() else f"{path}"
        verb = "covers" if place.is_dir() else "does not cover"
        raise InputError(f"{what} {verb} {mission} from {start:%Y-%m-%d %H:%M:%S} to {stop:%H:%M:%S} UTC")
    return files[best]


def best_orbit(names: Iterable[str], mission: str, start: datetime, stop: datetime) -> str | None:
    """Return the name of the best orbit file for an image, as `find_orbit`; None where none covers it.

    Parameters
    ----------
    names : iterable of str
        Of files; others than orbit files are left out.
    mission, start, stop
        As `find_orbit`.
    """
    found = []
    for name in names:
        match = _NAME.search(name)
        if match is None:
            continue
        begin, end = (datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC) for text in match.group(3, 4))
        if match[1].upper() == mission and begin <= start - MARGIN and stop + MARGIN <= end:
            found.append((match[2].upper() == "POEORB", begin, name))
    return max(found)[2] if found else None
