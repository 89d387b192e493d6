"""Pictures of the benchmark of accuracy: errors, peak locking, reliability, step response."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sensetrack.benchmark.accuracy import GROUPS, Results, Study
from sensetrack.benchmark.accuracy_page import texture_name
from sensetrack.benchmark.looks import GRID, Look, heading, legend, looks_of, plain_ticks, short
from sensetrack.benchmark.measure import Run
from sensetrack.benchmark.step_response import FIELD
from sensetrack.benchmark.table import FAIR_SHARE, percent, sum_up
from sensetrack.benchmark.truths import FIELDS
from sensetrack.report.canvas import FAINT, INK, drawing, new_figure, save
from sensetrack.types import PathLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 150.0

_LEAST = 1e-3
"""Root mean square errors below are drawn there."""

SHOWN = 20
"""Pixels on either side of a fault."""

_SYMBOLS = {"shift": "shift", "bumps": "bump", "fault": "fault", "step": "step"}
_TARGETS = (
    (0.683, (0.63, 0.73), "Within the 68 % interval, %"),
    (0.95, (0.92, 0.97), "Within the 95 % interval, %"),
)


def draw_accuracy(
    results: Results, study: Study, target: Callable[[str], PathLike], *, overwrite: bool = False
) -> list[Path]:
    """Draw all pictures.

    Parameters
    ----------
    results : Results
    study : Study
    target : callable
        Returns the file for an ending such as ``"-phase.png"``.
    overwrite : bool
        Whether existing files may be replaced.

    Returns
    -------
    list of Path

    Raises
    ------
    OutputError
        A file exists already or cannot be written.
    """
    looks = looks_of(list(dict.fromkeys(run.tracker for run in results.runs)))
    drawers = {
        ".png": _draw_errors,
        "-phase.png": _draw_phases,
        "-reliability.png": _draw_reliability,
        "-step.png": _draw_steps,
    }
    paths = []
    for ending, draw in drawers.items():
        with drawing():
            paths.append(save(draw(results, study, looks), target(ending), DPI, overwrite=overwrite))
    return paths


def _draw_errors(results: Results, study: Study, looks: dict[str, Look]) -> Figure:
    """Mean error by field, and typical error by texture."""
    figure = new_figure(12.0, 8.4)
    kinds = [kind for kind in GROUPS if kind in study.groups]
    fields = study.groups[kinds[0]].fields
    columns = {(kind, name): _field_name(name) for kind in kinds[:1] for name in fields}
    top = figure.add_axes((0.055, 0.535, 0.765, 0.36))
    by_field: Selector = lambda run, key: (run.kind, run.field) == key  # noqa: E731
    _dots(top, results.runs, looks, columns, by_field, "mean_all")
    top.set_title(f"Mean error of all pixels, px, by field. {GROUPS[kinds[0]]}")
    textures = {(run.kind, run.texture): texture_name(run.kind, run.texture) for run in results.runs}
    bottom = figure.add_axes((0.055, 0.07, 0.765, 0.36))
    by_texture: Selector = lambda run, key: (run.kind, run.texture) == key  # noqa: E731
    _dots(bottom, results.runs, looks, textures, by_texture, "typical_all")
    bottom.set_title("Typical error of all pixels, px, by texture: the geometric mean over fields and conditions")
    starred = [number for number, (kind, _) in enumerate(textures) if kind == "held-out"]
    if starred:
        bottom.axvspan(starred[0] - 0.5, starred[-1] + 0.5, color="#f4f6f8", zorder=0)
        bottom.set_xlabel("* held out: nothing is tuned on these")
    legend(figure, looks, (0.84, 0.90), hollow=f"hollow: under {percent(FAIR_SHARE)}\nhave a value")
    heading(figure, "Accuracy beside other packages", f"pairs of {_size(study)} pixels, seed {study.seed}")
    return figure


Selector = Callable[[Run, tuple[str, str]], bool]
"""Whether a run belongs to a column."""


def _dots(
    axes: Axes,
    runs: Sequence[Run],
    looks: Mapping[str, Look],
    columns: Mapping[tuple[str, str], str],
    belongs: Selector,
    value: str,
) -> None:
    """Draw one column of markers for each of some columns, side by side within it."""
    for number, key in enumerate(columns):
        inside = [run for run in runs if belongs(run, key)]
        if number:
            axes.axvline(number - 0.5, color=GRID, lw=0.8, zorder=1)
        for turn, (name, look) in enumerate(looks.items()):
            cell = sum_up(run for run in inside if run.tracker == name)
            place = number + 0.82 * ((turn + 0.5) / len(looks) - 0.5)
            look.mark(axes, place, getattr(cell, value), is_full=cell.is_complete, size=26)
    axes.set(yscale="log", xlim=(-0.5, len(columns) - 0.5))
    axes.set_xticks(range(len(columns)), list(columns.values()))
    for label in axes.get_xticklabels():
        label.set_color(INK)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", which="major", color=GRID, lw=0.6, zorder=0)
    plain_ticks(axes, "y")


def _draw_phases(results: Results, study: Study, looks: dict[str, Look]) -> Figure:
    """Bias and RMSE against the shift."""
    figure = new_figure(12.0, 4.8)
    left = figure.add_axes((0.065, 0.115, 0.355, 0.705))
    right = figure.add_axes((0.475, 0.115, 0.345, 0.705))
    for name, look in looks.items():
        own = [phase for phase in results.phases if phase.tracker == name]
        shifts = [phase.shift for phase in own]
        left.plot(shifts, [phase.bias for phase in own], **look.line)
        right.plot(shifts, [max(phase.rmse, _LEAST) for phase in own], **look.line)
    left.axhline(0, color=FAINT, lw=0.7, zorder=0)
    left.set_yscale("symlog", linthresh=0.01, linscale=1.0)
    largest = max([abs(phase.bias) for phase in results.phases], default=0.1)
    ticks = [tick for tick in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if tick <= 1.3 * largest]
    both = [-tick for tick in reversed(ticks)] + [0.0, *ticks]
    left.set_yticks(both, [f"{tick:g}" for tick in both])
    left.minorticks_off()
    left.set(title="Mean error of a component, px", xlabel="true shift of both components, px")
    right.set(title="Root mean square error, px", xlabel="true shift of both components, px", yscale="log")
    plain_ticks(right, "y")
    for axes in (left, right):
        axes.set_xlim(min(study.phases.shifts), max(study.phases.shifts))
        axes.grid(color=GRID, lw=0.6)
    legend(figure, looks, (0.84, 0.88))
    textures = ", ".join(study.phases.textures)
    below = f"constant shifts; {textures}; noise 20 dB; logarithmic beyond 0.01 px on the left"
    heading(figure, "Error against sub-pixel phase", below)
    return figure


def _draw_reliability(results: Results, study: Study, looks: dict[str, Look]) -> Figure:
    """Observed against stated errors, normalised errors and coverage by decile."""
    figure = new_figure(12.0, 8.0)
    frames = [figure.add_axes((left, low, 0.35, 0.355)) for low in (0.54, 0.07) for left in (0.055, 0.465)]
    shown = {name: look for name, look in looks.items() if any(d.tracker == name for d in results.deciles)}
    for name, look in shown.items():
        parts = [decile for decile in results.deciles if decile.tracker == name and decile.number]
        numbers = [part.number for part in parts]
        style: dict[str, Any] = {**look.line, "marker": look.marker, "ms": 4.5}
        frames[0].plot([part.stated for part in parts], [part.observed for part in parts], **style)
        frames[1].plot(numbers, [part.normalised for part in parts], **style)
        frames[2].plot(numbers, [100 * part.within_68 for part in parts], **style)
        frames[3].plot(numbers, [100 * part.within_95 for part in parts], **style)
    first, second = frames[:2]
    known = [value for d in results.deciles if d.number for value in (d.stated, d.observed) if value > 0]
    # Stated errors of places without texture may be without bound.
    highest = max([d.observed for d in results.deciles if d.number], default=1.0)
    span = (min(known, default=0.01) / 1.3, 3 * highest)
    first.plot(span, span, color=FAINT, lw=0.9, ls=(0, (4, 3)), zorder=0)
    first.set(xscale="log", yscale="log", xlim=span, ylim=span, xlabel="stated error, px", title="Observed error, px")
    for which in "xy":
        plain_ticks(first, which, marks=(1.0,) if span[1] / span[0] > 300 else (1.0, 3.0))
    second.axhline(1, color=FAINT, lw=0.9, ls=(0, (4, 3)), zorder=0)
    second.set(yscale="log", title="Observed error over stated error")
    plain_ticks(second, "y", marks=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0))
    for axes, (right, band, title) in zip(frames[2:], _TARGETS, strict=True):
        axes.axhspan(100 * band[0], 100 * band[1], color="#e8eef4", zorder=0)
        axes.axhline(100 * right, color=FAINT, lw=0.9, ls=(0, (4, 3)), zorder=1)
        axes.set(title=title, ylim=(None, 101))
    for axes in frames[1:]:
        axes.set(xlabel="tenth of the stated errors, smallest first")
        axes.set_xticks(range(1, 11))
    for axes in frames:
        axes.grid(color=GRID, lw=0.6)
    legend(figure, shown, (0.84, 0.895))
    below = "root mean squares over components, of what each tracker keeps on all pairs; dashed: as it should be"
    heading(figure, "How true stated errors are", below)
    return figure


def _draw_steps(results: Results, study: Study, looks: dict[str, Look]) -> Figure:
    """Profiles across a fault, of trackers and of peers; how wide and how well placed they are."""
    figure = new_figure(12.0, 4.8)
    steps = {step.tracker: step for step in results.steps}
    for left, peers, title in ((0.05, False, "Trackers: slip over step"), (0.325, True, "Peers: slip over step")):
        axes = figure.add_axes((left, 0.115, 0.245, 0.70))
        axes.plot([-SHOWN, 0, 0, SHOWN], [0, 0, 1, 1], color=FAINT, lw=0.9, ls=(0, (4, 3)), zorder=1)
        for name, step in steps.items():
            if looks[name].is_peer == peers:
                good = np.isfinite(step.profile)
                axes.plot(step.distance[good], step.profile[good], **{**looks[name].line, "ls": "-"})
        axes.tick_params(labelleft=not peers)
        axes.set(xlim=(-SHOWN, SHOWN), ylim=(-0.25, 1.25), title=title, xlabel="distance from the fault, px")
        axes.grid(color=GRID, lw=0.6)
    sizes = figure.add_axes((0.70, 0.115, 0.285, 0.70))
    ordered = sorted(steps.values(), key=lambda step: -step.width if np.isfinite(step.width) else -np.inf)
    for row, step in enumerate(ordered):
        look = looks[step.tracker]
        sizes.axhline(row, color=GRID, lw=0.6, zorder=0)
        look.mark(sizes, step.width, row, size=36)
        if np.isfinite(step.located):
            sizes.plot([step.located], [row], marker="|", ms=9, mew=1.6, color=look.colour)
    sizes.set_yticks(range(len(ordered)), [short(step.tracker) for step in ordered])
    for label, step in zip(sizes.get_yticklabels(), ordered, strict=True):
        label.set_color(looks[step.tracker].colour)
    sizes.set(
        xscale="log", ylim=(-0.7, len(ordered) - 0.3), xlabel="px; marker: rise from 10 to 90 %; bar: located within"
    )
    plain_ticks(sizes, "x")
    sizes.tick_params(axis="y", length=0)
    sizes.set_title("Rise and place")
    below = f"a step of {FIELD.amplitude:g} px; {', '.join(study.steps.textures)}; noise 20 dB; mean along the fault"
    heading(figure, "Response to a sharp fault", below)
    return figure


def _field_name(name: str) -> str:
    known = FIELDS[name]
    return f"{_SYMBOLS[known.family]} {known.amplitude:.2g} px"


def _size(study: Study) -> str:
    size = next(iter(study.groups.values())).size
    return f"{size} x {size}"
