"""Slant range and ground range of many pixels, with the polynomials that hold at their time; compiled."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray

_STEPS = 6
_METRES = 1e-4
"""Newton's steps square what is missing: after a step this short nothing is."""

if TYPE_CHECKING:
    from sensetrack.radar.ground_range import GroundRange


@dataclass(frozen=True, eq=False)
class RangeRecords:
    """Polynomials between slant range and ground range as arrays.

    Attributes
    ----------
    times : ndarray of float64
        ``(n,)``, s, ascending.
    slant_origin, ground_origin : ndarray of float64
        ``(n,)``, m.
    ground, slant : ndarray of float64
        ``(n, k)``: what makes ground range of the distance from ``slant_origin``, and slant range of that from
        ``ground_origin``.
    linear : bool
        Whether results of the two records around a time are weighted; else the nearest one counts.
    """

    times: DoubleArray
    slant_origin: DoubleArray
    ground_origin: DoubleArray
    ground: DoubleArray
    slant: DoubleArray
    linear: bool

    @classmethod
    def of(cls, polynomials: GroundRange, reference: datetime, between: Literal["nearest", "linear"]) -> RangeRecords:
        """Take over polynomials, with times in seconds since ``reference``."""
        return cls(
            times=np.array([(time - reference).total_seconds() for time in polynomials.times]),
            slant_origin=np.ascontiguousarray(polynomials.slant_origin, np.float64),
            ground_origin=np.ascontiguousarray(polynomials.ground_origin, np.float64),
            ground=np.ascontiguousarray(polynomials.to_ground, np.float64),
            slant=np.ascontiguousarray(polynomials.to_slant, np.float64),
            linear=between == "linear",
        )

    def to_ground(self, time: DoubleArray, slant: DoubleArray) -> DoubleArray:
        """Return ground ranges, m, of slant ranges, m, at times, s."""
        return self._turned(time, slant, True)

    def to_slant(self, time: DoubleArray, ground: DoubleArray) -> DoubleArray:
        """Return slant ranges, m, of ground ranges, m, at times, s."""
        return self._turned(time, ground, False)

    def _turned(self, time: DoubleArray, values: DoubleArray, to_ground: bool) -> DoubleArray:
        times, flat = (np.ascontiguousarray(each, np.float64).ravel() for each in np.broadcast_arrays(time, values))
        out = np.empty(len(flat))
        _turn_all(*self.arrays, to_ground, times, flat, out)
        return out.reshape(np.shape(np.broadcast_arrays(time, values)[0]))

    @property
    def arrays(self) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray, DoubleArray, bool]:
        """What compiled loops take."""
        return self.times, self.slant_origin, self.ground_origin, self.ground, self.slant, self.linear


@njit(cache=True, nogil=True)
def _polynomial(terms: DoubleArray, distance: float) -> tuple[float, float]:
    """Return the value and the slope."""
    value, slope = 0.0, 0.0
    for power in range(len(terms) - 1, -1, -1):
        slope = slope * distance + value
        value = value * distance + terms[power]
    return value, slope


@njit(cache=True, nogil=True)
def _slant(
    ground_origin: DoubleArray, slant: DoubleArray, low: int, share: float, ground: float
) -> tuple[float, float]:
    value, slope = _polynomial(slant[low], ground - ground_origin[low])
    if share > 0.0:
        next_value, next_slope = _polynomial(slant[low + 1], ground - ground_origin[low + 1])
        value += share * (next_value - value)
        slope += share * (next_slope - slope)
    return value, slope


@njit(cache=True, nogil=True)
def turn(
    times: DoubleArray,
    slant_origin: DoubleArray,
    ground_origin: DoubleArray,
    ground: DoubleArray,
    slant: DoubleArray,
    linear: bool,
    to_ground: bool,
    time: float,
    value: float,
    guess: int,
) -> tuple[float, int]:
    """Return one range turned into the other, and the record before its time, which is a guess for the next one.

    Slant range is what the polynomial of ground range says, ground range its inverse: by those of products the two
    miss each other by a centimetre, and it is the first that the pixels of Sentinel-1 and COSMO-SkyMed follow.
    """
    if not (math.isfinite(time) and math.isfinite(value)):
        return math.nan, guess
    last = len(times) - 1
    low = min(max(guess, 0), max(last - 1, 0))
    while low < last - 1 and time >= times[low + 1]:
        low += 1
    while low > 0 and time < times[low]:
        low -= 1
    record, share = low, 0.0
    if last > 0:
        share = min(max((time - times[low]) / (times[low + 1] - times[low]), 0.0), 1.0)
        if not linear:
            record, share = low + int(share >= 0.5), 0.0
    if not to_ground:
        return _slant(ground_origin, slant, record, share, value)[0], low
    found = _polynomial(ground[record], value - slant_origin[record])[0]
    for _ in range(_STEPS):
        own, slope = _slant(ground_origin, slant, record, share, found)
        step = (own - value) / slope
        found -= step
        if not abs(step) > _METRES:
            break
    return found, low


@njit(cache=True, nogil=True)
def _turn_all(
    times: DoubleArray,
    slant_origin: DoubleArray,
    ground_origin: DoubleArray,
    ground: DoubleArray,
    slant: DoubleArray,
    linear: bool,
    to_ground: bool,
    time: DoubleArray,
    values: DoubleArray,
    out: DoubleArray,
) -> None:
    guess = 0
    for i in range(len(values)):
        out[i], guess = turn(
            times, slant_origin, ground_origin, ground, slant, linear, to_ground, time[i], values[i], guess
        )
