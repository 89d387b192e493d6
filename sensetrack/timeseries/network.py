"""Which scenes are paired: all within a range of days, neighbours, the same season or month, or a list."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from sensetrack.errors import InputError, ParameterError
from sensetrack.params import Params, param
from sensetrack.raster.dates import parse_time

Indices = NDArray[np.int64]
"""Places of dates or pairs."""

SAME_PASS = 1.0 / 24.0
"""Days within which two scenes are of one pass, and no pair."""

Rule = Literal["all", "consecutive", "season", "month"]


@dataclass(frozen=True)
class Epoch:
    """One scene of a network.

    Attributes
    ----------
    name : str
    date : datetime
        UTC.
    sensor : str
        ``""`` where it is not known.
    track : str
        What images of one radar geometry share, such as relative orbit and direction; ``""`` where it is not known.
    baseline : float
        Place across the orbit, m, so that the difference of two is their perpendicular baseline; NaN where unknown.
    """

    name: str
    date: datetime
    sensor: str = ""
    track: str = ""
    baseline: float = math.nan


class NetworkParams(Params):
    """Which pairs of scenes are measured. Scenes are paired by every rule that is named; the limits hold for all."""

    rules: tuple[Rule, ...] = param(
        ("all",),
        "all within the limits; consecutive scenes; season: about the same time of different years; month: all within "
        "one calendar month",
    )
    neighbours: int = param(1, "Of rule consecutive: how many of the following scenes each is paired with", ge=1)
    season_days: float = param(
        30.0, "Of rule season: largest distance from a whole number of years", unit="d", gt=0, le=182
    )
    min_days: float = param(0.0, "Shortest time between two scenes", unit="d", ge=0)
    max_days: float | None = param(None, "Longest time between two scenes", unit="d", gt=0)
    months: tuple[int, ...] = param((), "Calendar months (1 to 12) that both scenes must be of; none for all")
    same_sensor: bool = param(False, "Whether both scenes must be of one sensor, where that is known")
    same_track: bool = param(True, "Whether both scenes must be of one radar track, where that is known")
    max_baseline: float | None = param(
        None, "Largest perpendicular baseline of radar scenes, where it is known", unit="m", gt=0
    )
    pairs: tuple[tuple[str, str], ...] = param(
        (), "Pairs by name or date, such as [[2020-01-01, 2020-01-31]]; these alone, and whatever the rules say"
    )

    @field_validator("pairs", mode="before")
    @classmethod
    def _as_text(cls, pairs: object) -> object:
        # YAML reads a plain date as one.
        if not isinstance(pairs, list | tuple):
            return pairs
        return [
            [each.isoformat() if isinstance(each, date) else each for each in pair]
            if isinstance(pair, list | tuple)
            else pair
            for pair in pairs
        ]

    @field_validator("months")
    @classmethod
    def _check_months(cls, months: tuple[int, ...]) -> tuple[int, ...]:
        wrong = [month for month in months if not 1 <= month <= 12]
        if wrong:
            raise ValueError(f"{wrong[0]} is no month; use 1 to 12")
        return months


def select_pairs(epochs: Sequence[Epoch], params: NetworkParams | None = None) -> list[tuple[int, int]]:
    """Return the pairs of a network as indices into ``epochs``, the earlier first, in order of their dates.

    Parameters
    ----------
    epochs : sequence of Epoch
        In any order.
    params : NetworkParams, optional

    Raises
    ------
    ParameterError
        A pair of the list names no scene, or the limits contradict each other.
    InputError
        No pair fits.
    """
    params = params or NetworkParams()
    if params.max_days is not None and params.max_days < params.min_days:
        raise ParameterError(f"max_days = {params.max_days:g} is below min_days = {params.min_days:g}")
    order = sorted(range(len(epochs)), key=lambda index: (epochs[index].date, epochs[index].name))
    if params.pairs:
        chosen = {_listed(epochs, first, second) for first, second in params.pairs}
    else:
        chosen = {
            pair
            for rule in params.rules
            for pair in _by_rule(epochs, order, rule, params)
            if _fits(epochs, pair, params)
        }
    place = {index: number for number, index in enumerate(order)}
    found = sorted(chosen, key=lambda pair: (place[pair[0]], place[pair[1]]))
    if not found:
        raise InputError(
            f"no two of {len(epochs)} scenes make a pair by rules {', '.join(params.rules)} with min_days = "
            f"{params.min_days:g}, max_days = {params.max_days}; widen the limits"
        )
    return found


def _by_rule(
    epochs: Sequence[Epoch], order: Sequence[int], rule: Rule, params: NetworkParams
) -> Iterable[tuple[int, int]]:
    for place, first in enumerate(order):
        later = [index for index in order[place + 1 :] if epochs[index].date > epochs[first].date]
        if rule == "consecutive":
            # Neighbours are those that it may be paired with, so that tracks do not get in each other's way.
            later = [index for index in later if _fits(epochs, (first, index), params)][: params.neighbours]
        for second in later:
            start, end = epochs[first].date, epochs[second].date
            days = (end - start).total_seconds() / 86400.0
            off = abs(days - 365.25 * round(days / 365.25))
            if rule == "season" and not (days > 182.6 and off <= params.season_days):
                continue
            if rule == "month" and (start.year, start.month) != (end.year, end.month):
                continue
            yield first, second


def _fits(epochs: Sequence[Epoch], pair: tuple[int, int], params: NetworkParams) -> bool:
    first, second = (epochs[index] for index in pair)
    days = (second.date - first.date).total_seconds() / 86400.0
    # Dates in names are whole days; a limit is met to within rounding.
    if (
        days < SAME_PASS
        or days < params.min_days - 1e-6
        or (params.max_days is not None and days > params.max_days + 1e-6)
    ):
        return False
    if params.months and not {first.date.month, second.date.month} <= set(params.months):
        return False
    if params.same_sensor and first.sensor and second.sensor and first.sensor != second.sensor:
        return False
    if params.same_track and first.track != second.track:
        return False
    apart = abs(second.baseline - first.baseline)
    return params.max_baseline is None or not apart > params.max_baseline


def _listed(epochs: Sequence[Epoch], first: str, second: str) -> tuple[int, int]:
    found = [_named(epochs, first), _named(epochs, second)]
    i, j = sorted(found, key=lambda index: epochs[index].date)
    if epochs[i].date == epochs[j].date:
        raise ParameterError(f"pairs = [{first}, {second}]: both are of {epochs[i].date:%Y-%m-%d %H:%M}")
    return i, j


def _named(epochs: Sequence[Epoch], text: str) -> int:
    named = [index for index, epoch in enumerate(epochs) if epoch.name == text]
    if not named:
        try:
            time = parse_time(text)
        except ParameterError:
            time = None
        named = [
            index
            for index, epoch in enumerate(epochs)
            if time is not None and (epoch.date == time or (len(text) <= 10 and epoch.date.date() == time.date()))
        ]
    if len(named) != 1:
        what = "no scene" if not named else f"{len(named)} scenes"
        known = ", ".join(f"{epoch.name}" for epoch in epochs[:6])
        raise ParameterError(f"pairs: '{text}' names {what}; use the name of one, such as {known}")
    return named[0]


def find_triplets(pairs: Sequence[tuple[int, int]], most: int = 20_000) -> Indices:
    """Return all triplets of pairs that go from one date to a third directly and over a second.

    Parameters
    ----------
    pairs : sequence of tuple of int
        Dates of each pair as indices, the earlier first.
    most : int
        Of more, evenly spread ones are taken.

    Returns
    -------
    ndarray of int64, shape (triplet, 3)
        Indices into ``pairs``: i to j, j to k, i to k.
    """
    number: dict[tuple[int, int], int] = {}
    for index, (i, j) in enumerate(pairs):
        number.setdefault((i, j), index)
    later: dict[int, list[int]] = {}
    for i, j in number:
        later.setdefault(i, []).append(j)
    found = [
        (number[i, j], number[j, k], direct)
        for (i, k), direct in number.items()
        for j in sorted(later[i])
        if (j, k) in number and j != k
    ]
    triplets = np.array(sorted(found), np.int64).reshape(-1, 3)
    if len(triplets) > most:
        triplets = triplets[np.linspace(0, len(triplets) - 1, most).astype(np.int64)]
    return triplets
