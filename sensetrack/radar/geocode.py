"""From places to pixels of a radar image and back, at zero Doppler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sensetrack.radar.doppler import locate_all, see_all
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.orbit import OrbitPolynomial
from sensetrack.radar.srgr import RangeRecords
from sensetrack.types import DoubleArray

Between = Literal["nearest", "linear"]
"""Which polynomials of ground range hold between their times: those of the nearest time, or both, weighted."""


@dataclass(frozen=True, eq=False)
class RadarGeometry:
    """The geometry of a radar image, ready to be asked. Build one with `RadarGeometry.of`.

    Attributes
    ----------
    radar : RadarGrid
    orbit : OrbitPolynomial
    side : float
        1 where the antenna looks to the right, else -1.
    records : RangeRecords or None
        None in slant range.
    """

    radar: RadarGrid
    orbit: OrbitPolynomial
    side: float
    records: RangeRecords | None

    @classmethod
    def of(cls, radar: RadarGrid, between: Between = "nearest") -> RadarGeometry:
        """Prepare the geometry of an image.

        Parameters
        ----------
        radar : RadarGrid
        between : {"nearest", "linear"}
            ``nearest`` is how the pixels of Sentinel-1 were made (0.05 pixel and better against the product's own
            geolocation grid); ``linear`` is what SNAP does (up to 0.5 pixel off).

        Raises
        ------
        InputError
            The state vectors do not cover the image.
        """
        last = float(radar.seconds(radar.shape[0] - 1))
        orbit = OrbitPolynomial.fit(radar.orbit, radar.start, last)
        records = None
        if radar.ground_range is not None:
            records = RangeRecords.of(radar.ground_range, radar.orbit.reference, between)
        return cls(radar, orbit, 1.0 if radar.look_side == "right" else -1.0, records)

    def times_ranges(self, latitude: object, longitude: object, height: object) -> tuple[DoubleArray, DoubleArray]:
        """Return zero-Doppler times (s since the orbit's reference) and slant ranges (m) of places.

        Parameters
        ----------
        latitude, longitude : array of float
            Degrees.
        height : array of float
            Above the ellipsoid, m.

        Returns
        -------
        time, distance : ndarray of float64
            NaN where a place is on the side away from the antenna or behind the horizon.
        """
        places = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (latitude, longitude, height)))
        time, distance = np.empty((2, places[0].size))
        flat = [np.ascontiguousarray(each).ravel() for each in places]
        see_all(self.orbit.coefficients, self.orbit.middle, self.orbit.half, self.side, *flat, time, distance)
        return time.reshape(places[0].shape), distance.reshape(places[0].shape)

    def pixels(self, latitude: object, longitude: object, height: object) -> tuple[DoubleArray, DoubleArray]:
        """Return lines and samples of places, as `times_ranges`; whole numbers at pixel centres, also beyond the image.

        See `pixels_of`.
        """
        time, distance = self.times_ranges(latitude, longitude, height)
        return self.radar.line(time, distance), self.samples(time, distance)

    def samples(self, time: DoubleArray, distance: DoubleArray) -> DoubleArray:
        """Return the samples of slant ranges (m) at zero-Doppler times (s).

        Polynomials of ground range hold for lines, so it is the time of the line that chooses one.
        """
        if self.records is None:
            ground = distance
        else:
            ground = self.records.to_ground(time - self.radar.delay(distance), distance)
        return np.asarray((ground - self.radar.near_range) / self.radar.range_spacing)

    def ranges(self, line: object, sample: object) -> DoubleArray:
        """Return the slant ranges of pixels, m."""
        lines, samples = np.broadcast_arrays(np.asarray(line, np.float64), np.asarray(sample, np.float64))
        distance = np.asarray(self.radar.near_range + samples * self.radar.range_spacing)
        return distance if self.records is None else self.records.to_slant(self.radar.seconds(lines), distance)

    def places(self, line: object, sample: object, height: object) -> tuple[DoubleArray, DoubleArray]:
        """Return latitudes and longitudes, degrees, of pixels at heights above the ellipsoid, m. See `places_of`."""
        lines, samples, heights = np.broadcast_arrays(
            *(np.asarray(each, np.float64) for each in (line, sample, height))
        )
        distance = self.ranges(lines, samples)
        flat = [np.ascontiguousarray(each).ravel() for each in (self.radar.seconds(lines, distance), distance, heights)]
        latitude, longitude = np.empty((2, lines.size))
        locate_all(self.orbit.coefficients, self.orbit.middle, self.orbit.half, self.side, *flat, latitude, longitude)
        return latitude.reshape(lines.shape), longitude.reshape(lines.shape)


def pixels_of(
    radar: RadarGrid, longitude: object, latitude: object, height: object, between: Between = "nearest"
) -> tuple[DoubleArray, DoubleArray]:
    """Return where places lie in a radar image.

    Parameters
    ----------
    radar : RadarGrid
    longitude, latitude : array of float
        Degrees.
    height : array of float
        Above the ellipsoid, m; ``radar.height`` where nothing better is known. 100 m too high is 100 m / tan(incidence)
        on the ground nearer to the satellite.
    between : {"nearest", "linear"}
        See `RadarGeometry.of`.

    Returns
    -------
    line, sample : ndarray of float64
        Whole numbers at pixel centres, also beyond the image; NaN where the antenna does not look.
    """
    return RadarGeometry.of(radar, between).pixels(latitude, longitude, height)


def places_of(
    radar: RadarGrid, line: object, sample: object, height: object, between: Between = "nearest"
) -> tuple[DoubleArray, DoubleArray]:
    """Return longitudes and latitudes, degrees, of pixels at heights above the ellipsoid, m; inverse of `pixels_of`."""
    latitude, longitude = RadarGeometry.of(radar, between).places(line, sample, height)
    return longitude, latitude


def footprint(radar: RadarGrid, height: float | None = None, points: int = 9) -> tuple[DoubleArray, DoubleArray]:
    """Return the outline of an image: its outermost pixel centres, around it once.

    Parameters
    ----------
    radar : RadarGrid
    height : float, optional
        Above the ellipsoid, m; default: that of the scene.
    points : int
        On each side.

    Returns
    -------
    longitude, latitude : ndarray of float64
        ``(4 * (points - 1) + 1,)``, degrees, the last equal to the first. Longitudes have no jump; the smallest is
        between -180 and 180.
    """
    share = np.linspace(0, 1, points)[:-1]
    line = np.concatenate([0 * share, share, 1 + 0 * share, 1 - share, [0]]) * (radar.shape[0] - 1)
    sample = np.concatenate([share, 1 + 0 * share, 1 - share, 0 * share, [0]]) * (radar.shape[1] - 1)
    longitude, latitude = places_of(radar, line, sample, radar.height if height is None else height)
    longitude = np.unwrap(longitude, period=360.0)
    return longitude - np.floor((longitude.min() + 180) / 360) * 360, latitude
