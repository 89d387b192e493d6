"""Serves a folder on the loopback interface, with byte ranges, from a process of its own.

GDAL may wait for an answer while it keeps Python's global lock, so that a thread of its process would never give it.
"""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class Handler(http.server.SimpleHTTPRequestHandler):
    """Answers requests for parts of files, and notes how much of what was sent.

    A path below ``/whole/`` is that of a server that does not know parts, one below ``/closed/`` asks for an account,
    and below ``/busy/`` every other request is put off.
    """

    protocol_version = "HTTP/1.1"
    busy = True

    def do_GET(self) -> None:
        """Answer, and send the part that is asked for."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without the content."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        place = self.path.partition("?")[0]
        first = place.split("/")[1]
        if first in ("whole", "closed", "busy"):
            place = place.removeprefix(f"/{first}")
        file = Path(self.translate_path(place))
        status, data = 200, b""
        if first == "closed":
            status = 403
        elif first == "busy" and Handler.busy:
            status = 503
        elif not file.is_file():
            status = 404
        else:
            data = file.read_bytes()
        Handler.busy = not Handler.busy
        wanted, size = self.headers.get("Range"), len(data)
        if wanted and status == 200 and first != "whole":
            start, _, stop = wanted.removeprefix("bytes=").partition("-")
            low, high = (int(start), int(stop or size - 1)) if start else (size - int(stop), size - 1)
            status, data = 206, data[low : high + 1]
        self.send_response(status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {low}-{low + len(data) - 1}/{size}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if with_body:
            self.wfile.write(data)
            with Path(sys.argv[2]).open("a") as log:
                log.write(f"{len(data)} {self.path}\n")

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Site:
    """A server: its address, and the file in which it notes what it sent."""

    url: str
    log: Path

    def sent(self, name: str) -> int:
        """Return how many bytes were sent of the files whose path holds a name."""
        lines = [line.split(" ", 1) for line in self.log.read_text().splitlines()]
        return sum(int(size) for size, path in lines if name in path)


@contextmanager
def serving(folder: Path, log: Path) -> Iterator[Site]:
    """Serve a folder, and stop."""
    log.touch()
    command = [sys.executable, __file__, str(folder), str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield Site(f"http://127.0.0.1:{server.stdout.readline().strip()}", log)
        finally:
            server.terminate()


if __name__ == "__main__":
    handler = functools.partial(Handler, directory=sys.argv[1])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        print(running.server_address[1], flush=True)
        running.serve_forever()
