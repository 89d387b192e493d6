"""What a tracker makes of a sharp fault: where it puts the step, and over how many pixels it smears it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.measure import Contender, judge
from sensetrack.benchmark.pairs import PairMaker
from sensetrack.benchmark.truths import FIELDS, from_fault, slip_of
from sensetrack.types import DoubleArray

FIELD = FIELDS["step-3.2"]
CONDITION = CONDITIONS["noise-20db"]

REACH = 48
"""Pixels on either side of the fault that the profile shows."""

NEAR = 24
"""Pixels on either side of the fault among which a stretch of it is looked for."""

PER_BIN = 10
"""Values that a pixel of the profile averages at least, where need be over more than a pixel."""

STRETCH = 48
"""Pixels along the fault in which it is located at a time."""


@dataclass(frozen=True, eq=False)
class Step:
    """A tracker's response to a sharp step.

    Attributes
    ----------
    tracker : str
    distance : ndarray of float64
        Distances from the fault, in pixels: every whole number, or fewer where values lie far apart.
    profile : ndarray of float64
        Mean slip there, 0 on one side and 1 on the other when it is right; NaN where there is no value.
    located : float
        Root mean square, in pixels, of the distance of the fault from where stretches of it are found.
    width : float
        Pixels in which the mean profile rises from 10 % to 90 %; NaN when it does not.
    """

    tracker: str
    distance: DoubleArray
    profile: DoubleArray
    located: float
    width: float


@dataclass(frozen=True)
class Steps:
    """On which pairs.

    Attributes
    ----------
    textures : tuple of str
    size : int
        Side of the images.
    """

    textures: tuple[str, ...] = ("gravel", "radar")
    size: int = 512

    def count(self, trackers: int) -> int:
        """Return the number of runs."""
        return trackers * len(self.textures)


def run_steps(trackers: Sequence[Contender], plan: Steps, seed: int) -> Iterator[Step | None]:
    """Run every tracker on a sharp fault in every texture.

    Yields
    ------
    Step or None
        After each run: None, or the response of a tracker when the last texture is done. One without a value anywhere
        gives no response.
    """
    found: dict[str, list[tuple[DoubleArray, DoubleArray, DoubleArray]]] = {}
    maker = PairMaker(plan.size, seed)
    for texture in plan.textures:
        pair = maker.make(texture, FIELD, CONDITION)
        for contender in trackers:
            _, judged = judge(contender, pair)
            parts = found.setdefault(contender.name, [])
            if judged is not None:
                across, along = from_fault(judged.row, judged.col, plan.size)
                slip = slip_of(judged.field.dy.astype(np.float64), judged.field.dx.astype(np.float64))
                part = slip / FIELD.amplitude + 0.5
                good = judged.known & np.isfinite(part)
                # Stretches of different textures must not be mixed.
                apart = along[good] + 1e6 * len(parts)
                parts.append((across[good], apart, part[good]))
            if texture != plan.textures[-1] or not any(part.size for _, _, part in parts):
                yield None
                continue
            yield response(contender.name, *(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def response(tracker: str, across: DoubleArray, along: DoubleArray, part: DoubleArray) -> Step:
    """Return the response that scattered values show.

    Parameters
    ----------
    tracker : str
    across, along : ndarray of float64
        Where they are, in pixels from the fault and along it.
    part : ndarray of float64
        Slip as a share of the step: 0 on the negative side of the fault, 1 on the other.
    """
    per_pixel = np.count_nonzero(np.abs(across) <= REACH) / (2 * REACH + 1)
    width = int(min(max(1, np.ceil(PER_BIN / max(per_pixel, 1e-9))), REACH))
    half = REACH // width
    distance = width * np.arange(-half, half + 1, dtype=np.float64)
    bins = np.rint(across / width).astype(np.int64) + half
    inside = (bins >= 0) & (bins < distance.size)
    counts = np.bincount(bins[inside], minlength=distance.size)
    sums = np.bincount(bins[inside], part[inside], minlength=distance.size)
    profile = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return Step(tracker, distance, profile, _located(across, along, part), rise(distance, profile))


def rise(distance: DoubleArray, profile: DoubleArray, low: float = 0.1, high: float = 0.9) -> float:
    """Return the distance over which a profile rises from ``low`` to ``high``, walking from its middle outwards.

    NaN when it never crosses its middle, or does not reach one of them.
    """
    good = np.isfinite(profile)
    place, values = distance[good], profile[good]
    crossings = np.flatnonzero((values[:-1] < 0.5) & (values[1:] >= 0.5))
    if not crossings.size:
        return math.nan
    middle = int(crossings[np.argmin(np.abs(place[crossings]))])
    below, above = np.flatnonzero(values[: middle + 1] <= low), np.flatnonzero(values[middle + 1 :] >= high)
    if not below.size or not above.size:
        return math.nan
    first, last = int(below[-1]), middle + 1 + int(above[0])
    start = np.interp(low, values[first : first + 2], place[first : first + 2])
    end = np.interp(high, values[last - 1 : last + 1], place[last - 1 : last + 1])
    return float(end - start)


def _located(across: DoubleArray, along: DoubleArray, part: DoubleArray) -> float:
    """Return the RMS distance of the fault from where it is found, stretch by stretch.

    A stretch is found where as many values lie beyond it as are more than half a step: no line has to be fitted, and
    it does not matter how far apart values are.
    """
    near = np.abs(across) <= NEAR
    across, part = across[near], part[near]
    stretch = np.floor(along[near] / STRETCH)
    places = []
    for number in np.unique(stretch):
        own = stretch == number
        if np.count_nonzero(own) < 8 or np.ptp(across[own]) < 1.5 * NEAR:
            continue
        places.append(np.quantile(across[own], np.mean(part[own] < 0.5)))
    return float(np.sqrt(np.mean(np.square(places)))) if places else math.nan
