"""Fills in tables that are made from the code and from the benchmark.

``<!-- parameters: package.module:Class -->`` becomes a table of its parameters, ``<!-- measured: NAME -->`` what
the benchmark in ``docs/benchmark/trackers.csv`` found of a tracker, beside the best and the median of all.
"""

from __future__ import annotations

import csv
import importlib
import re
import statistics
from pathlib import Path
from typing import Any

from sensetrack.params import Params, limits_of

PARAMETERS = re.compile(r"<!-- parameters: ([\w.]+):(\w+) -->")
MEASURED = re.compile(r"<!-- measured: ([\w-]+) -->")
RUNS = Path(__file__).resolve().parent / "benchmark" / "trackers.csv"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Replace the placeholders of a page; called by mkdocs."""
    text = PARAMETERS.sub(lambda found: table(getattr(importlib.import_module(found[1]), found[2])), markdown)
    return MEASURED.sub(lambda found: measured(found[1]), text)


def measured(tracker: str) -> str:
    """Return what the benchmark found of a tracker as a Markdown table, beside the other trackers.

    Raises
    ------
    LookupError
        The benchmark did not run it.
    """
    with RUNS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "made"]
    names = sorted({row["tracker"] for row in rows})
    if tracker not in names:
        raise LookupError(f"{RUNS} has no runs of {tracker}; renew it with sensetrack benchmark trackers")
    fields = {
        "constant": ("shift",),
        "bumps up to 3 px": ("bumps-0.5", "bumps-3"),
        "bumps of 10 px": ("bumps-10",),
        "fault of 3 px": ("fault-3.2",),
    }
    columns = {title: {name: _average(rows, name, "mean", of) for name in names} for title, of in fields.items()}
    lines = [[f"mean error, {title}, px", *_placed(values, tracker, "{:.3f}")] for title, values in columns.items()]
    shares = {name: 100 * _average(rows, name, "share") for name in names}
    inside = {name: 100 * _average(rows, name, "within_68") for name in names}
    speeds = {name: _median(rows, name, "estimates_per_second") for name in names}
    lines.append(["pixels measured, %", *_placed(shares, tracker, "{:.0f}", best=max)])
    lines.append(["truth within the stated 68 % interval, %", *_placed(inside, tracker, "{:.0f}", best=None)])
    lines.append(["estimates per second", *_placed(speeds, tracker, "{:,.0f}", best=max)])
    head = ["", tracker, "best of all", "median of all"]
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["-", "-:", "-:", "-:"], *lines))


def _placed(values: dict[str, float], tracker: str, form: str, best: Any = min) -> list[str]:
    top = "" if best is None else form.format(best(values.values()))
    return [form.format(values[tracker]), top, form.format(statistics.median(values.values()))]


def _values(rows: list[dict[str, str]], tracker: str, column: str, fields: tuple[str, ...] = ()) -> list[float]:
    mine = (row for row in rows if row["tracker"] == tracker and (not fields or row["field"] in fields))
    return [float(row[column]) for row in mine if row[column]]


def _average(rows: list[dict[str, str]], tracker: str, column: str, fields: tuple[str, ...] = ()) -> float:
    return statistics.fmean(_values(rows, tracker, column, fields) or [float("nan")])


def _median(rows: list[dict[str, str]], tracker: str, column: str) -> float:
    return statistics.median(_values(rows, tracker, column) or [float("nan")])


def table(cls: type[Params]) -> str:
    """Return the parameters of a class as a Markdown table."""
    lines = ["| Parameter | Default | Unit | Range | |", "|-|-|-|-|-|"]
    for name, field in cls.model_fields.items():
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        default = "required" if field.is_required() else f"`{field.default}`"
        cells = [f"`{name}`", default, str(extra.get("unit", "")), limits_of(cls, name), field.description or ""]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
