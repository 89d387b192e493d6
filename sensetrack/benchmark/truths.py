"""Displacement fields that are known exactly: a shift, bumps, faults."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sensetrack.errors import ParameterError
from sensetrack.types import DoubleArray

Components = tuple[DoubleArray, DoubleArray]
"""``(dy, dx)`` in pixels, positive down and right."""

SHIFT = (-0.62, 0.37)
"""``(dy, dx)`` of the constant displacement."""

FAULT_WIDTH = 12.0
"""Pixels from the trace of an arctangent fault to where half of the displacement of its side is reached."""

_STRIKE = math.radians(27.0)
_BUMPS = ((0.30, 0.29, 20.0), (0.36, 0.73, 140.0), (0.73, 0.48, 260.0))
_BUMP_SIGMA = 1 / 9


@dataclass(frozen=True)
class KnownField:
    """A displacement that is a function of the place.

    Attributes
    ----------
    name : str
    words : str
        What it is, for tables.
    family : {"shift", "diagonal", "bumps", "fault", "step"}
    amplitude : float
        Pixels: the length of a shift or of the largest vector of a bump, either component of a diagonal shift, the
        total offset across a fault.
    """

    name: str
    words: str
    family: str
    amplitude: float

    def at(self, row: DoubleArray, col: DoubleArray, size: int) -> Components:
        """Return ``(dy, dx)`` of the content of the reference at ``(row, col)``.

        Parameters
        ----------
        row, col : ndarray of float64
            Image coordinates, whole at pixel centres.
        size : int
            Side of the image in pixels, with which the width of bumps and the place of faults scale.
        """
        return _FAMILIES[self.family](row, col, size, self.amplitude)

    def check(self, size: int) -> None:
        """Raise when an image is too small for it.

        Raises
        ------
        ParameterError
            Bumps would be narrower than they are high, and content be folded or lost.
        """
        smallest = math.ceil(self.amplitude / _BUMP_SIGMA)
        if self.family == "bumps" and size < smallest:
            raise ParameterError(f"size = {size}: field '{self.name}' needs at least {smallest} pixels")


def _shift(row: DoubleArray, col: DoubleArray, size: int, amplitude: float) -> Components:
    shape = np.broadcast_shapes(row.shape, col.shape)
    return np.full(shape, SHIFT[0]), np.full(shape, SHIFT[1])


def _diagonal(row: DoubleArray, col: DoubleArray, size: int, amplitude: float) -> Components:
    shape = np.broadcast_shapes(row.shape, col.shape)
    return np.full(shape, amplitude), np.full(shape, amplitude)


def _bumps(row: DoubleArray, col: DoubleArray, size: int, amplitude: float) -> Components:
    """Three Gaussian bumps, each in its own direction."""
    dy, dx = (np.zeros(np.broadcast_shapes(row.shape, col.shape)) for _ in range(2))
    for at_row, at_col, degrees in _BUMPS:
        square = (row - at_row * size) ** 2 + (col - at_col * size) ** 2
        height = amplitude * np.exp(-0.5 * square / (_BUMP_SIGMA * size) ** 2)
        dy += height * math.sin(math.radians(degrees))
        dx += height * math.cos(math.radians(degrees))
    return dy, dx


def _fault(row: DoubleArray, col: DoubleArray, size: int, amplitude: float) -> Components:
    """Slip below a locked layer: the arctangent of Savage and Burford (1973, J. Geophys. Res. 78, 832, eq. 1)."""
    return _slip(amplitude / math.pi * np.arctan(from_fault(row, col, size)[0] / FAULT_WIDTH))


def _step(row: DoubleArray, col: DoubleArray, size: int, amplitude: float) -> Components:
    return _slip(0.5 * amplitude * np.sign(from_fault(row, col, size)[0]))


def from_fault(row: DoubleArray, col: DoubleArray, size: int) -> tuple[DoubleArray, DoubleArray]:
    """Return how far places are from the trace of the fault, positive to its right, and how far along it.

    Both in pixels, from the middle of the image; slip does not change the first.
    """
    middle = 0.5 * (size - 1) + 0.25  # no pixel centre lies on the trace
    across = (col - middle) * math.cos(_STRIKE) + (row - middle) * math.sin(_STRIKE)
    along = (row - middle) * math.cos(_STRIKE) - (col - middle) * math.sin(_STRIKE)
    return across, along


def slip_of(dy: DoubleArray, dx: DoubleArray) -> DoubleArray:
    """Return the component of displacements along the trace of the fault, positive where `from_fault` is positive."""
    return dy * math.cos(_STRIKE) - dx * math.sin(_STRIKE)


def _slip(length: DoubleArray) -> Components:
    return length * math.cos(_STRIKE), -length * math.sin(_STRIKE)


_FAMILIES: dict[str, Callable[[DoubleArray, DoubleArray, int, float], Components]] = {
    "shift": _shift,
    "diagonal": _diagonal,
    "bumps": _bumps,
    "fault": _fault,
    "step": _step,
}

FIELDS = {
    field.name: field
    for field in (
        KnownField("shift", f"constant, dx {SHIFT[1]}, dy {SHIFT[0]} px", "shift", math.hypot(*SHIFT)),
        *(
            KnownField(f"bumps-{height:g}", f"three Gaussian bumps of {height:g} px", "bumps", height)
            for height in (0.5, 3.0, 10.0, 30.0)
        ),
        *(
            KnownField(f"fault-{offset:g}", f"arctangent fault, offset {offset:g} px", "fault", offset)
            for offset in (0.7, 3.2, 10.3, 31.0)
        ),
        KnownField("step-3.2", "sharp fault, offset 3.2 px", "step", 3.2),
    )
}
"""The fields by name."""
