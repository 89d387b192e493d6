"""When and how far the pixels of a radar image were seen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from sensetrack.types import DoubleArray

LIGHT = 299_792_458.0
"""Speed of light, m/s."""


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


def utc(time: datetime) -> np.datetime64:
    """Return a time as numpy has it, without zone."""
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
