"""A series beside surveyed points (stakes with GNSS): motion since the first survey, and that of the pixel around."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.dates import parse_time
from sensetrack.raster.write import atomic, refuse_same_file
from sensetrack.timeseries.cube import Cube
from sensetrack.types import PathLike

COLUMNS = ("name", "x", "y", "date", "east", "north")
"""Of the table of points: ``x, y`` is where a point was at first, in the CRS of the series; ``date`` is ISO 8601;
``east`` and ``north`` are metres from any origin."""

DAY = 86400.0
"""Seconds."""

SLACK = 0.5
"""Days by which a survey may lie outside of the series."""


class Survey(NamedTuple):
    """Where a point was: its place in the CRS of the series at first, the time, and metres from any origin."""

    x: float
    y: float
    date: datetime
    east: float
    north: float


class Comparison(NamedTuple):
    """Metres that a point has moved along an axis between two surveys, what the series says, and its stated error."""

    name: str
    component: str
    surveyed: float
    series: float
    error: float


def read_surveys(path: PathLike) -> dict[str, list[Survey]]:
    """Read surveys by the name of the point, each in order of time.

    Parameters
    ----------
    path : path-like
        A CSV file with the columns `COLUMNS`.

    Raises
    ------
    InputError
        It cannot be read, lacks a column, or a row has no number or time where one belongs.
    """
    found: dict[str, list[Survey]] = {}
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise InputError(f"{path}: no column {', '.join(missing)}; surveys need {', '.join(COLUMNS)}")
            for row in rows:
                found.setdefault(row["name"], []).append(_survey(row, f"{path}, line {rows.line_num}"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot read the surveys ({error})") from error
    return {name: sorted(surveys, key=lambda survey: survey.date) for name, surveys in found.items()}


def _survey(row: Mapping[str, str], place: str) -> Survey:
    try:
        x, y, east, north = (float(row[name]) for name in ("x", "y", "east", "north"))
    except (TypeError, ValueError) as error:
        raise InputError(f"{place}: x, y, east and north must be numbers ({error})") from error
    try:
        date = parse_time(row["date"] or "")
    except ParameterError as error:
        raise InputError(f"{place}: {error}") from error
    return Survey(x, y, date, east, north)


def compare_stakes(cube: Cube, surveys: Mapping[str, Sequence[Survey]]) -> list[Comparison]:
    """Return for every point and axis how far it moved within the time of the series, and what the series says.

    A point moves with the ground and a pixel stays where it is; where speed changes within the distance, they differ.
    Points outside of the series, without two surveys within its time, or without values there, are left out.

    Parameters
    ----------
    cube : Cube
    surveys : mapping
        From `read_surveys`.
    """
    begin = cube.header.dates[0]
    days = np.array([(date - begin).total_seconds() / DAY for date in cube.header.dates])
    found = []
    for name, points in surveys.items():
        try:
            pixel = cube.at(points[0].x, points[0].y)
        except InputError:
            continue
        at = [(point.date - begin).total_seconds() / DAY for point in points]
        within = [number for number, day in enumerate(at) if -SLACK <= day <= days[-1] + SLACK]
        if len(within) < 2:
            continue
        ends = within[0], within[-1]
        for axis, column in (("x", "east"), ("y", "north")):
            values, errors = pixel[f"displacement_{axis}"], pixel[f"displacement_{axis}_error"]
            known = np.isfinite(values)
            if known.sum() < 2:
                continue
            way = np.interp([at[k] for k in ends], days[known], values[known])
            error = np.interp([at[k] for k in ends], days[known], errors[known])
            first, last = (float(getattr(points[k], column)) for k in ends)
            found.append(Comparison(name, column, last - first, float(way[1] - way[0]), math.hypot(*error)))
    return found


def stakes_file(series: PathLike, points: PathLike, output: PathLike, *, overwrite: bool = False) -> list[Comparison]:
    """Compare a series with surveyed points and write the comparison as a table.

    Parameters
    ----------
    series : path-like
        A cube of `sensetrack timeseries`.
    points : path-like
        As for `read_surveys`.
    output : path-like
        A ``.csv`` with the columns name, component, surveyed, series and error, in metres.
    overwrite : bool

    Raises
    ------
    InputError
        A file cannot be read, or no point has two surveys within the time of the series and a value there.
    OutputError
        The output cannot be written.
    """
    refuse_same_file(output, [series, points])
    found = compare_stakes(Cube.open(series), read_surveys(points))
    if not found:
        raise InputError(
            f"{points}: no point has two surveys within the time and the area of {series}, and a value there"
        )
    with atomic(output, overwrite=overwrite) as part, part.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(Comparison._fields)
        lines.writerows([*row[:2], *(f"{value:.3f}" for value in row[2:])] for row in found)
    return found
