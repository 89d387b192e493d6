"""Made-up ground as satellites see it on two dates: relief under two suns, fields, drainage, growth, radar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sensetrack.nets.faultdeform.fractal import fractal
from sensetrack.nets.faultdeform.spline import coefficients
from sensetrack.types import FloatArray


@dataclass(frozen=True, eq=False)
class Ground:
    """Ground on two dates, before anything moves.

    Attributes
    ----------
    first, second : ndarray of float32
        Coefficients of the quintic spline of brightness, ``(row, col)``; brightness has unit standard deviation on the
        first date.
    is_radar : bool
        Whether it is the amplitude of a radar image.
    """

    first: FloatArray
    second: FloatArray
    is_radar: bool


def make_ground(rng: np.random.Generator, size: int, radar_share: float) -> Ground:
    """Draw a scene.

    Parameters
    ----------
    rng : Generator
    size : int
        Side in pixels.
    radar_share : float
        Probability that it is seen by radar.
    """
    is_radar = bool(rng.random() < radar_share)
    first, second = (_radar if is_radar else _optical)(rng, (size, size))
    if rng.random() < 0.6:
        second = _grown(second, rng)
    blur = rng.uniform(0.45, 0.8)
    first, second = ndimage.gaussian_filter(first, blur), ndimage.gaussian_filter(second, blur)
    level, spread = float(first.mean()), float(first.std())
    return Ground(coefficients((first - level) / spread), coefficients((second - level) / spread), is_radar)


def _unit(image: NDArray[np.floating]) -> FloatArray:
    return np.asarray((image - image.mean()) / (image.std() + 1e-9), np.float32)


def _optical(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return relief under two suns on coloured ground."""
    relief = fractal(shape, rng.uniform(2.6, 3.6), rng, rng.uniform(0.5, 2.5))
    valleys = np.abs(fractal(shape, rng.uniform(3.0, 3.8), rng))
    height = _unit(relief + rng.uniform(0, 1.5) * valleys)
    slope = float(np.hypot(*np.gradient(height)).std())
    height *= np.float32(rng.uniform(0.15, 0.6) / slope)
    azimuth, altitude = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.1)
    lit = _shade(height, azimuth, altitude)
    later = _shade(height, azimuth + rng.normal(0, 0.2), altitude + rng.normal(0, 0.08))
    level, spread = lit.mean(), lit.std() + 1e-9
    lit, later = (lit - level) / spread, (later - level) / spread
    colour = _patches(rng, shape) + rng.uniform(0, 1.5) * np.exp(-((valleys / 0.03) ** 2))
    grain = fractal(shape, rng.uniform(0, 1.2), rng, rng.uniform(0.5, 1.0))
    shares = rng.dirichlet([1.5, 1.0, 1.0])
    shares /= np.sqrt((shares**2).sum())
    same = shares[1] * _unit(colour) + shares[2] * grain
    return (shares[0] * lit + same).astype(np.float32), (shares[0] * later + same).astype(np.float32)


def _shade(height: FloatArray, azimuth: float, altitude: float) -> FloatArray:
    """Return the brightness of a surface that scatters evenly; what looks away from the sun is black."""
    down, right = np.gradient(height)
    towards = np.sin(altitude) - np.cos(altitude) * (right * np.sin(azimuth) + down * np.cos(azimuth))
    return np.asarray(np.maximum(towards / np.sqrt(1 + right**2 + down**2), 0), np.float32)


def _patches(rng: np.random.Generator, shape: tuple[int, int]) -> FloatArray:
    """Return patches of even brightness with soft edges, and mottling."""
    edges = np.sort(rng.normal(0, 1, rng.integers(2, 7)))
    kind = np.digitize(fractal(shape, rng.uniform(2.2, 3.2), rng), edges)
    even = rng.normal(0, 1, 8)[kind].astype(np.float32)
    return np.asarray(
        ndimage.gaussian_filter(even, rng.uniform(0.6, 1.5)) + 0.5 * fractal(shape, rng.uniform(1.5, 2.5), rng),
        np.float32,
    )


def _radar(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return the amplitude of backscatter whose speckle lasts from one date to the other only in part."""
    scatter = np.exp(rng.uniform(0.2, 0.7) * fractal(shape, rng.uniform(1.8, 3.0), rng))
    looks, lasting = rng.uniform(2, 16), rng.uniform(0.7, 1.0)
    common = rng.gamma(looks, 1 / looks, shape)
    both = []
    for _ in range(2):
        own = rng.gamma(looks, 1 / looks, shape)
        power = scatter * (lasting * common + (1 - lasting) * own)
        both.append(ndimage.gaussian_filter(np.sqrt(power).astype(np.float32), rng.uniform(0.5, 0.9)))
    return both[0], both[1]


def _grown(image: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return ground of which patches look different: grown, harvested, burnt or washed."""
    where = fractal((image.shape[0], image.shape[1]), 2.8, rng, 3.0) - np.float32(rng.uniform(1.2, 2.2))
    share = 1 / (1 + np.exp(-6 * where))
    new = fractal((image.shape[0], image.shape[1]), 1.5, rng, 1.2)
    return np.asarray(image * (1 - share) + share * (new * image.std() + image.mean()), np.float32)
