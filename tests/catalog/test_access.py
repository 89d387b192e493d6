"""Secrets reach whom they are meant for, and nobody else: no other host, message, log or representation."""

from __future__ import annotations

import base64
import json
import logging
import time
import traceback
import urllib.parse

import pytest

from sensetrack.catalog import Credentials, Wanted, fetch, fetch_all
from sensetrack.catalog.access import Basic, OAuth, UrlSignature
from sensetrack.errors import CredentialsError, DownloadError, ParameterError

SECRET = "pa55:w%rd+&"
SIGNED = "s1gned"
HOSTS = ("127.0.0.1",)


@pytest.fixture
def door(site, client):
    """Return an OAuth whose server gives tokens one, two, three, ..."""
    count = iter(range(1, 100))

    def give(asked):
        form = urllib.parse.parse_qs(asked.body.decode())
        if form["grant_type"] == ["password"] and form["password"] != [SECRET]:
            asked.answer(401, json.dumps({"error_description": f"not {form['password'][0]}"}).encode())
            return
        lasts = {"expires_in": 600, "refresh_expires_in": 3600}
        number = next(count)
        token = {"access_token": f"token-{number}", "refresh_token": f"refresh-{number}", **lasts}
        asked.answer(200, json.dumps(token).encode())

    url = site.page("/token", give)
    return OAuth(client, url, "cdse-public", lambda: Credentials("me@example.org", SECRET), HOSTS)


def guarded(*good):
    """Answer with a file to a good token, else with 401."""

    def answer(asked):
        if asked.headers["Authorization"] in [f"Bearer {token}" for token in good]:
            asked.file(b"the file")
        else:
            asked.answer(401)

    return answer


def forms(site):
    return [urllib.parse.parse_qs(asked.body.decode()) for asked in site.asked("/token")]


def test_a_token_is_got_once_and_used_by_all(site, client, door, tmp_path):
    wanted = [Wanted(site.page(f"/{n}", guarded("token-1")), tmp_path / str(n), access=door) for n in range(5)]
    assert [outcome.status for outcome in fetch_all(wanted, client)] == ["fetched"] * 5
    assert forms(site) == [
        {"client_id": ["cdse-public"], "grant_type": ["password"], "username": ["me@example.org"], "password": [SECRET]}
    ]


def test_a_token_that_is_refused_is_renewed(site, client, door, tmp_path):
    wanted = Wanted(site.page("/a", guarded("token-2")), tmp_path / "a", access=door)
    assert fetch(wanted, client) == "fetched"
    assert [form["grant_type"] for form in forms(site)] == [["password"], ["refresh_token"]]
    assert forms(site)[1]["refresh_token"] == ["refresh-1"]


def test_a_token_that_expires_is_renewed_before(site, client, door, tmp_path, monkeypatch):
    first, second = (Wanted(site.page(f"/{n}", guarded(f"token-{n}")), tmp_path / str(n), access=door) for n in (1, 2))
    fetch(first, client)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 575)
    fetch(second, client)
    assert len(site.asked("/2")) == 1
    monkeypatch.setattr(time, "monotonic", lambda: now + 10_000)
    fetch(Wanted(site.page("/3", guarded("token-3")), tmp_path / "3", access=door), client)
    assert [form["grant_type"] for form in forms(site)] == [["password"], ["refresh_token"], ["password"]]


def test_a_token_that_is_always_refused_is_an_error(site, client, door, tmp_path):
    wanted = Wanted(site.page("/a", guarded()), tmp_path / "a", access=door)
    with pytest.raises(CredentialsError, match=r"/a: answers 401 \(Unauthorized\); are the credentials right\?"):
        fetch(wanted, client)
    assert len(site.asked("/a")) == 2


