"""Radar geometry of circular orbits, and images of known scenes in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np

from products.orbit import Doubles, Orbit
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.state_vectors import StateVectors

EPOCH = datetime(2024, 3, 1, 12, 0, 0, 250000, tzinfo=UTC)
"""Time 0 of the orbits."""

Scene = Callable[[Doubles, Doubles], Doubles]
"""Something of latitude and longitude in degrees."""


def radar_grid(
    orbit: Orbit,
    shape: tuple[int, int] = (200, 240),
    *,
    first: float = 0.0,
    interval: float = 2e-3,
    near: float = 850_000.0,
    spacing: float = 8.0,
    height: float = 0.0,
) -> RadarGrid:
    """Return the grid of an image in slant range, whose lines start ``first`` seconds after `EPOCH`."""
    seconds = np.arange(-60.0, 61.0, 10.0)
    positions, velocities = orbit.state(seconds)
    times = [EPOCH + timedelta(seconds=float(second)) for second in seconds]
    return RadarGrid(
        shape=shape,
        orbit=StateVectors.of(times, positions, velocities, "circular orbit"),
        first_line=EPOCH + timedelta(seconds=first),
        line_interval=interval,
        near_range=near,
        range_spacing=spacing,
        azimuth_spacing=interval * 6800,
        look_side="right" if orbit.side == "R" else "left",
        frequency=5.4e9,
        height=height,
    )


def places(radar: RadarGrid, orbit: Orbit, height: Scene, rounds: int = 12) -> tuple[Doubles, Doubles]:
    """Return latitude and longitude of all pixels of an image of terrain, by the equations of the orbit itself.

    Only for slopes of half the steepness at which layover begins, at most.
    """
    lines, samples = np.indices(radar.shape, float)
    first = (radar.first_line - EPOCH).total_seconds()
    time, distance = first + lines * radar.line_interval, radar.near_range + samples * radar.range_spacing
    high: Doubles = np.zeros(radar.shape)
    for _ in range(rounds):
        lat, lon = orbit.ground(time, distance, high)
        high = height(lat, lon)
    return orbit.ground(time, distance, high)
