"""Settings of the inversion of a network of pairs, and of the combination of views."""

from __future__ import annotations

import math
from typing import Literal

from sensetrack.params import Params, param


class SeriesParams(Params):
    """How pairs become a series, and which products are made from it."""

    robust: bool = param(True, "Whether pairs that disagree with the others count less, round after round")
    closure: bool = param(
        True, "Whether pairs whose triplets do not close (a to b, b to c, against a to c) start with little weight"
    )
    rounds: int = param(6, "Rounds of robust weighting", ge=3, le=30)
    shared: float | None = param(
        None,
        "Share of the variance of the errors that images bring into all of their pairs alike, so that it closes in "
        "every triplet and does not average out; none to estimate it from the closure",
        ge=0,
        le=1,
    )
    smoothness: float | None = param(
        None,
        "Standard deviation of the change of velocity within a year, taken as a random walk; also bridges gaps of the "
        "network; none leaves each interval to its pairs",
        unit="m/yr",
        gt=0,
    )
    window: float | None = param(
        None,
        "Least time over which each velocity is a mean, centred on each interval between dates; none for the interval",
        unit="d",
        gt=0,
    )
    trend: bool = param(True, "Whether a constant acceleration is fitted, where there are four dates or more")
    seasonal: bool = param(True, "Whether a yearly cycle is fitted, where dates span 1.2 years and there are eight")
    alert_days: float = param(60.0, "Latest time that is looked at for acceleration", unit="d", gt=0)
    alert_sigma: float = param(3.0, "Acceleration in units of its error from which it is an alert", gt=0)
    alert_speed: float = param(0.0, "Speed below which there is no alert", unit="m/yr", ge=0)
    alert_horizon: float = param(
        90.0, "Longest time ahead of the last date for which failure is predicted by inverse velocity", unit="d", gt=0
    )


class CombineParams(Params):
    """What is known of the motion before it is seen, and how slope and distances are meant."""

    east_prior: float | None = param(
        None, "Standard deviation that motion towards east has beforehand about zero, in the unit of the result", gt=0
    )
    north_prior: float | None = param(None, "The same towards north, which few views see well", gt=0)
    up_prior: float | None = param(None, "The same upward", gt=0)
    slope_window: float | None = param(
        None,
        "Side of the square over which the ground's slope is a mean, such as the tracker's window; none for a pixel",
        unit="m",
        gt=0,
    )
    distances: Literal["map", "ground"] = param(
        "map",
        "Which metres the views are in: those of the map projection, as `velocity` writes by default, or those on the "
        "ellipsoid; the result is in the latter",
    )

    @property
    def prior(self) -> tuple[float, float, float] | None:
        """Of all three components, as `to_enu` takes it."""
        given = (self.east_prior, self.north_prior, self.up_prior)
        if given == (None, None, None):
            return None
        east, north, up = (math.inf if value is None else value for value in given)
        return east, north, up
