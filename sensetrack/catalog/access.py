"""Credentials, and what they become: tokens that are renewed in time, signatures of URLs.

A name and a password come from the environment or from ``~/.netrc``. They appear in no message, log or representation.
"""

from __future__ import annotations

import base64
import netrc
import os
import re
import threading
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensetrack.catalog._http import Client, StatusError
from sensetrack.catalog._url import is_host
from sensetrack.errors import CredentialsError

_EARLY = 30.0
"""Seconds before its end at which a token counts as expired."""

_WORD = re.compile(r"[\x21-\x7e]+")
Signed = tuple[str, dict[str, str]]


@dataclass(frozen=True)
class Credentials:
    """A name and a password; neither is shown.

    Attributes
    ----------
    username, password : str
    """

    username: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def find(cls, prefix: str, *hosts: str) -> Credentials:
        """Take them from the environment, else from the netrc file.

        Parameters
        ----------
        prefix : str
            ``CDSE`` reads ``CDSE_USERNAME`` and ``CDSE_PASSWORD``.
        *hosts : str
            Machines under which the netrc file (``$NETRC``, else ``~/.netrc``) may have them.

        Raises
        ------
        CredentialsError
            They are nowhere, or the netrc file cannot be read.
        """
        names = f"{prefix}_USERNAME", f"{prefix}_PASSWORD"
        username, password = (os.environ.get(name, "") for name in names)
        if username and password:
            return cls(username, password)
        if username or password:
            raise CredentialsError(f"of {names[0]} and {names[1]} only one is in the environment; set both")
        found = _from_netrc(hosts)
        if found is None:
            raise CredentialsError(
                f"no credentials: put them into {names[0]} and {names[1]}, or into ~/.netrc under machine {hosts[0]}"
            )
        return found


class OAuth:
    """A token of an OAuth 2.0 server, got with a password and renewed before it expires or when it is refused.

    Parameters
    ----------
    client : Client
    url : str
        Of the server that gives tokens.
    client_id : str
    credentials : callable
        Returns the `Credentials` when they are needed.
    hosts : tuple of str
        Hosts, or domains above them, that may see the token.

    References
    ----------
    RFC 6749, sections 4.3 and 6.
    """

    def __init__(
        self,
        client: Client,
        url: str,
        client_id: str,
        credentials: Callable[[], Credentials],
        hosts: tuple[str, ...],
    ) -> None:
        self._client, self._url, self._client_id = client, url, client_id
        self._credentials, self._hosts = credentials, hosts
        self._lock = threading.Lock()
        self._token, self._ends = "", 0.0
        self._refresh, self._refresh_ends = "", 0.0

    def sign(self, url: str) -> Signed:
        """Return the header for a host that may see the token, as `Access.sign`.

        Raises
        ------
        CredentialsError
            The server of tokens refuses the name or the password.
        DownloadError
            It does not answer.
        """
        if not is_host(url, self._hosts):
            return url, {}
        with self._lock:
            if time.monotonic() >= self._ends - _EARLY:
                self._fetch()
            return url, {"Authorization": f"Bearer {self._token}"}

    def renew(self, used: Signed) -> bool:
        """Get a new token, unless another thread has just done so."""
        with self._lock:
            if used[1].get("Authorization") == f"Bearer {self._token}":
                self._fetch()
        return True

    def _fetch(self) -> None:
        answer = None
        if self._refresh and time.monotonic() < self._refresh_ends - _EARLY:
            try:
                answer = self._ask({"grant_type": "refresh_token", "refresh_token": self._refresh})
            except CredentialsError:
                self._refresh = ""
        if answer is None:
            own = self._credentials()
            answer = self._ask({"grant_type": "password", "username": own.username, "password": own.password})
        try:
            token, lasts = str(answer["access_token"]), float(answer.get("expires_in", 300))
            refresh, refresh_lasts = str(answer.get("refresh_token") or ""), float(answer.get("refresh_expires_in", 0))
        except (KeyError, TypeError, ValueError, AttributeError):
            raise CredentialsError(f"{self._url}: answers without a token") from None
        if not _WORD.fullmatch(token):
            raise CredentialsError(f"{self._url}: answers with a token that is none")
        now = time.monotonic()
        self._token, self._ends = token, now + lasts
        self._refresh, self._refresh_ends = refresh, now + refresh_lasts

    def _ask(self, fields: dict[str, str]) -> Any:
        try:
            return self._client.form(self._url, {"client_id": self._client_id, **fields})
        except (StatusError, CredentialsError) as error:
            if isinstance(error, StatusError) and error.status not in (400, 403):
                raise
            raise CredentialsError(f"{self._url}: refuses the name or the password") from None


