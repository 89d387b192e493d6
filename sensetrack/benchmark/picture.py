"""Pictures of the benchmarks: errors by field, speed against error, stated errors; what each filter does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sensetrack.benchmark.filters import NONE, factor
from sensetrack.benchmark.looks import GRID, plain_ticks
from sensetrack.benchmark.measure import Run
from sensetrack.benchmark.plan import Plan
from sensetrack.benchmark.table import FAIR_SHARE, Cell, geometric_mean, percent, rate, sum_up
from sensetrack.benchmark.truths import FIELDS
from sensetrack.report.canvas import FAINT, INK, drawing, new_figure, save
from sensetrack.types import PathLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150.0

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "p")
_FAMILIES = {"shift": "shift", "bumps": "bumps, amplitude", "fault": "faults, offset", "step": "step"}


def draw_trackers(runs: Sequence[Run], plan: Plan, output: PathLike, *, overwrite: bool = False) -> Path:
    """Draw the benchmark of trackers: mean error by field, speed against error, and how often stated errors hold.

    Colours are those of Okabe and Ito, which colour-blind readers can tell apart; every tracker has its marker too. A
    hollow marker says that too few pixels were measured for the error to be compared.

    Parameters
    ----------
    runs : sequence of Run
        Those of made pairs are drawn.
    plan : Plan
    output : path-like
        ``.png``, ``.pdf`` or ``.svg``.
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    ParameterError
        Unknown suffix.
    OutputError
        The file exists already or cannot be written.
    """
    made = [run for run in runs if run.kind == "made"]
    names = list(dict.fromkeys(run.tracker for run in made))
    with drawing():
        figure = new_figure(12.0, 6.6)
        left = figure.add_axes((0.055, 0.13, 0.50, 0.725))
        speed = figure.add_axes((0.645, 0.565, 0.335, 0.29))
        stated = figure.add_axes((0.73, 0.13, 0.25, 0.285))
        _errors(left, made, names, plan)
        cells = {name: sum_up(run for run in made if run.tracker == name) for name in names}
        _speeds(speed, cells)
        _intervals(stated, cells)
        _head(figure, "Trackers on the same pairs", names)
        return save(figure, output, DPI, overwrite=overwrite)


def draw_filters(runs: Sequence[Run], plan: Plan, output: PathLike, *, overwrite: bool = False) -> Path:
    """Draw the benchmark of image filters: median error behind each, by tracker and by what changes the light.

    Parameters
    ----------
    runs, plan, output, overwrite
        As in `draw_trackers`.

    Raises
    ------
    ParameterError, OutputError
        As in `draw_trackers`.
    """
    trackers = list(dict.fromkeys(run.tracker for run in runs))
    names = list(dict.fromkeys(run.filter for run in runs))
    with drawing():
        figure = new_figure(12.0, 1.9 + 0.24 * len(names))
        tall = figure.get_figheight()
        bottom, top = 0.55 / tall, 1 - 1.0 / tall
        wide, label = 1 / len(trackers), 1.6 / 12
        for number, tracker in enumerate(trackers):
            axes = figure.add_axes((number * wide + label, bottom, wide - label - 0.02, top - bottom))
            _filters(axes, runs, tracker, names, plan.conditions)
        _head(figure, "Image filters where the light changes: median error of all pixels, px", plan.conditions)
        return save(figure, output, DPI, overwrite=overwrite)


def _errors(axes: Axes, made: Sequence[Run], names: Sequence[str], plan: Plan) -> None:
    """Mean error by field, fields of one family joined by a line."""
    place = 0.0
    places: dict[str, float] = {}
    spans: dict[str, list[float]] = {}
    for name in plan.fields:
        family = FIELDS[name].family
        place += 1.0 if family in spans else 1.5
        places[name] = place
        spans.setdefault(family, []).append(place)
    for number, tracker in enumerate(names):
        dodge = 0.5 * (number - (len(names) - 1) / 2) / max(1, len(names))
        for family in spans:
            inside = [name for name in plan.fields if FIELDS[name].family == family]
            cells = [sum_up(run for run in made if run.tracker == tracker and run.field == name) for name in inside]
            at = [places[name] + dodge for name in inside]
            axes.plot(at, [cell.mean for cell in cells], color=_colour(number), lw=0.8, alpha=0.45, zorder=2)
            for x, cell in zip(at, cells, strict=True):
                _mark(axes, x, cell.mean, number, cell.is_fair)
    axes.set_yscale("log")
    axes.set_xticks(list(places.values()), [_amount(name) for name in places])
    for family, span in spans.items():
        axes.text(
            sum(span) / len(span),
            -0.085,
            _FAMILIES[family],
            transform=axes.get_xaxis_transform(),
            ha="center",
            color=INK,
        )
    axes.set(title="Mean error, px", xlim=(0.8, place + 0.7))
    axes.grid(axis="y", which="both", color=GRID, lw=0.6)
    axes.tick_params(axis="x", length=0)
    plain_ticks(axes, "y")


def _speeds(axes: Axes, cells: dict[str, Cell]) -> None:
    """Error and speed, each labelled towards the middle."""
    known = {name: cell for name, cell in cells.items() if math.isfinite(cell.speed) and math.isfinite(cell.typical)}
    middle = geometric_mean(limit(cell.speed for cell in known.values()) for limit in (min, max)) if known else 0.0
    for number, (name, cell) in enumerate(cells.items()):
        _mark(axes, cell.speed, cell.typical, number, cell.is_fair, size=44)
        if name in known:
            side = -1 if cell.speed > middle else 1
            align: Literal["left", "right"] = "left" if side > 0 else "right"
            place = cell.speed, cell.typical
            axes.annotate(_short(name), place, (6 * side, 4), textcoords="offset points", ha=align, fontsize=7.5)
    axes.set(xscale="log", yscale="log", xlabel="estimates per second", title="Typical error, px, and speed")
    axes.margins(0.18)
    axes.grid(which="major", color=GRID, lw=0.6)
    plain_ticks(axes, "y")
    plain_ticks(axes, "x", lambda value: rate(value).replace(".0 k", " k").replace(".00 M", " M"), (1.0,))


def _intervals(axes: Axes, cells: dict[str, Cell]) -> None:
    """Share of the truths within the stated intervals, beside what it should be."""
    for line in (0.683, 0.95):
        axes.axvline(100 * line, color=FAINT, lw=1.0, ls=(0, (4, 3)), zorder=1)
    for number, cell in enumerate(cells.values()):
        row = len(cells) - 1 - number
        axes.plot([100 * cell.within_68, 100 * cell.within_95], [row, row], color=_colour(number), lw=1.0, alpha=0.5)
        _mark(axes, 100 * cell.within_68, row, number, True)
        _mark(axes, 100 * cell.within_95, row, number, True)
    axes.set_yticks(range(len(cells)), [_short(name) for name in reversed(list(cells))])
    axes.set(xlim=(0, 100), ylim=(-0.7, len(cells) - 0.3), title="Truth within stated intervals, %")
    axes.set_xlabel("68 % and 95 % intervals; dashed: what it should be")
    axes.tick_params(axis="y", length=0)


def _filters(axes: Axes, runs: Sequence[Run], tracker: str, names: Sequence[str], conditions: Sequence[str]) -> None:
    factors = {name: factor(runs, tracker, name) for name in names}
    ordered = sorted(names, key=lambda name: factors[name] if factors[name] > 0 else -1.0)
    for row, name in enumerate(ordered):
        axes.axhline(row, color=GRID, lw=0.6, zorder=0)
        for number, condition in enumerate(conditions):
            own = [r for r in runs if (r.tracker, r.filter, r.condition) == (tracker, name, condition)]
            cell = sum_up(own)
            _mark(axes, cell.median_all, row, number, cell.is_fair)
    axes.set_yticks(range(len(ordered)), [f"{name}  {_times(name, factors[name])}" for name in ordered])
    for label, name in zip(axes.get_yticklabels(), ordered, strict=True):
        label.set(color=INK if name == NONE else FAINT, fontweight="bold" if name == NONE else "normal")
    axes.set(xscale="log", ylim=(-0.7, len(ordered) - 0.3), title=tracker, xlabel="median error, px")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", which="major", color=GRID, lw=0.6)
    plain_ticks(axes, "x")


def _times(name: str, value: float) -> str:
    return "" if name == NONE or not value > 0 else f"×{value:.2g}"


def _short(name: str) -> str:
    return name if len(name) < 18 else f"{name[:16]} …"


def _mark(axes: Axes, x: float, y: float, number: int, is_full: bool, size: float = 30.0) -> None:
    colour = _colour(number)
    if math.isfinite(x) and math.isfinite(y):
        marker = _MARKERS[number % len(_MARKERS)]
        face = colour if is_full else "white"
        axes.scatter([x], [y], s=size, marker=marker, facecolor=face, edgecolor=colour, linewidth=1.1, zorder=3)


def _colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def _amount(name: str) -> str:
    return name.partition("-")[2] or f"{FIELDS[name].amplitude:.2g}"


def _head(figure: Figure, title: str, names: Sequence[str]) -> None:
    """Write the title and, below it, one marker for each name."""
    from matplotlib.lines import Line2D

    tall, wide = figure.get_figheight(), figure.get_figwidth()
    figure.suptitle(title, x=0.12 / wide, y=1 - 0.12 / tall, ha="left", va="top", fontsize=12.5, weight="bold")
    looks = [(_MARKERS[number % len(_MARKERS)], _colour(number), _colour(number)) for number in range(len(names))]
    handles = [
        Line2D([], [], ls="", markersize=5.5, marker=marker, color=colour, markerfacecolor=face)
        for marker, colour, face in (*looks, ("o", FAINT, "white"))
    ]
    figure.legend(
        handles,
        [*names, f"hollow: under {percent(FAIR_SHARE)} measured, or a failure"],
        loc="upper left",
        bbox_to_anchor=(0.05 / wide, 1 - 0.38 / tall),
        ncols=min(8, len(handles)),
        columnspacing=1.4,
        handletextpad=0.3,
        borderaxespad=0.0,
    )
