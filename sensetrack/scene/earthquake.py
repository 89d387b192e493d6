"""A strike-slip earthquake: a sharp step of less than a pixel across a fault in a dry landscape."""

from __future__ import annotations

import math

import numpy as np
from affine import Affine

from sensetrack.scene._erosion import carve
from sensetrack.scene._landscape import OVERSAMPLING, Frame, Landscape, Motion
from sensetrack.scene._noise import NoiseSource, sigmoid, smoothstep
from sensetrack.types import DoubleArray, FloatArray

_STRIKE = 68.0
_LOCKING_DEPTH = 220.0


class FaultMotion(Motion):
    """Slip parallel to a straight vertical fault, fading away from it.

    Half of the slip on either side: ``u = slip / pi * atan(depth / distance)``, the surface displacement of a screw
    dislocation that slips from the surface down to ``depth`` (Segall 2010, Earthquake and Volcano Deformation, ch. 2).

    Parameters
    ----------
    centre : tuple of float
        A point on the fault, ``(row, col)``.
    strike : float
        Degrees clockwise from up.
    slip : float
        Step across the fault, in pixels; positive when the far side moves to the right (dextral).
    depth : float
        In pixels.
    """

    def __init__(self, centre: tuple[float, float], strike: float, slip: float, depth: float) -> None:
        self._centre, self._slip, self._depth = centre, slip, depth
        self._along = -math.cos(math.radians(strike)), math.sin(math.radians(strike))

    def distance(self, row: DoubleArray, col: DoubleArray) -> DoubleArray:
        """Return the distance from the fault, positive to the right of its strike, in pixels."""
        along_row, along_col = self._along
        return (row - self._centre[0]) * along_col - (col - self._centre[1]) * along_row

    def at(self, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return ``(dy, dx)`` at image coordinates."""
        right = self.distance(row, col)
        size = np.copysign(self._slip / math.pi * np.arctan2(self._depth, np.abs(right)), right)
        return -size * self._along[0], -size * self._along[1]

    def origin(self, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        """Return where the content lay before: exact, because slip does not change the distance from the fault."""
        dy, dx = self.at(row, col)
        return row - dy, col - dx


def earthquake(frame: Frame, noise: NoiseSource, peak: float) -> Landscape:
    """Build the earthquake landscape.

    Parameters
    ----------
    frame : Frame
    noise : NoiseSource
        On the ground samples.
    peak : float
        Slip across the fault, in pixels.
    """
    scale = frame.scale
    centre = (0.52 * frame.shape[0], 0.5 * frame.shape[1])
    motion = FaultMotion(centre, _STRIKE, peak, _LOCKING_DEPTH * scale)
    rows, cols = frame.fine()
    right = motion.distance(rows, cols).astype(np.float32)

    plain = 20 * scale * noise.fractal(2.2, 700 * scale * OVERSAMPLING)
    edge = 95 * scale + 30 * scale * noise.fractal(2.0, 300 * scale * OVERSAMPLING)
    beside = np.maximum(0, np.abs(right - 60 * scale) - edge)
    rise = np.where(beside > 0, 0.16 * beside + plain + noise.fractal(1.0, 60), 0)
    start = np.asarray(0.02 * np.abs(right) + rise, np.float32)
    flat = beside == 0
    height = carve(start * OVERSAMPLING, flat, round(34 * scale), noise) / OVERSAMPLING
    soil, rough = noise.fractal(1.0, 80), noise.fractal(0.6, 12)
    height = height + 0.06 * noise.fractal(1.2, 40)

    rock = 0.26 + 0.030 * noise.fractal(1.6, 300) + 0.016 * soil + 0.016 * rough
    fan = 0.33 + 0.022 * soil + 0.014 * rough - 0.012 * noise.fractal(1.4, 200)
    lowland = sigmoid((6 - beside) / 4)
    ground = rock + lowland * (fan - rock)
    fields = _fields(rows, cols, noise)
    farmed = sigmoid((noise.fractal(1.8, 300) - 0.2) / 0.05) * smoothstep((40 * scale - beside) / (20 * scale)) * flat
    ground = ground + farmed * (fields + 0.008 * rough - ground)
    season = 1 + (0.02 + 0.06 * farmed) * noise.fractal(0.5, 12)
    return Landscape(
        height=height.astype(np.float32),
        albedo=(ground.astype(np.float32), (ground * season).astype(np.float32)),
        motion=motion,
        moving=np.ones(frame.fine_shape, np.bool_),
        area=None,
        stable=None,
        crs="EPSG:32637",
        transform=Affine(10, 0, 298_450, 0, -10, 4_156_210),
    )


def _fields(rows: DoubleArray, cols: DoubleArray, noise: NoiseSource) -> FloatArray:
    """Return the albedo of a patchwork of fields."""
    rng = np.random.default_rng(noise.branch())
    turn = math.radians(17)
    u = (rows * math.cos(turn) + cols * math.sin(turn)) / 13
    v = (cols * math.cos(turn) - rows * math.sin(turn)) / 21
    v = v + 0.5 * (np.floor(u) % 2)
    table = rng.uniform(0.09, 0.27, (256, 256))
    return np.asarray(table[np.floor(u).astype(int) % 256, np.floor(v).astype(int) % 256], np.float32)
