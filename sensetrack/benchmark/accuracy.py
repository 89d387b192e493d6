"""The benchmark of accuracy: trackers and peers on known pairs, and three studies of how their errors behave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sensetrack.benchmark.measure import Contender, Run, judge
from sensetrack.benchmark.pairs import PairMaker
from sensetrack.benchmark.peak_locking import Phase, Phases, run_phases
from sensetrack.benchmark.plan import Plan
from sensetrack.benchmark.reliability import Decile, Samples
from sensetrack.benchmark.step_response import Step, Steps, run_steps
from sensetrack.benchmark.textures import HELD_OUT, TEXTURES
from sensetrack.benchmark.truths import FIELDS
from sensetrack.errors import ParameterError
from sensetrack.types import Progress

IN_ALL_PRESETS = ("adaptive-lk",)
"""Trackers that take part with each of their presets by default."""

APART = 1000
"""By how much the seed of the textures that are held out differs from the seed of the others."""

GROUPS = {
    "made": "Textures that trackers are tuned on",
    "held-out": "Textures and seeds on which nothing is tuned",
    "own": "Images of your own",
}
"""Kinds of runs, each reported apart."""

_OUT_OF_SEED = ("radar", "terrain")
"""Textures that are made up, so that another seed makes them new."""

PLAN = Plan(
    fields=tuple(name for name, known in FIELDS.items() if known.family != "step"),
    conditions=("noise-20db", "noise-10db", "speckle"),
    textures=(*TEXTURES, *HELD_OUT),
)
"""The pairs of all groups together."""

QUICK = replace(
    PLAN,
    size=256,
    fields=("shift", "bumps-3", "fault-3.2"),
    conditions=("noise-20db",),
    textures=("gravel", "radar", "brick", "dunes"),
)
"""A small plan, for two minutes or so."""


@dataclass(frozen=True)
class Study:
    """What the benchmark consists of.

    Attributes
    ----------
    groups : dict of str to Plan
        Pairs by the kind of their runs, as in `GROUPS`.
    phases : Phases
    steps : Steps
    seed : int
    """

    groups: dict[str, Plan]
    phases: Phases
    steps: Steps
    seed: int

    def count(self, trackers: int) -> int:
        """Return the number of runs."""
        pairs = sum(len(plan.pairs()) for plan in self.groups.values())
        return pairs * trackers + self.phases.count(trackers) + self.steps.count(trackers)


@dataclass
class Results:
    """What came out.

    Attributes
    ----------
    runs : list of Run
    deciles : list of Decile
        Of every tracker that states errors, over all runs.
    phases : list of Phase
    steps : list of Step
    """

    runs: list[Run] = field(default_factory=list)
    deciles: list[Decile] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def study_of(
    plan: Plan, *, quick: bool = False, images: Sequence[str] = (), chosen: bool = False, others: bool = True
) -> Study:
    """Part the textures of a plan into groups, and add the studies.

    Parameters
    ----------
    plan : Plan
    quick : bool
        Whether few shifts are tried, on smaller images.
    images : sequence of str
        Image files, the group of the user's own.
    chosen : bool
        Whether the user chose the textures: then none is added to those held out.
    others : bool
        Whether there is other ground than these images.

    Raises
    ------
    ParameterError
        No condition suits any of the textures.
    """
    apart = tuple(name for name in plan.textures if name in HELD_OUT)
    if not chosen:
        apart += tuple(name for name in _OUT_OF_SEED if name in plan.textures)
    parts = {
        "made": replace(plan, textures=tuple(name for name in plan.textures if name in TEXTURES and others)),
        "held-out": replace(plan, textures=apart if others else (), seed=plan.seed + APART),
        "own": replace(plan, textures=tuple(dict.fromkeys(images))),
    }
    groups: dict[str, Plan] = {}
    refused = ParameterError("textures: choose at least one")
    for kind, part in parts.items():
        try:
            if part.textures and part.pairs():
                groups[kind] = part
        except ParameterError as error:
            refused = error
    if not groups:
        raise refused
    phases = Phases(size=min(Phases.size, plan.size))
    steps = Steps(size=plan.size)
    if quick:
        phases = replace(phases, shifts=(0.0, 0.25, 0.5, 0.75, 1.0), textures=("radar",), size=min(192, plan.size))
        steps = replace(steps, textures=("radar",))
    return Study(groups, phases, steps, plan.seed)


def run_accuracy(trackers: Sequence[Contender], study: Study, progress: Progress | None = None) -> Results:
    """Run everything; each pair is made once.

    Parameters
    ----------
    trackers : sequence of Contender
    study : Study
    progress : callable, optional

    Raises
    ------
    InputError
        An image of the user's cannot be used.
    """
    results, total, done = Results(), study.count(len(trackers)), 0
    samples = {contender.name: Samples(contender.name) for contender in trackers}

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total)

    for kind, plan in study.groups.items():
        maker = PairMaker(plan.size, plan.seed)
        for texture, known, condition in plan.pairs():
            pair = maker.make(texture, known, condition)
            for contender in trackers:
                run, judged = judge(contender, pair)
                name = Path(texture).stem if kind == "own" else texture
                results.runs.append(replace(run, kind=kind, texture=name))
                if judged is not None:
                    samples[contender.name].add(judged)
                step()
    for phase in run_phases(trackers, study.phases, study.seed):
        if phase is not None:
            results.phases.append(phase)
        step()
    for response in run_steps(trackers, study.steps, study.seed):
        if response is not None:
            results.steps.append(response)
        step()
    results.deciles = [decile for name in samples for decile in samples[name].deciles()]
    return results
