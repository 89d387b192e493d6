"""How the surface of an elastic half-space moves when a fault in it slips.

Triangular dislocations (Nikkhoo & Walter 2015, *Geophys. J. Int.* 201, 1117) by the library `cutde`. The surface is
looked at along lines that follow the trace on either side of it, closer together near it, so that the break stays sharp
however fine the pixels are: a place is interpolated from its own side only.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RectBivariateSpline

from sensetrack.errors import MissingExtraError
from sensetrack.nets.faultdeform.fault import Fault
from sensetrack.types import DoubleArray

POISSON = 0.25
"""Poisson's ratio of rock."""

NEAREST, FARTHEST = 20.0, 120e3
"""Metres from the trace of the nearest and the farthest line; beyond them the displacement is that of the line."""

LINES = 18
"""Lines on each side."""

BEYOND = np.array([0.01, 0.04, 0.1, 0.25, 0.6, 1.5])
"""Where the surface is looked at beyond the ends, in lengths of the fault."""


def surface_displacement(fault: Fault, places: DoubleArray) -> DoubleArray:
    """Return the displacement of places on the surface.

    Parameters
    ----------
    fault : Fault
    places : ndarray of float64
        ``(place, axis)``: metres along and across the strike.

    Returns
    -------
    ndarray of float64
        ``(place, axis)``: metres along the strike, across it, and up. Positive slip moves the left side of the trace
        (positive across) forward and the right side back, each by half of it where the fault is vertical.

    Raises
    ------
    MissingExtraError
        `cutde` is not installed.
    """
    try:
        halfspace = importlib.import_module("cutde.halfspace")
    except ImportError:
        raise MissingExtraError("deep", "the displacement of faults (library cutde)") from None
    at = np.zeros((len(places), 3))
    at[:, :2] = places
    slips = np.zeros((len(fault.slip), 3))
    slips[:, 0] = -fault.slip  # the library counts the other sense of slip as positive for these corners
    return np.asarray(halfspace.disp_free(at, np.ascontiguousarray(fault.triangles), slips, POISSON), np.float64)


@dataclass(frozen=True, eq=False)
class FaultField:
    """The horizontal displacement around a fault as a function of the place.

    Attributes
    ----------
    fault : Fault
    splines : tuple
        For the right and the left side of the trace, of the components along and across the strike; functions of the
        number of the place along the strike and the logarithm of the distance.
    along : ndarray of float64
        Places along the strike, metres.
    """

    fault: Fault
    splines: tuple[tuple[RectBivariateSpline, RectBivariateSpline], ...]
    along: DoubleArray

    def at(self, along: DoubleArray, across: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return the displacement in metres, along and across the strike; arrays of one shape, metres."""
        distance = across - self.fault.trace_at(along)
        number = np.interp(along, self.along, np.arange(len(self.along), dtype=np.float64))
        reach = np.log(np.clip(np.abs(distance), NEAREST, FARTHEST))
        out = np.empty((2, *along.shape))
        for side, here in enumerate((distance < 0, distance >= 0)):
            for component in (0, 1):
                out[component][here] = self.splines[side][component].ev(number[here], reach[here])
        return out[0], out[1]


def field_of(fault: Fault) -> FaultField:
    """Return the displacement around a fault.

    Raises
    ------
    MissingExtraError
        `cutde` is not installed.
    """
    half = 0.5 * fault.length
    beyond = half + BEYOND * fault.length
    along = np.concatenate([-beyond[::-1], fault.columns, beyond])
    reach = np.linspace(np.log(NEAREST), np.log(FARTHEST), LINES)
    distance = np.concatenate([-np.exp(reach), np.exp(reach)])
    # The lines follow the edges of the triangles, which are straight between the ends of a column.
    edges = np.linspace(-half, half, len(fault.columns) + 1)
    trace = np.interp(along, edges, fault.trace_at(edges))
    across = trace[:, None] + distance
    places = np.stack([np.broadcast_to(along[:, None], across.shape), across], axis=-1).reshape(-1, 2)
    moved = surface_displacement(fault, places).reshape(len(along), 2, LINES, 3)
    number = np.arange(len(along), dtype=np.float64)
    splines = tuple(
        tuple(RectBivariateSpline(number, reach, moved[:, side, :, k], kx=1, ky=3) for k in (0, 1)) for side in (0, 1)
    )
    return FaultField(fault, splines, along)  # type: ignore[arg-type]
