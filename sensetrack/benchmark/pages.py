"""The Markdown pages of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sensetrack.benchmark.conditions import CONDITIONS, LIGHTS
from sensetrack.benchmark.filters import NONE, factor
from sensetrack.benchmark.measure import SLACK, Run
from sensetrack.benchmark.plan import Plan
from sensetrack.benchmark.real import PAIRS
from sensetrack.benchmark.setting import machine_line
from sensetrack.benchmark.table import FAIR_SHARE, error_table, markdown, percent, pixels, rate, sum_up
from sensetrack.benchmark.truths import FIELDS

_READING = (
    "An error is the length of the difference of the measured and the true vector, in pixels, at output pixels at "
    "least an eighth of the image from its border that the tracker calls measured (no flag). A share in brackets is "
    f"that of the pixels measured, where it is below {percent(FAIR_SHARE)} or a run failed; the best of the others is "
    "bold."
)


def trackers_page(runs: Sequence[Run], plan: Plan, skipped: Sequence[str] = ()) -> str:
    """Return the page of the benchmark of trackers.

    Parameters
    ----------
    runs : sequence of Run
        As `sensetrack.benchmark.trackers.run_trackers` returns them.
    plan : Plan
    skipped : sequence of str
        One line on each real pair that is not there.
    """
    made = [run for run in runs if run.kind == "made"]
    by_field = {name: _in_field(name) for name in plan.fields}
    pairs = len({(run.texture, run.field, run.condition) for run in made})
    parts = [
        "# Trackers on the same pairs",
        f"{pairs} pairs of {plan.size} x {plan.size} pixels, seed {plan.seed}. {machine_line()} {_READING}",
        "## Mean error, px, over textures and conditions",
        markdown(*error_table(made, by_field)),
        "## Share measured, stated errors, speed",
        markdown(*summary_table(made)),
        "Mean, median and 90th percentile of the error, px, averaged over all pairs; typical: the geometric mean of "
        "the mean errors, in which pairs of small and of large error count alike. In 68 % and in 95 %: how often a "
        "component of the truth lies within 1 and 1.96 of the standard deviations that the tracker states. Per "
        "second: output pixels over the wall clock of `track`, the median of all pairs. Spacing: input pixels from "
        "one estimate to the next.",
        "## Mean error, px, by condition",
    ]
    for name in plan.conditions:
        inside = [run for run in made if run.condition == name]
        if inside:
            parts += [f"### {name}: {CONDITIONS[name].words}", markdown(*error_table(inside, by_field))]
    parts += ["## Real pairs", *_real(runs, skipped), *failures(runs), "## How the pairs are made", _making(plan)]
    return "\n\n".join(parts) + "\n"


def filters_page(runs: Sequence[Run], plan: Plan) -> str:
    """Return the page of the benchmark of image filters.

    Parameters
    ----------
    runs : sequence of Run
        As `sensetrack.benchmark.filters.run_filters` returns them.
    plan : Plan
    """
    parts = [
        "# Image filters where the light changes",
        f"Pairs of {plan.size} x {plan.size} pixels, seed {plan.seed}, displaced by: "
        f"{'; '.join(FIELDS[name].words for name in plan.fields)}. {machine_line()} Median error in pixels of all "
        "output pixels at least an eighth of the image from its border, flagged or not, and, in brackets, the share of "
        "them that the tracker calls measured (no flag). The factor, also behind the ×, is by how much the filter "
        "reduces the median error: the geometric mean, over pairs, of the error without over the error with it.",
    ]
    for tracker in dict.fromkeys(run.tracker for run in runs):
        parts += [f"## {tracker}", markdown(*filter_table(runs, tracker, plan.conditions))]
    parts += [*failures(runs), "## How the pairs are made"]
    parts += ["\n".join(f"- {name}: {LIGHTS[name].words}" for name in plan.conditions)]
    parts += ["Ground, displacement and noise (20 dB) are those of the benchmark of trackers."]
    return "\n\n".join(parts) + "\n"


def summary_table(made: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the table of trackers: errors in pixels, share measured, stated errors, speed."""
    rows = []
    for name in dict.fromkeys(run.tracker for run in made):
        own = [run for run in made if run.tracker == name]
        cell = sum_up(own)
        spacing = next((str(run.spacing) for run in own if run.spacing), "–")
        errors = [pixels(value) for value in (cell.typical, cell.mean, cell.median, cell.p90)]
        shares = [percent(value) for value in (cell.share, cell.within_68, cell.within_95)]
        rows.append([f"`{name}`", *errors, *shares, rate(cell.speed), spacing])
    heads = ["tracker", "typical", "mean", "median", "p90", "measured", "in 68 %", "in 95 %", "per second", "spacing"]
    return heads, rows


