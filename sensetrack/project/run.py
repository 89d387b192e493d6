"""Runs a project: scenes, pairs, series, report; whatever is done already for the same inputs is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sensetrack.engine import Engine, Serial
from sensetrack.errors import OutputError, SensetrackError
from sensetrack.log import logger
from sensetrack.project.keys import SHORT, Digests, key_of
from sensetrack.project.pairs import STEPS, PairResult, measure
from sensetrack.project.plan import Plan, plan_pairs, workers_of
from sensetrack.project.results import write_results
from sensetrack.project.scenes import (
    Failure,
    describe_scenes,
    find_scenes,
    prepare_scenes,
    search_scenes,
)
from sensetrack.project.settings import ProjectParams, read_project
from sensetrack.project.store import Store
from sensetrack.timeseries import series_file
from sensetrack.types import PathLike

Progress = Callable[[str, int, int], None]
"""Called with the stage, the steps of it that are done, and its steps in all, in the calling thread."""

_log = logger(__name__)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run has made.

    Attributes
    ----------
    plan : Plan
    pairs : tuple of PairResult
    failures : tuple of Failure
        Scenes and later stages that failed, and why; pairs say it themselves.
    results : Path
        Folder with what there is to look at.
    series : Path or None
    report : Path or None
    """

    plan: Plan
    pairs: tuple[PairResult, ...]
    failures: tuple[Failure, ...]
    results: Path
    series: Path | None
    report: Path | None

    @property
    def failed(self) -> list[PairResult]:
        """Pairs that have no velocity."""
        return [pair for pair in self.pairs if pair.velocity is None]

    @property
    def complete(self) -> bool:
        """Whether nothing failed."""
        return not self.failed and not self.failures


class Project:
    """A project file and the folder that it fills.

    Parameters
    ----------
    path : path-like
        The project file.

    Raises
    ------
    InputError, ParameterError
        It cannot be read, or a setting does not fit.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        self.root = self.path.resolve().parent
        self.params: ProjectParams = read_project(path)
        self.output = self.root / self.params.output
        self.store = Store(self.output / "work")

    def plan(self, engine: Engine | None = None, progress: Progress | None = None, *, dry: bool = False) -> Plan:
        """Find scenes and pairs; scenes are downloaded and prepared first, unless ``dry``.

        Parameters
        ----------
        engine : Engine, optional
        progress : callable, optional
        dry : bool
            Compute and download nothing: scenes that would need it are taken as they are, or left out.

        Raises
        ------
        SensetrackError
            There are no scenes or no pairs; a mask is not there; scenes share no grid.
        """
        params = self.params
        self._make_folders()
        digests = Digests(self.store.root / "digests.json")
        failures: list[Failure] = []
        paths = find_scenes(params, self.root)
        if params.scenes.search is not None and not dry:
            came, failed = search_scenes(params.scenes.search, self.output / "scenes")
            paths, failures = [*paths, *came], [*failures, *failed]
        elif params.scenes.search is not None:
            paths += sorted(str(path) for path in (self.output / "scenes").glob("[!.]*"))
        origins = paths
        if params.prepare is not None:
            folder = self.output / "work" / "prepared"
            if dry:
                there = {path.stem: str(path) for path in folder.glob("*.vrt")}
                paths = [there.get(Path(path).stem, path) for path in paths]
            else:
                tick = None if progress is None else lambda done, total: progress("scenes", done, total)
                paths, failed = prepare_scenes(params, paths, folder, self.root, engine, tick)
                failures += failed
        scenes, failed = describe_scenes(params, paths, self.root, origins)
        found = plan_pairs(params, scenes, self.root, digests, self.store)
        digests.save()
        return dataclasses.replace(found, failures=(*failures, *failed, *found.failures))

    def run(self, engine: Engine | None = None, progress: Progress | None = None, *, prune: bool = False) -> Outcome:
        """Do all that is still to be done.

        Several pairs run at a time; where there are fewer than workers, the blocks of each do. A pair that fails stops
        no other. What an earlier run has finished for the same inputs, settings and code is kept.

        Parameters
        ----------
        engine : Engine, optional
            Default: `Serial`.
        progress : callable, optional
        prune : bool
            Remove what earlier runs have left for other inputs, settings or code.

        Raises
        ------
        SensetrackError
            As `plan`; or a folder cannot be written.
        """
        engine = engine or Serial()
        plan = self.plan(engine, progress)
        results = self._measure(plan, engine, progress)
        failures = list(plan.failures)
        series = self._series(results, failures, engine, progress)
        folder = self.output / "results"
        report, shown = write_results(self, plan, results, series, folder, failures)
        if prune:
            keep: dict[str, set[str]] = {step: set() for step in STEPS}
            for result in results:
                for step, key in result.keys.items():
                    keep[step].add(key[:SHORT])
            keep |= {"series": {series.parent.name} if series else set(), "report": {shown.name} if shown else set()}
            _log.info("%d bytes of earlier runs removed", self.store.prune(keep))
        return Outcome(plan, tuple(results), tuple(failures), folder, series, report)

    def _measure(self, plan: Plan, engine: Engine, progress: Progress | None) -> list[PairResult]:
        waiting = plan.waiting
        inside = len(waiting) < workers_of(engine)
        results: dict[str, PairResult] = {}
        found = (measure(job, engine) for job in waiting) if inside else engine.map(measure, waiting)
        for done, (job, result) in enumerate(zip(waiting, found, strict=True), start=1):
            results[job.name] = result
            if result.velocity is None:
                _log.info("%s failed: %s", result.name, result.reason)
            if progress is not None:
                progress("pairs", done, len(waiting))
        return [results[job.name] if job.name in results else measure(job) for job in plan.jobs]

    def _series(
        self, results: Sequence[PairResult], failures: list[Failure], engine: Engine, progress: Progress | None
    ) -> Path | None:
        good = [result for result in results if result.velocity is not None]
        if not good:
            failures.append(Failure("series", "no pair could be measured"))
            return None
        key = key_of("series", pairs=[result.keys["velocity"] for result in good], params=self.params.series.to_json())
        path = self.store.folder("series", key) / "series.nc"
        if self.store.done("series", key) is not None:
            return path
        tick = None if progress is None else lambda done, total: progress("series", done, total)
        try:
            path = self.store.make("series", key) / "series.nc"
            files = [result.velocity for result in good if result.velocity is not None]
            series_file(files, path, self.params.series, engine=engine, progress=tick, overwrite=True)
            self.store.finish("series", key, ["series.nc"])
        except OutputError:
            raise
        except SensetrackError as error:
            failures.append(Failure("series", str(error)))
            return None
        return path

    def _make_folders(self) -> None:
        try:
            self.store.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.store.root}: cannot be made ({error.strerror or error})") from error


def run_project(path: PathLike, *, engine: Engine | None = None, progress: Progress | None = None) -> Outcome:
    """Run a project file; see `Project.run`."""
    return Project(path).run(engine, progress)
