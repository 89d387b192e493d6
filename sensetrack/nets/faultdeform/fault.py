"""Strike-slip faults as earthquakes break them: rough, finite, with fractal slip that is less at the surface.

The fault's own frame is in metres: along the strike, across it to the left, and up; its trace runs through the origin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from sensetrack.nets.faultdeform.fractal import fractal, profile
from sensetrack.types import DoubleArray

COLUMNS = 48
"""Pairs of triangles along the strike."""

ROWS = np.array([0.0, 0.04, 0.12, 0.28, 0.56, 1.0])
"""Edges of rows of triangles, as a share of the width: fine where the surface is near."""

HURST = 0.8
"""Of the fault's surface (Renard & Candela 2017)."""

TRACE_SAMPLES = 8192
"""Of the trace along one fault."""


@dataclass(frozen=True, eq=False)
class Fault:
    """A fault and how it slips, in its own frame.

    Attributes
    ----------
    length, width : float
        Metres along the strike and down the dip.
    dip : float
        Degrees from the horizontal, 30..150; above 90 it dips to the other side.
    trace : ndarray of float64
        Metres across the strike at `TRACE_SAMPLES` places along it.
    triangles : ndarray of float64
        ``(triangle, corner, axis)`` in metres.
    slip : ndarray of float64
        Metres along the strike, one per triangle.
    """

    length: float
    width: float
    dip: float
    trace: DoubleArray
    triangles: DoubleArray
    slip: DoubleArray

    def trace_at(self, along: DoubleArray) -> DoubleArray:
        """Return where the trace lies across the strike; beyond the ends it goes straight on."""
        places = np.linspace(-0.5 * self.length, 0.5 * self.length, len(self.trace))
        return np.asarray(np.interp(along, places, self.trace), np.float64)

    @property
    def columns(self) -> DoubleArray:
        """Middles of the columns of triangles along the strike, in metres."""
        edges = np.linspace(-0.5 * self.length, 0.5 * self.length, COLUMNS + 1)
        return 0.5 * (edges[1:] + edges[:-1])


def mean_slip(length: float) -> float:
    """Return the mean slip in metres of a strike-slip earthquake on a fault of a length in metres.

    Source: Leonard (2010), *Earthquake fault scaling*, Bull. Seismol. Soc. Am. 100, 1971, table 5: the slip grows with
    the power 0.833 of lengths up to 45 km, and with the root of longer ones.
    """
    logarithm = math.log10(length)
    return float(10 ** (0.833 * logarithm - 3.84 if length < 45e3 else 0.5 * logarithm - 2.29))


def make_fault(rng: np.random.Generator) -> Fault:
    """Draw a fault: 5 to 150 km long, 5 to 17 km wide, within 60 degrees of vertical.

    Lengths are spread evenly over their logarithm. Slip scales with the length (`mean_slip`, within a factor of 1.5).
    """
    length = math.exp(rng.uniform(math.log(5e3), math.log(150e3)))
    width = min(rng.uniform(5e3, 17e3), length)
    dip = rng.uniform(30.0, 150.0)
    roughness = math.exp(rng.uniform(math.log(2e-3), math.log(1.5e-2)))
    trace = roughness * length * profile(TRACE_SAMPLES, HURST, rng)
    trace -= np.linspace(trace[0], trace[-1], len(trace))  # the strike is the line through the ends
    slip = mean_slip(length) * math.exp(rng.normal(0, math.log(1.5))) * _slip_shape(length, width, dip, rng)
    depth_roughness = _surface(rng) * roughness * width
    return build_fault(length, width, dip, trace, slip, depth_roughness)


def build_fault(
    length: float, width: float, dip: float, trace: DoubleArray, slip: DoubleArray, roughness: DoubleArray | None = None
) -> Fault:
    """Return a fault from its description.

    Parameters
    ----------
    length, width, dip, trace
        As in `Fault`.
    slip : ndarray of float64
        ``(row, column)`` of cells, `COLUMNS` of them along the strike.
    roughness : ndarray of float64, optional
        By how many metres corners of cells leave the surface that hangs from the trace, ``(row, column)``; its first
        row is taken off, so that the trace stays what it is.
    """
    along = np.linspace(-0.5 * length, 0.5 * length, COLUMNS + 1)
    down = ROWS * width
    offset = np.interp(along, np.linspace(-0.5 * length, 0.5 * length, len(trace)), trace)
    across = offset + down[:, None] * math.cos(math.radians(dip))
    if roughness is not None:
        across = across + roughness - roughness[:1]
    depth = np.broadcast_to(-down[:, None] * math.sin(math.radians(dip)), across.shape)
    corners = np.stack([np.broadcast_to(along, across.shape), across, depth], axis=-1)
    upper_left, upper_right = corners[:-1, :-1], corners[:-1, 1:]
    lower_left, lower_right = corners[1:, :-1], corners[1:, 1:]
    first = np.stack([upper_left, lower_left, upper_right], axis=-2)
    second = np.stack([lower_left, lower_right, upper_right], axis=-2)
    triangles = np.concatenate([first.reshape(-1, 3, 3), second.reshape(-1, 3, 3)])
    return Fault(length, width, dip, trace, triangles, np.tile(np.asarray(slip, np.float64).ravel(), 2))


def _slip_shape(length: float, width: float, dip: float, rng: np.random.Generator) -> DoubleArray:
    """Return slip in cells relative to its mean: fractal, none at the ends and the bottom, less at the surface."""
    middle = 0.5 * (ROWS[1:] + ROWS[:-1])
    places = (np.arange(COLUMNS) + 0.5) / COLUMNS
    # Slip varies over as many metres along the strike as down the dip.
    cells = 8 * max(8, round(COLUMNS * width / length))
    rough = fractal((cells, 2 * COLUMNS), 2 * 0.75 + 2, rng).astype(np.float64)
    shape = 1 + rng.uniform(0.2, 0.6) * rough[np.minimum((middle * cells / 8).astype(int), cells - 1), :COLUMNS]
    ends = np.sqrt(np.maximum(1 - np.abs(2 * places - 1) ** rng.uniform(2, 6), 0))
    bottom = np.sqrt(np.maximum(1 - middle ** rng.uniform(2, 6), 0))
    deficit = 1 - rng.uniform(0, 0.6) * np.exp(-middle * width * math.sin(math.radians(dip)) / 3e3)
    shape = np.maximum(shape, 0) * ends * (bottom * deficit)[:, None]
    weights = np.diff(ROWS)[:, None]
    return np.asarray(shape / (shape * weights).sum(axis=0).mean(), np.float64)


def _surface(rng: np.random.Generator) -> DoubleArray:
    """Return a self-affine surface at the corners of cells, unit standard deviation."""
    side = 64
    surface = fractal((2 * side, 2 * side), 2 * HURST + 2, rng)[:side, :side].astype(np.float64)
    axis = np.linspace(0, 1, side)
    at = np.stack(np.meshgrid(ROWS, np.linspace(0, 1, COLUMNS + 1), indexing="ij"), axis=-1)
    return np.asarray(RegularGridInterpolator((axis, axis), surface)(at), np.float64)
