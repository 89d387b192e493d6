"""Learned trackers beside classical ones on the test split of FaultDeform, by range of displacement."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensetrack.benchmark.measure import Contender
from sensetrack.benchmark.setting import machine_line
from sensetrack.benchmark.table import markdown, percent, pixels, rate
from sensetrack.errors import SensetrackError
from sensetrack.nets.faultdeform.stream import RANGES, Sample, Stream, StreamSettings
from sensetrack.types import DoubleArray, Progress

TRACKERS = (
    "deep-lk",
    "deep-lk:mode=alone",
    "geoflownet",
    "geoflownet:polish=false",
    "geoflownet:variant=B",
    "geoflownet:variant=B,polish=false",
    "raft",
    "raft:finish=0",
    "horn-schunck",
    "adaptive-lk",
    "adaptive-lk:preset=full",
    "pcc:step=8",
    "ncc:step=8",
    "dis",
    "farneback",
)
"""Beside each other by default."""

BASE = "adaptive-lk"
"""On whose pixels all are compared, too: a tracker that measures only what is easy has small errors."""


@dataclass(frozen=True)
class DeepRun:
    """One tracker on one sample.

    Attributes
    ----------
    tracker : str
    sample, interval, scene, fault : int
        Of the test split; the range is one of `RANGES`.
    mean, median : float
        End-point error in pixels of what was measured; NaN without anything.
    share : float
        Of the pixels whose content lies in both images, measured.
    within_68 : float
        Share of component errors within one stated standard deviation.
    speed : float
        Estimates per second.
    shared, base : float
        Mean end-point error on the pixels that both this one and `BASE` have measured, of this one and of `BASE`; NaN
        where `BASE` does not take part.
    reason : str
        Why there is no result.
    """

    tracker: str
    sample: int
    interval: int
    scene: int
    fault: int
    mean: float = math.nan
    median: float = math.nan
    share: float = 0.0
    within_68: float = math.nan
    speed: float = math.nan
    shared: float = math.nan
    base: float = math.nan
    reason: str = ""


def run_deep(
    found: Sequence[Contender], settings: StreamSettings, count: int, progress: Progress | None = None
) -> list[DeepRun]:
    """Run trackers on the first samples of the test split.

    Parameters
    ----------
    found : sequence of Contender
        Those that search look as far as the longest vector of the sample.
    settings : StreamSettings
    count : int
        Samples of each range.
    progress : callable, optional
    """
    stream, total = Stream(settings, "test"), count * len(RANGES) * len(found)
    runs: list[DeepRun] = []
    for number in range(count * len(RANGES)):
        sample = stream(number)
        beside = np.full(sample.dx.shape, np.nan)
        for contender in sorted(found, key=lambda one: one.name != BASE):
            runs.append(_run(contender, sample, beside))
            if progress is not None:
                progress(len(runs), total)
    order = {contender.name: number for number, contender in enumerate(found)}
    return sorted(runs, key=lambda run: (run.sample, order[run.tracker]))


def _run(contender: Contender, sample: Sample, beside: DoubleArray) -> DeepRun:
    """Run one tracker; ``beside`` holds the error of `BASE` at every pixel, and is filled by it."""
    where = (contender.name, sample.number, sample.interval, sample.scene, sample.fault)
    reach = max(float(np.abs(part).max()) for part in (sample.dx, sample.dy))
    try:
        tracker = contender.prepared(reach)
        field, seconds = contender.timed(lambda: tracker.track(sample.reference, sample.secondary))
    except SensetrackError as error:
        return DeepRun(*where, reason=str(error).partition("\n")[0])
    # Where the window centres lie between pixels, the truth is bilinear between them.
    step = tracker.spacing
    place = [np.arange(size) * step + 0.5 * (step - 1) + tracker.centre_offset for size in field.shape]
    true_x, true_y, inside = (
        _at(part, place[0], place[1]) for part in (sample.dx, sample.dy, sample.inside.astype(np.float32))
    )
    known = inside > 0.999
    measured = known & field.measured
    if not measured.any():
        return DeepRun(*where, speed=field.dx.size / seconds)
    errors = np.stack([field.dx - true_x, field.dy - true_y])[:, measured]
    stated = np.stack([field.sigma_dx, field.sigma_dy])[:, measured]
    length = np.hypot(*errors)
    if contender.name == BASE:
        beside[measured] = length
    row, col = (np.rint(line).astype(int) for line in place)
    base = beside[row[:, None], col[None]][measured]
    both = np.isfinite(base)
    return DeepRun(
        *where,
        mean=float(length.mean()),
        median=float(np.median(length)),
        share=float(measured.sum() / known.sum()),
        within_68=float((np.abs(errors) <= stated).mean()),
        speed=field.dx.size / seconds,
        shared=float(length[both].mean()) if both.any() else math.nan,
        base=float(base[both].mean()) if both.any() else math.nan,
    )


def _at(image: np.ndarray, row: np.ndarray, col: np.ndarray) -> np.ndarray:
    """Return an image at rows and columns that may lie between its own, bilinear."""
    across = np.stack([np.interp(col, np.arange(image.shape[1]), line) for line in image])
    return np.stack([np.interp(row, np.arange(image.shape[0]), line) for line in across.T]).T


def deep_table(runs: Sequence[DeepRun]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows: mean and median end-point error per range, share measured, stated errors, speed."""
    names = [f"{low:g}-{high:g} px" for low, high in RANGES]
    heads = ["tracker", *names, "measured", "within 1 sigma", "per second"]
    rows = []
    for tracker in dict.fromkeys(run.tracker for run in runs):
        own = [run for run in runs if run.tracker == tracker]
        cells = [_cell([run for run in own if run.interval == number]) for number in range(len(RANGES))]
        share = statistics.fmean(run.share for run in own)
        rows.append(
            [f"`{tracker}`", *cells, percent(share), percent(_mean(own, "within_68")), rate(_mean(own, "speed"))]
        )
    return heads, rows


