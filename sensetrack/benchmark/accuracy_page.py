"""The Markdown page of the benchmark of accuracy, and its results as rows of tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from sensetrack.benchmark.accuracy import APART, GROUPS, Results, Study
from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.measure import SLACK, Run
from sensetrack.benchmark.pages import failures
from sensetrack.benchmark.peak_locking import locking
from sensetrack.benchmark.reliability import Decile
from sensetrack.benchmark.setting import setting_line
from sensetrack.benchmark.step_response import STRETCH
from sensetrack.benchmark.table import FAIR_SHARE, error_table, markdown, percent, pixels, sum_up
from sensetrack.benchmark.truths import FIELDS

_READING = (
    "An error is the length of the difference of the found and the true vector, in pixels. Unless said otherwise, all "
    "output pixels at least an eighth of the image from its border count, whether the tracker flags them or not; those "
    "without a value cannot. A share in brackets is that of the pixels with a value, where it is below "
    f"{percent(FAIR_SHARE)}, or a run failed; the best of the others is bold."
)


def accuracy_page(results: Results, study: Study) -> str:
    """Return the page.

    Parameters
    ----------
    results : Results
    study : Study
    """
    kinds = [kind for kind in GROUPS if kind in study.groups]
    pairs = len({(run.kind, run.texture, run.field, run.condition) for run in results.runs})
    size = next(iter(study.groups.values())).size
    parts = [
        "# Accuracy beside other packages",
        f"{pairs} pairs of {size} x {size} pixels, seed {study.seed}. {setting_line()} {_READING}",
    ]
    for kind in kinds:
        parts += [f"## {GROUPS[kind]}", *_group(results, study, kind)]
    parts += ["## Error by texture", "Geometric mean, px, of the mean errors of all fields and conditions."]
    parts += [markdown(*texture_table(results.runs, kinds))]
    parts += [*_reliability(results), *_locking(results, study), *_steps(results, study)]
    parts += [*failures(results.runs), "## How the pairs are made", _making(study)]
    return "\n\n".join(parts) + "\n"


def field_table(runs: Sequence[Run], fields: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the table of mean errors of all pixels by field, and over all fields."""
    columns: dict[str, Callable[[Run], bool]] = {name: _in_field(name) for name in fields}
    return error_table(runs, columns | {"mean": lambda _: True}, "mean_all")


