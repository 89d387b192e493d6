"""Transfers from a server that misbehaves: whatever it does, the file is right or absent."""

from __future__ import annotations

import hashlib
import io
import zipfile

import numpy as np
import pytest

from sensetrack.catalog import Checksum, Wanted, fetch, fetch_all
from sensetrack.errors import DownloadError, OutputError, ParameterError

BODY = np.random.default_rng(0).bytes(700_001)
MD5 = (Checksum("md5", hashlib.md5(BODY).hexdigest()),)


def leftovers(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_comes_whole(site, client, tmp_path):
    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    seen = []
    wanted = Wanted(url, tmp_path / "new" / "a.bin", len(BODY), MD5)
    assert fetch(wanted, client, report=lambda *values: seen.append(values[1:])) == "fetched"
    assert wanted.path.read_bytes() == BODY
    assert leftovers(wanted.path.parent) == ["a.bin"]
    assert seen[-1] == (len(BODY), len(BODY))


def test_what_is_there_is_not_fetched_again(site, client, tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(BODY)
    assert fetch(Wanted(site.url + "/a.bin", path, len(BODY), MD5), client) == "there"
    assert site.log == []


def test_another_file_is_not_replaced_unless_asked(site, client, tmp_path):
    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    path = tmp_path / "a.bin"
    path.write_bytes(b"other")
    wanted = Wanted(url, path, len(BODY))
    with pytest.raises(OutputError, match=r"a\.bin: is there already, but it has 5 bytes, not 700001"):
        fetch(wanted, client)
    assert path.read_bytes() == b"other"
    assert fetch(wanted, client, overwrite=True) == "fetched"
    assert path.read_bytes() == BODY


def test_a_cut_connection_is_resumed_where_it_ended(site, client, tmp_path):
    url = site.page(
        "/a.bin",
        *[lambda asked: asked.file(BODY, cut=150_000)] * 4,
        lambda asked: asked.file(BODY),
    )
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY), MD5)
    # Four failures are more than the three attempts: each that brings bytes starts the count anew.
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == BODY
    ranges = [asked.headers["Range"] for asked in site.log]
    assert ranges == [None, "bytes=150000-", "bytes=300000-", "bytes=450000-", "bytes=600000-"]
    assert [asked.headers["If-Range"] for asked in site.log[1:]] == ['"one"'] * 4


def test_a_later_run_goes_on(site, client, tmp_path):
    url = site.page("/a.bin", lambda asked: asked.file(BODY, cut=400_000), lambda asked: asked.answer(503))
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY))
    with pytest.raises(DownloadError, match=r"503 .*gave up after 3 attempts"):
        fetch(wanted, client)
    assert leftovers(tmp_path) == ["a.bin.part", "a.bin.part.json"]
    assert (tmp_path / "a.bin.part").read_bytes() == BODY[:400_000]
    site.page("/a.bin", lambda asked: asked.file(BODY))
    assert fetch(wanted, client) == "fetched"
    assert site.log[-1].headers["Range"] == "bytes=400000-"
    assert wanted.path.read_bytes() == BODY
    assert leftovers(tmp_path) == ["a.bin"]


def test_a_changed_file_starts_again(site, client, tmp_path):
    new = BODY[::-1]
    url = site.page("/a.bin", lambda asked: asked.file(BODY, cut=400_000), lambda asked: asked.file(new, etag='"two"'))
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY))
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == new


def test_a_changed_file_is_seen_even_if_the_server_does_not_look(site, client, tmp_path):
    """It heeds the range, but not ``If-Range``."""
    new = BODY[::-1]

    def heedless(asked):
        asked.answer(
            206, new[400_000:], ETag='"two"', Content_Range=f"bytes 400000-{len(new) - 1}/{len(new)}"
        ) if asked.headers["Range"] else asked.file(new, etag='"two"')

    url = site.page("/a.bin", lambda asked: asked.file(BODY, cut=400_000), heedless)
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY))
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == new


