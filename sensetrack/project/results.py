"""What there is to look at: velocities, series, table of pairs, report and pictures, each under a plain name."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sensetrack.errors import OutputError, SensetrackError
from sensetrack.project.keys import key_of
from sensetrack.project.pairs import PairResult
from sensetrack.project.scenes import Failure
from sensetrack.project.store import link, write_json
from sensetrack.raster.write import atomic
from sensetrack.timeseries import Cube

if TYPE_CHECKING:
    from sensetrack.project.plan import Plan
    from sensetrack.project.run import Project

COLUMNS = (
    "reference",
    "secondary",
    "first",
    "second",
    "days",
    "tracker",
    "state",
    "reason",
    "measured",
    "usable",
    "shift_dx",
    "shift_dy",
    "error_x",
    "error_y",
    "stable_x",
    "stable_y",
    "weight",
    "rejected",
    "closure",
)
"""Of the table of pairs."""


def write_results(
    project: Project,
    plan: Plan,
    results: Sequence[PairResult],
    series: Path | None,
    folder: Path,
    failures: list[Failure],
) -> tuple[Path | None, Path | None]:
    """Fill the folder of results, and take out what no longer belongs there.

    Parameters
    ----------
    project : Project
    plan : Plan
    results : sequence of PairResult
    series : Path or None
    folder : Path
    failures : list of Failure
        Gets what goes wrong with the report.

    Returns
    -------
    report : Path or None
        In the folder of results.
    step : Path or None
        Folder of the step that made it.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    try:
        (folder / "velocity").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror or error})") from error
    labels = [result.label for result in results]
    named = {
        # Two sensors may see the same two days.
        f"{result.label if labels.count(result.label) == 1 else result.name.replace(' ', '_')}.nc": result.velocity
        for result in results
        if result.velocity is not None
    }
    for path in (folder / "velocity").glob("*.nc"):
        if path.name not in named:
            path.unlink()
    for name, source in named.items():
        link(source, folder / "velocity" / name)
    for name in ("series.nc", "report.html", "speed.png", "velocity.gif"):
        if series is None:
            (folder / name).unlink(missing_ok=True)
    cube = None if series is None else Cube.open(series)
    rows = table_of(plan, results, cube)
    _write_table(folder / "pairs.csv", rows)
    write_json(folder / "manifest.json", _manifest(project, results, failures))
    if series is None or cube is None:
        return None, None
    link(series, folder / "series.nc")
    try:
        return _report(project, plan, rows, series, folder, failures)
    except OutputError:
        raise
    except SensetrackError as error:
        failures.append(Failure("report", str(error)))
        return None, None


def _report(
    project: Project, plan: Plan, rows: list[dict[str, Any]], series: Path, folder: Path, failures: list[Failure]
) -> tuple[Path, Path]:
    from sensetrack.project.page import write_page
    from sensetrack.project.pictures import write_animation, write_speed

    params = project.params.report
    image = str(project.root / params.image) if params.image else plan.scenes[0].path
    failed = [[failure.what, failure.reason] for failure in failures]
    key = key_of("report", series=series.parent.name, rows=rows, params=params.to_json(), failed=failed, image=image)
    names = ["report.html", "speed.png", *(["velocity.gif"] if params.animation else [])]
    store = project.store
    if store.done("report", key) is None:
        made = store.make("report", key)
        cube = Cube.open(series)
        title = params.title or project.params.name
        write_page(cube, rows, made / "report.html", title=title, image=image, failures=failed, most=params.most_values)
        write_speed(cube, made / "speed.png", image=image)
        if params.animation:
            write_animation(cube, made / "velocity.gif", image=image, seconds=params.frame_seconds)
        store.finish("report", key, names)
    for name in names:
        link(store.folder("report", key) / name, folder / name)
    if not params.animation:
        (folder / "velocity.gif").unlink(missing_ok=True)
    return folder / "report.html", store.folder("report", key)


def table_of(plan: Plan, results: Sequence[PairResult], cube: Cube | None) -> list[dict[str, Any]]:
    """Return a row per pair: what was measured, how well it agrees with the others, or why there is nothing."""
    names = [] if cube is None else [f"{first} to {second}" for first, second in cube.header.pair_names]
    known = {name: number for number, name in enumerate(names)}
    rows = []
    for job, result in zip(plan.jobs, results, strict=True):
        record = result.records.get("velocity", {})
        counts = record.get("counts", {})
        tracked = result.records.get("track", {}).get("counts", {})
        shift = result.records.get("shift", {}).get("shift", [None, None])
        total = _pixels(job)
        row: dict[str, Any] = {
            "reference": job.reference.epoch.name,
            "secondary": job.secondary.epoch.name,
            "first": f"{job.reference.epoch.date:%Y-%m-%dT%H:%M:%SZ}",
            "second": f"{job.secondary.epoch.date:%Y-%m-%dT%H:%M:%SZ}",
            "days": round(job.days, 5),
            "tracker": job.params.tracker,
            "state": "measured" if result.velocity is not None else "failed",
            "reason": result.reason if not result.step else f"{result.step}: {result.reason}",
            "measured": tracked.get("measured", 0) / total if tracked else None,
            "usable": counts.get("measured", 0) / total if counts else None,
            "shift_dx": shift[0],
            "shift_dy": shift[1],
            **{name: record.get(name) for name in ("error_x", "error_y", "stable_x", "stable_y")},
        }
        if result.velocity is not None:
            row["reason"] = ""
        place = known.get(job.name, -1)
        for name in ("weight", "rejected", "closure"):
            values = cube.header.pair_values.get(f"pair_{name}") if cube is not None else None
            value = float(values[place]) if values is not None and place >= 0 else float("nan")
            row[name] = None if np.isnan(value) else value
        rows.append(row)
    return rows


def _pixels(job: Any) -> int:
    from sensetrack.specs import tracker_of

    grid = tracker_of(job.params.tracker).output_grid(job.grid)
    return int(grid.height * grid.width)


def _write_table(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in row.items()})
    with atomic(path) as part:
        part.write_text(text.getvalue(), encoding="utf-8")


def _manifest(project: Project, results: Sequence[PairResult], failures: Sequence[Failure]) -> dict[str, Any]:
    from sensetrack.project.keys import code_version

    return {
        "code": code_version(True),
        "project": project.params.model_dump(mode="json"),
        "pairs": {result.label: {"keys": dict(result.keys), "reason": result.reason} for result in results},
        "failures": [{"what": failure.what, "reason": failure.reason} for failure in failures],
    }
