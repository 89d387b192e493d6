"""Where chips are searched for and which match is believed: sparse first pass, growing chips, company."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sensetrack.correlation.ncc_group import MATCHED, NO_DATA, UNUSED
from sensetrack.correlation.ncc_match import ChipMatcher, ChipMatches, ChipSettings
from sensetrack.types import DoubleArray, Mask

LEAST_REACH = 4
"""Least range in pixels to which a search is narrowed."""

FEWEST_NODES = 4
"""Matches of the sparse pass, of the nine around a point, from which its search is narrowed."""


@dataclass(frozen=True)
class Belief:
    """What a match must have to be believed.

    Attributes
    ----------
    false_alarm : float
        Chance that unrelated chips pass.
    correlation, snr : float
        Least values of either.
    """

    false_alarm: float
    correlation: float = -1.0
    snr: float = 0.0

    def holds(self, found: ChipMatches, reach: NDArray[np.int64]) -> Mask:
        """Return which matches stand out from chance, with the range in which each was searched for."""
        lags = (2.0 * reach + 1.0) ** 2
        with np.errstate(invalid="ignore"):
            strong: Mask = (
                (found.significance >= -ndtri(self.false_alarm / lags))
                & (found.correlation >= self.correlation)
                & (found.snr >= self.snr)
            )
        return strong


@dataclass(frozen=True, eq=False)
class Pass:
    """One go at the chips of a lattice.

    Attributes
    ----------
    size : int
        Side of the chips in pixels.
    ranges : ndarray of int64
        ``(3, row, col)``, as `ChipMatcher.lattice` takes them.
    where : ndarray of bool
        Chips to which it applies, as far as they are not believed already.
    """

    size: int
    ranges: NDArray[np.int64]
    where: Mask


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out of all passes, all ``(row, col)``.

    Attributes
    ----------
    found : ChipMatches
        The believed match, or else the most significant one.
    size : ndarray of float64
        Side of the chip that it was made with; NaN without a match.
    reach : ndarray of int64
        How far it was searched for.
    strong, coherent : ndarray of bool
        Whether it stands out from chance, and whether its neighbours agree.
    """

    found: ChipMatches
    size: DoubleArray
    reach: NDArray[np.int64]
    strong: Mask
    coherent: Mask


def grow(
    matcher: ChipMatcher,
    origin: Callable[[int], tuple[int, int]],
    step: int,
    passes: Sequence[Pass],
    belief: Belief,
    settings: ChipSettings,
    agrees: Callable[[DoubleArray, DoubleArray, Mask], Mask],
) -> Outcome:
    """Match the chips of a lattice, trying again with the next pass where the one before is not believed.

    Where the first pass finds no data, no later one is tried: a larger chip would measure what lies around.

    Parameters
    ----------
    matcher : ChipMatcher
    origin : callable
        Returns the row and column of the lattice's first chip of a given size.
    step : int
        Distance of the chips in pixels.
    passes : sequence of Pass
    belief : Belief
    settings : ChipSettings
        Of all passes but for the size.
    agrees : callable
        From dx and dy of the matches that count as evidence (NaN elsewhere) and of where any match was made, returns
        where enough neighbours agree.

    Returns
    -------
    Outcome
    """
    shape = passes[0].where.shape
    best: dict[str, DoubleArray] = {}
    size, reach = np.full(shape, np.nan), np.zeros(shape, np.int64)
    strong, coherent, believed = (np.zeros(shape, np.bool_) for _ in range(3))
    for number, each in enumerate(passes):
        wanted = each.where & ~believed
        if number > 0:
            wanted &= best["status"] != NO_DATA
        found = matcher.lattice(
            origin(each.size), step, each.ranges, wanted, dataclasses.replace(settings, size=each.size)
        )
        new = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
        if not best:
            best = {name: np.full_like(values, np.nan) for name, values in new.items()}
            best["status"] = np.full(shape, float(UNUSED))
        has_match = np.isfinite(found.dx)
        is_strong = belief.holds(found, each.ranges[2])
        good = is_strong & (found.status == MATCHED)
        evidence = [np.where(believed, best[name], np.where(good, new[name], np.nan)) for name in ("dx", "dy")]
        agree = agrees(evidence[0], evidence[1], believed | has_match)
        with np.errstate(invalid="ignore"):
            better = has_match & ~(found.significance <= best["significance"])
        take = wanted & ((good & agree) | better | (best["status"] == UNUSED))
        for name, values in new.items():
            best[name][take] = values[take]
        size[take & has_match] = each.size
        reach[take] = each.ranges[2][take]
        strong[take], coherent[take] = is_strong[take], agree[take]
        believed |= good & agree
    return Outcome(ChipMatches(**best), size, reach, strong, coherent)


