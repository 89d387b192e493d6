"""A run that is killed goes on where it was, with the same bytes; a cluster that loses a worker finishes."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sensetrack.engine import Dask
from sensetrack.project import Project, run_project

RUN = "from importlib import import_module; import_module('sensetrack.cli.main').main()"


def start(path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", RUN, "run", str(path), "--engine", "threads", "--workers", "2", "-q"]
    with (path.parent / "log.txt").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def contents(out: Path) -> dict[str, str]:
    """Digest of every file but those that say how long things took and what was hashed when."""
    left_out = ("record.json", "digests.json")
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in left_out
    }


def finished(out: Path) -> int:
    return len(list(out.glob("work/*/*/record.json")))


def kill_and_resume(path: Path, kills: int, seed: int) -> None:
    out = path.parent / "out"
    run = start(path)
    assert run.wait(600) == 0, (path.parent / "log.txt").read_text()
    expected, steps = contents(out), finished(out)
    shutil.rmtree(out)
    rng = np.random.default_rng(seed)
    moments = sorted(rng.integers(0, steps, kills).tolist())
    killed = 0
    for moment in moments:
        run = start(path)
        deadline = time.monotonic() + 300
        while run.poll() is None and finished(out) < moment and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0.0, 0.2)))
        killed += run.poll() is None
        run.send_signal(signal.SIGKILL)
        run.wait()
    assert killed >= kills - 1
    assert finished(out) >= moments[-1]
    run = start(path)
    assert run.wait(600) == 0, (path.parent / "log.txt").read_text()
    assert contents(out) == expected


def test_killed_twice_and_resumed(make_project):
    kill_and_resume(make_project(days=(0, 10, 20)), 2, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_five_times_and_resumed(make_project, seed):
    path = make_project(days=(0, 10, 20, 30), report={"animation": True}, prepare={"graph": "reader"})
    kill_and_resume(path, 5, seed)


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_same_bytes(make_project):
    distributed = pytest.importorskip("distributed")
    path = make_project()
    run_project(path)
    out = path.parent / "out"
    expected = contents(out)
    shutil.rmtree(out)
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(**settings) as cluster, distributed.Client(cluster, set_as_default=False) as client:
        lost = []

        def kill_one(stage: str, done: int, total: int) -> None:
            if stage == "pairs" and done == 1 and not lost:
                workers = client.run(os.getpid)
                lost.append(next(iter(workers.values())))
                os.kill(lost[0], signal.SIGKILL)

        outcome = Project(path).run(Dask(client), kill_one)
        assert lost
    assert outcome.complete
    assert contents(out) == expected
