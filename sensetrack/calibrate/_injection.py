"""Displacements that are put into a copy of the reference, and the copy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from sensetrack.calibrate._misfit import sample_quintic
from sensetrack.types import DoubleArray, Mask, PixelArray

CYCLE = 3
"""Every how-manieth displacement has a bump; the others are constants."""

BUMP = 1.5
"""Height of the bump in pixels; its strain reaches 0.013 in a block of 384 px."""

BUMP_WIDTH = 0.18
"""Standard deviation of the bump as a share of the block's side."""

STEEPEST = 0.5
"""Largest strain of the motion itself: above 1 content would be folded."""

_STEPS = (0.7548776662466927, 0.5698402909980532)
"""Of the additive recurrence that spreads sub-pixel parts evenly over rows and columns (powers of the plastic number;
Roberts 2018, *The unreasonable effectiveness of quasirandom sequences*)."""

_ITERATIONS = 30
_EXACT = 1e-4


@dataclass(frozen=True)
class Offset:
    """A smooth displacement that is known everywhere, on top of the motion itself.

    Attributes
    ----------
    dx, dy : float
        Constant part in pixels, within 1 px.
    bump : float
        Height of a Gaussian bump on top of it, in pixels; 0 for none.
    angle : float
        Direction of the bump, in radians.
    width : float
        Its standard deviation in pixels; it stands in the middle of the array.
    """

    dx: float
    dy: float
    bump: float = 0.0
    angle: float = 0.0
    width: float = 1.0

    @classmethod
    def of(cls, number: int, seed: int, side: int) -> Offset:
        """Return the ``number``-th displacement of a seed for a block of ``side`` pixels."""
        dx, dy = (2 * math.fmod(0.5 + (number + 1 + 97 * seed) * step, 1.0) - 1 for step in _STEPS)
        if number % CYCLE != CYCLE - 1:
            return cls(dx, dy)
        return cls(dx, dy, BUMP, 2.4 * number, max(32.0, BUMP_WIDTH * side))

    def on(self, flow: DoubleArray) -> DoubleArray:
        """Return a flow ``(2, row, col)``, dy first, with this displacement added."""
        rows, cols = ((np.arange(size) - (size - 1) / 2) ** 2 for size in flow.shape[1:])
        height = self.bump * np.exp(-0.5 * (rows[:, None] + cols[None, :]) / self.width**2)
        own = np.stack([self.dy + height * math.sin(self.angle), self.dx + height * math.cos(self.angle)])
        return np.asarray(flow + own)


def smoothed(flow: DoubleArray, sigma: float) -> DoubleArray:
    """Return a flow smoothed by a Gaussian, and further where it would fold content."""
    while True:
        smooth = np.stack([gaussian_filter(part, sigma, mode="nearest", truncate=3) for part in flow])
        strain = max(float(np.abs(np.diff(part, axis=axis)).max()) for part in smooth for axis in (0, 1))
        if strain <= STEEPEST:
            return smooth
        sigma *= 2


def move(pixels: PixelArray, valid: Mask, flow: DoubleArray) -> tuple[PixelArray, Mask]:
    """Return an image in which the content of ``(row, col)`` is found at ``(row + dy, col + dx)``.

    Parameters
    ----------
    pixels, valid : ndarray
    flow : ndarray of float64
        ``(2, row, col)``: dy and dx at every pixel, smooth.
    """
    place = np.indices(pixels.shape, np.float64)
    start = place - flow
    for _ in range(_ITERATIONS):
        before = start
        start = place - np.stack([map_coordinates(part, start, order=1, mode="nearest") for part in flow])
        if np.abs(start - before).max() < _EXACT:
            break
    return sample_quintic(pixels, valid, start[0], start[1])
