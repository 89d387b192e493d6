"""Runs one tracker or peer in a process of its own, and says how long it took to start and how much memory it took.

``python -m sensetrack.benchmark.probe FILE TRACKER REACH START [MEMORY]`` reads a pair from a ``.npy`` file, tracks
its corner, then, with the last word, all of it, and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensetrack.benchmark.measure import Contender, contenders
from sensetrack.benchmark.pairs import KnownPair
from sensetrack.benchmark.peers import PEERS, peers
from sensetrack.benchmark.work import work_of
from sensetrack.errors import SensetrackError

CORNER = 256
"""Side of the part that is tracked first, so that everything is loaded and compiled."""


@dataclass(frozen=True)
class Start:
    """What a process of its own shows.

    Attributes
    ----------
    first : float
        Seconds from the start of a process to its first result, with nothing compiled before.
    second : float
        The same for a process after it.
    memory : float
        Bytes per pixel by which the process grew at most while it tracked the pair; NaN where the system does not
        tell.
    """

    first: float
    second: float
    memory: float


def start_of(contender: Contender, pair: KnownPair) -> Start:
    """Start two processes, one after the other, the first with an empty cache of compiled code.

    Raises
    ------
    SensetrackError
        One of them failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pair.npy"
        np.save(file, np.stack([pair.reference, pair.secondary]))
        # What is freed goes back to the system at once, so that it does not hide what is taken after.
        environment = os.environ | {"NUMBA_CACHE_DIR": str(Path(folder) / "cache"), "MALLOC_MMAP_THRESHOLD_": "131072"}
        words = [sys.executable, "-m", "sensetrack.benchmark.probe", str(file), contender.name, repr(pair.reach)]
        first = _answer([*words, repr(time.time())], environment)
        second = _answer([*words, repr(time.time()), "memory"], environment)
    return Start(first["start"], second["start"], second["memory"])


def _answer(words: list[str], environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise SensetrackError(f"a process of its own failed: {lines[-1]}")
    answer: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return answer


def growth(work: Callable[[], object]) -> float:
    """Return by how many bytes the process grew at most while it worked; NaN where the system does not tell."""
    if not Path("/proc/self/statm").exists():
        return float("nan")
    before = _resident()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # sets the system's own peak back
    except OSError:
        return _watched(work) - before
    work()
    return float(_peak() - before)


def _watched(work: Callable[[], object]) -> float:
    """Return the peak that a look every few milliseconds sees."""
    seen, done = [_resident()], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            seen.append(_resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return float(max(*seen, _resident()))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Do what the module says, with the words of the command line."""
    file, name, reach, started, *more = sys.argv[1:]
    images = np.load(file)
    contender = (peers([name]) if name in PEERS else contenders([name]))[0]
    tracker = contender.prepared(float(reach))
    corner = images[:, :CORNER, :CORNER]
    work_of(tracker, corner[0], corner[1])()
    answer = {"start": time.time() - float(started)}
    if more:
        work = work_of(tracker, images[0], images[1])
        answer["memory"] = growth(work) / images[0].size
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
