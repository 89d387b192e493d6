"""Error against sub-pixel phase: whether displacements are drawn towards whole pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sensetrack.benchmark.conditions import CONDITIONS
from sensetrack.benchmark.measure import Contender, Judged, judge
from sensetrack.benchmark.pairs import PairMaker
from sensetrack.benchmark.truths import KnownField

CONDITION = CONDITIONS["noise-20db"]


@dataclass(frozen=True)
class Phase:
    """What a tracker makes of one constant displacement, along rows and columns alike.

    Attributes
    ----------
    tracker : str
    shift : float
        True displacement of either component, in pixels.
    bias : float
        Mean error of both components, over all scored pixels with a value; negative towards zero.
    rmse : float
        Root mean square of the same errors.
    """

    tracker: str
    shift: float
    bias: float
    rmse: float


@dataclass(frozen=True)
class Phases:
    """Which displacements are tried.

    Attributes
    ----------
    shifts : tuple of float
        Components in pixels.
    textures : tuple of str
    size : int
        Side of the images.
    """

    shifts: tuple[float, ...] = tuple(round(0.05 * number, 2) for number in range(21))
    textures: tuple[str, ...] = ("gravel", "radar")
    size: int = 256

    def count(self, trackers: int) -> int:
        """Return the number of runs."""
        return trackers * len(self.shifts) * len(self.textures)


def run_phases(trackers: Sequence[Contender], plan: Phases, seed: int) -> Iterator[Phase | None]:
    """Run every tracker on every shift; the textures are averaged.

    Yields
    ------
    Phase or None
        After each run: None, or the result of a tracker and shift when the last texture is done. One without a value
        anywhere gives no result.
    """
    found: dict[tuple[str, float], list[tuple[float, float]]] = {}
    maker = PairMaker(plan.size, seed)
    for texture in plan.textures:
        for shift in plan.shifts:
            pair = maker.make(texture, KnownField(f"phase-{shift:g}", "", "diagonal", shift), CONDITION)
            for contender in trackers:
                _, judged = judge(contender, pair)
                values = found.setdefault((contender.name, shift), [])
                if judged is not None and np.isfinite(judged.lengths).any():
                    values.append(_moments(judged))
                if texture != plan.textures[-1] or not values:
                    yield None
                    continue
                bias, square = np.mean(values, axis=0)
                yield Phase(contender.name, shift, float(bias), float(np.sqrt(square)))


def locking(phases: Sequence[Phase], tracker: str) -> tuple[float, float]:
    """Return the largest and the typical bias of a tracker over all shifts: its absolute value and its RMS, in px."""
    biases = np.array([phase.bias for phase in phases if phase.tracker == tracker])
    if not biases.size:
        return float("nan"), float("nan")
    return float(np.abs(biases).max()), float(np.sqrt(np.mean(biases**2)))


def _moments(judged: Judged) -> tuple[float, float]:
    errors = np.concatenate([judged.error_x[judged.known], judged.error_y[judged.known]])
    errors = errors[np.isfinite(errors)]
    return float(errors.mean()), float(np.mean(errors**2))
