"""Engines: the same results in the same order, a bounded number in flight, and errors that stop the rest."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dask
import pytest
from distributed import Client

from sensetrack import device
from sensetrack.engine import IN_FLIGHT_PER_WORKER, Dask, Engine, Serial, Threads, open_engine
from sensetrack.errors import EngineError, InputError, MissingExtraError, ParameterError, SensetrackError

WORKERS = 2


@pytest.fixture(scope="module")
def dask_engine() -> Iterator[Engine]:
    """Two processes, which can import this module; one may be lost for an item, not two."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    try:
        with (
            dask.config.set({"distributed.scheduler.allowed-failures": 1}),
            open_engine("dask", WORKERS) as engine,
        ):
            yield engine
    finally:
        del sys.path[0]


@pytest.fixture(params=["serial", "threads", "dask"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Return each engine in turn."""
    if request.param == "dask":
        chosen: Engine = request.getfixturevalue("dask_engine")
        return chosen
    return Serial() if request.param == "serial" else Threads(WORKERS)


def square(item: int) -> int:
    time.sleep(0.005 * (item % 3))  # so that later items finish first
    return item * item


def fail_at(bad: int, item: int) -> int:
    if item == bad:
        raise InputError(f"item {item} cannot be read")
    return item


def lack_an_extra(item: int) -> int:
    raise MissingExtraError("deep", f"item {item}")


def process_id(item: int) -> int:
    time.sleep(0.05)
    return os.getpid()


def end_the_process(item: int) -> int:
    if item == 1:
        os._exit(3)
    return item


def test_results_come_in_the_order_of_the_items(engine: Engine) -> None:
    assert list(engine.map(square, range(40))) == [item * item for item in range(40)]
    assert list(engine.map(square, [])) == []


def test_the_first_error_comes_up_as_it_is(engine: Engine) -> None:
    results = engine.map(functools.partial(fail_at, 5), range(1000))
    assert [next(results) for _ in range(5)] == list(range(5))
    with pytest.raises(InputError, match=r"^item 5 cannot be read$"):
        next(results)
    assert next(results, None) is None


def test_an_error_with_its_own_arguments_travels(engine: Engine) -> None:
    with pytest.raises(MissingExtraError, match="item 0 needs the extra") as error:
        list(engine.map(lack_an_extra, range(3)))
    assert error.value.extra == "deep"


def test_items_are_consumed_no_faster_than_they_are_worked_on(engine: Engine) -> None:
    consumed = 0

    def items() -> Iterator[int]:
        nonlocal consumed
        for item in range(60):
            consumed += 1
            yield item

    for done, result in enumerate(engine.map(square, items()), start=1):
        assert result == (done - 1) ** 2
        assert consumed - done < IN_FLIGHT_PER_WORKER * WORKERS + 1
    assert consumed == 60


def test_threads_run_at_once_and_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "available_cores", lambda: 8)
    together = threading.Barrier(4, timeout=20)

    def work(item: int) -> int:
        together.wait()
        return device.cores()

    assert list(Threads(4).map(work, range(8))) == [2] * 8
    assert list(Threads(8).map(lambda item: device.cores(), range(3))) == [1, 1, 1]
    assert list(Serial().map(lambda item: device.cores(), range(2))) == [8, 8]
    assert Threads().workers == 8


def test_what_waits_is_cancelled_when_the_caller_stops() -> None:
    started: list[int] = []

    def work(item: int) -> int:
        started.append(item)
        time.sleep(0.02)
        return item

    results = Threads(1).map(work, range(100))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert len(started) <= 1 + IN_FLIGHT_PER_WORKER
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sensetrack")]


def test_an_error_cancels_what_waits() -> None:
    started: list[int] = []

    def work(item: int) -> int:
        started.append(item)
        return fail_at(3, item)

    with pytest.raises(InputError):
        list(Threads(2).map(work, range(1000)))
    assert len(started) <= 4 + IN_FLIGHT_PER_WORKER * 2


def test_dask_workers_take_one_core_each(dask_engine: Engine) -> None:
    assert set(dask_engine.map(cores_of, range(4))) == {1}
    assert len(set(dask_engine.map(process_id, range(8)))) == WORKERS


def cores_of(item: int) -> int:
    return device.cores()


def test_dask_takes_functions_of_a_notebook_and_large_ones(dask_engine: Engine) -> None:
    picture = bytes(12_000_000)
    assert list(dask_engine.map(lambda item: len(picture) + item, range(3))) == [12_000_000, 12_000_001, 12_000_002]


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_dask_survives_a_lost_worker(dask_engine: Engine) -> None:
    large = bytes(1_000_000)
    for work in (process_id, functools.partial(process_id_and, large)):
        results = dask_engine.map(work, range(16))
        lost = next(results)
        os.kill(lost, signal.SIGKILL)
        assert len(list(results)) == 15
    assert list(dask_engine.map(square, range(5))) == [0, 1, 4, 9, 16]


def process_id_and(_: bytes, item: int) -> int:
    return process_id(item)


def test_an_item_that_brings_down_workers_is_one_clear_error(dask_engine: Engine) -> None:
    with pytest.raises(EngineError) as error:
        list(dask_engine.map(end_the_process, range(3)))
    assert "brought down several workers in a row; they may lack memory: use smaller blocks" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_scheduler_that_goes_away_is_one_clear_error(dask_engine: Engine) -> None:
    assert isinstance(dask_engine, Dask)
    with Client(dask_engine.client.scheduler.address, set_as_default=False) as client:
        results = Dask(client).map(square, range(1000))
        assert next(results) == 0
        client.close()
        with pytest.raises(EngineError, match="the Dask scheduler went away"):
            list(results)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"name": "dsk"}, "engine = 'dsk'; did you mean 'dask'?"),
        ({"name": "mpi"}, "engine = 'mpi'; known: dask, serial, threads"),
        ({"name": "threads", "workers": 0}, "workers = 0: at least 1 is needed"),
        ({"name": "serial", "workers": 4}, "workers = 4 means nothing with engine serial; leave it out"),
        ({"name": "dask", "workers": 4, "scheduler": "tcp://a:1"}, "workers = 4 means nothing with the running"),
        ({"name": "threads", "scheduler": "tcp://a:1"}, "scheduler = 'tcp://a:1' is used with engine dask only"),
        ({"name": "dask", "scheduler": "nowhere"}, "scheduler = 'nowhere': nobody answers there ("),
    ],
)
def test_settings_that_mean_nothing(arguments: dict[str, object], says: str) -> None:
    opened: Callable[..., object] = open_engine
    with pytest.raises(ParameterError) as error, opened(**arguments):  # type: ignore[attr-defined]
        pass
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


def test_dask_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SensetrackError, match=r'pip install "sensetrack\[distributed\]"'), open_engine("dask"):
        pass


def test_a_cluster_of_ours_is_nobody_elses_default() -> None:
    """Dask's own collections, and libraries that use them, go on as if it were not there."""
    import dask

    before = dask.config.get("scheduler", None)
    with open_engine("dask", workers=1) as engine:
        assert list(engine.map(abs, [-1, 2])) == [1, 2]
        assert dask.config.get("scheduler", None) == before
    assert dask.config.get("scheduler", None) == before
