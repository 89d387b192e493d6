"""The orbit of a satellite as positions and velocities at some times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from sensetrack.errors import InputError
from sensetrack.types import DoubleArray


@dataclass(frozen=True, eq=False)
class StateVectors:
    """Positions and velocities of a satellite in an earth-fixed frame, one per time.

    Attributes
    ----------
    reference : datetime
        UTC.
    seconds : ndarray of float64
        Times since `reference`, ascending.
    positions, velocities : ndarray of float64
        ``(n, 3)``, m and m/s.
    source : str
        Where they come from, for messages.
    """

    reference: datetime
    seconds: DoubleArray
    positions: DoubleArray
    velocities: DoubleArray
    source: str

    @classmethod
    def of(cls, times: list[datetime], positions: object, velocities: object, source: str) -> StateVectors:
        """Build from times in any order.

        Raises
        ------
        InputError
            There are fewer than two, two at one time, or numbers that are none.
        """
        if len(times) < 2:
            raise InputError(f"{source}: holds {len(times)} state vectors; two at least are needed")
        reference = min(times)
        seconds = np.array([(time - reference).total_seconds() for time in times])
        order = np.argsort(seconds)
        places, speeds = (np.asarray(each, np.float64)[order] for each in (positions, velocities))
        seconds = seconds[order]
        if not (np.isfinite(places).all() and np.isfinite(speeds).all() and (np.diff(seconds) > 0).all()):
            raise InputError(f"{source}: its state vectors repeat a time or are not numbers")
        return cls(reference, seconds, places, speeds, source)

    @property
    def start(self) -> datetime:
        """Time of the first."""
        return self.reference + timedelta(seconds=float(self.seconds[0]))

    @property
    def stop(self) -> datetime:
        """Time of the last."""
        return self.reference + timedelta(seconds=float(self.seconds[-1]))

    def covers(self, start: datetime, stop: datetime) -> bool:
        """Whether both times lie between the first and the last vector."""
        return self.start <= start and stop <= self.stop

    def at(self, times: object) -> tuple[DoubleArray, DoubleArray]:
        """Interpolate, by cubic Hermite polynomials: for vectors 10 s apart to below a millimetre.

        Parameters
        ----------
        times : datetime, or array of float
            One time, or seconds since `reference`.

        Returns
        -------
        positions, velocities : ndarray of float64
            ``(..., 3)``, m and m/s.

        Raises
        ------
        InputError
            A time lies beyond the vectors.
        """
        from scipy.interpolate import CubicHermiteSpline

        since = (times - self.reference).total_seconds() if isinstance(times, datetime) else times
        seconds = np.asarray(since, np.float64)
        if seconds.size and (seconds.min() < self.seconds[0] - 1e-6 or seconds.max() > self.seconds[-1] + 1e-6):
            asked = self.reference + timedelta(seconds=float(seconds.flat[0]))
            raise InputError(
                f"{self.source}: its state vectors reach from {self.start:%Y-%m-%d %H:%M:%S} to "
                f"{self.stop:%Y-%m-%d %H:%M:%S} and do not cover {asked:%Y-%m-%d %H:%M:%S}"
            )
        curve = CubicHermiteSpline(self.seconds, self.positions, self.velocities, axis=0)
        return np.asarray(curve(seconds)), np.asarray(curve(seconds, 1))
