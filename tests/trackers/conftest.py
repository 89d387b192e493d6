"""Pairs whose displacement is known at every pixel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session")
def bump() -> Callable[..., np.ndarray]:
    """Make a Gaussian hill in the middle: ``bump(shape, height, width)``."""

    def make(shape: tuple[int, int], height: float, width: float) -> np.ndarray:
        rows, cols = np.indices(shape, np.float64)
        square = (rows - shape[0] / 2) ** 2 + (cols - shape[1] / 2) ** 2
        return height * np.exp(-square / (2 * width**2))

    return make


@pytest.fixture(scope="session")
def moved(texture: Callable[..., np.ndarray]) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Make a pair whose displacement is exactly ``dx, dy`` at every pixel of the reference; deviation 20.

    ``moved(dx, dy, noise=0.0, shape=None)``: arrays, or numbers with a shape; noise is the deviation in each image.
    """

    def make(dx: Any, dy: Any, noise: float = 0.0, shape: tuple[int, int] | None = None) -> Any:
        size = np.shape(dx) if shape is None else shape
        rng = np.random.default_rng(5)
        pair = texture(size, dx=-np.asarray(dx), dy=-np.asarray(dy), waves=80), texture(size, waves=80)
        first, second = ((image + rng.normal(0, noise, size)).astype(np.float32) for image in pair)
        return first, second

    return make
