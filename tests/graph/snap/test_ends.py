"""Whatever ends a run, gpt and all it started end with it, and no half output is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sensetrack.errors import SnapError
from sensetrack.graph.snap import GptSettings, Snap, _process, run_gpt

Chain = Callable[..., Path]
Wrong = Callable[[str], None]
LeftBehind = Callable[[], list[str]]
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Return the number of the process that ``gpt`` starts when it is told to misbehave so."""
    file = tmp_path / "child.pid"
    monkeypatch.setenv("FAKE_GPT_CHILD", str(file))
    return lambda: int(file.read_text())


def is_over(pid: int) -> bool:
    """Whether a process ends, at once but for the time that the system takes; a dead one may wait for its parent."""
    for _ in range(500):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    ("words", "settings", "message"),
    [
        ("hang", {"stall": 0.7}, "said nothing for stall=0.7 s and was ended at .*set parallelism to 1"),
        ("hang", {"timeout": 0.7}, "ran longer than timeout=0.7 s and was ended at "),
        ("endless", {"timeout": 0.7, "stall": 5.0}, "ran longer than timeout=0.7 s"),
        ("child deaf hang", {"timeout": 3.0}, "ran longer than timeout=3 s and was ended at 20 %"),
    ],
)
def test_limits(
    words: str,
    settings: dict[str, float],
    message: str,
    snap: Snap,
    chain: Chain,
    out: Path,
    wrong: Wrong,
    child: Callable[[], int],
    left_behind: LeftBehind,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_process, "GRACE", 0.3)
    wrong(words)
    with pytest.raises(SnapError, match=message):
        run_gpt(snap, chain(file=str(out / "a")), log=out / "log", settings=GptSettings(**settings))
    assert left_behind() == []
    if "child" in words:
        assert is_over(child())


def test_what_it_started_ends_with_it(
    snap: Snap, chain: Chain, out: Path, wrong: Wrong, child: Callable[[], int]
) -> None:
    wrong("child")  # which holds the pipes open, though all is written
    assert run_gpt(snap, chain(file=str(out / "a")), log=out / "log").outputs[0].is_file()
    assert is_over(child())


def test_an_error_of_the_progress_ends_it(
    snap: Snap, chain: Chain, out: Path, wrong: Wrong, child: Callable[[], int], left_behind: LeftBehind
) -> None:
    wrong("child hang")

    def show(done: int, total: int) -> None:
        if done == 20:
            written = Path(os.environ["FAKE_GPT_CHILD"])
            while not (written.exists() and written.read_text()):
                time.sleep(0.01)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_gpt(snap, chain(file=str(out / "a")), log=out / "log", progress=show)
    assert is_over(child()) and left_behind() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ending_us_ends_it(
    number: signal.Signals,
    snap: Snap,
    chain: Chain,
    out: Path,
    wrong: Wrong,
    child: Callable[[], int],
    left_behind: LeftBehind,
) -> None:
    wrong("child hang")
    graph = chain(file=str(out / "a"))
    code = (
        "from sensetrack.graph.snap import find_snap, run_gpt\n"
        f"run_gpt(find_snap({str(snap.gpt)!r}), {str(graph)!r}, log={str(out / 'log')!r})"
    )
    us = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL)
    pid = Path(os.environ["FAKE_GPT_CHILD"])
    while not (pid.exists() and pid.read_text()):
        assert us.poll() is None, "it ended too early"
        time.sleep(0.02)
    assert left_behind() != []
    us.send_signal(number)
    assert us.wait(60) == (-signal.SIGINT if number == signal.SIGINT else 128 + signal.SIGTERM)
    assert is_over(child()) and left_behind() == []


def test_the_handlers_of_signals_are_as_before(snap: Snap, chain: Chain, out: Path) -> None:
    def mine(*_: object) -> None:
        """Do nothing."""

    before = signal.signal(signal.SIGTERM, mine)
    try:
        run_gpt(snap, chain(file=str(out / "a")), log=out / "log")
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
    run_gpt(snap, chain(file=str(out / "a")), log=out / "log")
    assert signal.getsignal(signal.SIGTERM) is before


def test_in_a_thread(snap: Snap, chain: Chain, out: Path) -> None:
    graph = chain(file=str(out / "a"))
    thread = threading.Thread(target=lambda: run_gpt(snap, graph, log=out / "log"))
    thread.start()
    thread.join(60)
    assert (out / "a.tif").is_file()


def test_it_gets_no_input_and_no_terminal(tmp_path: Path) -> None:
    heard = bytearray()
    code = "import os, sys; print(repr(sys.stdin.read()), os.getpgid(0) == os.getpid())"
    ended = _process.run([sys.executable, "-c", code], lambda _, chunk: heard.extend(chunk))
    assert heard.split() == [b"''", b"True"] and ended.code == 0 and not ended.reason
