"""Fetches files: resumed where they were cut, checked, and complete as soon as they have their name."""

from __future__ import annotations

import contextlib
import functools
import queue
import re
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sensetrack.catalog._http import Access, Client, Reply, StatusError, StoppedError
from sensetrack.catalog._part import Checksum, Part, check_space, mismatch
from sensetrack.catalog._retry import TransientError
from sensetrack.catalog._url import shown
from sensetrack.errors import DownloadError, OutputError, ParameterError, SensetrackError

_CHUNK = 2**18
_OFTEN = 0.1
_PATIENCE = 5.0

Status = Literal["fetched", "there", "failed"]

Report = Callable[["Wanted", int, int | None], None]
"""Called in the calling thread with a file, the bytes that are there, and all its bytes where they are known."""


@dataclass(frozen=True)
class Wanted:
    """A file that is to come.

    Attributes
    ----------
    url : str
    path : pathlib.Path
        Where it goes; beside it, ``.part`` and ``.part.json`` while it comes.
    size : int or None
        Bytes that a catalogue states.
    checksums : tuple of Checksum
    access : Access or None
        What lets the request in.
    refused : str
        Why it cannot be fetched at all; ``""`` where it can.
    """

    url: str = field(repr=False)
    path: Path
    size: int | None = None
    checksums: tuple[Checksum, ...] = ()
    access: Access | None = field(default=None, repr=False)
    refused: str = ""


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes
    ----------
    wanted : Wanted
    status : {"fetched", "there", "failed"}
        ``there``: it was complete already.
    error : SensetrackError or None
    """

    wanted: Wanted
    status: Status
    error: SensetrackError | None = None


def fetch(wanted: Wanted, client: Client, *, overwrite: bool = False, report: Report | None = None) -> Status:
    """Fetch one file, from where an earlier attempt ended.

    An interrupted transfer goes on if the server still has the same version (ETag or time of change, ``If-Range``);
    otherwise it starts again. A file whose size or checksum is wrong is fetched once more.

    Parameters
    ----------
    wanted : Wanted
    client : Client
        Its `Retry` says how often is tried; attempts count from the last byte that came.
    overwrite : bool
        Fetch again what is there but not what was asked for.
    report : callable, optional
        Called after every piece.

    Returns
    -------
    {"fetched", "there"}

    Raises
    ------
    DownloadError
        The server does not have it, will not give it, cuts every connection, or gives something else.
    OutputError
        It cannot be written, the disk is full, or another file is there.
    StoppedError
        `Client.stop` was set; what came is kept.
    """
    if wanted.refused:
        raise DownloadError(f"{wanted.path.name}: {wanted.refused}")
    if wanted.path.is_dir():
        raise OutputError(f"{wanted.path}: is a folder; a file is to come in its place")
    if wanted.path.exists():
        wrong = mismatch(wanted.path, wanted.size, wanted.checksums, wanted.path.suffix)
        known = bool(wanted.checksums) or wanted.size is not None
        if wrong is None and (known or not overwrite):
            return "there"
        if not overwrite:
            raise OutputError(f"{wanted.path}: is there already, but {wrong}; remove it, or ask to overwrite it")
    part = Part(wanted.path)
    with part.locked():
        _complete(wanted, part, client, report)
        part.finish()
    return "fetched"


def fetch_all(
    wanted: Sequence[Wanted],
    client: Client,
    *,
    workers: int = 4,
    overwrite: bool = False,
    report: Report | None = None,
) -> list[Outcome]:
    """Fetch files, some at a time. One that fails does not stop the others.

    Parameters
    ----------
    wanted : sequence of Wanted
    client : Client
    workers : int
        Files at a time. The Copernicus Data Space allows four.
    overwrite, report
        As `fetch`.

    Returns
    -------
    list of Outcome
        In the order of ``wanted``.

    Raises
    ------
    ParameterError
        Two files have the same path, or there are no workers.
    StoppedError
        `Client.stop` was set.
    KeyboardInterrupt
        Passed on as soon as the transfers have ended; what came is kept in ``.part`` files.
    """
    if workers < 1:
        raise ParameterError(f"workers = {workers}: at least 1 is needed")
    paths = [item.path for item in wanted]
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise ParameterError(f"{twice}: two files would get this name")
    pool = _Pool(wanted, client, overwrite)
    threads = [threading.Thread(target=pool.work, daemon=True) for _ in range(min(workers, len(wanted)))]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(_OFTEN / len(threads))
            if report is not None:
                pool.tell(report)
        if report is not None:
            pool.tell(report)
    except KeyboardInterrupt:
        client.stop.set()
        end = time.monotonic() + _PATIENCE
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        raise
    if pool.crashed:
        raise pool.crashed[0]
    client.check()
    return [pool.outcomes[number] for number in range(len(wanted))]


class _Pool:
    """Threads that take files from a queue, and what they have done so far."""

    def __init__(self, wanted: Sequence[Wanted], client: Client, overwrite: bool) -> None:
        self._wanted, self._client, self._overwrite = wanted, client, overwrite
        self._queue: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(wanted)):
            self._queue.put(number)
        self.outcomes: dict[int, Outcome] = {}
        self.crashed: list[BaseException] = []
        self._told: dict[int, tuple[int, int | None]] = {}

    def work(self) -> None:
        """Fetch files until there are no more."""
        while not self._client.stop.is_set() and not self.crashed:
            try:
                number = self._queue.get_nowait()
            except queue.Empty:
                return
            item = self._wanted[number]
            try:
                note = functools.partial(self._note, number)
                status = fetch(item, self._client, overwrite=self._overwrite, report=note)
                self.outcomes[number] = Outcome(item, status)
            except StoppedError:
                return
            except SensetrackError as error:
                self.outcomes[number] = Outcome(item, "failed", error)
            except BaseException as error:
                self.crashed.append(error)

    def _note(self, number: int, wanted: Wanted, done: int, total: int | None) -> None:
        self._told[number] = (done, total)

    def tell(self, report: Report) -> None:
        """Report what has changed."""
        for number in list(self._told):
            with contextlib.suppress(KeyError):
                report(self._wanted[number], *self._told.pop(number))


def _complete(wanted: Wanted, part: Part, client: Client, report: Report | None) -> None:
    """Fetch until the bytes are all there and right."""
    failed, most, again = 0, part.size, False
    while True:
        try:
            _pull(wanted, part, client, report)
        except TransientError as error:
            failed = 1 if part.size > most else failed + 1
            most = max(most, part.size)
            client.wait(failed, error)
            continue
        wrong = part.mismatch(wanted.size, wanted.checksums)
        if wrong is None:
            return
        part.discard()
        if again:
            raise DownloadError(f"{wanted.path.name}: {wrong}; fetched twice from {shown(wanted.url)}")
        failed, most, again = 0, 0, True


def _pull(wanted: Wanted, part: Part, client: Client, report: Report | None) -> None:
    """Ask once for what is missing, and write what comes."""
    start, version = part.size, part.version
    headers = {"Accept-Encoding": "identity"}
    if start and (version is not None or wanted.checksums):
        headers["Range"] = f"bytes={start}-"
        if version is not None:
            headers["If-Range"] = version
    elif start:
        # Nothing says whether the server still has the version that these bytes are of.
        part.discard()
        start = 0
    try:
        reply = client.open(wanted.url, headers=headers, access=wanted.access)
    except StatusError as error:
        if error.status != 416:
            raise
        part.discard()
        raise TransientError(str(error)) from None
    with reply:
        total = _place(reply, part, start, wanted)
        check_space(wanted.path, None if total is None else total - part.size)
        done = part.size
        with part.append() as write:
            while data := reply.read(_CHUNK):
                write(data)
                done += len(data)
                if total is not None and done > total:
                    part.discard()
                    raise DownloadError(f"{reply.url}: sends more than the {total} bytes that it promised")
                if report is not None:
                    report(wanted, done, total or wanted.size)
                client.check()
        if total is not None and done < total:
            raise TransientError(f"{reply.url}: the connection was cut after {done} of {total} bytes")


def _place(reply: Reply, part: Part, start: int, wanted: Wanted) -> int | None:
    """Make the part ready for what comes, and return the bytes of the whole file, where the server says."""
    kind = (reply.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if kind in ("text/html", "application/xhtml+xml") and wanted.path.suffix.lower() not in (".html", ".htm"):
        raise DownloadError(f"{reply.url}: sends a web page instead of {wanted.path.name}; is a login missing?")
    if reply.status == 206:
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", (reply.headers.get("Content-Range") or "").strip())
        if found is None or int(found[1]) != start or _version(reply) != (part.version or _version(reply)):
            part.discard()
            raise TransientError(f"{reply.url}: sends another part than it was asked for")
        return None if found[3] == "*" else int(found[3])
    part.begin(_version(reply))
    return reply.length


def _version(reply: Reply) -> str | None:
    """Return what tells this version of a file from others, if it may be used with ``If-Range``."""
    etag = (reply.headers.get("ETag") or "").strip()
    if etag and not etag.startswith("W/"):
        return etag
    return reply.headers.get("Last-Modified") or None