def test_a_transfer_that_is_cut_goes_on_with_a_new_token(site, client, door, tmp_path):
    body = bytes(range(256)) * 1000

    def first(asked):
        asked.file(body, cut=100_000)

    def then(asked):
        if asked.headers["Authorization"] == "Bearer token-2":
            asked.file(body)
        else:
            asked.answer(401)

    wanted = Wanted(site.page("/a", first, then), tmp_path / "a", access=door)
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == body
    assert [asked.headers["Range"] for asked in site.asked("/a")] == [None, "bytes=100000-", "bytes=100000-"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_the_token_to_its_own_hosts_only(site, client, door, elsewhere, tmp_path, status):
    site.page("/own", guarded("token-1"))
    site.page("/storage", lambda asked: asked.file(b"the file"))
    url = site.page("/a", lambda asked: asked.answer(status, Location="/own"))
    assert fetch(Wanted(url, tmp_path / "a", access=door), client) == "fetched"
    url = site.page("/b", lambda asked: asked.answer(status, Location=elsewhere("/storage")))
    assert fetch(Wanted(url, tmp_path / "b", access=door), client) == "fetched"
    assert [asked.headers["Authorization"] for asked in site.asked("/storage")] == [None]
    assert site.asked("/storage")[0].headers["Host"].startswith("localhost")


def test_a_host_that_only_looks_alike_gets_nothing(client, door):
    for host in ("127.0.0.1.example.org", "x127.0.0.1", "127.0.0.10"):
        assert door.sign(f"https://{host}/a") == (f"https://{host}/a", {})


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("http://example.org/a", "is not encrypted; https is needed"),
        ("file:///etc/passwd", "is not encrypted"),
        ("https://me:word@example.org/a", "holds a name or a password"),
    ],
)
def test_redirects_that_are_not_followed(site, client, door, tmp_path, place, message):
    url = site.page("/a", lambda asked: asked.answer(302, Location=place))
    with pytest.raises((DownloadError, ParameterError), match=message) as error:
        fetch(Wanted(url, tmp_path / "a", access=door), client)
    assert "word@" not in str(error.value)


def test_redirects_that_go_round(site, client, tmp_path):
    url = site.page("/a", lambda asked: asked.answer(302, Location="/a"))
    with pytest.raises(DownloadError, match="is redirected more than 10 times"):
        fetch(Wanted(url, tmp_path / "a"), client)


def test_a_redirect_from_elsewhere_does_not_reach_this_machine(site, client, elsewhere, tmp_path, monkeypatch):
    from sensetrack.catalog import _http

    monkeypatch.setattr(_http, "is_local", lambda url: "localhost" in url)
    url = site.page("/a", lambda asked: asked.answer(302, Location=elsewhere("/b")))
    with pytest.raises(DownloadError, match="is redirected to this machine, which is not followed"):
        fetch(Wanted(url, tmp_path / "a"), client)
    assert site.asked("/b") == []


def test_a_password_is_never_redirected(site, client, elsewhere, tmp_path):
    url = site.page("/token", lambda asked: asked.answer(307, Location=elsewhere("/thief")))
    site.page("/thief", lambda asked: asked.answer(200, b"{}"))
    door = OAuth(client, url, "x", lambda: Credentials("me", SECRET), HOSTS)
    with pytest.raises(DownloadError, match="answers 307, a redirect that is not followed"):
        fetch(Wanted(site.url + "/a", tmp_path / "a", access=door), client)
    assert site.asked("/thief") == []