def shared_table(runs: Sequence[DeepRun]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows: the mean end-point error on shared pixels, as a multiple of that of `BASE`, per range."""
    heads = ["tracker", *(f"{low:g}-{high:g} px" for low, high in RANGES)]
    rows = []
    for tracker in dict.fromkeys(run.tracker for run in runs if math.isfinite(run.base)):
        own = [run for run in runs if run.tracker == tracker and math.isfinite(run.base)]
        parts = [[run for run in own if run.interval == number] for number in range(len(RANGES))]
        ratios = [
            sum(run.shared for run in part) / sum(run.base for run in part) if part else math.nan for part in parts
        ]
        rows.append([f"`{tracker}`", *(f"{ratio:.2f}" if math.isfinite(ratio) else "–" for ratio in ratios)])
    return heads, rows


def _cell(runs: Sequence[DeepRun]) -> str:
    return f"{pixels(_mean(runs, 'mean'))} / {pixels(_mean(runs, 'median'))}"


def _mean(runs: Sequence[DeepRun], name: str) -> float:
    known = [value for value in (getattr(run, name) for run in runs) if math.isfinite(value)]
    return statistics.fmean(known) if known else math.nan


def deep_page(runs: Sequence[DeepRun], settings: StreamSettings) -> str:
    """Return the page of a comparison as Markdown."""
    heads, rows = deep_table(runs)
    count = len({run.sample for run in runs}) // len(RANGES)
    reasons = dict.fromkeys(f"- `{run.tracker}`: {run.reason}" for run in runs if run.reason)
    lines = [
        "# Learned trackers on the test split of FaultDeform",
        "",
        "Mean / median end-point error in pixels of what each tracker measured, by the longest vector of a sample; "
        f"{count} samples of {settings.size} x {settings.size} pixels per range, seed {settings.seed}. "
        f"{machine_line()}",
        "",
        markdown(heads, rows),
        "",
        *_shared_lines(runs),
        *reasons,
    ]
    return "\n".join(lines).rstrip() + "\n"


def _shared_lines(runs: Sequence[DeepRun]) -> list[str]:
    """Return the second table, where there is one."""
    heads, rows = shared_table(runs)
    if not rows:
        return []
    return [
        f"Mean end-point error on the pixels that `{BASE}` has measured too, as a multiple of its own there:",
        "",
        markdown(heads, rows),
        "",
    ]
