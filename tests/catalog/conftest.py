"""A server on this machine that answers as it is told, and what asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from products.http_site import Site, serving

from sensetrack.catalog import Client, Retry


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Start a server; there are no credentials and no proxy."""
    monkeypatch.setenv("no_proxy", "*")
    for name in ("CDSE_USERNAME", "CDSE_PASSWORD", "DHUS_USERNAME", "DHUS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", "/nowhere/netrc")
    with serving() as found:
        yield found


@pytest.fixture
def client() -> Client:
    """Return what asks; its pauses are short."""
    return Client(Retry(attempts=3, first=0.001, longest=0.002, patience=5.0), timeout=10.0)


@pytest.fixture
def elsewhere(site: Site) -> Callable[[str], str]:
    """Return the URL of a path of the site under another name of this machine."""
    return lambda path: f"http://localhost:{site.port}{path}"