def test_a_server_that_ignores_ranges(site, client, tmp_path):
    url = site.page(
        "/a.bin",
        lambda asked: asked.answer(200, BODY, cut=400_000, ETag='"one"'),
        lambda asked: asked.answer(200, BODY),
    )
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY))
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == BODY


def test_a_server_that_sends_another_range(site, client, tmp_path):
    lie = f"bytes 0-{len(BODY) - 1}/{len(BODY)}"
    url = site.page(
        "/a.bin",
        lambda asked: asked.file(BODY, cut=400_000),
        lambda asked: asked.answer(206, BODY, ETag='"one"', Content_Range=lie),
        lambda asked: asked.file(BODY),
    )
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY))
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == BODY


def test_bytes_of_no_known_version_are_not_built_upon(site, client, tmp_path):
    """Neither ETag nor time of change, nor a checksum to find out afterwards."""
    url = site.page(
        "/a.bin", lambda asked: asked.file(BODY, cut=400_000, etag=None), lambda asked: asked.file(BODY, etag=None)
    )
    assert fetch(Wanted(url, tmp_path / "a.bin", len(BODY)), client) == "fetched"
    assert [asked.headers["Range"] for asked in site.log] == [None, None]


def test_a_part_that_is_too_long_starts_again(site, client, tmp_path):
    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    (tmp_path / "a.bin.part").write_bytes(BODY + b"more")
    (tmp_path / "a.bin.part.json").write_text('{"version": "\\"one\\""}')
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY), MD5)
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == BODY


@pytest.mark.parametrize("note", ["", "[]", '{"version": 3}', '{"version": "a\\nX-Evil: 1"}'])
def test_a_broken_note_on_a_part_starts_again(site, client, tmp_path, note):
    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    (tmp_path / "a.bin.part").write_bytes(b"something else")
    (tmp_path / "a.bin.part.json").write_text(note)
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY))
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == BODY


def test_429_waits_as_long_as_it_is_asked_to(site, client, tmp_path, monkeypatch):
    url = site.page(
        "/a.bin",
        lambda asked: asked.answer(429, Retry_After="3"),
        lambda asked: asked.answer(503),
        lambda asked: asked.file(BODY),
    )
    pauses = []
    monkeypatch.setattr(client.stop, "wait", lambda seconds: pauses.append(seconds))
    assert fetch(Wanted(url, tmp_path / "a.bin", len(BODY)), client) == "fetched"
    assert 3 <= pauses[0] < 3.1
    assert pauses[1] <= client.retry.longest


def test_429_that_asks_for_too_much_patience_is_an_error(site, client, tmp_path):
    url = site.page("/a.bin", lambda asked: asked.answer(429, Retry_After="7200"))
    with pytest.raises(DownloadError, match=r"429 .*asks to come back in 120 minutes"):
        fetch(Wanted(url, tmp_path / "a.bin"), client)
    assert len(site.log) == 1


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"checksums": (Checksum("sha256", "0" * 64),)}, "its sha256 is .*, not 0000.*fetched twice"),
        ({"size": 700_000}, "it has 700001 bytes, not 700000, as the catalogue says; fetched twice"),
    ],
)
def test_what_the_catalogue_contradicts_is_fetched_once_more_and_then_refused(site, client, tmp_path, wanted, message):
    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    with pytest.raises(DownloadError, match=message):
        fetch(Wanted(url, tmp_path / "a.bin", **wanted), client)
    assert len(site.log) == 2
    assert leftovers(tmp_path) == []


def test_a_right_checksum_outweighs_a_wrong_size(site, client, tmp_path):
    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    assert fetch(Wanted(url, tmp_path / "a.bin", 12, MD5), client) == "fetched"


def test_a_bad_byte_is_repaired(site, client, tmp_path):
    bad = bytes([BODY[0] ^ 1]) + BODY[1:]
    url = site.page("/a.bin", lambda asked: asked.file(bad), lambda asked: asked.file(BODY))
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY), MD5)
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == BODY


