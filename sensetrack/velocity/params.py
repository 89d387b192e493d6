"""Settings of the step from displacement to velocity."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from sensetrack.errors import ParameterError
from sensetrack.params import Params, param
from sensetrack.provenance import Provenance
from sensetrack.raster.dates import days_between, parse_time

DAYS_PER_YEAR = 365.25
FALLBACK_WINDOW = 32.0
"""Input pixels over which errors are taken to be alike when the tracker states no window."""


class VelocityParams(Params):
    """How displacement in pixels becomes velocity, and where its errors come from."""

    units: Literal["m/yr", "m/d"] = param("m/yr", "Unit of velocity; a year has 365.25 days.")
    days: float | None = param(None, "Time base, in place of the one in the displacement file.", unit="d", gt=0)
    dates: tuple[datetime, datetime] | None = param(
        None, "Acquisition times (UTC) of reference and secondary, in place of the time base in the file."
    )
    pixel_size: float | None = param(
        None, "Width of an input pixel on the ground, for images without a CRS.", unit="m", gt=0
    )
    distances: Literal["map", "ground"] = param(
        "map",
        "Whether metres are those of the map projection or those on the ellipsoid; the two differ by the "
        "projection's scale (geographic coordinates are always converted on the ellipsoid).",
    )
    stable_from: Literal["auto", "mask", "slow", "none"] = param(
        "auto",
        "Where stable ground is taken from: the given mask, what the slowest 25 % of all points show, or nowhere; auto "
        "takes the mask where one is given.",
    )
    subtract_shift: bool = param(True, "Whether the shift found on stable ground is subtracted from the whole field.")
    min_stable: int = param(30, "Least number of measured points on stable ground.", ge=2)
    correlation_length: float | None = param(
        None,
        "Distance over which errors are alike, so that points closer than it count as one; default: the window of "
        "the tracker.",
        unit="px",
        gt=0,
    )
    error_from: Literal["covariance", "stable", "both"] = param(
        "both",
        "Errors from the tracker's covariance, from the spread on stable ground, or from the covariance enlarged "
        "where stable ground scatters more than it says.",
    )

    def period(self, provenance: Provenance) -> tuple[float, tuple[datetime, datetime] | None]:
        """Return the time base in days, and the two dates where they are known and agree with it.

        Raises
        ------
        ParameterError
            No time base is known, it is not positive, or days and dates are both given.
        """
        if self.dates is not None:
            if self.days is not None:
                raise ParameterError(f"days = {self.days:g} and dates are both given; give one of them")
            first, last = (parse_time(date.isoformat()) for date in self.dates)
            return days_between(first, last), (first, last)
        known = provenance.reference_date, provenance.secondary_date
        days = self.days if self.days is not None else provenance.days
        dates = (known[0], known[1]) if known[0] is not None and known[1] is not None else None
        if days is None and dates is not None:
            days = days_between(*dates)
        if days is None:
            raise ParameterError("the displacement file has no time base; pass days (--days 12) or dates")
        if not days > 0:
            raise ParameterError(f"the time base of {days:g} days must be positive; pass days (--days 12) or dates")
        # Dates in file names are whole days, so a given time base may differ from theirs by up to a day.
        agree = dates is not None and abs((dates[1] - dates[0]).total_seconds() / 86400.0 - days) <= 1.0
        return days, dates if agree else None

    def coherence(self, provenance: Provenance) -> float:
        """Return the distance in input pixels over which errors are alike."""
        return self.correlation_length or self.window_of(provenance) or FALLBACK_WINDOW

    @staticmethod
    def window_of(provenance: Provenance) -> float | None:
        """Return the side of the tracker's window in input pixels, where its parameters name one."""
        window = json.loads(provenance.parameters or "{}").get("window")
        return float(window) if isinstance(window, int | float) and window > 0 else None