def narrow(
    matcher: ChipMatcher,
    origin: tuple[int, int],
    step: int,
    sparse: int,
    ranges: NDArray[np.int64],
    belief: Belief,
    settings: ChipSettings,
    tolerance: float,
) -> tuple[NDArray[np.int64], Mask]:
    """Match every few chips in the whole range, and narrow the range of all to what those around them found.

    A node of the sparse lattice counts when at least two of the eight around it differ by at most ``tolerance``. Where
    at least `FEWEST_NODES` of the nine nearest nodes count, the range becomes that of their displacements and
    `LEAST_REACH` more.

    Parameters
    ----------
    matcher : ChipMatcher
    origin : tuple of int
        Row and column of the upper left pixel of the lattice's first chip, which is a node.
    step : int
        Distance of the chips in pixels.
    sparse : int
        Chips from one node to the next.
    ranges : ndarray of int64
        ``(3, row, col)``, as `ChipMatcher.lattice` takes them.
    belief : Belief
    settings : ChipSettings
    tolerance : float
        Pixels.

    Returns
    -------
    ranges : ndarray of int64
        Never wider than those given.
    narrowed : ndarray of bool
        Where they are narrower.
    """
    coarse = ranges[:, ::sparse, ::sparse]
    shape = coarse.shape[1:]
    found = matcher.lattice(origin, step * sparse, coarse, np.ones(shape, np.bool_), settings)
    good = belief.holds(found, coarse[2]) & (found.status == MATCHED)
    dx, dy = (np.where(good, values, np.nan) for values in (found.dx, found.dy))
    around_x, around_y = _around(dx), _around(dy)
    with np.errstate(invalid="ignore"):
        close = (np.abs(around_x - dx) <= tolerance) & (np.abs(around_y - dy) <= tolerance)
    kept = close.sum(axis=0) >= 3
    nodes = [_around(np.where(kept, values, np.nan)) for values in (dy, dx)]
    enough = np.isfinite(nodes[0]).sum(axis=0) >= FEWEST_NODES
    low, high = (np.stack([end.reduce(values, axis=0) for values in nodes]) for end in (np.fmin, np.fmax))
    low, high = (np.where(enough, values, 0.0) for values in (low, high))
    centre = np.rint((low + high) / 2)
    reach = np.ceil(np.maximum(high - centre, centre - low).max(axis=0)) + LEAST_REACH
    index = [
        np.minimum((np.arange(n) + sparse // 2) // sparse, m - 1) for n, m in zip(ranges.shape[1:], shape, strict=True)
    ]
    at = np.ix_(*index)
    narrowed = enough[at] & (reach[at] < ranges[2])
    out = ranges.copy()
    out[2] = np.where(narrowed, reach[at], ranges[2])
    spare = ranges[2] - out[2]
    for axis in range(2):
        limited = np.clip(centre[axis][at], ranges[axis] - spare, ranges[axis] + spare)
        out[axis] = np.where(narrowed, limited, ranges[axis])
    return out, narrowed


def _around(values: DoubleArray) -> DoubleArray:
    """Return the nine values around every point, itself included, ``(9, row, col)``; NaN beyond the edge."""
    padded = np.pad(values, 1, constant_values=np.nan)
    rows, cols = values.shape
    return np.stack([padded[i : i + rows, j : j + cols] for i in range(3) for j in range(3)])
