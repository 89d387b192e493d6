"""A scene that is known at every point, and displacement fields of a pair that is shifted as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from sensetrack.displacement import Displacement, Field
from sensetrack.raster.grid import Grid


class Misfit(NamedTuple):
    """How far an image of the scene is from where it should be."""

    down: float
    right: float
    rms: float


class Scene:
    """A sum of plane waves of 8 to 60 source pixels, around 100 with a standard deviation of 20."""

    def __init__(self, shortest: float = 8.0, waves: int = 60, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        angle = rng.uniform(0, 2 * np.pi, waves)
        k = 2 * np.pi / np.exp(rng.uniform(np.log(shortest), np.log(60.0), waves))
        self.k_row, self.k_col = k * np.sin(angle), k * np.cos(angle)
        self.phase = rng.uniform(0, 2 * np.pi, waves)
        self.scale = 20.0 * np.sqrt(2.0 / waves)

    def at(self, row: np.ndarray, col: np.ndarray) -> np.ndarray:
        """Return the scene at fractional source pixels."""
        total = np.zeros(np.broadcast(row, col).shape)
        for k_row, k_col, phase in zip(self.k_row, self.k_col, self.phase, strict=True):
            total += np.cos(k_row * row + k_col * col + phase)
        return 100.0 + self.scale * total

    def image(self, shape: tuple[int, int]) -> np.ndarray:
        """Return the scene at the source's own pixels, float32."""
        return self.at(*np.indices(shape, dtype=np.float64)).astype(np.float32)

    def misfit(self, pixels: np.ndarray, where: np.ndarray, row: np.ndarray, col: np.ndarray) -> Misfit:
        """Fit by how much an image's content lies off, in source pixels, over the pixels ``where``."""
        row, col, pixels = row[where], col[where], pixels[where].astype(np.float64)
        h = 1e-3
        truth = self.at(row, col)
        down = (self.at(row + h, col) - self.at(row - h, col)) / (2 * h)
        right = (self.at(row, col + h) - self.at(row, col - h)) / (2 * h)
        terms = np.stack([down, right, truth - 100.0, np.ones_like(truth)], axis=-1)
        answer = np.linalg.lstsq(terms, pixels - truth, rcond=None)[0]
        return Misfit(float(answer[0]), float(answer[1]), float(np.sqrt(np.mean((pixels - truth) ** 2))))


@pytest.fixture(scope="session")
def scene() -> Scene:
    """The scene that most tests resample."""
    return Scene()


@pytest.fixture(scope="session")
def make_scene() -> type[Scene]:
    """Make another scene: ``make_scene(shortest=8.0, waves=60, seed=0)``."""
    return Scene


@pytest.fixture
def measured(make_field: Callable[..., Field]) -> Callable[..., Displacement]:
    """Make the displacement of a pair that is shifted as a whole, with noise and a moving part.

    ``measured(shape=(40, 50), *, dx=0.31, dy=-0.47, noise=0.05, moving=0.0, speed=3.0, outliers=0.0, seed=0,
    spacing=16, sigma=0.05, quality=0.8)``: the first columns, a share ``moving`` of them, move by ``speed`` px to the
    right and half of that down (an array of one value per moving column gives each its own).
    """

    def make(
        shape: tuple[int, int] = (40, 50),
        *,
        dx: np.ndarray | float = 0.31,
        dy: np.ndarray | float = -0.47,
        noise: float = 0.05,
        moving: float = 0.0,
        speed: np.ndarray | float = 3.0,
        outliers: float = 0.0,
        seed: int = 0,
        spacing: int = 16,
        sigma: np.ndarray | float = 0.05,
        quality: np.ndarray | float = 0.8,
        origin: tuple[float, float] = (0.0, 0.0),
    ) -> Displacement:
        rng = np.random.default_rng(seed)
        right, down = (part + rng.normal(0.0, noise, shape) for part in (dx, dy))
        columns = round(moving * shape[1])
        right[:, :columns] += speed
        down[:, :columns] += np.asarray(speed) / 2
        wrong = rng.random(shape) < outliers
        right[wrong], down[wrong] = rng.uniform(-16, 16, (2, int(wrong.sum())))
        field = make_field(right, down, sigma=sigma, quality=quality)
        return Displacement(Grid(shape), field, spacing=spacing, origin=origin)

    return make
