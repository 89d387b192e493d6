"""What names a result: hashes of inputs, of parameters and of the code that made it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import sensetrack
from sensetrack.errors import InputError
from sensetrack.raster.remote import is_url
from sensetrack.raster.write import atomic

SHORT = 20
"""Letters of a key in the names of folders."""

SHOWING = ("benchmark", "info", "project", "report", "scene")
"""Rooms that no measurement depends on."""

_SOURCE = re.compile(r"<SourceFilename[^>]*relativeToVRT=\"1\"[^>]*>([^<]+)<")


def key_of(step: str, **values: Any) -> str:
    """Return the key of a step: a hash of its name, of the code, and of everything that it depends on.

    Parameters
    ----------
    step : str
    **values
        What JSON can hold: keys of earlier steps, digests of files, parameters.
    """
    text = json.dumps({"step": step, "code": code_version(step == "report"), **values}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=2)
def code_version(with_showing: bool = False) -> str:
    """Return the version of this package and a hash of its source.

    Parameters
    ----------
    with_showing : bool
        Whether the rooms that only show results count too.
    """
    root = Path(str(files("sensetrack")))
    found = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.suffix not in (".py", ".js", ".css", ".html") or (not with_showing and name.parts[0] in SHOWING):
            continue
        found.update(f"{name.as_posix()}\n".encode() + path.read_bytes())
    return f"{sensetrack.__version__}+{found.hexdigest()[:SHORT]}"


class Digests:
    """SHA-256 of files and folders, kept in a file so that what has not changed is read once.

    A file counts as unchanged while its size and its times of change (of content and of inode) are.

    Parameters
    ----------
    path : Path
        Where they are kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._known: dict[str, list[Any]] = {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            self._known = found if isinstance(found, dict) else {}
        except (OSError, ValueError):
            pass
        self._used: dict[str, list[Any]] = {}

    def of(self, place: str | Path) -> str:
        """Return the digest of what lies at a place: a file, all files of a folder, or a URL by its name.

        Raises
        ------
        InputError
            There is nothing, or it cannot be read.
        """
        text = str(place)
        if is_url(text) or text.startswith("/vsi"):
            return hashlib.sha256(text.encode()).hexdigest()
        root = Path(text)
        if not root.exists():
            raise InputError(f"{text}: no such file")
        if root.is_file():
            return self._file(root) if root.suffix.lower() != ".vrt" else self._joined(root, _members(root))
        return self._joined(root, sorted(each for each in root.rglob("*") if each.is_file()))

    def save(self) -> None:
        """Keep what was asked for."""
        with atomic(self.path) as part:
            part.write_text(json.dumps(self._used, indent=0, sort_keys=True), encoding="utf-8")

    def _joined(self, root: Path, members: list[Path]) -> str:
        base = root if root.is_dir() else root.parent
        lines = [f"{self._file(each)}  {each.relative_to(base).as_posix()}\n" for each in members]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _file(self, path: Path) -> str:
        try:
            stat = path.stat()
            name = str(path.resolve())
            stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
            with self._lock:
                known = self._used.get(name) or self._known.get(name)
            if known is None or known[:-1] != stamp:
                with path.open("rb") as file:
                    known = [*stamp, hashlib.file_digest(file, "sha256").hexdigest()]
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
        with self._lock:
            self._used[name] = known
        return str(known[-1])


def _members(vrt: Path) -> list[Path]:
    """The virtual raster itself and the files beside it that it names."""

    def named() -> Iterator[Path]:
        for name in _SOURCE.findall(vrt.read_text(encoding="utf-8", errors="replace")):
            path = vrt.parent / name
            if path.is_file():
                yield path

    return [vrt, *sorted(set(named()))]
