"""What lies between the ground and the pixels, different on each date: clouds, speckle, noise, gain."""

from __future__ import annotations

import numpy as np

from sensetrack.nets.faultdeform.fractal import fractal
from sensetrack.types import DoubleArray, FloatArray

CLOUDY = 0.12
"""Share of optical pairs with clouds on one of the dates."""


def observe(
    pair: tuple[FloatArray, FloatArray], is_radar: bool, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return the pixels of both dates.

    Noise is 10 to 30 dB below the signal, white and of one strength; the second date has its own gain and offset.

    Parameters
    ----------
    pair : tuple of ndarray of float32
        Brightness that reaches the sensor, ``(row, col)``.
    is_radar : bool
        Radar sees through clouds and has speckle of 8 to 64 looks, new on each date.
    rng : Generator
    """
    first, second = (part.astype(np.float64) for part in pair)
    spread = max(float(first.std()), 0.05)
    if is_radar:
        looks = rng.uniform(8, 64)
        floor = min(float(first.min()), float(second.min()))
        first = (first - floor) * np.sqrt(rng.gamma(looks, 1 / looks, first.shape)) + floor
        second = (second - floor) * np.sqrt(rng.gamma(looks, 1 / looks, first.shape)) + floor
    elif rng.random() < CLOUDY:
        if rng.random() < 0.5:
            first = _clouded(first, spread, rng)
        else:
            second = _clouded(second, spread, rng)
    noise = spread * 10 ** (-rng.uniform(10, 30) / 20)
    first = first + noise * rng.standard_normal(first.shape)
    second = second + noise * rng.standard_normal(first.shape)
    second = second * rng.uniform(0.8, 1.25) + spread * rng.normal(0, 0.3)
    return first.astype(np.float32), second.astype(np.float32)


def _clouded(image: DoubleArray, spread: float, rng: np.random.Generator) -> DoubleArray:
    """Return an image under clouds with soft edges and the shadows that they cast."""
    rows, cols = image.shape
    shape = (rows, cols)
    cover = 1 / (1 + np.exp(-5 * (fractal(shape, 3.0, rng, 1.0) - rng.uniform(1.4, 2.4))))
    offset = rng.integers(-rows // 6, rows // 6 + 1, 2)
    shadow = np.roll(cover, tuple(int(step) for step in offset), (0, 1))
    darker = image - (image - (image.mean() - 1.2 * spread)) * 0.7 * shadow
    return np.asarray(darker * (1 - cover) + cover * (image.mean() + 3 * spread), np.float64)
