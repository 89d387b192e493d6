"""What geocoding a radar image needs, typed: state vectors, timing, ground range, points that tie pixels to places."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.types import DoubleArray

LIGHT = 299_792_458.0
"""Speed of light, m/s."""


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


@dataclass(frozen=True)
class Timing:
    """When and how far the pixels of a radar image were seen.

    Attributes
    ----------
    first_line : datetime
        Zero-Doppler time of line 0, UTC.
    line_interval : float
        s.
    first_sample : float
        Two-way time to sample 0, s.
    range_sampling : float
        Samples per second in slant range.
    range_spacing, azimuth_spacing : float
        m; in slant range for complex images, else on the ground.
    """

    first_line: datetime
    line_interval: float
    first_sample: float
    range_sampling: float
    range_spacing: float
    azimuth_spacing: float

    def azimuth_time(self, line: float) -> datetime:
        """Return the zero-Doppler time of a line, for images without bursts."""
        return self.first_line + timedelta(seconds=line * self.line_interval)

    def slant_range(self, sample: object) -> DoubleArray:
        """Return the distance of samples of an image in slant range, m."""
        samples = np.asarray(sample, np.float64)
        return np.asarray(LIGHT / 2 * (self.first_sample + samples / self.range_sampling))


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


@dataclass(frozen=True, eq=False)
class TiePoints:
    """A coarse grid of pixels whose places are known.

    Attributes
    ----------
    lines, samples : ndarray of float64
        Rows and columns of the grid in the image.
    latitude, longitude, height, incidence, elevation : ndarray of float64
        ``(line, sample)``; degrees, and m above the ellipsoid. Heights are those of the terrain.
    azimuth_time : ndarray of datetime64
    slant_time : ndarray of float64
        Two-way, s.
    """

    lines: DoubleArray
    samples: DoubleArray
    latitude: DoubleArray
    longitude: DoubleArray
    height: DoubleArray
    incidence: DoubleArray
    elevation: DoubleArray
    azimuth_time: NDArray[np.datetime64]
    slant_time: DoubleArray

    def at(self, name: str, line: object, sample: object) -> DoubleArray:
        """Interpolate a layer bilinearly; exact at the points, and between them as good as the terrain is smooth.

        Parameters
        ----------
        name : {"latitude", "longitude", "height", "incidence", "elevation", "slant_time"}
        line, sample : array of float
            Beyond the grid it is extrapolated.
        """
        from scipy.interpolate import RegularGridInterpolator

        values = np.asarray(getattr(self, name))
        if name == "longitude":
            values = np.unwrap(np.unwrap(values, period=360.0, axis=0), period=360.0, axis=1)
        lookup = RegularGridInterpolator((self.lines, self.samples), values, bounds_error=False, fill_value=None)
        places = np.stack(np.broadcast_arrays(np.asarray(line, np.float64), np.asarray(sample, np.float64)), axis=-1)
        found = np.asarray(lookup(places), np.float64).reshape(places.shape[:-1])
        return (found + 180.0) % 360.0 - 180.0 if name == "longitude" else found


def utc(time: datetime) -> np.datetime64:
    """Return a time as numpy has it, without zone."""
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
