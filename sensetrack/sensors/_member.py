"""Random access to one file inside an archive, without unpacking it."""

from __future__ import annotations

import bisect
import functools
import gzip
import io
import struct
import tarfile
import threading
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from sensetrack.errors import CorruptFileError, InputError
from sensetrack.raster.remote import is_url
from sensetrack.sensors._container import Container

_STEP = 8 * 2**20
"""Unpacked bytes between two states that are kept (40 kB each), from which reading can go on."""

_CHUNK = 2**18


class _Slice(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, path: str, start: int, size: int) -> None:
        self._file = Path(path).open("rb")  # noqa: SIM115 - closed with this object
        self._start, self._size, self._at = start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._start + self._at)
        data = self._file.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class _States:
    """States of a decompressor on its way through a file, from which it can go on."""

    def __init__(self, start: int, window: int) -> None:
        self._places = [0]
        self._states: list[tuple[int, Any, bytes]] = [(start, zlib.decompressobj(window), b"")]
        self._lock = threading.Lock()

    def before(self, place: int) -> tuple[int, int, Any, bytes]:
        """Return the last state kept before an unpacked byte: its place, that of the packed bytes, and itself."""
        with self._lock:
            index = bisect.bisect_right(self._places, place) - 1
            source, state, rest = self._states[index]
            return self._places[index], source, state.copy(), rest

    def keep(self, place: int, source: int, state: Any, rest: bytes) -> None:
        """Keep a state if it is well beyond the last one."""
        with self._lock:
            if place >= self._places[-1] + _STEP:
                self._places.append(place)
                self._states.append((source, state.copy(), rest))


@functools.lru_cache(maxsize=8)
def _states(path: str, changed: int, start: int, window: int) -> _States:
    """Return the states of a file as it was last changed, shared by all that read it."""
    return _States(start, window)


class _Inflated(_Slice):
    """A deflated part of a file, as a file.

    Parameters
    ----------
    path : str
    start, packed : int
        Where the deflated bytes lie in the file, and how many there are.
    skip, size : int
        Where the wanted bytes lie in what they unpack to.
    window : int
        As `zlib.decompressobj` takes it: -15 for bare deflate, 31 for gzip.
    """

    def __init__(self, path: str, start: int, packed: int, skip: int, size: int, window: int) -> None:
        super().__init__(path, 0, size)
        self._skip, self._end = skip, start + packed
        self._states = _states(path, Path(path).stat().st_mtime_ns, start, window)

    def readinto(self, buffer: Any) -> int:
        wanted = max(0, min(len(buffer), self._size - self._at))
        data = self._unpacked(self._skip + self._at, wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def _unpacked(self, first: int, count: int) -> bytes:
        place, source, state, rest = self._states.before(first)
        parts: list[bytes] = []
        while count > 0:
            if not rest:
                self._file.seek(source)
                rest = self._file.read(min(_CHUNK, self._end - source))
                source += len(rest)
                if not rest:
                    break
            try:
                data = state.decompress(rest, _CHUNK)
            except zlib.error as error:
                raise OSError(f"damaged archive ({error})") from error
            rest = state.unconsumed_tail
            begin = max(first - place, 0)
            place += len(data)
            if begin < len(data):
                part = data[begin : begin + count]
                parts.append(part)
                first, count = first + len(part), count - len(part)
            self._states.keep(place, source, state, rest)
            if state.eof:
                break
        return b"".join(parts)


def open_member(container: Container, name: str) -> BinaryIO | str:
    """Return how a library opens a file of a container: its path, or a file object that can seek.

    Reading from a compressed archive unpacks what lies before, once in every process; after that, jumping is cheap.

    Raises
    ------
    InputError
        It is packed in a way that cannot be read in parts, or lies in an archive behind a URL.
    CorruptFileError
        The archive is damaged.
    """
    if is_url(container.root):
        raise InputError(f"{container.path}: {name} in it cannot be read in parts over http; download it first")
    if container.kind == "file":
        return container.root
    if container.kind == "folder":
        return str(Path(container.root) / name)
    try:
        raw = _in_zip(container.root, name) if container.kind == "zip" else _in_tar(container.root, name)
    except (OSError, EOFError, KeyError, struct.error, zipfile.BadZipFile, tarfile.TarError) as error:
        raise CorruptFileError(f"{container.path}: {name} cannot be read ({error})") from error
    if raw is None:
        raise InputError(f"{container.path}: is packed in a way that cannot be read in parts; unpack it first")
    return io.BufferedReader(raw, _CHUNK)


def _in_zip(path: str, name: str) -> _Slice | None:
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
    with Path(path).open("rb") as file:
        file.seek(info.header_offset)
        head = file.read(30)
    if head[:4] != b"PK\x03\x04":
        raise zipfile.BadZipFile("no local header where the index says")
    lengths = struct.unpack("<HH", head[26:30])
    start = info.header_offset + 30 + sum(lengths)
    if info.compress_type == zipfile.ZIP_STORED:
        return _Slice(path, start, info.file_size)
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return _Inflated(path, start, info.compress_size, 0, info.file_size, -15)
    return None


def _in_tar(path: str, name: str) -> _Slice | None:
    place = _place_in_tar(path, Path(path).stat().st_mtime_ns, name)
    if place is None:
        return None
    start, size, is_gzip = place
    if is_gzip:
        return _Inflated(path, 0, Path(path).stat().st_size, start, size, 31)
    return _Slice(path, start, size)


@functools.lru_cache(maxsize=64)
def _place_in_tar(path: str, changed: int, name: str) -> tuple[int, int, bool] | None:
    """Return where a file lies in a tar, unpacked, its size, and whether the tar is packed; None if in another way."""
    with Path(path).open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    with gzip.open(path) if is_gzip else Path(path).open("rb") as stream:
        try:
            archive = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115 - nothing but the stream to close
        except tarfile.ReadError:
            return None
        member = next((each for each in archive if each.name.removeprefix("./") == name), None)
    if member is None:
        raise KeyError(name)
    return member.offset_data, member.size, is_gzip
