"""One view of a product as delivered: a folder, a zip or tar archive, or a single file."""

from __future__ import annotations

import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from sensetrack.errors import CorruptFileError, InputError
from sensetrack.raster._gdal import public_name
from sensetrack.raster.remote import RemoteFile, is_url, located, url_name
from sensetrack.types import PathLike

LARGEST_METADATA = 128 * 2**20
"""Bytes of a metadata file beyond which it is none."""

MANIFEST = "manifest.safe"
"""Table of contents of a SAFE product: who names it means the folder around it."""

MOST_FILES = 20_000
DEEPEST = 8
BOMB_RATIO = 200
BOMB_FROM = 256 * 2**20
"""An archive that would unpack to more than this and `BOMB_RATIO` times its own size is refused."""

SMALL = 8 * 2**20
_TEXTS = (".xml", ".txt", ".json", ".safe", ".gml")

Kind = Literal["folder", "zip", "tar", "file"]

_CLUTTER = re.compile(r"(^|/)(__MACOSX(/|$)|\._|\.DS_Store$|Thumbs\.db$)")


@dataclass(frozen=True)
class Container:
    """The files of a product, listed once; nothing is unpacked. Build one with `Container.open`.

    Attributes
    ----------
    path : str
        What the user named; of a URL, without its query.
    kind : {"folder", "zip", "tar", "file"}
        ``file`` is one file alone, such as HDF5.
    root : str
        Folder, archive or file that holds the names; the URL of an archive or of a STAC Item.
    sizes : mapping of str to int
        Files by their name below `root`, with ``/`` between, and their bytes.
    entry : str or None
        The metadata file, where the user named one instead of the folder around it.
    """

    path: str
    kind: Kind
    root: str
    sizes: dict[str, int] = field(repr=False)
    entry: str | None = None

    @classmethod
    def open(cls, path: PathLike, *, alone: bool = False) -> Container:
        """List what is at a path.

        Parameters
        ----------
        path : path-like
            A folder, ``.zip``, ``.tar``, ``.tar.gz``, HDF5 file, or a metadata file (text, XML, JSON) in the folder of
            its product. Archives are told by content. To list a compressed tar is to read all of it. Or the
            ``http(s)`` URL of a zip or a STAC Item, of which only what is needed is fetched; or either as a GDAL path.
        alone : bool
            Of a metadata file, leave the folder around it unlisted: it may be any, as long as nobody knows the file.

        Raises
        ------
        InputError
            There is nothing; an archive holds unsafe names, or far more than its size makes credible; a URL leads to
            something else.
        CorruptFileError
            The archive is cut off or encrypted.
        """
        name = located(os.fspath(path))
        if is_url(name):
            return cls._at_url(name)
        file = Path(name)
        if file.is_dir():
            return cls(name, "folder", name, _folder_files(file))
        if not file.is_file():
            raise InputError(f"{name}: no such file or folder")
        with file.open("rb") as stream:
            head = stream.read(512)
        if head.startswith(b"PK"):
            return cls(name, "zip", name, _checked(name, file.stat().st_size, _zip_files(name)))
        if _is_tar(head):
            return cls(name, "tar", name, _checked(name, file.stat().st_size, _tar_files(name)))
        if head.startswith(b"\x89HDF"):
            return cls(name, "file", name, {file.name: file.stat().st_size})
        entry = None if file.name.lower() == MANIFEST else file.name
        sizes = {file.name: file.stat().st_size} if alone and entry is not None else _folder_files(file.parent)
        return cls(name, "folder", str(file.parent), sizes, entry)

    @classmethod
    def _at_url(cls, url: str) -> Container:
        shown, file = public_name(url), RemoteFile(url)
        head = file.read(512) or b""
        if head.startswith(b"PK"):
            return cls(shown, "zip", url, _checked(shown, file.size, _zip_files(url)))
        if head.lstrip().startswith(b"{"):
            # Catalogues give Items at addresses without a suffix.
            name = f"{url_name(url).removesuffix('.json')}.json"
            return cls(shown, "folder", url, {name: file.size}, name)
        what = "what lies beside a metadata file cannot be listed"
        if _is_tar(head):
            what = "a tar archive cannot be read in parts"
        elif head.startswith(b"\x89HDF"):
            what = "HDF5 cannot be read in parts"
        raise InputError(f"{shown}: {what} over http; download it first, or name the URL of a zip or a STAC Item")

    @property
    def name(self) -> str:
        """Short name for messages."""
        return Path(self.path).name

    @property
    def names(self) -> tuple[str, ...]:
        """All files, the ones nearest to the root first."""
        return tuple(sorted(self.sizes, key=lambda name: (name.count("/"), name)))

    def find(self, pattern: str, below: str = "") -> list[str]:
        """Return the files whose path below a folder matches a regular expression at its end, case ignored.

        Parameters
        ----------
        pattern : str
            Must match from the start of a file or folder name to the end of the path.
        below : str
            Folder in the container, ``""`` for all.
        """
        expression = re.compile(rf"(^|/){pattern}$", re.IGNORECASE)
        start = f"{below}/" if below else ""
        return [name for name in self.names if name.startswith(start) and expression.search(name[len(start) :])]

    def filled(self, pattern: str, below: str = "") -> list[str]:
        """Return what `find` does, without files of no length, which some deliveries leave as placeholders."""
        return [name for name in self.find(pattern, below) if self.sizes[name] > 0]

    def read(self, name: str, limit: int = LARGEST_METADATA) -> bytes:
        """Return the content of a file, such as metadata.

        Parameters
        ----------
        name : str
        limit : int
            Bytes beyond which the file is refused.

        Raises
        ------
        InputError
            It is longer than ``limit``, or not there.
        CorruptFileError
            The archive is cut off or damaged.
        """
        if name not in self.sizes:
            raise InputError(f"{self.path}: no file {name}")
        if self.sizes[name] > limit:
            raise InputError(f"{self.path}: {name} is {self.sizes[name]} bytes long, too long for metadata")
        return self._content(name, limit)

    def head(self, name: str, length: int = 4096) -> bytes:
        """Return the first bytes of a file."""
        return self._content(name, length)

    def _content(self, name: str, length: int) -> bytes:
        try:
            if self.kind == "zip":
                with zipfile.ZipFile(_file_or_url(self.root)) as archive, archive.open(name) as stream:
                    return stream.read(length)
            if self.kind == "tar":
                return _tar_content(self.root, Path(self.root).stat().st_mtime_ns, name)[:length]
            if is_url(self.root):
                return RemoteFile(self.root).read(length) or b""
            with self._file(name).open("rb") as plain:
                return plain.read(length)
        except (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, tarfile.TarError) as error:
            raise CorruptFileError(f"{self.path}: {name} cannot be read ({error})") from error

    def _file(self, name: str) -> Path:
        return Path(self.root) if self.kind == "file" else Path(self.root) / name

    def gdal_path(self, name: str) -> str:
        """Return how GDAL opens a file, also inside an archive; a URL or a path of GDAL's own as it is."""
        if "://" in name or name.startswith("/vsi"):
            return name
        if is_url(self.root):
            return f"/vsizip/{{/vsicurl/{self.root}}}/{name}"
        if self.kind in ("zip", "tar"):
            return f"/vsi{self.kind}/{{{Path(self.root).resolve()}}}/{name}"
        return str(self._file(name))

    def __contains__(self, name: object) -> bool:
        return name in self.sizes


