"""The benchmark of trackers: each on the same pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sensetrack.benchmark.conditions import Condition
from sensetrack.benchmark.measure import Contender, Run, measure
from sensetrack.benchmark.pairs import PairMaker
from sensetrack.benchmark.plan import Plan
from sensetrack.benchmark.real import available, measure_real
from sensetrack.benchmark.truths import KnownField
from sensetrack.types import Progress

PLAN = Plan()
"""Every pair."""

QUICK = Plan(
    size=256,
    fields=("shift", "bumps-3", "fault-3.2"),
    conditions=("noise-20db", "speckle", "light"),
    textures=("terrain", "radar"),
    real=("dice-shift-5",),
)
"""A small plan, for a minute or so."""


def run_trackers(
    trackers: Sequence[Contender], plan: Plan, data: Path | None = None, progress: Progress | None = None
) -> tuple[list[Run], list[str]]:
    """Run every tracker on every pair; each pair is made once.

    Parameters
    ----------
    trackers : sequence of Contender
    plan : Plan
    data : Path, optional
        Folder of the real pairs.
    progress : callable, optional

    Returns
    -------
    runs : list of Run
        One for each tracker and pair, those that failed included.
    skipped : list of str
        One line on each real pair that is not there.
    """
    made = plan.pairs()
    real, skipped = available(data, plan.real)
    total = (len(made) + len(real)) * len(trackers)
    runs = []
    for run in _runs(trackers, plan, made):
        runs.append(run)
        if progress is not None:
            progress(len(runs), total)
    for pair in real:
        for contender in trackers:
            assert data is not None
            runs.append(measure_real(contender, pair, data))
            if progress is not None:
                progress(len(runs), total)
    return runs, skipped


def _runs(
    trackers: Sequence[Contender], plan: Plan, made: Sequence[tuple[str, KnownField, Condition]]
) -> Iterator[Run]:
    maker = PairMaker(plan.size, plan.seed)
    for texture, field, condition in made:
        pair = maker.make(texture, field, condition)
        for contender in trackers:
            yield measure(contender, pair)