def filter_table(runs: Sequence[Run], tracker: str, conditions: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows of the table of one tracker: a filter in each row, the most helpful first."""
    names = list(dict.fromkeys(run.filter for run in runs if run.filter != NONE))
    factors = {name: factor(runs, tracker, name) for name in names}
    ordered = sorted(names, key=lambda name: -factors[name] if factors[name] > 0 else 0.0)
    rows = []
    for name in (NONE, *ordered):
        own = [run for run in runs if (run.tracker, run.filter) == (tracker, name)]
        texts = []
        for condition in conditions:
            cell = sum_up(run for run in own if run.condition == condition)
            text = f"{pixels(cell.median_all)} ({percent(cell.share)})"
            gain = factor(runs, tracker, name, condition)
            texts.append(f"{text} ×{gain:.2g}" if name != NONE and gain > 0 else text)
        rows.append([f"`{name}`", *texts, "1" if name == NONE else _factor(factors[name])])
    return ["filter", *conditions, "factor"], rows


def _factor(value: float) -> str:
    return f"{value:.2f}" if value > 0 else "–"


def _in_field(name: str) -> Callable[[Run], bool]:
    return lambda run: run.field == name


def _real(runs: Sequence[Run], skipped: Sequence[str]) -> list[str]:
    """Return a table of every number of the real pairs, and what was skipped."""
    real = [run for run in runs if run.kind == "real"]
    names = list(dict.fromkeys(run.tracker for run in real))
    rows = []
    for pair in PAIRS:
        own = {run.tracker: run for run in real if run.field == pair.name}
        best = max(own.values(), key=lambda run: len(run.findings), default=None)
        if best is None:
            continue
        rows.append([pair.name, "measured", "", *(percent(own[name].share) for name in names)])
        for number, item in enumerate(best.findings):
            found = [own[name].findings[number].found if own[name].findings else float("nan") for name in names]
            texts = [f"{value:.3f}" if value == value else "–" for value in found]
            rows.append([pair.name, f"{item.name}, {item.unit}", f"{item.expected:g}", *texts])
    parts = [markdown(["pair", "what", "expected", *(f"`{name}`" for name in names)], rows)] if rows else []
    if rows:
        shown = {row[0] for row in rows}
        parts.append("\n".join(f"- {pair.name}: {pair.words}" for pair in PAIRS if pair.name in shown))
    return parts + list(skipped)


def failures(runs: Sequence[Run]) -> list[str]:
    """Return the part of a page on what failed and why, each reason once; nothing when nothing failed."""
    counts: dict[tuple[str, str, str], int] = {}
    for run in runs:
        if run.reason:
            key = run.tracker, run.filter, run.reason
            counts[key] = counts.get(key, 0) + 1
    if not counts:
        return []
    lines = [
        f"- `{tracker}`{f' behind `{chain}`' if chain else ''}, {count} pairs: {reason}"
        for (tracker, chain, reason), count in counts.items()
    ]
    return ["## What failed", "\n".join(lines)]


def _making(plan: Plan) -> str:
    return "\n".join(
        [
            "The secondary shows the ground T(x), the reference T(x + u(x)): displaced by quintic spline from samples "
            "twice as fine, behind a Gaussian point spread of 0.6 px, so that the truth is exact at every pixel of the "
            "reference; then each image gets noise of its own.",
            "",
            *(f"- {name}: {FIELDS[name].words}" for name in plan.fields),
            f"- textures: {', '.join(plan.textures)}, each with the conditions that suit it",
            "",
            "Trackers run with their defaults, or as they are named. A parameter called `search` that is left at its "
            f"default becomes the largest component of the displacement, rounded up, plus {SLACK} px; nothing else is "
            "tuned. The first run of each tracker is made twice and timed once.",
        ]
    )
