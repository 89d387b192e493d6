"""Object stores: scenes that lie there, and results that are copied there, through fsspec (extra ``cloud``)."""

from __future__ import annotations

import glob
import hashlib
import json
from pathlib import Path
from typing import Any

from sensetrack.errors import InputError, MissingExtraError, OutputError, ParameterError
from sensetrack.project.store import write_json

GDAL = {"s3": "/vsis3/", "gs": "/vsigs/", "az": "/vsiaz/"}
"""What GDAL calls the stores that scenes are read from, by the scheme of their URLs."""

LAST = "manifest.json"
"""Copied when all else has come, so that a new one means that all of it is there."""


def is_stored(text: str) -> bool:
    """Whether a path is a URL of an object store that scenes are read from."""
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme in GDAL


def find_stored(url: str) -> list[str]:
    """Return the scenes that a URL of an object store, or a pattern of them, names, as paths that GDAL opens.

    Parameters
    ----------
    url : str
        Such as ``s3://bucket/scenes/*.tif``; only patterns are looked up.

    Raises
    ------
    InputError
        A pattern names nothing, or the store does not answer.
    MissingExtraError
        A pattern needs the extra ``cloud``.
    """
    scheme, _, rest = url.partition("://")
    if not glob.has_magic(rest):
        return [GDAL[scheme] + rest]
    files, root = _open(url)
    try:
        found = sorted(str(path) for path in files.glob(root))
    except Exception as error:  # each store has errors of its own
        raise InputError(f"scenes: {url} cannot be listed ({_said(error)})") from error
    if not found:
        raise InputError(f"scenes: {url} names no file")
    return [GDAL[scheme] + path for path in found]


def check_target(target: str) -> None:
    """Raise when nothing can be copied to a URL: what speaks its scheme is not installed.

    Raises
    ------
    ParameterError
        It is no URL, or of a scheme that fsspec does not know.
    MissingExtraError
        It needs the extra ``cloud``.
    """
    if "://" not in target:
        raise ParameterError(f"publish = '{target}': is no URL, such as s3://bucket/folder")
    _open(target)


def publish(folder: Path, target: str, record: Path) -> int:
    """Copy a folder to an object store: what is new or has changed; what was copied earlier and is no more goes.

    What others have put beside it stays.

    Parameters
    ----------
    folder : Path
    target : str
        URL that fsspec knows.
    record : Path
        Where it is kept what was copied; a record of another target is not heeded.

    Returns
    -------
    int
        Files that were copied now.

    Raises
    ------
    OutputError
        The store refuses, or does not answer.
    """
    files, root = _open(target)
    here = {
        path.relative_to(folder).as_posix(): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }
    before = _read(record, target)
    try:
        files.invalidate_cache()
        there = {str(path) for path in files.find(root)}
        changed = [name for name, digest in here.items() if before.get(name) != digest or f"{root}/{name}" not in there]
        for name in sorted(changed, key=lambda name: (name == LAST, name)):
            files.put_file(str(folder / name), f"{root}/{name}")
        for name in sorted(set(before) - set(here)):
            if f"{root}/{name}" in there:
                files.rm_file(f"{root}/{name}")
    except Exception as error:
        raise OutputError(f"{target}: cannot be written ({_said(error)})") from error
    write_json(record, {"target": target, "files": here})
    return len(changed)


def _open(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it."""
    scheme = url.partition("://")[0]
    try:
        from fsspec.core import url_to_fs

        files, root = url_to_fs(url)
    except ImportError as error:
        if scheme == "s3" or error.name == "fsspec":
            raise MissingExtraError("cloud", f"{scheme}://") from None
        raise ParameterError(f"{url}: {_said(error)}") from None
    except ValueError as error:
        raise ParameterError(f"{url}: {_said(error)}") from None
    return files, str(root).rstrip("/")


def _read(record: Path, target: str) -> dict[str, str]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        return dict(found["files"]) if found["target"] == target else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
