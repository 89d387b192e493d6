"""Finds the SNAP that is installed, and makes sure that it is one."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from sensetrack.errors import SnapError
from sensetrack.graph.snap._process import run
from sensetrack.graph.snap.snappy import snappy_state
from sensetrack.log import logger
from sensetrack.types import PathLike

VARIABLE = "SENSETRACK_GPT"
"""Environment variable that names ``gpt``, or the folder of SNAP."""

ADVICE = (
    "install SNAP from https://step.esa.int/main/download/snap-download/, or name its bin/gpt in the environment "
    f"variable {VARIABLE}"
)

Stamp: TypeAlias = tuple[str, int, int, int]
"""What changes with a program: its path, when it and its state were changed, and when the options of its Java were."""

_NAME = "gpt.exe" if sys.platform == "win32" else "gpt"
_VERSION = re.compile(r"SNAP Release version\s+(\S.*)")
_ENTRY = re.compile(r"^([A-Z][\w ]+): (.*)$", re.M)
_BYTES = re.compile(r"([\d.,]+)\s*([KMGT]?)")
_LONGEST = 4 << 20
_TIMEOUT = 180.0
_known: dict[Stamp, Snap | str] = {}
_log = logger(__name__)


@dataclass(frozen=True)
class Snap:
    """An installation of SNAP, as ``gpt --diag`` describes it.

    Attributes
    ----------
    home : Path
        Folder of the installation.
    gpt : Path
        The program.
    version : str
        Such as ``"13.0.0"``.
    found_by : str
        What led to it.
    java_version : str
    processors, parallelism : int or None
        Cores, and tiles that are computed at a time.
    max_memory, cache_size : int or None
        Bytes: the heap of Java, and the part of it for tiles.
    tile_size : str
        Such as ``"512 x 512 pixels"``.
    user_dir : Path
        Where it keeps downloads, settings and logs.
    """

    home: Path
    gpt: Path
    version: str
    found_by: str = ""
    java_version: str = ""
    processors: int | None = None
    parallelism: int | None = None
    max_memory: int | None = None
    cache_size: int | None = None
    tile_size: str = ""
    user_dir: Path = Path()

    @property
    def settings_file(self) -> Path:
        """The file with the heap of Java, ``-Xmx8G``."""
        return self.home / "bin" / "gpt.vmoptions"


def find_snap(explicit: PathLike | None = None) -> Snap:
    """Return the SNAP to use.

    In this order: ``explicit``, the environment variable ``SENSETRACK_GPT``, ``SNAP_HOME``, ``gpt`` on PATH, the
    configuration of esa-snappy, the usual folders. Other programs are called ``gpt`` too, so each is asked for its
    version before it is believed. What is named on purpose, by the first two, is used or refused; of the others the
    first that is a SNAP is taken. The answers are kept while the program does not change.

    Parameters
    ----------
    explicit : path-like, optional
        ``gpt``, or the folder of SNAP.

    Raises
    ------
    SnapError
        There is none. The message says where was looked, what was found there instead, and what to do.
    """
    named = os.fspath(explicit) if explicit is not None else os.environ.get(VARIABLE, "")
    if named:
        by = "as named" if explicit is not None else VARIABLE
        snap = _ask(_program(Path(shutil.which(named) or named).expanduser()), by)
        if isinstance(snap, str):
            raise SnapError(f"{named} ({by}) is not SNAP: {snap}; name the file bin/gpt of SNAP, or its folder")
        return snap
    looked = [f"{VARIABLE} is not set"]
    for by, gpt in _candidates():
        if gpt is None:
            looked.append(by)
            continue
        snap = _ask(gpt, by)
        if isinstance(snap, Snap):
            for text in looked[1:]:
                _log.info("%s", text)
            return snap
        looked.append(f"{gpt} ({by}) is not SNAP: {snap}")
    raise SnapError(f"no SNAP was found ({'; '.join(looked)}); {ADVICE}")


def _candidates() -> Iterator[tuple[str, Path | None]]:
    """Yield where a program may be, with what led there; None with a note where there is nothing."""
    home = os.environ.get("SNAP_HOME", "")
    yield _inside(Path(home), "SNAP_HOME") if home else ("SNAP_HOME is not set", None)
    on_path = shutil.which(_NAME)
    yield ("PATH", Path(on_path)) if on_path else ("no gpt on PATH", None)
    state = snappy_state()
    if state.snap_home is not None:
        yield _inside(state.snap_home, str(state.ini or "esa-snappy"))
    without = []
    for folder in _usual_folders():
        note, gpt = _inside(folder, "a usual folder")
        if gpt is None:
            without.append(str(folder))
        else:
            yield note, gpt
    yield f"none in {', '.join(without)}", None


def _inside(folder: Path, by: str) -> tuple[str, Path | None]:
    gpt = _program(folder)
    return (by, gpt) if gpt.is_file() else (f"no bin/gpt in {folder} ({by})", None)


def _usual_folders() -> list[Path]:
    """Return where installers put SNAP on this kind of system."""
    if sys.platform == "win32":
        programs = Path(os.environ.get("PROGRAMFILES", r"C:\Program Files"))
        return [programs / "esa-snap", programs / "snap"]
    home = Path.home()
    folders = [Path("/usr/local/snap"), Path("/usr/local/esa-snap"), Path("/opt/snap"), Path("/opt/esa-snap")]
    if sys.platform == "darwin":
        folders = [Path("/Applications/esa-snap"), Path("/Applications/snap"), *folders]
    return [home / "esa-snap", home / "snap", *folders]


def _program(path: Path) -> Path:
    """Return the program that a path means: itself, or in its folder ``bin``."""
    if not path.is_dir():
        return path
    inside = [path / "bin" / _NAME, path / _NAME]
    return next((gpt for gpt in inside if gpt.is_file()), inside[0])


def _ask(gpt: Path, by: str) -> Snap | str:
    """Return what a program says of itself, or why it is not SNAP; asked once."""
    try:
        key = version_of(gpt)
    except SnapError:
        return "there is no such file"
    if key not in _known:
        _known[key] = _diagnose(gpt.absolute())
    known = _known[key]
    return known if isinstance(known, str) else replace(known, found_by=by)


def version_of(gpt: Path) -> Stamp:
    """Return what changes with the program and with the options of its Java; answers are kept by it.

    Parameters
    ----------
    gpt : Path

    Raises
    ------
    SnapError
        There is no such file.
    """
    options = gpt.resolve().with_name("gpt.vmoptions")
    try:
        own, heap = gpt.stat(), options.stat().st_mtime_ns if options.is_file() else 0
        return str(gpt.absolute()), own.st_mtime_ns, own.st_ctime_ns, heap
    except OSError as error:
        raise SnapError(f"{gpt} is gone ({error.strerror or error})") from error


def _diagnose(gpt: Path) -> Snap | str:
    try:
        text = ask_gpt(gpt, "--diag")
    except SnapError as error:
        return str(error)
    version = _VERSION.search(text)
    if version is None:
        said = next((line.strip() for line in text.splitlines() if line.strip()), "nothing")
        return f"asked with --diag it says: {said[:120]}"
    entries = {name: value.strip() for name, value in _ENTRY.findall(text)}
    home = Path(os.path.normpath(entries.get("SNAP home") or gpt.resolve().parent.parent))
    if not home.is_dir():
        home = gpt.resolve().parent.parent
    return Snap(
        home=home,
        gpt=gpt,
        version=version[1].strip(),
        java_version=entries.get("Java version", ""),
        processors=_whole(entries.get("Processors", "")),
        parallelism=_whole(entries.get("Tile parallelism", "")),
        max_memory=_bytes(entries.get("Max memory", "")),
        cache_size=_bytes(entries.get("Cache size", "")),
        tile_size=entries.get("Tile size", ""),
        user_dir=_user_dir(home),
    )


def ask_gpt(gpt: Path, *arguments: str) -> str:
    """Return what ``gpt`` answers to a question that computes nothing; errors of its own included.

    Parameters
    ----------
    gpt : Path
        The program.
    *arguments : str
        Such as ``"--diag"`` or ``"-h"``.

    Raises
    ------
    SnapError
        It cannot be started, or does not answer.
    """
    heard: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

    def hear(name: str, chunk: bytes) -> None:
        heard[name] += chunk[: _LONGEST - len(heard[name])]

    try:
        ended = run([str(gpt), *arguments], hear, timeout=_TIMEOUT)
    except OSError as error:
        raise SnapError(f"{gpt} cannot be started ({error.strerror or error})") from error
    if ended.reason:
        raise SnapError(f"{gpt} {' '.join(arguments)} gives no answer within {_TIMEOUT:.0f} s")
    return "\n".join(text.decode("utf-8", "replace") for text in heard.values())


def _user_dir(home: Path) -> Path:
    """Return the folder of a user's downloads and settings, which a property may move."""
    try:
        text = (home / "etc" / "snap.properties").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    moved = re.search(r"^\s*snap\.userdir\s*=\s*(\S.*?)\s*$", text, re.M)
    user = str(Path.home())
    return Path(moved[1].replace("${user.home}", user)) if moved else Path(user) / ".snap"


def _whole(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def _bytes(text: str) -> int | None:
    """Return the bytes of ``"53.3 GB"``, which some languages write ``"53,3 GB"``."""
    found = _BYTES.match(text)
    if found is None:
        return None
    digits = found[1].replace(",", ".")
    if digits.count(".") > 1:
        digits = digits.replace(".", "", digits.count(".") - 1)
    try:
        return round(float(digits) * 2.0 ** (10 * " KMGT".index(found[2] or " ")))
    except ValueError:
        return None