def texture_table(runs: Sequence[Run], kinds: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the table of typical errors of all pixels by texture."""
    known = [(kind, name) for kind in kinds for name in dict.fromkeys(run.texture for run in runs if run.kind == kind)]
    columns = {texture_name(kind, name): _in_texture(kind, name) for kind, name in known}
    return error_table(runs, columns, "typical_all")


def texture_name(kind: str, name: str) -> str:
    """Return what a texture of a group is called."""
    return f"{name}*" if kind == "held-out" else name


def kept_table(runs: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the table of what trackers keep, and how often stated errors hold there."""
    rows = []
    for name in dict.fromkeys(run.tracker for run in runs):
        cell = sum_up(run for run in runs if run.tracker == name)
        shares = [percent(value) for value in (cell.valued, cell.share)]
        errors = [pixels(value) for value in (cell.mean_all, cell.mean, cell.median, cell.p90, cell.typical)]
        rows.append([f"`{name}`", *shares, *errors, percent(cell.within_68), percent(cell.within_95)])
    heads = ["tracker", "with a value", "kept", "error of all", "of kept", "median", "p90", "typical"]
    return [*heads, "in 68 %", "in 95 %"], rows


def _group(results: Results, study: Study, kind: str) -> list[str]:
    plan = study.groups[kind]
    runs = [run for run in results.runs if run.kind == kind]
    textures = ", ".join(dict.fromkeys(run.texture for run in runs))
    return [
        f"Textures: {textures}; seed {plan.seed}. Mean error of all pixels, px, over textures and conditions:",
        markdown(*field_table(runs, plan.fields)),
        "What trackers keep (no flag), the errors of that, px (typical: the geometric mean over pairs), and how often "
        "a component of the truth lies within 1 and 1.96 of the standard deviations that they state:",
        markdown(*kept_table(runs)),
    ]


def _reliability(results: Results) -> list[str]:
    if not results.deciles:
        return []
    rows = []
    for name in dict.fromkeys(decile.tracker for decile in results.deciles):
        every, *parts = (decile for decile in results.deciles if decile.tracker == name)
        cells = [f"{every.normalised:.2f}", _spread(parts, "normalised", "{:.2f}")]
        for share in ("within_68", "within_95"):
            cells += [f"{100 * getattr(every, share):.0f} %", _spread(parts, share, "{:.0f} %", 100)]
        rows.append([f"`{name}`", *cells])
    heads = ["tracker", "normalised", "by decile", "in 68 %", "by decile", "in 95 %", "by decile"]
    return [
        "## How true stated errors are",
        "Normalised: root mean square of the errors of components over their stated standard deviations, over what "
        "trackers keep on all pairs; 1 when these are right. By decile: the least and the largest of ten parts, from "
        "the smallest stated deviation to the largest.",
        markdown(heads, rows),
    ]


def _spread(parts: Sequence[Decile], name: str, form: str, factor: float = 1.0) -> str:
    values = [factor * getattr(part, name) for part in parts]
    return f"{form.format(min(values))} – {form.format(max(values))}"


def _locking(results: Results, study: Study) -> list[str]:
    rows = []
    for name in dict.fromkeys(run.tracker for run in results.runs):
        own = [phase.rmse**2 for phase in results.phases if phase.tracker == name]
        numbers = [*locking(results.phases, name), math.sqrt(np.mean(own)) if own else math.nan]
        rows.append([f"`{name}`", *(f"{value:.4f}" if math.isfinite(value) else "–" for value in numbers)])
    plan = study.phases
    return [
        "## Error against sub-pixel phase",
        f"Constant shifts of {plan.shifts[0]:g} to {plan.shifts[-1]:g} px in {len(plan.shifts)} steps, along rows and "
        f"columns alike; {', '.join(plan.textures)}, {plan.size} x {plan.size} pixels, noise 20 dB. Bias: mean error "
        "of a component, px, the largest and the root mean square over all shifts.",
        markdown(["tracker", "largest bias", "bias", "RMSE"], rows),
    ]


def _steps(results: Results, study: Study) -> list[str]:
    found = {step.tracker: (step.located, step.width) for step in results.steps}
    rows = [
        [f"`{name}`", *map(_number, found.get(name, (math.nan, math.nan)))]
        for name in dict.fromkeys(run.tracker for run in results.runs)
    ]
    plan = study.steps
    return [
        "## A sharp fault",
        f"A step of {FIELDS['step-3.2'].amplitude:g} px; {', '.join(plan.textures)}, {plan.size} x {plan.size} pixels, "
        "noise 20 dB. Located: root mean square distance, px, of the fault from where stretches of "
        f"{STRETCH} px of it are found. Rise: pixels in which the mean profile across it rises from 10 % to 90 %.",
        markdown(["tracker", "located within", "rise"], rows),
    ]


def _number(value: float) -> str:
    return f"{value:.1f}" if math.isfinite(value) else "–"


def _making(study: Study) -> str:
    plan = next(iter(study.groups.values()))
    return "\n".join(
        [
            "As those of the [comparison of all trackers](benchmark.md).",
            "",
            *(f"- {name}: {FIELDS[name].words}" for name in plan.fields),
            *(f"- {name}: {CONDITIONS[name].words}; with the textures that it suits" for name in plan.conditions),
            f"- textures with a star: made from a seed that is {APART} higher, or pictures on which nothing is tuned",
            "",
            "Trackers run with their defaults, or as they are named; a parameter called `search` that is left at its "
            f"default becomes the largest component of the displacement, rounded up, plus {SLACK} px. Peers are called "
            "as their documentation shows, on images stretched to 0..1 or 0..255 where they want that.",
        ]
    )


def _in_field(name: str) -> Callable[[Run], bool]:
    return lambda run: run.field == name


def _in_texture(kind: str, name: str) -> Callable[[Run], bool]:
    return lambda run: (run.kind, run.texture) == (kind, name)
