"""Files behind ``http(s)`` URLs, of which only the parts that are asked for are fetched."""

from __future__ import annotations

import io
import re
import threading
import time
from collections import OrderedDict
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from sensetrack.errors import CorruptFileError, InputError
from sensetrack.raster._gdal import public_name

BLOCK = 2**17
"""Bytes of one request."""

_KEPT = 128
_WHOLE = 8 * 2**20
"""Bytes of a file that is taken whole, where a server does not send parts."""

_TRIES = 4
_PAUSE = 0.5
_BUSY = (429, 500, 502, 503, 504)
_TIMEOUT = 30.0


class RefusedError(InputError):
    """A server does not give a file without an account."""


def is_url(path: str) -> bool:
    """Whether a path is an ``http(s)`` URL."""
    return path.startswith(("http://", "https://"))


def url_name(url: str) -> str:
    """Return the last part of a URL's path."""
    return PurePosixPath(unquote(urlsplit(url).path)).name


_ARCHIVE = re.compile(
    r"/vsi(?:zip|tar)/(?:\{(?P<braced>[^}]+)\}|(?P<bare>.*?\.(?:zip|tar\.gz|tgz|tar)(?=/|\?|$)[^/]*))(?P<rest>.*)"
)
_METADATA = (".safe", ".xml", ".json", ".txt", "")


def located(path: str) -> str:
    """Return what a GDAL path of a product stands for: the archive itself, or the URL.

    ``/vsicurl/URL`` is the URL; ``/vsizip/ARCHIVE``, also with a folder or metadata file in it, is the archive. Any
    other path, such as that of a raster in an archive, comes back as it is.
    """
    if path.startswith("/vsicurl/http"):
        return path.removeprefix("/vsicurl/")
    found = _ARCHIVE.fullmatch(path)
    if found is None or PurePosixPath(found["rest"]).suffix.lower() not in _METADATA:
        return path
    inner = found["braced"] or found["bare"]
    return inner.removeprefix("/vsicurl/") if inner.startswith("/vsicurl/http") else inner


class RemoteFile(io.RawIOBase):
    """A file behind a URL that can seek; blocks that were fetched are kept for all that read it.

    Parameters
    ----------
    url : str
        ``http(s)``. Redirects are followed; whatever needs an account does not open.
    fresh : bool
        Ask the server anew, even if the file was read before.

    Raises
    ------
    InputError
        The server cannot be reached, does not have the file, or does not send parts of it and it is large.
    """

    def __init__(self, url: str, *, fresh: bool = False) -> None:
        if fresh:
            _blocks.cache_clear()
        self._blocks = _blocks(url)
        self._at = 0

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self._blocks.size

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to another byte."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise OSError(f"seek to {start + offset}, before the file")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """Return the byte where reading goes on."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, with less at the end of the file."""
        data = self._blocks.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Blocks:
    """What was fetched of a file: the last blocks, or all of it where the server does not send parts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self.size, self._version, self._kept[0] = _fetch(url, 0)

    def read(self, start: int, length: int) -> bytes:
        """Return bytes of the file, fewer at its end."""
        stop = min(start + length, self.size)
        if stop <= start:
            return b""
        first = start // BLOCK
        parts = [self._block(number) for number in range(first, (stop - 1) // BLOCK + 1)]
        return b"".join(parts)[start - first * BLOCK : stop - first * BLOCK]

    def _block(self, number: int) -> bytes:
        with self._lock:
            whole = self._kept.get(0, b"")
            if len(whole) > BLOCK:
                return whole[number * BLOCK : (number + 1) * BLOCK]
            if number not in self._kept:
                size, version, self._kept[number] = _fetch(self._url, number * BLOCK)
                if (size, version) != (self.size, self._version):
                    raise CorruptFileError(f"{public_name(self._url)}: has changed while it was read; try again")
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(number)
            return self._kept[number]


@lru_cache(maxsize=4)
def _blocks(url: str) -> _Blocks:
    return _Blocks(url)


def _fetch(url: str, start: int) -> tuple[int, str | None, bytes]:
    """Return the size of a file, what tells its version, and one block of it; all of it where that is all one gets."""
    # Slow to import, and most runs read local files alone.
    import http.client
    import urllib.error
    import urllib.request

    shown = public_name(url)
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-{start + BLOCK - 1}"})
    why = ""
    for trial in range(_TRIES):
        if trial:
            time.sleep(_PAUSE * 2 ** (trial - 1))
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
                version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
                total = (answer.headers.get("Content-Range") or "").rpartition("/")[2]
                if answer.status == 206 and total.isdigit():
                    size, data = int(total), answer.read()
                    if len(data) == min(BLOCK, size - start):
                        return size, version, data
                    why = "the connection was cut"
                    continue
                data = answer.read(_WHOLE + 1)
                if start or len(data) > _WHOLE:
                    raise InputError(f"{shown}: its server does not send parts of a file; download it first")
                return len(data), version, data
        except urllib.error.HTTPError as error:
            why = f"HTTP {error.code} {error.reason}"
            error.close()
            if error.code in (401, 403):
                why += "; if it needs an account, download it first"
                raise RefusedError(f"{shown}: cannot be fetched ({why})") from None
            if error.code not in _BUSY:
                break
        except http.client.HTTPException as error:
            why = f"the connection was cut: {type(error).__name__}"
        except (OSError, ValueError) as error:
            why = str(getattr(error, "reason", error))
            break
    raise InputError(f"{shown}: cannot be fetched ({why})")