def test_nothing_shows_a_secret(site, client, door, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    wrong = OAuth(client, site.url + "/token", "x", lambda: Credentials("me@example.org", "wr0ng"), HOSTS)
    wanted = Wanted(site.page("/a", guarded()), tmp_path / "a", access=door)
    given = json.dumps({"token": SIGNED}).encode()
    signed = UrlSignature(client, site.page("/sas/127/c", lambda asked: asked.answer(200, given)), HOSTS)
    said = [repr(item) for item in (Credentials("me@example.org", SECRET), door, wanted, wrong, signed)]
    for access in (door, wrong, signed):
        with pytest.raises(DownloadError) as error:
            fetch(Wanted(f"{site.url}/a?sig={SIGNED}", tmp_path / "a", access=access), client)
        said += traceback.format_exception(error.value)
        chain = error.value
        while chain is not None:
            said.append(repr(chain))
            chain = chain.__cause__ or chain.__context__
    text = "\n".join([*said, caplog.text])
    for secret in (SECRET, "wr0ng", "me@example.org", "token-", "refresh-", SIGNED, "Bearer t"):
        assert secret not in text, secret


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'{"access_token": "a b\\n", "expires_in": 1}', b"<html>", b"null"])
def test_a_server_that_gives_no_token(site, client, tmp_path, answer):
    url = site.page("/token", lambda asked: asked.answer(200, answer))
    door = OAuth(client, url, "x", lambda: Credentials("me", SECRET), HOSTS)
    with pytest.raises(DownloadError, match="answers with"):
        fetch(Wanted(site.url + "/a", tmp_path / "a", access=door), client)


def test_a_broken_token_is_not_shown_by_what_sends_it(client, tmp_path):
    class Broken:
        def sign(self, url):
            return url, {"Authorization": "Bearer s3cret\n"}

    with pytest.raises(DownloadError, match="the request cannot be sent") as error:
        fetch(Wanted("http://127.0.0.1:9/a", tmp_path / "a", access=Broken()), client)
    assert "s3cret" not in "".join(traceback.format_exception(error.value))


def test_signatures_are_per_container_and_renewed(site, client, tmp_path):
    token = iter(["st=1", "st=2"])
    url = site.page("/sas/127/box", lambda asked: asked.answer(200, json.dumps({"token": next(token)}).encode()))
    signature = UrlSignature(client, url.removesuffix("/127/box"), HOSTS)

    def strict(asked):
        asked.file(b"x") if asked.query == "st=2" else asked.answer(403)

    assert fetch(Wanted(site.page("/box/a", strict), tmp_path / "a", access=signature), client) == "fetched"
    assert [asked.query for asked in site.asked("/box/a")] == ["st=1", "st=2"]
    assert signature.sign("https://example.org/box/a") == ("https://example.org/box/a", {})


def test_basic(site, client, tmp_path):
    access = Basic(Credentials("me", SECRET), HOSTS)
    url = site.page("/a", lambda asked: asked.file(b"x"))
    assert fetch(Wanted(url, tmp_path / "a", access=access), client) == "fetched"
    sent = site.log[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"me:{SECRET}"
    assert access.sign("https://example.org/") == ("https://example.org/", {})


def test_credentials_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("CDSE_USERNAME", "me")
    monkeypatch.setenv("CDSE_PASSWORD", SECRET)
    assert Credentials.find("CDSE", "example.org") == Credentials("me", SECRET)
    monkeypatch.delenv("CDSE_PASSWORD")
    with pytest.raises(CredentialsError, match="CDSE_USERNAME and CDSE_PASSWORD only one is in the environment"):
        Credentials.find("CDSE", "example.org")


def test_credentials_come_from_netrc(monkeypatch, tmp_path):
    for name in ("CDSE_USERNAME", "CDSE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "netrc"
    file.write_text(f"machine b.example.org login me password {SECRET}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    assert Credentials.find("CDSE", "a.example.org", "b.example.org") == Credentials("me", SECRET)
    with pytest.raises(CredentialsError, match="no credentials: put them into CDSE_USERNAME and CDSE_PASSWORD"):
        Credentials.find("CDSE", "c.example.org")


def test_a_broken_netrc_shows_no_password(monkeypatch, tmp_path):
    monkeypatch.delenv("CDSE_USERNAME", raising=False)
    monkeypatch.delenv("CDSE_PASSWORD", raising=False)
    file = tmp_path / "netrc"
    file.write_text("machine a.example.org login me passwrod hunter2\n")
    monkeypatch.setenv("NETRC", str(file))
    with pytest.raises(CredentialsError, match="netrc: cannot be read, see its line 1") as error:
        Credentials.find("CDSE", "a.example.org")
    said = "".join(traceback.format_exception(error.value))
    assert "hunter2" not in said
    assert "passwrod" not in said
