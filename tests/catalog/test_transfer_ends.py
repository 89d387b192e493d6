"""Transfers that are ended from this side: the user, the disk, another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from sensetrack.catalog import StoppedError, Wanted, fetch, fetch_all
from sensetrack.errors import DownloadError, OutputError

BODY = np.random.default_rng(1).bytes(3_000_000)


def test_stopping_leaves_a_part_from_which_it_goes_on(site, client, tmp_path):
    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY))

    def stop(item, done, total):
        if done > 500_000:
            client.stop.set()

    with pytest.raises(StoppedError):
        fetch(wanted, client, report=stop)
    came = (tmp_path / "a.bin.part").read_bytes()
    assert 500_000 < len(came) < len(BODY)
    assert BODY.startswith(came)
    client.stop.clear()
    assert fetch(wanted, client) == "fetched"
    assert wanted.path.read_bytes() == BODY
    assert site.log[-1].headers["Range"] == f"bytes={len(came)}-"


def test_ctrl_c_ends_all_transfers(site, client, tmp_path):
    """The servers of both files hang; the reports come in the calling thread, so that it can be interrupted there."""
    hold = threading.Event()

    def slow(asked):
        asked.send_response(200)
        asked.send_header("ETag", '"one"')
        asked.send_header("Content-Length", str(len(BODY)))
        asked.end_headers()
        asked.wfile.write(BODY[:1_000_000])
        asked.wfile.flush()
        while not hold.wait(0.01) and not client.stop.is_set():
            pass
        asked.wfile.write(BODY[1_000_000:])

    def interrupt(item, done, total):
        assert threading.current_thread() is threading.main_thread()
        if done >= 1_000_000 - 2**18:
            raise KeyboardInterrupt

    wanted = [Wanted(site.page(f"/{n}.bin", slow), tmp_path / f"{n}.bin", len(BODY)) for n in range(2)]
    with pytest.raises(KeyboardInterrupt):
        fetch_all(wanted, client, workers=2, report=interrupt)
    hold.set()
    assert not list(tmp_path.glob("*.bin"))
    parts = sorted(tmp_path.glob("*.part"))
    assert parts
    assert all(BODY.startswith(part.read_bytes()) for part in parts)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_at_a_terminal(site, tmp_path):
    """In a process of its own, with a real signal."""
    sent = threading.Event()

    def slow(asked):
        asked.send_response(200)
        asked.send_header("ETag", '"one"')
        asked.send_header("Content-Length", str(len(BODY)))
        asked.end_headers()
        asked.wfile.write(BODY[:1_000_000])
        sent.set()
        asked.rfile.read(1)

    url = site.page("/a.bin", slow)
    code = (
        "import sys; from pathlib import Path; from sensetrack.catalog import *\n"
        "fetch_all([Wanted(sys.argv[1], Path(sys.argv[2]), 3000000)], Client())"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, url, str(tmp_path / "a.bin")],
        env=os.environ | {"no_proxy": "*"},
        stderr=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / "a.bin.part"
    assert sent.wait(60)
    while not part.exists() or part.stat().st_size < 500_000:
        assert run.poll() is None
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert BODY.startswith(part.read_bytes())
    assert not (tmp_path / "a.bin").exists()


def test_a_disk_without_room_is_said_before_anything_comes(site, client, tmp_path):
    url = site.page("/a.bin", lambda asked: asked.answer(200, b"x" * 1000, claim=10**18))
    with pytest.raises(OutputError, match=r"a\.bin: 1000000000000 MB are to come, and the disk has \d+ MB left"):
        fetch(Wanted(url, tmp_path / "a.bin"), client)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit to set")
def test_a_disk_that_fills_up_on_the_way_keeps_what_came(site, client, tmp_path):
    """A limit on the size of files stands for the end of the disk: to a write it is alike."""
    import resource

    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    wanted = Wanted(url, tmp_path / "a.bin", len(BODY))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"a\.bin: cannot be written \(File too large\); what came is kept"):
            fetch(wanted, client)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(site.log) == 1
    assert (tmp_path / "a.bin.part").read_bytes() == BODY[:1_000_000]
    assert fetch(wanted, client) == "fetched"
    assert site.log[-1].headers["Range"] == "bytes=1000000-"
    assert wanted.path.read_bytes() == BODY


def test_a_folder_in_place_of_the_file(client, tmp_path):
    with pytest.raises(OutputError, match="is a folder"):
        fetch(Wanted("https://example.org/a", tmp_path), client)


def test_a_folder_that_cannot_be_made(client, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(Wanted("https://example.org/a", tmp_path / "file" / "a"), client)


@pytest.mark.skipif(sys.platform == "win32", reason="files are not locked there")
def test_two_processes_do_not_write_one_file(site, client, tmp_path):
    import fcntl

    url = site.page("/a.bin", lambda asked: asked.file(BODY))
    with (tmp_path / "a.bin.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match=r"a\.bin\.part: another process is fetching it"):
            fetch(Wanted(url, tmp_path / "a.bin"), client)
    assert fetch(Wanted(url, tmp_path / "a.bin"), client) == "fetched"
