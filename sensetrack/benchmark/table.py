"""Sums up runs, and writes them as Markdown tables and as CSV."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sensetrack.benchmark.measure import Run
from sensetrack.benchmark.setting import machine
from sensetrack.raster.write import atomic
from sensetrack.types import PathLike

FAIR_SHARE = 0.8
"""Share of the pixels below which a mean error says little: it is shown beside it, and cannot be the best."""

_RUN = (
    "kind",
    "tracker",
    "filter",
    "field",
    "condition",
    "texture",
    "seed",
    "rows",
    "cols",
    "spacing",
    "estimates",
    "seconds",
    "share",
    "median_all",
    "mean_all",
    "valued",
)
_ACCURACY = ("mean", "median", "p90", "p95", "rmse", "bias_x", "bias_y", "within_68", "within_95")


@dataclass(frozen=True)
class Cell:
    """What some runs of one tracker have in common.

    Attributes
    ----------
    mean, median, p90 : float
        Endpoint error in pixels, averaged over the runs that measured anything.
    typical : float
        Geometric mean of the runs' mean errors, in which pairs of small and of large error count alike.
    within_68, within_95 : float
        Share of component errors within the stated intervals, averaged likewise.
    share : float
        Of the pixels measured, averaged over all runs.
    median_all : float
        Median error of all scored pixels, flagged or not: the geometric mean of the runs; infinite where one is.
    mean_all, valued : float
        Mean error of all scored pixels with a value, flagged or not, and their share, averaged over the runs.
    typical_all : float
        Geometric mean of the runs' mean errors of all scored pixels with a value.
    speed : float
        Estimates per second, median of the runs.
    runs, failed : int
    """

    mean: float
    median: float
    p90: float
    typical: float
    within_68: float
    within_95: float
    share: float
    median_all: float
    mean_all: float
    typical_all: float
    valued: float
    speed: float
    runs: int
    failed: int

    @property
    def is_fair(self) -> bool:
        """Whether enough was measured for its errors to be compared with others."""
        return self.share >= FAIR_SHARE and not self.failed

    @property
    def is_complete(self) -> bool:
        """Whether enough pixels have a value, flagged or not, for the errors of all of them to be compared."""
        return self.valued >= FAIR_SHARE and not self.failed


def sum_up(runs: Iterable[Run]) -> Cell:
    """Sum up some runs; all NaN without any."""
    every = list(runs)
    judged = [run.accuracy for run in every if run.accuracy is not None and run.accuracy.count]
    values = {
        name: _average([getattr(item, name) for item in judged])
        for name in ("mean", "median", "p90", "within_68", "within_95")
    }
    speeds = [run.speed for run in every if math.isfinite(run.speed)]
    return Cell(
        **values,
        typical=geometric_mean([item.mean for item in judged]),
        median_all=geometric_mean([run.median_all for run in every if not run.reason]),
        mean_all=_average([run.mean_all for run in every]),
        typical_all=geometric_mean(run.mean_all for run in every),
        valued=_average([run.valued for run in every]),
        share=_average([run.share for run in every]),
        speed=float(np.median(speeds)) if speeds else math.nan,
        runs=len(every),
        failed=sum(bool(run.reason) for run in every),
    )


def geometric_mean(values: Iterable[float]) -> float:
    """Return the geometric mean of the values that are not NaN, as though none were below a millionth; else NaN."""
    known = [max(value, 1e-6) for value in values if not math.isnan(value)]
    return float(np.exp(np.mean(np.log(known)))) if known else math.nan


def error_table(
    runs: Sequence[Run], columns: Mapping[str, Callable[[Run], bool]], value: str = "mean"
) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of a table of errors: a tracker in each row, the runs that pass a test in each column.

    The best of each column, among those that measured enough, is bold; a share of pixels below `FAIR_SHARE` is added.

    Parameters
    ----------
    runs : sequence of Run
    columns : mapping of str to callable
        Heads, and which runs belong to them.
    value : {"mean", "median", "p90", "typical", "mean_all", "typical_all"}
        With the last two, what counts is which pixels have a value, flagged or not.
    """
    of_all = value.endswith("_all")

    names = list(dict.fromkeys(run.tracker for run in runs))
    cells = {
        name: [sum_up(run for run in runs if run.tracker == name and belongs(run)) for belongs in columns.values()]
        for name in names
    }
    rows = []
    for name in names:
        texts = []
        for number, cell in enumerate(cells[name]):
            enough = {key: row[number].is_complete if of_all else row[number].is_fair for key, row in cells.items()}
            fair = [getattr(row[number], value) for key, row in cells.items() if enough[key]]
            text = pixels(getattr(cell, value))
            if enough[name] and getattr(cell, value) == min(fair):
                text = f"**{text}**"
            elif cell.runs and not enough[name]:
                text += f" ({percent(cell.valued if of_all else cell.share)})"
            texts.append(text)
        rows.append([f"`{name}`", *texts])
    return ["tracker", *columns], rows


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def pixels(value: float) -> str:
    """Return an error as text, to the thousandth of a pixel while it is small."""
    if not math.isfinite(value):
        return "∞" if value > 0 else "–"
    return f"{value:.3f}" if value < 0.9995 else f"{value:.2f}" if value < 9.995 else f"{value:.1f}"


def percent(share: float) -> str:
    """Return a share as text."""
    return "–" if not math.isfinite(share) else f"{100 * share:.0f} %"


def rate(value: float) -> str:
    """Return estimates per second as text."""
    if not math.isfinite(value):
        return "–"
    return f"{value / 1e6:.2f} M" if value >= 1e6 else f"{value / 1e3:.1f} k" if value >= 1e3 else f"{value:.0f}"


def write_csv(
    path: PathLike, runs: Iterable[Run], *, extra: Mapping[str, str | int] | None = None, overwrite: bool = False
) -> None:
    """Write one row for every run, those that failed included, with the version and the machine.

    Parameters
    ----------
    path : path-like
    runs : iterable of Run
    extra : mapping, optional
        What every row ends with, in place of the machine.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OutputError
        The file exists already or cannot be written.
    """
    extra = machine() if extra is None else extra
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_RUN, "estimates_per_second", *_ACCURACY, "findings", "parameters", *extra, "reason"])
    for run in runs:
        row = [getattr(run, name) for name in _RUN] + [run.speed]
        row += [math.nan if run.accuracy is None else getattr(run.accuracy, name) for name in _ACCURACY]
        found = {item.name: [_number(item.found), _number(item.expected), item.unit] for item in run.findings}
        row += [json.dumps(found) if found else "", run.parameters, *extra.values(), run.reason]
        writer.writerow([_text(value) for value in row])
    write_text(path, text.getvalue(), overwrite=overwrite)


def write_rows(path: PathLike, rows: Iterable[Mapping[str, object]], *, overwrite: bool = False) -> None:
    """Write rows of one set of columns as CSV; numbers that are not finite are left empty.

    Raises
    ------
    OutputError
        The file exists already or cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    for number, row in enumerate(rows):
        if not number:
            writer.writerow(row)
        writer.writerow([_text(value) for value in row.values()])
    write_text(path, text.getvalue(), overwrite=overwrite)


def write_text(path: PathLike, text: str, *, overwrite: bool = False) -> None:
    """Write a text file, which appears when it is complete.

    Raises
    ------
    OutputError
        The file exists already or cannot be written.
    """
    with atomic(path, overwrite=overwrite) as part:
        Path(part).write_text(text, encoding="utf-8", newline="\n")


def _average(values: Sequence[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return float(np.mean(known)) if known else math.nan


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else ""
    return str(value)
