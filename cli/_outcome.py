"""What is said of a run of the whole job: each stage, and the errors against a truth."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sensetrack.accuracy import EVERYWHERE, Accuracy, Truth, displacement_accuracy, velocity_accuracy
from sensetrack.displacement import read_header
from sensetrack.info import shares_of
from sensetrack.pipeline import Outcome
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.mask import AreaMask
from sensetrack.scene import ScenePaths
from sensetrack.velocity import Summary

from ._console import percent, say, say_rows, say_table

MOVING = {"glacier": "ice", "landslide": "slide"}
"""What the moving area of a scene is called."""


def say_outcome(outcome: Outcome) -> None:
    """Say what each stage did and how long it took."""
    seconds = outcome.seconds
    say()
    if outcome.shift is not None:
        _say_stage("coregister", f"{seconds['coregister']:.1f} s", outcome.shift.summary().splitlines())
    file = LayerFile.open(outcome.places.displacement)
    rows, cols = file.grid.shape
    tracker = read_header(file)[2].tracker
    speed = rows * cols / max(seconds["track"], 1e-9)
    line = f"{seconds['track']:.1f} s: {tracker}, {rows} x {cols} windows, {speed:,.0f} per second"
    _say_stage("track", line, [_shares(outcome.tracked, rows * cols)])
    if "filter" in seconds:
        _say_stage("filter", f"{seconds['filter']:.1f} s", [_shares(outcome.filtered, rows * cols)])
    if outcome.velocity is None:
        _say_stage("velocity", f"left out: it needs {outcome.missing}", [])
    else:
        lines = [f"{name}: {text}" for name, text in summary_rows(outcome.velocity)]
        _say_stage("velocity", f"{seconds['velocity']:.1f} s", lines)


def summary_rows(summary: Summary) -> list[tuple[str, str]]:
    """Return the time base of a velocity, what stable ground showed, and typical errors."""
    unit, stable = summary.units, summary.stable
    rows = [("time base", f"{summary.days:.6g} days")]
    if stable.method == "none":
        rows.append(("stable ground", "none given: no shift subtracted, errors are the tracker's own"))
    else:
        done = "subtracted" if summary.shift_subtracted else "not subtracted"
        source = {"mask": "under the mask", "slow": "the slowest quarter"}[stable.method]
        rows += [
            ("stable ground", f"{stable.count} points, {source}"),
            ("shift there", f"dx {stable.dx:+.3f}, dy {stable.dy:+.3f} px; {done}"),
            ("scatter there", f"{stable.sigma_dx:.3f}, {stable.sigma_dy:.3f} px (1 sigma)"),
        ]
    x, y = (_number(part.error) for part in (summary.x, summary.y))
    return [*rows, ("typical error", f"vx {x}, vy {y} {unit} (1 sigma)")]


def say_accuracy(outcome: Outcome, scene: ScenePaths, kind: str) -> None:
    """Print the errors of a run on a made-up scene against its truth."""
    truth = Truth.open(scene.truth)
    areas = {MOVING.get(kind, "moving"): scene.area, "rock": scene.stable}
    masks = {name: AreaMask.open(path) for name, path in areas.items() if path is not None}
    found = displacement_accuracy(outcome.result, truth, masks)
    if outcome.velocity is not None:
        found += velocity_accuracy(outcome.places.velocity, truth, masks)
    say()
    say_table(
        "Error against the truth: length of the difference, measured minus true",
        ("", "unit", "measured", "bias x", "bias y", "RMSE", "median", "p90", "p95", "in 68 %", "in 95 %"),
        [_row(item, max(other.rmse for other in found if other.unit == item.unit)) for item in found],
    )
    say("bias: median error along columns and rows (px), or east and north; p90, p95: percentiles of the length;")
    if scene.stable is None:
        say("There is no stable ground here, so a constant shift cannot be told from motion: it shows as bias.")
    say("in 68 %, in 95 %: share of errors within the interval of that confidence that the file itself states.")


def _row(item: Accuracy, largest: float) -> list[str]:
    name = "everywhere" if item.area == EVERYWHERE else f"on {item.area}"
    lengths = (item.bias_x, item.bias_y, item.rmse, item.median, item.p90, item.p95)
    digits = 3 if item.unit == "px" or largest < 1 else 2 if largest < 10 else 1
    return [
        name,
        item.unit,
        percent(item.share),
        *("-" if math.isnan(value) else f"{value:.{digits}f}" for value in lengths),
        percent(item.within_68),
        percent(item.within_95),
    ]


def _say_stage(name: str, first: str, lines: list[str]) -> None:
    say(f"{name:<12}{first}")
    say_rows([("", line) for line in lines], indent=10)


def _shares(counts: Mapping[str, int], total: int) -> str:
    shares = shares_of(counts, total)
    return ", ".join(f"{name} {percent(share)}" for name, share in shares.items())


def _number(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.3g}"
