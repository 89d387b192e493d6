"""Which time and which distance the pixels of a radar image have: all that its geometry needs."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from sensetrack.radar.ground_range import GroundRange
from sensetrack.radar.state_vectors import StateVectors
from sensetrack.radar.timing import LIGHT
from sensetrack.types import DoubleArray


@dataclass(frozen=True, eq=False, kw_only=True)
class RadarGrid:
    """Where the pixels of a radar image lie in time and range.

    The centre of line ``i`` has the zero-Doppler time ``first_line + i * line_interval``; that of sample ``j`` the
    slant range ``near_range + j * range_spacing``, or on ground range the ground range
    ``near_range + j * range_spacing``, which `ground_range` turns into slant range.

    Processors take the satellite to stand still while the pulse travels, and mend that for one distance only
    (`exact_range`): at a slant range ``R`` the time of a line is later by ``(R - exact_range) / c`` than stated above,
    up to 0.2 lines of Sentinel-1, some 2.5 m. The times of its geolocation grid hold that delay.

    Not for bursts that are not put together yet: their lines do not follow one time.

    Attributes
    ----------
    shape : tuple of int
        Lines and samples.
    orbit : StateVectors
    first_line : datetime
        UTC.
    line_interval : float
        s.
    near_range, range_spacing : float
        m; of slant range, or of ground range.
    azimuth_spacing : float
        m on the ground, about.
    look_side : {"left", "right"}
    frequency : float
        Of the carrier, Hz.
    ground_range : GroundRange or None
        None in slant range.
    looks : tuple of int
        In azimuth and in range, that were averaged since the product was read.
    origin : tuple of float
        Line and sample of the product's own image at the centre of pixel (0, 0).
    height : float
        Of the scene above the ellipsoid, about, m.
    exact_range : float or None
        Slant range at which the times of lines are exact, m; None where they are at every one.
    """

    shape: tuple[int, int]
    orbit: StateVectors
    first_line: datetime
    line_interval: float
    near_range: float
    range_spacing: float
    azimuth_spacing: float
    look_side: Literal["left", "right"]
    frequency: float
    ground_range: GroundRange | None = None
    looks: tuple[int, int] = (1, 1)
    origin: tuple[float, float] = (0.0, 0.0)
    height: float = 0.0
    exact_range: float | None = None

    @property
    def start(self) -> float:
        """Time of line 0 in seconds since `orbit.reference`, as the orbit is interpolated."""
        return (self.first_line - self.orbit.reference).total_seconds()

    def delay(self, distance: object) -> DoubleArray:
        """Return by how much later than its line's time what lies at slant ranges (m) is at zero Doppler, s."""
        ranges = np.asarray(distance, np.float64)
        return np.zeros_like(ranges) if self.exact_range is None else (ranges - self.exact_range) / LIGHT

    def seconds(self, line: object, distance: object = None) -> DoubleArray:
        """Return the zero-Doppler times of lines, s since `orbit.reference`.

        Parameters
        ----------
        line : array of float
        distance : array of float, optional
            Slant ranges, m; default: the one at which the times of lines are exact.
        """
        times = self.start + np.asarray(line, np.float64) * self.line_interval
        return np.asarray(times if distance is None else times + self.delay(distance))

    def line(self, seconds: object, distance: object = None) -> DoubleArray:
        """Return the line of zero-Doppler times: the inverse of `seconds`."""
        times = np.asarray(seconds, np.float64)
        times = times if distance is None else times - self.delay(distance)
        return np.asarray((times - self.start) / self.line_interval)

    def crop(self, row: int, col: int, shape: tuple[int, int]) -> RadarGrid:
        """Return the grid of a window whose first pixel is ``(row, col)``."""
        return dataclasses.replace(
            self,
            shape=shape,
            first_line=self.first_line + timedelta(seconds=row * self.line_interval),
            near_range=self.near_range + col * self.range_spacing,
            origin=(self.origin[0] + row * self.looks[0], self.origin[1] + col * self.looks[1]),
        )

    def multilook(self, azimuth: int, in_range: int) -> RadarGrid:
        """Return the grid of means over ``azimuth`` x ``in_range`` pixels; what does not fill one is left out."""
        lines, samples = (azimuth - 1) / 2, (in_range - 1) / 2
        return dataclasses.replace(
            self,
            shape=(self.shape[0] // azimuth, self.shape[1] // in_range),
            first_line=self.first_line + timedelta(seconds=lines * self.line_interval),
            line_interval=self.line_interval * azimuth,
            near_range=self.near_range + samples * self.range_spacing,
            range_spacing=self.range_spacing * in_range,
            azimuth_spacing=self.azimuth_spacing * azimuth,
            looks=(self.looks[0] * azimuth, self.looks[1] * in_range),
            origin=(self.origin[0] + lines * self.looks[0], self.origin[1] + samples * self.looks[1]),
        )
