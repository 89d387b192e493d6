"""A coarse grid of pixels whose places are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensetrack.types import DoubleArray


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
