"""What is there of a file while it comes: the bytes so far, of which version they are, and whether they are right."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sensetrack.errors import DownloadError, OutputError

_CHUNK = 2**20
_LEAVE_FREE = 16 * 2**20

ALGORITHMS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}
"""Checksums that are known, and how many hexadecimal digits they have."""


@dataclass(frozen=True)
class Checksum:
    """A checksum as a catalogue states it.

    Attributes
    ----------
    algorithm : {"md5", "sha1", "sha256", "sha512"}
    value : str
        Hexadecimal, small letters.
    """

    algorithm: str
    value: str

    @classmethod
    def parse(cls, algorithm: object, value: object) -> Checksum | None:
        """Return the checksum, or None where it is of an unknown kind or broken."""
        name = str(algorithm).lower().replace("-", "").replace("_", "")
        digits = str(value).strip().lower()
        if ALGORITHMS.get(name) != len(digits) or not set(digits) <= set("0123456789abcdef"):
            return None
        return cls(name, digits)


class Part:
    """The file ``NAME.part`` beside a file that is to come, with a note ``NAME.part.json`` on which version it is of.

    Parameters
    ----------
    final : pathlib.Path
        The file that is to come.
    """

    def __init__(self, final: Path) -> None:
        self.final = final
        self.path = final.with_name(f"{final.name}.part")
        self.note = final.with_name(f"{final.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes so far."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @property
    def version(self) -> str | None:
        """The ETag or the time of change of the file that the bytes are of; None where it is not known."""
        try:
            found = json.loads(self.note.read_text(encoding="utf-8"))["version"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found if isinstance(found, str) and found.isascii() and found.isprintable() else None

    def begin(self, version: str | None) -> None:
        """Throw away the bytes so far, and note the version of those that come."""
        with writing(self.final):
            with self.path.open("r+b") as file:
                file.truncate(0)
            self.note.write_text(json.dumps({"version": version}), encoding="utf-8")

    @contextmanager
    def append(self) -> Iterator[Callable[[bytes], None]]:
        """Yield what writes behind the bytes so far.

        Raises
        ------
        OutputError
            Of the writing: the disk is full. What was written stays.
        """
        with writing(self.final):
            file = self.path.open("ab", buffering=0)

        def write(data: bytes) -> None:
            with writing(self.final, "; what came is kept"):
                view = memoryview(data)
                while len(view):
                    view = view[file.write(view) :]

        with file:
            yield write

    def mismatch(self, size: int | None, checksums: Sequence[Checksum]) -> str | None:
        """Return what is wrong with the bytes, or None.

        Parameters
        ----------
        size : int or None
        checksums : sequence of Checksum
            All have to be right. Where there are some, they decide alone: stated sizes are wrong more often.
        """
        return mismatch(self.path, size, checksums, self.final.suffix)

    def discard(self) -> None:
        """Throw away the bytes so far."""
        if self.path.exists():
            self.begin(None)

    def finish(self) -> None:
        """Give the file its name."""
        with writing(self.final):
            with self.path.open("r+b") as file:
                os.fsync(file.fileno())
            self.path.replace(self.final)
            self.note.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes away while the file comes.

        Raises
        ------
        DownloadError
            Another process is at it.
        OutputError
            The folder cannot be written.
        """
        with writing(self.final):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("ab")
        if sys.platform == "win32":
            # An open file cannot be renamed there.
            file.close()
        with file:
            if not _lock(file) or not self._is_at_path(file):
                raise DownloadError(f"{self.path}: another process is fetching it")
            try:
                yield
            finally:
                if self.size == 0:
                    self.path.unlink(missing_ok=True)
                    self.note.unlink(missing_ok=True)

    def _is_at_path(self, file: BinaryIO) -> bool:
        """Whether the open file is still the part: another process may have finished or removed it meanwhile."""
        if file.closed:
            return True
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except OSError:
            return False


def mismatch(path: Path, size: int | None, checksums: Sequence[Checksum], suffix: str) -> str | None:
    """Return what is wrong with a file, or None; see `Part.mismatch`."""
    found = path.stat().st_size
    for checksum in checksums:
        digest = hashlib.new(checksum.algorithm, usedforsecurity=False)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != checksum.value:
            return f"its {checksum.algorithm} is {digest.hexdigest()}, not {checksum.value}, as the catalogue says"
    if size is not None and not checksums and found != size:
        return f"it has {found} bytes, not {size}, as the catalogue says"
    if suffix.lower() == ".zip" and not zipfile.is_zipfile(path):
        return f"its {found} bytes are no zip archive"
    return None


def check_space(final: Path, missing: int | None) -> None:
    """Refuse what the disk cannot hold.

    Raises
    ------
    OutputError
    """
    free = shutil.disk_usage(final.parent).free
    if missing is not None and free < missing + _LEAVE_FREE:
        raise OutputError(f"{final}: {missing / 1e6:.0f} MB are to come, and the disk has {free / 1e6:.0f} MB left")


@contextmanager
def writing(path: Path, hint: str = "") -> Iterator[None]:
    """Turn errors of writing into ours; ``hint`` ends the message."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise OutputError(f"{path}: cannot be written ({why}){hint}") from error


def _lock(file: BinaryIO) -> bool:
    """Whether no other process holds the file; it is held until it is closed."""
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some network file systems know no locks.
        return True
    return True
