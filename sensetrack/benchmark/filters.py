"""The benchmark of image filters: trackers on pairs whose light changes, with and without each filter."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sensetrack.benchmark.conditions import LIGHTS
from sensetrack.benchmark.measure import Contender, Run, measure, reason_of
from sensetrack.benchmark.pairs import KnownPair, PairMaker
from sensetrack.benchmark.plan import Plan
from sensetrack.benchmark.table import geometric_mean
from sensetrack.errors import SensetrackError
from sensetrack.preprocess import ImageFilter, preprocess_pair, registry
from sensetrack.raster.image import Image
from sensetrack.specs import image_filter_of
from sensetrack.types import Progress

NONE = "none"
"""Name of the runs without a filter."""

TRACKERS = ("pcc", "ncc")
"""Trackers that take part by default, where they are registered."""

PLAN = Plan(fields=("shift", "bumps-3"), conditions=tuple(LIGHTS), textures=("terrain", "gravel"), real=())
"""Default pairs."""

QUICK = replace(PLAN, size=256, fields=("bumps-3",), conditions=("suns-75", "patches"), textures=("terrain",))
"""A small plan, for a minute or so."""


@dataclass(frozen=True)
class Chain:
    """Image filters that both images pass through, or the reason why there are none.

    Attributes
    ----------
    name : str
        As it was asked for.
    filters : tuple of ImageFilter
    reason : str
    """

    name: str
    filters: tuple[ImageFilter, ...] = ()
    reason: str = ""


def chains(specs: Sequence[str] = ()) -> list[Chain]:
    """Return what is compared: no filter, then each of some filters.

    Parameters
    ----------
    specs : sequence of str
        As `sensetrack.specs.image_filter_of` takes them; several joined by ``+`` are a chain. Default: every
        registered image filter with its defaults. One that cannot be built so then takes part with the reason.

    Raises
    ------
    ParameterError
        A filter of ``specs`` does not exist, or a parameter does not fit.
    """
    found = [Chain(NONE)]
    if specs:
        return found + [
            Chain(spec, tuple(image_filter_of(part) for part in re.split(r"\+(?=[a-z])", spec))) for spec in specs
        ]
    for name in registry.names():
        try:
            found.append(Chain(name, (image_filter_of(name),)))
        except SensetrackError as error:
            found.append(Chain(name, reason=reason_of(error)))
    return found


def run_filters(
    trackers: Sequence[Contender], chosen: Sequence[Chain], plan: Plan = PLAN, progress: Progress | None = None
) -> list[Run]:
    """Run every tracker on every pair behind every chain of filters; each pair is made and filtered once.

    Parameters
    ----------
    trackers : sequence of Contender
    chosen : sequence of Chain
        The one without filters first.
    plan : Plan
        Its conditions are names in `LIGHTS`.
    progress : callable, optional

    Returns
    -------
    list of Run
        One for each tracker, chain and pair, those that failed included.
    """
    made = plan.pairs(LIGHTS)
    total = len(made) * len(chosen) * len(trackers)
    maker = PairMaker(plan.size, plan.seed)
    runs: list[Run] = []
    for texture, field, condition in made:
        pair = maker.make(texture, field, condition)
        for chain in chosen:
            images = _filtered(pair, chain)
            for contender in trackers:
                if isinstance(images, str):
                    run = measure(replace(contender, tracker=None, reason=images), pair)
                else:
                    run = measure(contender, pair, images)
                runs.append(replace(run, filter=chain.name))
                if progress is not None:
                    progress(len(runs), total)
    return runs


def factor(runs: Sequence[Run], tracker: str, name: str, condition: str | None = None) -> float:
    """Return by how much a filter reduces the median error: the geometric mean, over pairs, of without over with.

    It is the error of all scored pixels, flagged or not: where a tracker vouches for few, they are not the same ones.

    Parameters
    ----------
    runs : sequence of Run
    tracker, name : str
    condition : str, optional
        Only the pairs of this one.

    Returns
    -------
    float
        Above 1 where the filter helps; NaN without a pair that both measured.
    """
    ratios = []
    for run in runs:
        if (run.tracker, run.filter) != (tracker, name) or condition not in (None, run.condition):
            continue
        (plain,) = (
            other
            for other in runs
            if (other.tracker, other.filter) == (tracker, NONE)
            and (other.field, other.condition, other.texture) == (run.field, run.condition, run.texture)
        )
        ratios.append(plain.median_all / run.median_all if run.median_all > 0 else math.nan)
    return geometric_mean(ratio for ratio in ratios if math.isfinite(ratio) and ratio > 0)


def _filtered(pair: KnownPair, chain: Chain) -> tuple[Image, Image] | str:
    """Return both images filtered, in memory, or why they cannot be."""
    if chain.reason:
        return chain.reason
    try:
        images = Image.from_array(pair.reference), Image.from_array(pair.secondary)
        read = [image.read() for image in preprocess_pair(*images, chain.filters)]
        first, second = (Image.from_array(pixels, valid=valid) for pixels, valid in read)
        return first, second
    except Exception as error:  # a filter of somebody else may raise anything, and still gets its row
        return reason_of(error)