def test_a_login_page_is_not_a_product(site, client, tmp_path):
    url = site.page("/a.zip", lambda asked: asked.answer(200, b"<html>Log in", Content_Type="text/html; charset=utf-8"))
    with pytest.raises(DownloadError, match=r"sends a web page instead of a\.zip; is a login missing"):
        fetch(Wanted(url, tmp_path / "a.zip"), client)
    assert not (tmp_path / "a.zip").exists()


def test_a_zip_has_to_be_one(site, client, tmp_path):
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("a.txt", "something")
    url = site.page("/a.zip", lambda asked: asked.answer(200, b'{"error": "quota"}'))
    with pytest.raises(DownloadError, match="its 18 bytes are no zip archive"):
        fetch(Wanted(url, tmp_path / "a.zip"), client)
    site.page("/a.zip", lambda asked: asked.file(whole.getvalue()))
    assert fetch(Wanted(url, tmp_path / "a.zip"), client) == "fetched"


def test_a_missing_file_is_one_error_at_once(site, client, tmp_path):
    with pytest.raises(DownloadError, match=r"/a\.bin: answers 404 \(Not Found\)$"):
        fetch(Wanted(site.url + "/a.bin?token=secret", tmp_path / "a.bin"), client)
    assert len(site.log) == 1
    assert leftovers(tmp_path) == []


def test_nobody_there(client, tmp_path):
    with pytest.raises(DownloadError, match=r"cannot be reached \(Connection refused\); gave up after 3 attempts"):
        fetch(Wanted("http://127.0.0.1:9/a.bin", tmp_path / "a.bin"), client)


def test_one_that_fails_does_not_stop_the_others(site, client, tmp_path):
    wanted = [
        Wanted(site.page(f"/{n}", lambda asked: asked.file(BODY)), tmp_path / str(n), len(BODY), MD5) for n in range(6)
    ]
    wanted[2] = Wanted(site.url + "/absent", tmp_path / "2")
    wanted[4] = Wanted(wanted[4].url, tmp_path / "4", refused="lies in the archive")
    outcomes = fetch_all(wanted, client, workers=3)
    assert [outcome.status for outcome in outcomes] == ["fetched", "fetched", "failed", "fetched", "failed", "fetched"]
    assert [outcome.wanted for outcome in outcomes] == wanted
    assert str(outcomes[4].error) == "4: lies in the archive"
    assert all(wanted[n].path.read_bytes() == BODY for n in (0, 1, 3, 5))


def test_whatever_a_server_does_the_file_is_right_or_absent(site, client, tmp_path):
    rng = np.random.default_rng(7)
    fetched = 0
    for number in range(60):
        body = rng.bytes(int(rng.integers(1, 400_000)))

        def moody(asked, body=body):
            mood = rng.integers(9)
            if mood == 0:
                asked.answer(int(rng.choice([429, 500, 503, 404])), Retry_After="0")
            elif mood == 1:
                asked.file(body[: len(body) // 2])
            elif mood == 2:
                asked.file(body[::-1], etag='"two"')
            elif mood == 3:
                asked.answer(200, body)
            elif mood == 4:
                asked.answer(206, body, ETag='"one"', Content_Range=f"bytes 5-{len(body)}/{len(body) + 5}")
            elif mood == 5:
                asked.answer(200, b"<html>", Content_Type="text/html")
            else:
                asked.file(body, cut=int(rng.integers(0, len(body) + 1)))

        checksum = (Checksum("sha256", hashlib.sha256(body).hexdigest()),)
        wanted = Wanted(site.page("/a", moody), tmp_path / str(number), len(body), checksum)
        for _ in range(4):
            try:
                fetched += fetch(wanted, client) == "fetched"
                break
            except DownloadError:
                assert not wanted.path.exists()
        if wanted.path.exists():
            assert wanted.path.read_bytes() == body
            assert not list(tmp_path.glob(f"{number}.part*"))
    assert fetched > 20


def test_two_files_of_one_name_are_refused(client, tmp_path):
    with pytest.raises(ParameterError, match="two files would get this name"):
        fetch_all([Wanted("https://a/1", tmp_path / "a"), Wanted("https://a/2", tmp_path / "a")], client)
    with pytest.raises(ParameterError, match="workers = 0"):
        fetch_all([], client, workers=0)