def _folder_files(folder: Path) -> dict[str, int]:
    """List a folder, not deeper and not more than a product has."""
    found: dict[str, int] = {}
    for parent, folders, files in os.walk(folder):
        place = Path(parent).relative_to(folder)
        folders[:] = sorted(name for name in folders if not _CLUTTER.search(name))
        if len(place.parts) >= DEEPEST:
            folders.clear()
        for name in sorted(files):
            if not _CLUTTER.search(name):
                full = Path(parent) / name
                found[(place / name).as_posix()] = full.stat().st_size if full.exists() else 0
        if len(found) > MOST_FILES:
            raise InputError(f"{folder}: holds more than {MOST_FILES} files, so it is not one product; name a product")
    return found


def _file_or_url(path: str) -> str | RemoteFile:
    """Return what `zipfile` opens."""
    return RemoteFile(path) if is_url(path) else path


def _is_tar(head: bytes) -> bool:
    """Whether a file begins as a tar archive does, or a compressed one."""
    return head[257:262] == b"ustar" or head.startswith((b"\x1f\x8b", b"BZh"))


def _zip_files(path: str) -> Iterator[tuple[str, int]]:
    try:
        with zipfile.ZipFile(_file_or_url(path)) as archive:
            for item in archive.infolist():
                if item.flag_bits & 1:
                    raise CorruptFileError(
                        f"{public_name(path)}: {item.filename} is encrypted; unpack the archive first"
                    )
                if not item.is_dir():
                    yield item.filename, item.file_size
    except (zipfile.BadZipFile, OSError, UnicodeDecodeError) as error:
        shown = public_name(path)
        raise CorruptFileError(f"{shown}: cannot be read as a zip archive, is it cut off? ({error})") from error


def _tar_files(path: str) -> Iterator[tuple[str, int]]:
    try:
        with tarfile.open(path) as archive:
            for item in archive:
                # Links and devices are no part of any product, and a way out of the archive.
                if item.isreg():
                    yield item.name.removeprefix("./"), item.size
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise CorruptFileError(f"{path}: cannot be read as a tar archive, is it cut off? ({error})") from error


def _tar_content(path: str, changed: int, name: str) -> bytes:
    found = _tar_metadata(path, changed).get(name)
    if found is not None:
        return found
    with tarfile.open(path) as archive:
        member = archive.extractfile(name if name in archive.getnames() else f"./{name}")
        return member.read(LARGEST_METADATA) if member is not None else b""


@lru_cache(maxsize=2)
def _tar_metadata(path: str, changed: int) -> dict[str, bytes]:
    """Read all small text of a tar in one go: every access to a compressed one starts at its beginning."""
    found = {}
    with tarfile.open(path) as archive:
        for item in archive:
            if item.isreg() and item.size < SMALL and item.name.lower().endswith(_TEXTS):
                member = archive.extractfile(item)
                found[item.name.removeprefix("./")] = member.read() if member is not None else b""
    return found


def _checked(path: str, own: int, files: Iterator[tuple[str, int]]) -> dict[str, int]:
    """Take the files of an archive of ``own`` bytes, with a look at their names and sizes as they come."""
    total = 0
    found: dict[str, int] = {}
    for name, size in files:
        if _is_unsafe(name):
            raise InputError(f"{path}: holds the unsafe name '{name}', which leads out of it; it is not used")
        total += size
        if total > BOMB_FROM and total > BOMB_RATIO * own:
            raise InputError(
                f"{path}: would unpack to more than {BOMB_RATIO} times its {own} bytes, as no product does; "
                "if it is sound, unpack it yourself"
            )
        if len(found) > MOST_FILES:
            raise InputError(f"{path}: holds more than {MOST_FILES} files, so it is not one product")
        if not _CLUTTER.search(name):
            found[name] = size
    return found


def _is_unsafe(name: str) -> bool:
    """Whether a name is absolute, climbs, or would be either on another system."""
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or bool(re.match(r"[A-Za-z]:", name)) or "\0" in name
