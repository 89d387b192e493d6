"""Engines: one bounded, ordered map, in this thread, in threads, or on a Dask cluster.

Results come back in the order of the items, whatever finishes first, so that what is written from them has the
same bytes on every engine. At most a few items per worker are in flight, so memory does not grow with their number.
"""

from __future__ import annotations

import contextlib
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any, Generic, TypeVar

from sensetrack import device
from sensetrack.errors import EngineError, MissingExtraError, ParameterError, did_you_mean

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT_PER_WORKER = 2
"""One running and one waiting, so that a worker never idles while the caller writes."""


class Engine(ABC):
    """One bounded, ordered map."""

    @abstractmethod
    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``function(item)`` for every item, in order.

        Parameters
        ----------
        function : callable
            Pure and, for Dask, picklable.
        items : iterable
            Consumed lazily.

        Raises
        ------
        Exception
            What ``function`` raises; what is still in flight is then cancelled.
        """


class Serial(Engine):
    """Runs every item in the calling thread; an item may use all cores."""

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``function(item)`` for every item, in order."""
        for item in items:
            yield function(item)


class Threads(Engine):
    """Runs items in a pool of threads, which share the cores evenly.

    Parameters
    ----------
    workers : int, optional
        Number of threads; default: one per core.
    """

    def __init__(self, workers: int | None = None) -> None:
        self.workers = workers or device.available_cores()

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``function(item)`` for every item, in order."""
        call = _Call(function, max(1, device.available_cores() // self.workers))
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="sensetrack")
        try:
            limit = self.workers * IN_FLIGHT_PER_WORKER
            yield from _bounded(lambda item: pool.submit(call, item), items, lambda: limit, deque())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class Dask(Engine):
    """Submits items through a Dask client that the caller owns.

    A lost worker costs no more than what it was working on: every task carries all that it needs, so the
    scheduler runs it again elsewhere. A cluster that grows while it works is filled.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Any) -> None:
        self.client = client

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yield ``function(item)`` for every item, in order.

        Raises
        ------
        EngineError
            The scheduler went away, or one item brought down several workers.
        """
        import dask
        from distributed import KilledWorker
        from distributed.protocol.pickle import dumps

        packed = dumps(_Call(function, 1))
        shared: Any = packed
        if len(packed) > _SMALL:
            # Images held in memory: sent once, and kept by the scheduler in case a worker takes them along.
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": len(packed) * 2}):
                shared = self.client.submit(_identity, packed, pure=False)
        pending: deque[Any] = deque()
        try:
            yield from _bounded(
                lambda item: self.client.submit(_apply, shared, item, pure=False), items, self._limit, pending
            )
        except KilledWorker as error:
            raise EngineError(
                "one block brought down several workers in a row; they may lack memory: use smaller blocks, fewer "
                "workers per machine, or machines with more memory"
            ) from error
        except Exception as error:
            if self.client.status == "running":
                raise
            raise EngineError("the Dask scheduler went away; start it again, or use another engine") from error
        finally:
            with contextlib.suppress(Exception):  # when the scheduler is gone, so is what was in flight
                self.client.cancel(list(pending))

    def _limit(self) -> int:
        threads: int = sum(self.client.nthreads().values())
        return max(1, threads) * IN_FLIGHT_PER_WORKER


_SMALL = 2**18
"""Bytes of a call up to which it travels with every item."""


class _Call(Generic[Item, Result]):
    """A function that runs with its share of the cores; picklable when the function is."""

    def __init__(self, function: Callable[[Item], Result], share: int) -> None:
        self.function = function
        self.share = share

    def __call__(self, item: Item) -> Result:
        with device.core_share(self.share):
            return self.function(item)


def _identity(packed: bytes) -> bytes:
    return packed


def _apply(packed: bytes, item: Any) -> Any:
    return _unpacked(packed)(item)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> Callable[[Any], Any]:
    """Return a call, unpacked once per worker process."""
    from distributed.protocol.pickle import loads

    call: Callable[[Any], Any] = loads(packed)
    return call


def _bounded(
    submit: Callable[[Item], Any], items: Iterable[Item], limit: Callable[[], int], pending: deque[Any]
) -> Iterator[Any]:
    """Keep at most ``limit()`` futures in ``pending`` and yield their results in order."""
    for item in items:
        while len(pending) >= limit():
            yield pending.popleft().result()
        pending.append(submit(item))
    while pending:
        yield pending.popleft().result()


@contextlib.contextmanager
def open_engine(name: str, workers: int | None = None, scheduler: str | None = None) -> Iterator[Engine]:
    """Build an engine from its name, and close what was started for it.

    Parameters
    ----------
    name : {"serial", "threads", "dask"}
    workers : int, optional
        Threads, or processes of a local Dask cluster; default: one per core.
    scheduler : str, optional
        Address of a running Dask scheduler (``tcp://host:8786``); without it a local cluster is started.

    Raises
    ------
    ParameterError
        Unknown name, or a scheduler or workers given where they mean nothing.
    MissingExtraError
        Dask is not installed.
    """
    if name not in ("serial", "threads", "dask"):
        raise ParameterError(f"engine = '{name}'{did_you_mean(name, ('serial', 'threads', 'dask'))}")
    if scheduler is not None and name != "dask":
        raise ParameterError(f"scheduler = '{scheduler}' is used with engine dask only, not {name}")
    if workers is not None and workers < 1:
        raise ParameterError(f"workers = {workers}: at least 1 is needed")
    if workers is not None and (name == "serial" or scheduler is not None):
        where = "engine serial" if name == "serial" else f"the running scheduler {scheduler}"
        raise ParameterError(f"workers = {workers} means nothing with {where}; leave it out, or use threads or dask")
    if name == "serial":
        yield Serial()
    elif name == "threads":
        yield Threads(workers)
    else:
        with _dask_client(workers, scheduler) as client:
            yield Dask(client)


@contextlib.contextmanager
def _dask_client(workers: int | None, scheduler: str | None) -> Iterator[Any]:
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError:
        raise MissingExtraError("distributed", "the dask engine") from None
    if scheduler is not None:
        try:
            client = Client(scheduler, timeout="10s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise ParameterError(f"scheduler = '{scheduler}': nobody answers there ({error})") from error
        with client:
            yield client
        return
    # One thread per process: BLAS and OpenMP pools of several processes would fight for the cores.
    # What goes wrong in a worker is raised here; its log would say it again.
    with (
        dask.config.set({"distributed.nanny.pre-spawn-environ": {"OMP_NUM_THREADS": "1"}}),
        LocalCluster(
            n_workers=workers or device.available_cores(),
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client
