"""How true stated errors are: what the errors really are, by decile of the standard deviation that a tracker states."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sensetrack.benchmark.measure import Judged
from sensetrack.types import DoubleArray, FloatArray

PER_RUN = 4000
"""Samples of either component that a run contributes at most, evenly spread, so that runs count alike."""

_WITHIN_95 = 1.959963984540054
"""Half width of the 95 % interval of a Gaussian, in standard deviations."""


@dataclass(frozen=True)
class Decile:
    """Component errors whose stated standard deviations are neighbours.

    Attributes
    ----------
    tracker : str
    number : int
        1 holds the smallest; 0 stands for all of them together.
    count : int
        Component errors.
    stated : float
        Root mean square of the stated standard deviations, in pixels.
    observed : float
        Root mean square of the errors, in pixels.
    normalised : float
        Root mean square of errors over their standard deviations; 1 when these are right.
    within_68, within_95 : float
        Share of errors within 1 and within 1.96 standard deviations: 0.68 and 0.95 when these are right.
    """

    tracker: str
    number: int
    count: int
    stated: float
    observed: float
    normalised: float
    within_68: float
    within_95: float


class Samples:
    """Component errors of one tracker and the standard deviations that it stated, gathered from run to run.

    Parameters
    ----------
    tracker : str
    """

    def __init__(self, tracker: str) -> None:
        self.tracker = tracker
        self._errors: list[DoubleArray] = []
        self._sigmas: list[DoubleArray] = []

    def add(self, judged: Judged) -> None:
        """Take what a run measured, flagged pixels left out."""
        field = judged.field
        where = judged.known & field.measured
        stride = max(1, math.ceil(np.count_nonzero(where) / PER_RUN))
        for error, sigma in ((judged.error_x, field.sigma_dx), (judged.error_y, field.sigma_dy)):
            self.add_arrays(error[where][::stride], sigma[where][::stride])

    def add_arrays(self, errors: DoubleArray, sigmas: DoubleArray | FloatArray) -> None:
        """Take errors and standard deviations of one length; those that are not finite and positive are left out."""
        good = np.isfinite(errors) & np.isfinite(sigmas) & (sigmas > 0)
        self._errors.append(errors[good])
        self._sigmas.append(sigmas[good].astype(np.float64))

    def deciles(self) -> list[Decile]:
        """Return all of them together, then the deciles; nothing when no error was ever stated."""
        errors, sigmas = (np.concatenate(parts or [np.empty(0)]) for parts in (self._errors, self._sigmas))
        if errors.size < 10:
            return []
        order = np.argsort(sigmas, kind="stable")
        parts = [order, *np.array_split(order, 10)]
        return [_decile(self.tracker, number, errors[part], sigmas[part]) for number, part in enumerate(parts)]


def _decile(tracker: str, number: int, errors: DoubleArray, sigmas: DoubleArray) -> Decile:
    scaled = np.abs(errors / sigmas)
    return Decile(
        tracker=tracker,
        number=number,
        count=errors.size,
        stated=_rms(sigmas),
        observed=_rms(errors),
        normalised=_rms(scaled),
        within_68=float(np.mean(scaled <= 1)),
        within_95=float(np.mean(scaled <= _WITHIN_95)),
    )


def _rms(values: DoubleArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
