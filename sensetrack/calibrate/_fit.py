"""Factors that make stated errors hold, from errors that are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sensetrack.error_scale import Coverage, Curve
from sensetrack.errors import InputError
from sensetrack.types import DoubleArray, Mask

LEAST = 100
"""Independent errors of either component below which no factor is found: it would be off by 10 % and more (1 sigma)."""

PER_NODE = 100
"""Independent errors for each node of a curve, so that it is known to 10 %."""

MOST_NODES = 6
"""On pairs held out, four and six nodes came nearer to 68 % than one (4.4 and 5.0 points off on average), within
quartiles of the stated error too (5.7 and 7.2); a quantile of 95 % mixed in brought nothing."""

WITHIN_68, WITHIN_95 = 0.6826894921370859, 0.95
SIGMAS_95 = 1.959963984540054
"""Half width of the 95 % interval of a Gaussian, in standard deviations."""

MOST = 50.0
"""Factor from which, or from whose inverse, stated errors and real ones have nothing to do with each other."""


@dataclass(frozen=True, eq=False)
class Errors:
    """Known errors of one component and their stated standard deviations.

    Attributes
    ----------
    error : ndarray of float64
        Measured minus true, 1-D, px.
    sigma : ndarray of float64
        Stated, above 0, px.
    group : ndarray of int
        Part of the sample that each belongs to; parts have nothing in common.
    independent : float
        How many of them count as independent.
    """

    error: DoubleArray
    sigma: DoubleArray
    group: np.ndarray
    independent: float

    def part(self, where: Mask) -> Errors:
        """Return some of the errors."""
        share = np.count_nonzero(where) / max(1, where.size)
        return Errors(self.error[where], self.sigma[where], self.group[where], share * self.independent)


def fit_curve(errors: Errors, nodes: int | None = None) -> Curve:
    """Return the factors with which the stated errors of one component hold.

    The sample is cut into parts of neighbouring stated errors, `PER_NODE` independent ones in each at least. In each
    the factor is such that the 68 % interval covers 68 %: a quantile, which few outliers do not move. Where a larger
    stated error would become the smaller one, both are drawn together.

    Parameters
    ----------
    errors : Errors
    nodes : int, optional
        Parts; default: as many as the sample carries, up to `MOST_NODES`.

    Raises
    ------
    InputError
        There are fewer than `LEAST` independent errors, or they have nothing to do with what is stated.
    """
    check_count(errors.independent)
    if nodes is None:
        nodes = int(np.clip(errors.independent // PER_NODE, 1, MOST_NODES))
    edges = np.quantile(errors.sigma, np.linspace(0, 1, nodes + 1))
    ratio = np.abs(errors.error) / errors.sigma
    sigma: list[float] = []
    factor: list[float] = []
    for low, high in pairwise(edges):
        inside = (errors.sigma >= low) & (errors.sigma <= high)
        centre = float(np.exp(np.mean(np.log(errors.sigma[inside]))))
        if sigma and centre <= sigma[-1] * (1 + 1e-6):
            continue  # many stated errors are the same
        sigma.append(centre)
        factor.append(float(np.quantile(ratio[inside], WITHIN_68)))
    _check_factors(factor)
    made = np.log(sigma) + np.log(factor)
    made = (np.maximum.accumulate(made) + np.minimum.accumulate(made[::-1])[::-1]) / 2
    return Curve(sigma=tuple(sigma), factor=tuple(float(value) for value in np.exp(made) / sigma))


def coverage(components: Sequence[Errors], curves: Sequence[Curve]) -> Coverage:
    """Return how often errors lie within what is stated times the factors of a curve, over all components."""
    scaled = np.concatenate(
        [
            np.abs(each.error) / (each.sigma * curve.at(each.sigma))
            for each, curve in zip(components, curves, strict=True)
        ]
    )
    return Coverage(within_68=float(np.mean(scaled <= 1)), within_95=float(np.mean(scaled <= SIGMAS_95)))


def held_out_coverage(components: Sequence[Errors]) -> Coverage:
    """Return the coverage of each half of the groups with the factors that the other half gives.

    With a single group, or halves too small for a factor of their own, that of the sample itself.
    """
    found: list[tuple[float, Coverage]] = []
    groups = np.unique(components[0].group)
    for odd in (0, 1) if len(groups) > 1 else ():
        own = [np.isin(each.group, groups[odd::2]) for each in components]
        rest = [each.part(~mask) for each, mask in zip(components, own, strict=True)]
        test = [each.part(mask) for each, mask in zip(components, own, strict=True)]
        if min(each.independent for each in rest) < LEAST or min(each.error.size for each in test) == 0:
            found = []
            break
        found.append((sum(each.error.size for each in test), coverage(test, [fit_curve(each) for each in rest])))
    if not found:
        return coverage(components, [fit_curve(each) for each in components])
    weights = [weight for weight, _ in found]
    return Coverage(
        within_68=float(np.average([each.within_68 for _, each in found], weights=weights)),
        within_95=float(np.average([each.within_95 for _, each in found], weights=weights)),
    )


def check_count(independent: float) -> None:
    """Raise where too few errors are known.

    Raises
    ------
    InputError
        There are fewer than `LEAST` independent ones.
    """
    if independent < LEAST:
        raise InputError(
            f"calibrate: {independent:.0f} independent errors are known, {LEAST} are needed (neighbours that hang "
            "together count as one); use a larger image or stable area, smaller windows or steps, or a calibration "
            "saved from another pair"
        )


def independent_of(ratio: DoubleArray) -> float:
    """Return how many independent errors a field holds.

    The correlation of neighbours, about the mean, is summed along rows and along columns up to where it falls below
    0.1; n points of which ``l`` hang together along each axis count as ``n / (l_row l_col)``.

    Parameters
    ----------
    ratio : ndarray of float64
        Errors over stated errors, ``(row, col)``; NaN where none is known. Large ones should have been cut.
    """
    known = np.isfinite(ratio)
    count = int(np.count_nonzero(known))
    if count < 2:
        return float(count)
    values = np.where(known, ratio - ratio[known].mean(), 0.0)
    power = float((values**2).sum()) / count
    if not power > 0:
        return 1.0
    lengths = (_length(values, known, power), _length(values.T, known.T, power))
    return max(1.0, count / (lengths[0] * lengths[1]))


def _length(values: DoubleArray, known: Mask, power: float) -> float:
    """Return how many neighbours along rows count as one."""
    total = 1.0
    for lag in range(1, values.shape[0]):
        both = np.count_nonzero(known[lag:] & known[:-lag])
        if not both:
            break
        correlation = float((values[lag:] * values[:-lag]).sum()) / both / power
        if correlation < 0.1:
            break
        total += 2 * correlation
    return total


def _check_factors(factors: Sequence[float]) -> None:
    wild = [factor for factor in factors if not 1 / MOST <= factor <= MOST]
    if wild:
        raise InputError(
            f"calibrate: known errors are {wild[0]:.3g} times what is stated, which is no matter of calibration; look "
            "at the images (is one a copy of the other?), the mask of stable ground and the tracker's errors"
        )
