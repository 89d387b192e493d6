"""One pair of a project: shift, tracking, filters, velocity, each done once for the same inputs and settings."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sensetrack.align import align_file
from sensetrack.coregister.regrid import open_bands
from sensetrack.engine import Engine
from sensetrack.errors import SensetrackError
from sensetrack.filter_stream import filter_file
from sensetrack.pair import ImagePair, bring_onto
from sensetrack.pipeline import PipelineParams
from sensetrack.preprocess import preprocess_pair
from sensetrack.project.keys import key_of
from sensetrack.project.scenes import SceneFile
from sensetrack.project.store import Store
from sensetrack.raster.dates import days_between
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.mask import AreaMask
from sensetrack.specs import filter_of, image_filters_of, tracker_of
from sensetrack.stream import track_file
from sensetrack.velocity import velocity_file

STEPS = ("shift", "track", "filter", "velocity")
"""What is done with a pair, in order; shift and filter only where they are asked for."""


@dataclass(frozen=True)
class Ground:
    """A mask of a project and what it is made of.

    Attributes
    ----------
    path : str
    digest : str
    inverse : bool
    """

    path: str
    digest: str
    inverse: bool = False

    def open(self) -> AreaMask:
        """Open it."""
        return AreaMask.open(self.path, inverse=self.inverse)


@dataclass(frozen=True, eq=False)
class PairJob:
    """One pair, with all that measuring it needs; pickles.

    Attributes
    ----------
    reference, secondary : SceneFile
    digests : tuple of str
        Of the two images.
    grid : Grid
        On which all pairs lie.
    params : PipelineParams
    store : Store
    band, nodata
        As in `Image.open`.
    area, stable : Ground or None
    """

    reference: SceneFile
    secondary: SceneFile
    digests: tuple[str, str]
    grid: Grid
    params: PipelineParams
    store: Store
    band: int | str | None = None
    nodata: float | None = None
    area: Ground | None = None
    stable: Ground | None = None

    @property
    def name(self) -> str:
        """Both scenes."""
        return f"{self.reference.epoch.name} to {self.secondary.epoch.name}"

    @property
    def label(self) -> str:
        """Both dates, for names of files; with the time where days alone do not tell pairs apart."""
        first, second = self.reference.epoch.date, self.secondary.epoch.date
        form = "%Y%m%d" if (first.hour, first.minute, second.hour, second.minute) == (0, 0, 0, 0) else "%Y%m%dT%H%M%S"
        return f"{first:{form}}_{second:{form}}"

    @property
    def days(self) -> float:
        """Time base."""
        return days_between(self.reference.epoch.date, self.secondary.epoch.date)

    @property
    def has_filters(self) -> bool:
        """Whether there is a filter step."""
        return bool(self.params.filters) or self.params.smooth is not None or self.params.fill is not None

    def keys(self) -> dict[str, str]:
        """Return the key of each step; each holds that of the step before."""
        params, found = self.params, {}
        t, c = self.grid.transform, self.grid.crs
        images: dict[str, Any] = {
            "digests": self.digests,
            "names": [Path(scene.path).name for scene in (self.reference, self.secondary)],
            "dates": [scene.epoch.date.isoformat() for scene in (self.reference, self.secondary)],
            "grid": [self.grid.shape, list(t)[:6], None if c is None else c.to_wkt()],
            "band": self.band,
            "nodata": self.nodata,
            "preprocess": params.preprocess,
        }
        stable = None if self.stable is None else [self.stable.digest, self.stable.inverse]
        before: Any = images
        if params.shift != "none":
            tracker = tracker_of(params.shift_tracker).to_json()
            settings = [params.shift, params.shift_tracker, tracker, params.resampling]
            found["shift"] = before = key_of("shift", images=images, settings=settings, stable=stable)
        area = None if self.area is None else [self.area.digest, stable]
        tracker = tracker_of(params.tracker).to_json()
        found["track"] = key_of("track", images=images, before=before, tracker=[params.tracker, tracker], area=area)
        last = found["track"]
        if self.has_filters:
            filters = [filter_of(text).to_json() for text in params.filters]
            judged = [params.filters, filters, params.passes, params.smooth, params.fill]
            last = found["filter"] = key_of("filter", before=last, settings=judged)
        found["velocity"] = key_of("velocity", before=last, settings=params.velocity.to_json(), stable=stable)
        return found

    def waiting(self) -> list[str]:
        """Return the steps that are still to be done."""
        return [step for step, key in self.keys().items() if self.store.done(step, key) is None]


@dataclass(frozen=True, eq=False)
class PairResult:
    """What became of a pair.

    Attributes
    ----------
    name, label : str
        Of the job.
    days : float
    velocity : Path or None
        None where it failed.
    reason : str
        Why it failed.
    step : str
        The step that failed.
    made : tuple of str
        Steps that were done now; all others were done before.
    records : mapping of str to mapping
        Of the steps that are done.
    keys : mapping of str to str
    """

    name: str
    label: str
    days: float
    velocity: Path | None
    reason: str = ""
    step: str = ""
    made: tuple[str, ...] = ()
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)


def measure(job: PairJob, engine: Engine | None = None) -> PairResult:
    """Do what is still to be done of a pair; whatever goes wrong becomes the reason of the result.

    Parameters
    ----------
    job : PairJob
    engine : Engine, optional
        Runs the blocks of the pair; default: one after the other.
    """
    work = _Work(job, engine)
    try:
        velocity = work.run()
    except SensetrackError as error:
        reason = str(error)
    except Exception as error:  # what goes wrong with one pair must not take the others along
        reason = f"unexpected {type(error).__name__}: {error}"
    else:
        return PairResult(job.name, job.label, job.days, velocity, "", "", tuple(work.made), work.records, work.keys)
    reason = " ".join(reason.split())
    return PairResult(job.name, job.label, job.days, None, reason, work.step, tuple(work.made), work.records, work.keys)


class _Work:
    """The steps of one pair while they run."""

    def __init__(self, job: PairJob, engine: Engine | None) -> None:
        self.job, self.engine = job, engine
        self.step = "open"
        self.made: list[str] = []
        self.records: dict[str, Mapping[str, Any]] = {}
        self.keys: dict[str, str] = {}

    def run(self) -> Path:
        job, params = self.job, self.job.params
        self.keys = job.keys()
        chain = image_filters_of(params.preprocess, job.band)
        pair = ImagePair(self._open(job.reference), self._open(job.secondary), job.days)
        stable = None if job.stable is None else job.stable.open()
        if params.shift != "none":
            name = f"{job.secondary.epoch.name}.tif"

            def shift(path: Path) -> dict[str, Any]:
                model = align_file(
                    pair,
                    path,
                    tracker_of(params.shift_tracker),
                    preprocess=chain,
                    bands=open_bands(job.secondary.path, "all", nodata=job.nodata)
                    if any(each.is_first for each in chain)
                    else None,
                    kind=params.shift,  # type: ignore[arg-type]  # "none" does not come here
                    resampling=params.resampling,
                    stable=stable,
                    engine=self.engine,
                    overwrite=True,
                )
                return {"shift": [model.dx[0], model.dy[0]]}

            moved = Image.open(self._do("shift", name, shift))
            moved = dataclasses.replace(moved, acquired=job.secondary.epoch.date)
            pair = ImagePair(pair.reference, moved, job.days)
        ready = pair.with_images(*preprocess_pair(pair.reference, pair.secondary, chain))
        mask = None if job.area is None else job.area.open()
        if mask is not None and stable is not None:
            # Errors come from stable ground, so it is measured too.
            mask = mask.joined(stable)

        def track(path: Path) -> dict[str, Any]:
            tracker = tracker_of(params.tracker)
            counts = track_file(ready, tracker, path, engine=self.engine, mask=mask, overwrite=True)
            return {"counts": dict(counts), "pixels": pair.grid.height * pair.grid.width}

        last = self._do("track", "displacement.tif", track)
        if job.has_filters:
            source = last

            def judge(path: Path) -> dict[str, Any]:
                counts = filter_file(
                    source,
                    path,
                    [filter_of(text) for text in params.filters],
                    passes=params.passes,
                    smooth=params.smooth,
                    fill=params.fill,
                    engine=self.engine,
                    overwrite=True,
                )
                return {"counts": dict(counts)}

            last = self._do("filter", "filtered.tif", judge)
        result = last

        def convert(path: Path) -> dict[str, Any]:
            placed = stable and stable.fit(pair.grid)
            summary, counts = velocity_file(result, path, params.velocity, placed, overwrite=True)
            found = summary.stable
            values = {
                "error_x": summary.x.error,
                "error_y": summary.y.error,
                "stable_x": summary.x.error_stationary,
                "stable_y": summary.y.error_stationary,
                "stable_shift_x": summary.x.stable_shift,
                "stable_shift_y": summary.y.stable_shift,
            }
            plain = {name: None if math.isnan(value) else value for name, value in values.items()}
            return {"counts": dict(counts), "stable": found.method, "stable_count": found.count, **plain}

        return self._do("velocity", "velocity.nc", convert)

    def _do(self, step: str, name: str, make: Callable[[Path], dict[str, Any]]) -> Path:
        """Return the file of a step, made if it is not there yet."""
        store, key = self.job.store, self.keys[step]
        self.step = step
        path = store.folder(step, key) / name
        record = store.done(step, key)
        if record is None or name not in record["files"]:
            path = store.make(step, key) / name
            start = time.perf_counter()
            values = make(path)
            record = store.finish(step, key, [name], **values, seconds=time.perf_counter() - start)
            self.made.append(step)
        self.records[step] = record
        return path

    def _open(self, scene: SceneFile) -> Image:
        image = Image.open(scene.path, band=self.job.band, nodata=self.job.nodata)
        if image.grid.difference(self.job.grid):
            image = bring_onto(image, self.job.grid)
        return dataclasses.replace(image, acquired=scene.epoch.date)
