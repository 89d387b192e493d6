"""A history of motion with seasons and acceleration, for tests of series."""

from __future__ import annotations

import numpy as np


def position(years: np.ndarray | float) -> np.ndarray:
    """Way in metres along x and y: 100 + 30 sin + 40 t and -40 + 10 cos m/yr."""
    t, turn = np.asarray(years, np.float64), 2 * np.pi
    return np.stack([100 * t - 30 * np.cos(turn * t) / turn + 20 * t**2, -40 * t + 10 * np.sin(turn * t) / turn])
