"""The results of the benchmark of speed: Markdown page, rows of its table, pictures."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sensetrack.benchmark.looks import GRID, Look, heading, legend, looks_of, plain_ticks, short
from sensetrack.benchmark.setting import setting, setting_line
from sensetrack.benchmark.speed import CONDITION, FIELD, TEXTURE, YARDSTICKS, Speed, Timing
from sensetrack.benchmark.table import geometric_mean, markdown, pixels, rate
from sensetrack.report.canvas import FAINT, drawing, new_figure, save
from sensetrack.types import PathLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 150.0


def speed_page(speeds: Sequence[Speed], size: int, rounds: int) -> str:
    """Return the page.

    Parameters
    ----------
    speeds : sequence of Speed
    size, rounds : int
        As they were measured.
    """
    counts = sorted({item.threads for speed in speeds for item in speed.timings if item.device == "cpu"})
    parts = [
        "# Speed beside other packages",
        f"One pair of {size} x {size} pixels ({TEXTURE}, {FIELD.words}, {CONDITION.words}), in memory. "
        f"{setting_line()} Estimates per second: displacements with a value over wall clock, the median of {rounds} "
        "rounds, each of which runs all of them one after the other; the first, in which code is compiled, is left "
        "out. Of trackers everything is timed that `track` does, errors, flags and quality included; of peers their "
        f"own function only, on images that are ready. Threads: {' and '.join(map(str, counts)) or 'none'}.",
        markdown(*speed_table(speeds)),
        "Scaling: all threads over one. The ratios are those of the rates with all threads, round by round; above 1 is "
        "faster.",
    ]
    others = [(speed, item) for speed in speeds for item in speed.timings if item.device != "cpu"]
    if others:
        rows = [
            [f"`{speed.tracker}`", item.device, rate(item.rate), _times(item.rate / speed.every)]
            for speed, item in others
        ]
        parts += ["## On an accelerator", markdown(["tracker", "device", "per second", "over all threads"], rows)]
    if any(speed.start for speed in speeds):
        parts += [
            "## Start and memory",
            "First result: seconds from the start of a process to the displacements of a small pair, in the first "
            "process ever, which compiles, and in the next. Memory: by how many bytes per pixel of the pair a process "
            "grows at most while it tracks it, the images themselves left out.",
            markdown(*start_table(speeds)),
        ]
    failed = [f"- `{speed.tracker}`: {speed.reason}" for speed in speeds if speed.reason]
    if failed:
        parts += ["## What failed", "\n".join(failed)]
    return "\n\n".join(parts) + "\n"


def speed_table(speeds: Sequence[Speed]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the table of rates."""
    marks = {name: _all_threads(next((s for s in speeds if s.tracker == name), None)) for name in YARDSTICKS}
    rows = []
    for speed in speeds:
        timing = _all_threads(speed)
        ratios = [_times(timing.ratio(marks[name])) if timing else "–" for name in YARDSTICKS]
        scaling = _times(timing.ratio(speed.timings[0])) if timing and timing.threads > 1 else "–"
        rows.append([f"`{speed.tracker}`", rate(speed.one), rate(speed.every), scaling, *ratios])
    return ["tracker", "one thread", "all threads", "scaling", *(f"over {name}" for name in YARDSTICKS)], rows


