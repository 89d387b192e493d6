"""The benchmark of speed: trackers and peers side by side, in rounds, with one thread and with all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from sensetrack import device as devices
from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.measure import Contender, reason_of
from sensetrack.benchmark.pairs import KnownPair, PairMaker
from sensetrack.benchmark.probe import Start, start_of
from sensetrack.benchmark.truths import FIELDS
from sensetrack.benchmark.work import threads, work_of
from sensetrack.errors import ParameterError, SensetrackError
from sensetrack.types import FloatArray, Progress

TEXTURE = "radar"
FIELD = FIELDS["bumps-3"]
CONDITION = CONDITIONS["noise-20db"]

YARDSTICKS = ("skimage-ilk", "opencv-dis")
"""Peers beside whose rates the others are put."""


@dataclass
class Timing:
    """What one contender needs on one device with some threads.

    Attributes
    ----------
    device : str
    threads : int
    estimates : int
        Displacements with a value.
    seconds : list of float
        Wall clock of each round.
    """

    device: str
    threads: int
    estimates: int = 0
    seconds: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Estimates per second, from the median of the rounds."""
        return self.estimates / float(np.median(self.seconds)) if self.seconds else math.nan

    def ratio(self, other: Timing | None) -> float:
        """Return by how much it is faster than another: the median of the ratios of rounds that were side by side."""
        if other is None or not self.seconds or not other.seconds or not other.estimates:
            return math.nan
        ratios = [theirs / ours for ours, theirs in zip(self.seconds, other.seconds, strict=True)]
        return float(np.median(ratios)) * self.estimates / other.estimates


@dataclass
class Speed:
    """What one contender needs.

    Attributes
    ----------
    tracker : str
    timings : list of Timing
        The first with one thread on the processor, the second, where there are more, with all.
    start : Start or None
        None when it was not asked for.
    parameters : str
        As JSON.
    reason : str
        Why there is no result; "" when there is one.
    """

    tracker: str
    timings: list[Timing] = field(default_factory=list)
    start: Start | None = None
    parameters: str = ""
    reason: str = ""

    def timing(self, device: str, count: int) -> Timing | None:
        """Return the timing on a device with a number of threads."""
        found = (item for item in self.timings if (item.device, item.threads) == (device, count))
        return next(found, None)

    @property
    def one(self) -> float:
        """Estimates per second with one thread."""
        return self.timings[0].rate if self.timings else math.nan

    @property
    def every(self) -> float:
        """Estimates per second with all threads."""
        known = [item for item in self.timings if item.device == "cpu"]
        return known[-1].rate if known else math.nan


def run_speed(
    trackers: Sequence[Contender],
    *,
    size: int = 1024,
    seed: int = 0,
    rounds: int = 5,
    device: str = "cpu",
    starts: bool = True,
    progress: Progress | None = None,
) -> list[Speed]:
    """Time every contender on one pair, in rounds: each round runs all of them, one after the other.

    Parameters
    ----------
    trackers : sequence of Contender
    size : int
        Side of the images.
    seed : int
    rounds : int
    device : str
        ``cpu``, or an accelerator on which trackers that have code for it run in addition.
    starts : bool
        Whether each is also run in processes of its own, for start and memory.
    progress : callable, optional

    Raises
    ------
    ParameterError
        No round is asked for, or the size does not fit.
    DeviceError
        The device is not there.
    """
    if rounds < 1:
        raise ParameterError(f"rounds = {rounds}: at least 1 is needed")
    where = devices.resolve(device, ("cpu", "cuda"))
    pair = PairMaker(size, seed).make(TEXTURE, FIELD, CONDITION)
    settings = [("cpu", count) for count in sorted({1, devices.cores()})]
    if where != "cpu":
        settings.append((where, devices.cores()))
    jobs = [_Job(contender, pair, settings) for contender in trackers]
    total = len(jobs) * (len(settings) * (rounds + 1) + starts)
    steps = iter(range(1, total + 1))

    def step() -> None:
        done = next(steps)
        if progress is not None:
            progress(done, total)

    for turn in range(rounds + 1):
        for setting in settings:
            for job in jobs:
                job.run(setting, is_timed=turn > 0)
                step()
    if starts:
        for contender, job in zip(trackers, jobs, strict=True):
            job.start(contender, pair)
            step()
    return [job.speed for job in jobs]


class _Job:
    """One contender, ready to run."""

    def __init__(self, contender: Contender, pair: KnownPair, settings: Sequence[tuple[str, int]]) -> None:
        self.speed = Speed(contender.name)
        self._works: dict[tuple[str, int], Callable[[], FloatArray]] = {}
        try:
            tracker = contender.prepared(pair.reach)
        except SensetrackError as error:
            self.speed.reason = reason_of(error)
            return
        self.speed.parameters = tracker.to_json()
        for place, count in settings:
            if place.partition(":")[0] in tracker.devices:
                self._works[place, count] = work_of(tracker, pair.reference, pair.secondary, place)
                self.speed.timings.append(Timing(place, count))

    def run(self, setting: tuple[str, int], *, is_timed: bool) -> None:
        """Run once, unless it failed before or has no code for the device."""
        timing = self.speed.timing(*setting)
        if self.speed.reason or timing is None:
            return
        try:
            with threads(timing.threads):
                start = time.perf_counter()
                found = self._works[setting]()
                seconds = time.perf_counter() - start
        except Exception as error:  # a tracker of somebody else may raise anything, and still gets its row
            self.speed.reason = reason_of(error)
            self.speed.timings.clear()
            return
        timing.estimates = int(np.count_nonzero(np.isfinite(found)))
        if is_timed:
            timing.seconds.append(seconds)

    def start(self, contender: Contender, pair: KnownPair) -> None:
        """Run it in processes of its own."""
        if not self.speed.reason:
            try:
                self.speed.start = start_of(contender, pair)
            except SensetrackError as error:
                self.speed.reason = reason_of(error)
