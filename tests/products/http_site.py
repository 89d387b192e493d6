"""A server on this machine that answers as it is told, also badly."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Handler = Callable[["Asked"], None]


class Asked(BaseHTTPRequestHandler):
    """One request, and ways to answer it."""

    protocol_version = "HTTP/1.1"
    site: Site

    def answer(
        self, status: int = 200, body: bytes = b"", *, cut: int | None = None, claim: int | None = None, **headers: str
    ) -> None:
        """Answer; ``cut`` ends the connection after so many bytes, ``claim`` states another length than there is."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body) if claim is None else claim))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None or claim is not None:
            self.close_connection = True

    def file(self, body: bytes, *, cut: int | None = None, etag: str | None = '"one"', **headers: str) -> None:
        """Answer with a file as a good server does: ranges, if the version is still the one."""
        if etag:
            headers["ETag"] = etag
        asked, known = self.headers.get("Range"), self.headers.get("If-Range")
        if asked and (known is None or known == etag):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                self.answer(416, Content_Range=f"bytes */{len(body)}")
                return
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            self.answer(206, body[start:], cut=cut, **headers)
        else:
            self.answer(200, body, cut=cut, **headers)

    def handle_any(self) -> None:
        """Note the request, and answer as the site says."""
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        place = urlsplit(self.path)
        self.query = place.query
        self.site.log.append(self)
        handler = self.site.pages.get(place.path)
        if handler is None:
            self.answer(404)
        else:
            handler(self)

    do_GET = do_POST = do_HEAD = handle_any  # noqa: N815 - the names that the library asks for

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing."""


@dataclass
class Site:
    """A server: its URL, what it answers by path, and what it was asked."""

    url: str
    port: int
    pages: dict[str, Handler] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)

    def page(self, path: str, *handlers: Handler) -> str:
        """Answer at a path: with the first handler the first time, and so on, and from then on with the last one."""
        rest = list(handlers)
        self.pages[path] = lambda asked: (rest.pop(0) if len(rest) > 1 else rest[0])(asked)
        return self.url + path

    def asked(self, path: str) -> list[Asked]:
        """Return the requests for a path."""
        return [asked for asked in self.log if urlsplit(asked.path).path == path]


@contextmanager
def serving() -> Iterator[Site]:
    """Start a server, and stop it."""
    handler = type("Handler", (Asked,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    port = server.server_address[1]
    found = Site(f"http://127.0.0.1:{port}", port)
    handler.site = found
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
