"""Displacement of a window: the surroundings of a fault, or what glaciers and slopes do; scaled to a longest vector."""

from __future__ import annotations

import math

import numpy as np

from sensetrack.nets.faultdeform.elastic import FaultField
from sensetrack.nets.faultdeform.fractal import fractal
from sensetrack.types import DoubleArray

Motion = tuple[DoubleArray, DoubleArray]
"""``(dx, dy)`` in pixels, to the right and down."""

SPREAD = 1536
"""Pixels from the middle of a fault within which windows lie: a grid of 3 x 3 windows of 1024."""

STEEPEST = 0.3
"""Largest derivative of smooth motion, pixels per pixel: more would fold the ground."""


def fault_motion(field: FaultField, size: int, pixel: float, rng: np.random.Generator) -> Motion:
    """Return the displacement of a window near a fault, any strike, its longest vector of length 1.

    Half of the windows lie within half their side of the trace, the others up to `SPREAD` pixels from it.

    Parameters
    ----------
    field : FaultField
    size : int
        Side of the window in pixels.
    pixel : float
        Metres.
    rng : Generator
    """
    strike, sense = rng.uniform(0, 2 * math.pi), rng.choice([-1.0, 1.0])
    near = rng.random() < 0.5
    along = rng.uniform(-0.5, 0.5) * field.fault.length
    off = rng.uniform(-0.5, 0.5) * size if near else rng.uniform(-SPREAD, SPREAD)
    across = float(field.fault.trace_at(np.array([along]))[0]) + off * pixel
    line = (np.arange(size) - 0.5 * (size - 1)) * pixel
    east, north = np.meshgrid(line, -line)
    cos, sin = math.cos(strike), math.sin(strike)
    forward, left = field.at(along + east * cos + north * sin, across - east * sin + north * cos)
    dx, dy = forward * cos - left * sin, -(forward * sin + left * cos)
    longest = float(np.hypot(dx, dy).max())
    return sense * dx / longest, sense * dy / longest


def smooth_motion(size: int, longest: float, rng: np.random.Generator) -> Motion:
    """Return a displacement without a break whose longest vector has a length, in pixels.

    It is a uniform shift, turning and strain, streams of ice between still banks, or waves of all lengths; none of
    them steeper than `STEEPEST`.
    """
    kind = rng.integers(4)
    shape = (size, size)
    line = np.linspace(-1, 1, size)
    x, y = np.meshgrid(line, line)
    if kind == 0:
        dx, dy = np.zeros(shape), np.zeros(shape)
    elif kind == 1:
        a, b, c, d = rng.normal(0, 1, 4)
        dx, dy = a * x + b * y, c * x + d * y
    elif kind == 2:
        noise = fractal((2 * size, 2 * size), 5.0, rng)[:size, :size].astype(np.float64)
        stream = 1 / (1 + np.exp(-(noise - noise.mean()) / (noise.std() * rng.uniform(0.1, 0.5))))
        angle = rng.uniform(0, 2 * math.pi) + rng.normal(0, 0.3) * x + rng.normal(0, 0.3) * y
        dx, dy = stream * np.cos(angle), stream * np.sin(angle)
    else:
        waves = fractal((2 * size, 4 * size), rng.uniform(4.0, 6.0), rng)[:size].astype(np.float64)
        dx, dy = waves[:, :size], waves[:, 2 * size : 3 * size]
    if kind == 0 or rng.random() < 0.5:
        shift = rng.normal(0, 1, 2)
        dx, dy = dx + shift[0], dy + shift[1]
    scale = longest / max(float(np.hypot(dx, dy).max()), 1e-9)
    dx, dy = dx * scale, dy * scale
    steep = max(float(np.abs(part).max()) for component in (dx, dy) for part in np.gradient(component))
    if steep > STEEPEST:
        dx, dy = dx * STEEPEST / steep, dy * STEEPEST / steep
        rest, towards = longest - float(np.hypot(dx, dy).max()), rng.uniform(0, 2 * math.pi)
        dx, dy = dx + rest * math.cos(towards), dy + rest * math.sin(towards)
    return dx, dy
