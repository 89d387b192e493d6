"""Polynomials between slant range and ground range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from sensetrack.types import DoubleArray


@dataclass(frozen=True, eq=False)
class GroundRange:
    """Polynomials between slant range and ground range, several along azimuth.

    Attributes
    ----------
    times : tuple of datetime
    slant_origin, ground_origin : ndarray of float64
        ``(n,)``, m.
    to_ground, to_slant : ndarray of float64
        ``(n, k)``: coefficients by ascending power of the distance from the origin.
    """

    times: tuple[datetime, ...]
    slant_origin: DoubleArray
    ground_origin: DoubleArray
    to_ground: DoubleArray
    to_slant: DoubleArray

    def slant_range(self, ground: object, time: datetime) -> DoubleArray:
        """Return slant ranges of ground ranges, m, by the polynomials on both sides of a time, interpolated."""
        return self._interpolated(np.asarray(ground, np.float64), time, self.ground_origin, self.to_slant)

    def ground_range(self, slant: object, time: datetime) -> DoubleArray:
        """Return ground ranges of slant ranges, m."""
        return self._interpolated(np.asarray(slant, np.float64), time, self.slant_origin, self.to_ground)

    def _interpolated(
        self, values: DoubleArray, time: datetime, origins: DoubleArray, coefficients: DoubleArray
    ) -> DoubleArray:
        seconds = np.array([(each - self.times[0]).total_seconds() for each in self.times])
        place = float(np.interp((time - self.times[0]).total_seconds(), seconds, np.arange(len(seconds))))
        low = min(int(place), len(seconds) - 1)
        high = min(low + 1, len(seconds) - 1)
        first, second = (
            np.polynomial.polynomial.polyval(values - origins[index], coefficients[index]) for index in (low, high)
        )
        return np.asarray(first + (place - low) * (second - first))
