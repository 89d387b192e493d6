"""Which URLs may be asked, and how they are shown."""

from __future__ import annotations

import ipaddress
import urllib.parse

from sensetrack.errors import DownloadError, ParameterError


def shown(url: str) -> str:
    """Return a URL for a message: without name, password, query and fragment, which may hold secrets."""
    try:
        parts = urllib.parse.urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "the URL"


def check_url(url: str) -> str:
    """Return a URL that may be asked.

    Raises
    ------
    ParameterError
        It holds a name or password.
    DownloadError
        It is neither encrypted nor of this machine.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise DownloadError(f"{shown(url)}: is no URL") from None
    if "@" in parts.netloc:
        raise ParameterError(
            f"{shown(url)}: holds a name or a password, which others can read; the environment or ~/.netrc is for them"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise DownloadError(f"{shown(url)}: is not encrypted; https is needed")
    if not host:
        raise DownloadError(f"{shown(url)}: names no server")
    return url


def is_local(url: str) -> bool:
    """Whether a URL lies on this machine."""
    return is_loopback(urllib.parse.urlsplit(url).hostname)


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_host(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether a URL lies on one of some hosts, or below one of these domains."""
    name = (urllib.parse.urlsplit(url).hostname or "").lower()
    return any(name == host or name.endswith(f".{host}") for host in hosts)