def start_table(speeds: Sequence[Speed]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the table of starts and memory."""
    rows = []
    for speed in speeds:
        if speed.start is not None:
            memory = "–" if math.isnan(speed.start.memory) else f"{speed.start.memory:.0f}"
            rows.append([f"`{speed.tracker}`", f"{speed.start.first:.1f}", f"{speed.start.second:.1f}", memory])
    return ["tracker", "first process, s", "next process, s", "bytes per pixel"], rows


def speed_rows(speeds: Sequence[Speed], size: int, rounds: int) -> list[Mapping[str, object]]:
    """Return a row for every contender and setting, those that failed included."""
    extra = setting()
    rows: list[Mapping[str, object]] = []
    for speed in speeds:
        start = speed.start
        for item in speed.timings or [Timing("cpu", 0)]:
            yardsticks = {name: next((s for s in speeds if s.tracker == name), None) for name in YARDSTICKS}
            ratios = {
                f"over_{name}": item.ratio(other.timing(item.device, item.threads) if other else None)
                for name, other in yardsticks.items()
            }
            rows.append(
                {
                    "tracker": speed.tracker,
                    "device": item.device,
                    "threads": item.threads,
                    "rows": size,
                    "cols": size,
                    "rounds": rounds,
                    "estimates": item.estimates,
                    "seconds": float(np.median(item.seconds)) if item.seconds else math.nan,
                    "estimates_per_second": item.rate,
                    **ratios,
                    "first_process_seconds": start.first if start else math.nan,
                    "next_process_seconds": start.second if start else math.nan,
                    "bytes_per_pixel": start.memory if start else math.nan,
                    "parameters": speed.parameters,
                    **extra,
                    "reason": speed.reason,
                }
            )
    return rows


def draw_speed(speeds: Sequence[Speed], output: PathLike, size: int, *, overwrite: bool = False) -> Path:
    """Draw rates with one thread and with all, memory, and the time to a first result.

    Raises
    ------
    OutputError
        The file exists already or cannot be written.
    """
    looks = looks_of([speed.tracker for speed in speeds])
    ordered = sorted(speeds, key=lambda speed: speed.every if math.isfinite(speed.every) else -1.0)
    with drawing():
        figure = new_figure(12.0, 1.6 + 0.27 * len(ordered))
        tall = figure.get_figheight()
        bottom, height = 0.5 / tall, 1 - 1.45 / tall
        rates = figure.add_axes((0.15, bottom, 0.41, height))
        starts = figure.add_axes((0.60, bottom, 0.18, height))
        memory = figure.add_axes((0.81, bottom, 0.17, height))
        for row, speed in enumerate(ordered):
            look, start = looks[speed.tracker], speed.start
            _bar(rates, row, look, speed.one, speed.every)
            if start is not None:
                _bar(starts, row, look, start.first, start.second)
                look.mark(memory, start.memory, row, size=36)
        memory.margins(x=0.12)
        for axes in (rates, starts, memory):
            axes.set(xscale="linear" if axes is memory else "log", ylim=(-0.7, len(ordered) - 0.3))
            axes.set_yticks(range(len(ordered)), [""] * len(ordered))
            axes.tick_params(axis="y", length=0)
            axes.grid(color=GRID, lw=0.6)
        rates.set_yticks(range(len(ordered)), [short(speed.tracker) for speed in ordered])
        for label, speed in zip(rates.get_yticklabels(), ordered, strict=True):
            label.set_color(looks[speed.tracker].colour)
        rates.set_title("Estimates per second")
        rates.set_xlabel("bar: one thread; marker: all threads")
        starts.set_title("First result, s")
        starts.set_xlabel("bar: first process; marker: next")
        memory.set_title("Memory, bytes per pixel")
        plain_ticks(rates, "x", lambda value: rate(value).replace(".0 k", " k").replace(".00 M", " M"), (1.0,))
        plain_ticks(starts, "x")
        memory.set_xlim(left=0)
        heading(figure, "Speed beside other packages", f"one pair of {size} x {size} pixels")
        return save(figure, output, DPI, overwrite=overwrite)


def typical_errors(path: PathLike) -> dict[str, float]:
    """Return the typical error of every tracker in an ``accuracy.csv``: the geometric mean of its mean errors.

    Raises
    ------
    KeyError, ValueError
        It is another file.
    """
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = dict.fromkeys(row["tracker"] for row in rows)
    return {
        name: geometric_mean(float(row["mean_all"] or "nan") for row in rows if row["tracker"] == name)
        for name in names
    }


def draw_error_and_speed(
    speeds: Sequence[Speed], errors: Mapping[str, float], output: PathLike, *, overwrite: bool = False
) -> Path:
    """Draw typical error against rate, of those whose error is known.

    Raises
    ------
    OutputError
        The file exists already or cannot be written.
    """
    looks = looks_of([speed.tracker for speed in speeds])
    known = [speed for speed in speeds if math.isfinite(errors.get(speed.tracker, math.nan))]
    with drawing():
        figure = new_figure(8.6, 5.2)
        axes = figure.add_axes((0.085, 0.10, 0.63, 0.735))
        for speed in known:
            error, look = errors[speed.tracker], looks[speed.tracker]
            axes.plot([speed.one, speed.every], [error, error], color=look.colour, lw=1.2, alpha=0.6, zorder=2)
            look.mark(axes, speed.every, error, size=52)
        axes.set(xscale="log", yscale="log", xlabel="estimates per second; line: from one thread to all")
        axes.set_title("Typical error, px")
        axes.margins(0.08)
        axes.grid(color=GRID, lw=0.6)
        plain_ticks(axes, "y", pixels)
        plain_ticks(axes, "x", lambda value: rate(value).replace(".0 k", " k").replace(".00 M", " M"), (1.0,))
        axes.annotate(
            "faster, more accurate", (1, 0), (-8, 8), "axes fraction", "offset points", ha="right", color=FAINT
        )
        legend(figure, {speed.tracker: looks[speed.tracker] for speed in known}, (0.74, 0.835))
        heading(figure, "Error against speed", "typical error: the geometric mean over all pairs, all pixels of each")
        return save(figure, output, DPI, overwrite=overwrite)


def _bar(axes: Axes, row: int, look: Look, first: float, second: float) -> None:
    axes.plot([first, second], [row, row], color=look.colour, lw=1.4, alpha=0.6, zorder=2)
    if math.isfinite(first):
        axes.plot([first], [row], marker="|", ms=9, mew=1.8, color=look.colour, zorder=3)
    look.mark(axes, second, row, size=36)


def _all_threads(speed: Speed | None) -> Timing | None:
    known = [item for item in speed.timings if item.device == "cpu"] if speed is not None else []
    return known[-1] if known else None


def _times(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "–"