class Basic:
    """A name and a password that go with every request to one host.

    Parameters
    ----------
    credentials : Credentials
    hosts : tuple of str
    """

    def __init__(self, credentials: Credentials, hosts: tuple[str, ...]) -> None:
        self._credentials, self._hosts = credentials, hosts

    def sign(self, url: str) -> Signed:
        """Return the header for the host, as `Access.sign`."""
        if not is_host(url, self._hosts):
            return url, {}
        pair = f"{self._credentials.username}:{self._credentials.password}".encode()
        return url, {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def renew(self, used: Signed) -> bool:
        """There is nothing to renew."""
        return False


class UrlSignature:
    """Signatures that anyone may have from a server, to be put behind the URLs of a storage for an hour or so.

    Parameters
    ----------
    client : Client
    url : str
        Below it, ``/ACCOUNT/CONTAINER`` answers with JSON that holds the signature of a container under ``token``.
    hosts : tuple of str
        Of the storage, below which each account has its own; the first folder is the container.

    References
    ----------
    https://planetarycomputer.microsoft.com/docs/concepts/sas/
    """

    def __init__(self, client: Client, url: str, hosts: tuple[str, ...]) -> None:
        self._client, self._url, self._hosts = client, url.rstrip("/"), hosts
        self._lock = threading.Lock()
        self._tokens: dict[str, str] = {}

    def sign(self, url: str) -> Signed:
        """Return the URL with the signature, as `Access.sign`."""
        if not is_host(url, self._hosts):
            return url, {}
        place = self._place(url)
        with self._lock:
            token = self._tokens.get(place) or self._fetch(place)
        return f"{url}{'&' if '?' in url else '?'}{token}", {}

    def renew(self, used: Signed) -> bool:
        """Get a new signature, unless another thread has just done so."""
        place = self._place(used[0])
        with self._lock:
            if used[0].endswith(self._tokens.get(place, "")):
                self._fetch(place)
        return True

    def _place(self, url: str) -> str:
        parts = urllib.parse.urlsplit(url)
        return f"{(parts.hostname or '').partition('.')[0]}/{parts.path.strip('/').partition('/')[0]}"

    def _fetch(self, place: str) -> str:
        answer = self._client.json(f"{self._url}/{place}")
        token = answer.get("token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not _WORD.fullmatch(token):
            raise CredentialsError(f"{self._url}: answers without a signature")
        self._tokens[place] = token
        return token


def _from_netrc(hosts: tuple[str, ...]) -> Credentials | None:
    file = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    if not file.is_file():
        return None
    try:
        book = netrc.netrc(str(file))
    except netrc.NetrcParseError as error:
        # Its own message may repeat the word that it stumbled over, which may be the password.
        raise CredentialsError(
            f"{file}: cannot be read, see its line {error.lineno or 1}; it must be yours alone"
        ) from None
    except (OSError, UnicodeDecodeError):
        raise CredentialsError(f"{file}: cannot be read") from None
    for host in hosts:
        found = book.hosts.get(host)
        if found is not None and found[0] and found[2]:
            return Credentials(found[0], found[2])
    return None
