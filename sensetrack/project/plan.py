"""What a project would do: scenes, pairs, bytes and time, before anything is computed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sensetrack.engine import Dask, Engine, Threads
from sensetrack.errors import InputError, SensetrackError
from sensetrack.pair import ImagePair
from sensetrack.preprocess import preprocess_pair
from sensetrack.project.keys import Digests
from sensetrack.project.pairs import STEPS, Ground, PairJob
from sensetrack.project.scenes import Failure, SceneFile, common_grid
from sensetrack.project.settings import ProjectParams
from sensetrack.project.store import Store
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.specs import image_filters_of, tracker_of
from sensetrack.stream import TrackTask
from sensetrack.timeseries import select_pairs

PROBE = 192
"""Side of the block, in pixels, on which a tracker is timed."""

_BYTES_PER_OUTPUT = (7 + 7 + 7) * 4
"""Displacement, filtered and velocity layers of one output pixel."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run will do.

    Attributes
    ----------
    grid : Grid
    scenes : tuple of SceneFile
        In order of their dates.
    jobs : tuple of PairJob
    failures : tuple of Failure
        Scenes that cannot be used.
    """

    grid: Grid
    scenes: tuple[SceneFile, ...]
    jobs: tuple[PairJob, ...]
    failures: tuple[Failure, ...]

    @property
    def waiting(self) -> list[PairJob]:
        """Pairs of which something is still to be done."""
        return [job for job in self.jobs if job.waiting()]

    def bytes(self) -> int:
        """Return about how many bytes the waiting pairs will take at most, before compression."""
        total = 0
        for job in self.waiting:
            grid = tracker_of(job.params.tracker).output_grid(self.grid)
            total += int(grid.height * grid.width) * _BYTES_PER_OUTPUT
            total += self.grid.height * self.grid.width * 4 if job.params.shift != "none" else 0
        return total

    def seconds(self, engine: Engine) -> float | None:
        """Return about how long the waiting pairs will take: as earlier ones did, else from a small block.

        None where nothing can be measured.
        """
        waiting = self.waiting
        if not waiting:
            return 0.0
        total = _from_records(waiting)
        if total is None:
            each = _from_probe(waiting[0])
            total = None if each is None else each * len(waiting)
        return None if total is None else total / min(workers_of(engine), len(waiting))


def workers_of(engine: Engine) -> int:
    """Return how many items an engine works on at a time."""
    if isinstance(engine, Threads):
        return engine.workers
    if isinstance(engine, Dask):
        return max(1, int(sum(engine.client.nthreads().values())))
    return 1


def plan_pairs(params: ProjectParams, scenes: Sequence[SceneFile], root: Path, digests: Digests, store: Store) -> Plan:
    """Choose the grid and the pairs.

    Parameters
    ----------
    params : ProjectParams
    scenes : sequence of SceneFile
    root : Path
        Folder that relative paths start from.
    digests : Digests
    store : Store

    Raises
    ------
    InputError, ParameterError
        No scene can be used, no pair fits the limits, or a mask is not there.
    """
    band = None if params.prepare is not None else params.scenes.band
    nodata = None if params.prepare is not None else params.scenes.nodata
    grid, failures, good = common_grid(scenes, band)
    if len(good) < 2:
        reasons = "; ".join(failure.reason for failure in failures)
        raise InputError(f"scenes: a series needs two at least, {len(good)} can be used ({reasons or 'add some'})")
    area = None if params.area is None else _ground(root / params.area, digests)
    stable = None if params.stable is None else _ground(root / params.stable, digests, params.stable_inverse)
    jobs = []
    for i, j in select_pairs([scene.epoch for scene in good], params.network):
        first, second = good[i], good[j]
        days = (second.epoch.date - first.epoch.date).total_seconds() / 86400.0
        jobs.append(
            PairJob(
                reference=first,
                secondary=second,
                digests=(digests.of(first.path), digests.of(second.path)),
                grid=grid,
                params=params.settings_of(first.epoch.sensor, days),
                store=store,
                band=band,
                nodata=nodata,
                area=area,
                stable=stable,
            )
        )
    return Plan(grid, tuple(good), tuple(jobs), tuple(failures))


def _ground(path: Path, digests: Digests, inverse: bool = False) -> Ground:
    return Ground(str(path), digests.of(path), inverse)


def _from_records(waiting: Sequence[PairJob]) -> float | None:
    """Time of all pairs, from what each kind of step took before; None where none was tracked yet."""
    store = waiting[0].store
    usual = {}
    for step in STEPS:
        seconds = [record["seconds"] for record in store.records(step) if isinstance(record.get("seconds"), float)]
        usual[step] = statistics.median(seconds) if seconds else None
    if usual["track"] is None:
        return None
    return float(sum(usual[step] or 0.0 for job in waiting for step in job.waiting()))


def _from_probe(job: PairJob) -> float | None:
    """Time of tracking a pair, from its central block; the first go only loads the code."""
    try:
        first, second = (
            Image.open(scene.path, band=job.band, nodata=job.nodata) for scene in (job.reference, job.secondary)
        )
        pair = ImagePair(first, second, job.days)
        chain = image_filters_of(job.params.preprocess, job.band)
        task = TrackTask(
            pair.with_images(*preprocess_pair(pair.reference, pair.secondary, chain)), tracker_of(job.params.tracker)
        )
        grid = task.tracker.output_grid(job.grid)
        side = max(1, PROBE // task.tracker.spacing)
        block = Block(grid.height // 2, grid.width // 2, side, side).clip(grid.shape)
        assert block is not None
        task(block)
        start = time.perf_counter()
        task(block)
        share = grid.height * grid.width / (block.height * block.width)
        return (time.perf_counter() - start) * share
    except SensetrackError:
        return None
