"""Keeps what ``gpt`` says: all of it in a log, and in memory what tells how far it is and what went wrong."""

from __future__ import annotations

import codecs
import shlex
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sensetrack.errors import OutputError
from sensetrack.graph.snap.explain import Heard, hear, is_telling, surest
from sensetrack.graph.snap.progress import Percent

LONGEST_LOG = 64 << 20
"""Bytes of a log; of what comes then, only the end is kept."""

_LONGEST_LINE = 1 << 14
_LAST_LINES = 60
_ENDS = 1 << 11


class Log:
    """A file that can be read while it grows; a context manager.

    Parameters
    ----------
    path : Path
        Its folder is made where it is missing.

    Raises
    ------
    OutputError
        It cannot be written, now or later.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("wb", buffering=0)
        except OSError as error:
            raise self._unwritable(error) from error

    def write(self, content: bytes) -> None:
        """Write all of it, at once."""
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def begin(self, arguments: Sequence[str]) -> None:
        """Write the command that is run."""
        self.write(f"$ {shlex.join(arguments)}\n".encode("utf-8", "surrogateescape"))

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(f"{self.path}: the log cannot be written ({error.strerror or error})")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class Listener:
    """Listens to one run. `take` is called by one thread at a time.

    Attributes
    ----------
    lines : deque of str
        The last lines that say something.
    heard : dict of str to Heard
        Signs of failures, the first of each kind.
    percent : Percent
        How far it is.
    """

    def __init__(self, log: Log) -> None:
        self.lines: deque[str] = deque(maxlen=_LAST_LINES)
        self.heard: dict[str, Heard] = {}
        self.percent = Percent()
        self._log = log
        self._left_out = 0
        self._size = 0
        self._decoders = {name: codecs.getincrementaldecoder("utf-8")("replace") for name in ("stdout", "stderr")}
        self._rest = {"stdout": "", "stderr": ""}

    def take(self, name: str, chunk: bytes) -> None:
        """Take a piece of a stream."""
        kept = chunk[: LONGEST_LOG - self._size]
        self._log.write(kept)
        self._size += len(kept)
        self._left_out += len(chunk) - len(kept)
        text = self._decoders[name].decode(chunk)
        if name == "stdout":
            self.percent.feed(text)
        *lines, rest = (self._rest[name] + text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
        for line in lines:
            self._line(line)
        while len(rest) > _LONGEST_LINE:
            self._line(rest[:_LONGEST_LINE])
            rest = rest[_LONGEST_LINE:]
        self._rest[name] = rest

    def _line(self, line: str) -> None:
        for each in hear(line if len(line) <= 2 * _ENDS else f"{line[:_ENDS]} {line[-_ENDS:]}"):
            self.heard.setdefault(each.sign.name, each)
        if line.strip() and is_telling(line):
            self.lines.append(line[:_LONGEST_LINE])

    def close(self) -> None:
        """Take what ended without a line break, and end the log."""
        for name, rest in self._rest.items():
            self._line(rest)
            self._rest[name] = ""
        if self._left_out:
            end = "\n".join(self.lines)
            self._log.write(f"\n[{self._left_out} bytes are left out; its last lines:]\n{end}\n".encode())

    @property
    def surest(self) -> Heard | None:
        """The sign that explains most."""
        return surest(self.heard.values())
