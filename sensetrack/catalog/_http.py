"""Requests over HTTP: encrypted, redirected without losing a secret, asked again when a server is busy."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from sensetrack.catalog._retry import TRANSIENT, Retry, TransientError, retry_after
from sensetrack.catalog._url import check_url, is_local, shown
from sensetrack.errors import CredentialsError, DownloadError
from sensetrack.log import logger

_log = logger(__name__)

LARGEST_ANSWER = 64 * 2**20
"""Bytes of a catalogue's page beyond which it is none."""

MOST_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PROBLEMS = (OSError, http.client.HTTPException, EOFError)

Answer = TypeVar("Answer")


class StoppedError(Exception):
    """The user asked to stop; what was received is kept."""


class StatusError(DownloadError):
    """A server answered with a status that means no.

    Parameters
    ----------
    message : str
    status : int
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Access(Protocol):
    """What lets a request in. It never goes to a host that it is not for."""

    def sign(self, url: str) -> tuple[str, dict[str, str]]:
        """Return the URL and the headers to ask with; as they are for hosts that this is not for."""
        ...

    def renew(self, used: tuple[str, dict[str, str]]) -> bool:
        """Get a new secret after ``used``, what `sign` returned, was refused; whether there is one now."""
        ...


class Reply:
    """An answer whose body is read piece by piece; use it as a context manager.

    Attributes
    ----------
    status : int
    headers : mapping of str to str
        Names in any case.
    url : str
        Where it came from, after redirects; for messages, without its query.
    """

    def __init__(self, response: Any, url: str) -> None:
        self._response = response
        self.status = int(response.status)
        self.headers: Mapping[str, str] = response.headers
        self.url = shown(url)

    def read(self, size: int) -> bytes:
        """Return at most so many bytes, nothing at the end.

        Raises
        ------
        TransientError
            The connection was cut.
        """
        try:
            return bytes(self._response.read(size))
        except _PROBLEMS as error:
            raise TransientError(f"{self.url}: the connection was cut ({_reason(error)})") from None

    @property
    def length(self) -> int | None:
        """Bytes of the body, where the server says."""
        text = self.headers.get("Content-Length") or ""
        return int(text) if text.isascii() and text.isdigit() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._response.close()


class Client:
    """Asks servers. One may be used by many threads.

    Only ``https`` is spoken, with certificates verified, and plain ``http`` to this machine itself. Proxies come from
    the environment, as ``https_proxy`` and ``no_proxy`` say.

    Parameters
    ----------
    retry : Retry, optional
    timeout : float
        Seconds without a byte after which a connection counts as cut.
    """

    def __init__(self, retry: Retry | None = None, timeout: float = 60.0) -> None:
        self.retry = retry or Retry()
        self.timeout = timeout
        self.stop = threading.Event()
        self._opener = urllib.request.OpenerDirector()
        # Neither files nor other protocols, and redirects by hand: see `open`.
        for handler in (
            urllib.request.ProxyHandler(),
            urllib.request.HTTPHandler(),
            urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        ):
            self._opener.add_handler(handler)

    def open(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        access: Access | None = None,
    ) -> Reply:
        """Ask once, and follow redirects; what lets the request in is renewed when it is refused.

        Parameters
        ----------
        url : str
        method : {"GET", "HEAD", "POST"}
            What is posted is never redirected: it may hold a secret.
        headers : mapping of str to str, optional
        body : bytes, optional
        access : Access, optional
            Signs every step of a chain of redirects anew, and only for its own hosts.

        Returns
        -------
        Reply
            With status 200 or 206; close it.

        Raises
        ------
        TransientError
            The server is busy or not there; asking again may help.
        CredentialsError
            It wants credentials, or refuses those it got.
        StatusError
            Any other status, such as 404.
        DownloadError
            Redirects that lead nowhere, or to an unencrypted server; a certificate that does not hold.
        """
        renewed = False
        target = url
        for _ in range(MOST_REDIRECTS):
            self.check()
            check_url(target)
            used = access.sign(target) if access is not None else (target, {})
            reply = self._ask(used[0], method, {**(headers or {}), **used[1]}, body)
            if reply.status in (200, 206):
                return reply
            with reply:
                signed = access is not None and used != (target, {})
                if reply.status in (401, 403) and signed and not renewed and access is not None:
                    renewed = True
                    if access.renew(used):
                        continue
                if reply.status not in _REDIRECTS:
                    raise _refusal(reply, signed)
                place = reply.headers.get("Location")
                if not place or method == "POST":
                    raise DownloadError(f"{reply.url}: answers {reply.status}, a redirect that is not followed")
                following = urllib.parse.urljoin(target, place)
                if is_local(following) and not is_local(target):
                    raise DownloadError(f"{reply.url}: is redirected to this machine, which is not followed")
                target = following
        raise DownloadError(f"{shown(url)}: is redirected more than {MOST_REDIRECTS} times")

    def json(self, url: str, *, body: Any = None, access: Access | None = None) -> Any:
        """Return the JSON that a server answers with; a ``body`` is posted as JSON.

        Raises
        ------
        DownloadError
            As `open`; or the answer is no JSON.
        """
        headers = {"Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        return self.patiently(
            lambda: self._json(url, method="GET" if data is None else "POST", headers=headers, body=data, access=access)
        )

    def content(self, url: str) -> bytes:
        """Return what a server answers with, at most `LARGEST_ANSWER` bytes.

        Raises
        ------
        DownloadError
            As `open`; or the answer is longer.
        """
        return self.patiently(lambda: self._content(url))

    def form(self, url: str, fields: Mapping[str, str]) -> Any:
        """Return the JSON that a server answers to a posted form with. The fields appear in no message.

        Raises
        ------
        DownloadError
            As `json`.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
        data = urllib.parse.urlencode(fields).encode()
        return self.patiently(lambda: self._json(url, method="POST", headers=headers, body=data))

    def head(self, url: str, access: Access | None = None) -> Mapping[str, str]:
        """Return the headers of a file.

        Raises
        ------
        DownloadError
            As `open`.
        """

        def ask() -> Mapping[str, str]:
            with self.open(url, method="HEAD", access=access) as reply:
                return reply.headers

        return self.patiently(ask)

    def patiently(self, action: Callable[[], Answer]) -> Answer:
        """Do something until it raises no `TransientError` any more, or too many of them.

        Raises
        ------
        DownloadError
            The last `TransientError`, with how often it was tried; anything else at once.
        """
        failed = 0
        while True:
            try:
                return action()
            except TransientError as error:
                failed += 1
                self.wait(failed, error)

    def wait(self, failed: int, error: TransientError) -> None:
        """Wait after so many failures in a row.

        Raises
        ------
        DownloadError
            There were too many, or the server asks for more patience than there is.
        StoppedError
            The user asked to stop.
        """
        if failed >= self.retry.attempts:
            raise DownloadError(f"{error}; gave up after {failed} attempts") from None
        if error.asked is not None and error.asked > self.retry.patience:
            raise DownloadError(f"{error}; it asks to come back in {error.asked / 60:.0f} minutes") from None
        pause = self.retry.pause(failed, error.asked)
        _log.info("%s; attempt %d in %.1f s", error, failed + 1, pause)
        if self.stop.wait(pause):
            raise StoppedError

    def check(self) -> None:
        """Raise `StoppedError` if the user asked to stop."""
        if self.stop.is_set():
            raise StoppedError

    def _json(self, url: str, **request: Any) -> Any:
        data = self._content(url, **request)
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise DownloadError(f"{shown(url)}: answers with something that is no JSON") from None

    def _content(self, url: str, **request: Any) -> bytes:
        with self.open(url, **request) as reply:
            parts, size = [], 0
            while part := reply.read(2**20):
                parts.append(part)
                size += len(part)
                if size > LARGEST_ANSWER:
                    raise DownloadError(f"{reply.url}: answers with more than {LARGEST_ANSWER} bytes")
            if reply.length is not None and size < reply.length:
                raise TransientError(f"{reply.url}: the connection was cut")
        return b"".join(parts)

    def _ask(self, url: str, method: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        request = urllib.request.Request(url, data=body, headers={"User-Agent": "sensetrack"}, method=method)
        for name, value in headers.items():
            request.add_unredirected_header(name, value)
        try:
            response = self._opener.open(request, timeout=self.timeout)
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                raise DownloadError(
                    f"{shown(url)}: its certificate does not hold ({error.reason.verify_message})"
                ) from None
            raise TransientError(f"{shown(url)}: cannot be reached ({_reason(error.reason)})") from None
        except (http.client.InvalidURL, ValueError):
            # The standard library repeats the header or the URL, which may hold a secret.
            raise DownloadError(f"{shown(url)}: the request cannot be sent; is the URL or the token broken?") from None
        except _PROBLEMS as error:
            raise TransientError(f"{shown(url)}: cannot be reached ({_reason(error)})") from None
        if response is None:
            raise DownloadError(f"{shown(url)}: cannot be asked for")
        return Reply(response, url)


def _refusal(reply: Reply, signed: bool) -> DownloadError:
    said = f"{reply.url}: answers {reply.status} ({http.client.responses.get(reply.status, 'unknown')})"
    if reply.status in TRANSIENT:
        return TransientError(said, retry_after(reply.headers.get("Retry-After")))
    if reply.status == 401 or (reply.status == 403 and signed):
        return CredentialsError(f"{said}; " + ("are the credentials right?" if signed else "it wants credentials"))
    return StatusError(said, reply.status)


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError | socket.timeout):
        return "it did not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return str(error.strerror)
    return type(error).__name__ if isinstance(error, BaseException) else str(error)
