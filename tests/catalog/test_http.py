"""Requests, pauses and URLs."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.catalog import Checksum, Client, Retry
from sensetrack.catalog._retry import retry_after
from sensetrack.catalog._url import check_url, is_host, is_loopback, shown
from sensetrack.errors import CredentialsError, DownloadError, ParameterError, SensetrackError

NOW = datetime(2022, 1, 4, 17, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        (" 0 ", 0.0),
        ("Tue, 04 Jan 2022 17:02:00 GMT", 120.0),
        ("Tue, 04 Jan 2022 16:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after(value, seconds):
    assert retry_after(value, NOW) == seconds


@given(st.text())
def test_retry_after_never_fails(text):
    found = retry_after(text)
    assert found is None or found >= 0


@given(st.integers(1, 60), st.none() | st.floats(0, 1e4))
def test_pauses_grow_and_are_never_shorter_than_asked(failed, asked):
    pause = Retry(first=1, longest=60).pause(failed, asked)
    own = min(60.0, 2.0 ** (failed - 1))
    assert (asked or 0.0) <= pause <= (asked or 0.0) + own
    assert asked is not None or pause >= own / 2


def test_pauses_differ():
    assert len({Retry().pause(3) for _ in range(20)}) > 10


@given(st.text())
def test_urls_are_shown_without_what_may_be_secret(text):
    assert "S3CRET" not in shown(f"https://me:S3CRET@example.org/{text.partition('/')[0]}?sig=S3CRET#S3CRET")


@given(st.text())
def test_any_text_is_a_url_or_one_error(text):
    try:
        assert check_url(text) == text
    except SensetrackError as error:
        assert str(error)


@pytest.mark.parametrize(
    "url", ["https://example.org/a", "http://127.0.0.1:80/a", "http://[::1]/a", "http://localhost/"]
)
def test_urls_that_may_be_asked(url):
    assert check_url(url) == url


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://example.org/a", DownloadError),
        ("ftp://127.0.0.1/a", DownloadError),
        ("https:///a", DownloadError),
        ("https://[::1/a", DownloadError),
        ("https://a:99999999/", DownloadError),
        ("https://me@example.org/", ParameterError),
    ],
)
def test_urls_that_may_not(url, error):
    with pytest.raises(error):
        check_url(url)


def test_hosts():
    hosts = ("dataspace.copernicus.eu",)
    assert is_host("https://download.Dataspace.copernicus.eu/a", hosts)
    assert is_host("https://dataspace.copernicus.eu:443/", hosts)
    assert not is_host("https://evildataspace.copernicus.eu/", hosts)
    assert not is_host("https://dataspace.copernicus.eu.evil.org/", hosts)
    assert not is_host("https://evil.org/dataspace.copernicus.eu", hosts)
    assert not is_loopback("127.evil.org")
    assert not is_loopback(None)


def test_json_is_asked_for_again_and_posted(site, client):
    url = site.page(
        "/s",
        lambda asked: asked.answer(503),
        lambda asked: asked.answer(200, b'{"a": 1}', cut=3),
        lambda asked: asked.answer(200, b'{"a": 1}'),
    )
    assert client.json(url, body={"limit": 1}) == {"a": 1}
    assert [asked.command for asked in site.log] == ["POST"] * 3
    assert site.log[0].body == b'{"limit": 1}'
    assert site.log[0].headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("answer", [b"", b"<html>", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_is_an_error(site, client, answer):
    url = site.page("/s", lambda asked: asked.answer(200, answer))
    with pytest.raises(DownloadError, match="/s: answers with something that is no JSON"):
        client.json(url)


def test_an_endless_answer_is_refused(site, client, monkeypatch):
    from sensetrack.catalog import _http

    monkeypatch.setattr(_http, "LARGEST_ANSWER", 10)
    url = site.page("/s", lambda asked: asked.answer(200, b"[" + b" " * 100 + b"]"))
    with pytest.raises(DownloadError, match="answers with more than 10 bytes"):
        client.json(url)


def test_a_door_without_a_key(site, client):
    url = site.page("/s", lambda asked: asked.answer(401))
    with pytest.raises(CredentialsError, match=r"answers 401 .*; it wants credentials"):
        client.json(url)
    assert len(site.log) == 1


def test_a_server_that_says_nothing(site):
    hold = threading.Event()
    url = site.page("/s", lambda asked: hold.wait(30))
    client = Client(Retry(attempts=1), timeout=0.2)
    with pytest.raises(DownloadError, match="cannot be reached \\(it did not answer in time\\)"):
        client.json(url)
    hold.set()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes a certificate, is not there")
def test_certificates_are_verified(client, tmp_path, monkeypatch):
    """A server with a certificate that nobody vouches for."""
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout k.pem -out c.pem"
    subprocess.run(words.split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem", tmp_path / "k.pem")
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(DownloadError, match="its certificate does not hold"):
        client.json(f"https://localhost:{server.server_address[1]}/")
    thread.join()
    server.server_close()


def test_checksums_that_are_none():
    assert Checksum.parse("MD5", "A" * 32) == Checksum("md5", "a" * 32)
    assert Checksum.parse("SHA-256", "0" * 64) == Checksum("sha256", "0" * 64)
    for algorithm, value in (("md5", "0" * 31), ("BLAKE3", "0" * 64), ("md5", "g" * 32), (None, None), ("md5", "")):
        assert Checksum.parse(algorithm, value) is None
