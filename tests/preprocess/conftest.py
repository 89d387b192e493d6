"""Fixtures of the image filters: rough ground and stripes over it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter


def rough_ground(shape: tuple[int, int], seed: int = 0, slope: float = 2.5) -> np.ndarray:
    """Fractal ground whose power falls with frequency to the power of ``-slope``; mean 100, deviation 20."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None])
    frequency[0, 0] = np.inf
    spectrum = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
    field = np.fft.irfft2(spectrum * frequency ** (-slope / 2), shape)
    return 100 + 20 * field / field.std()


def stripes_along(shape: tuple[int, int], angle: float, seed: int = 1) -> np.ndarray:
    """Stripes of unit deviation that run at ``angle`` degrees from the rows, clockwise."""
    row, col = np.mgrid[: shape[0], : shape[1]]
    across = row * np.cos(np.radians(angle)) - col * np.sin(np.radians(angle))
    across -= across.min()
    profile = np.random.default_rng(seed).normal(size=int(across.max()) + 2)
    stripes = np.interp(across, np.arange(profile.size), profile)
    return (stripes - stripes.mean()) / stripes.std()


@pytest.fixture(scope="session")
def ground() -> Callable[..., np.ndarray]:
    """Return `rough_ground`."""
    return rough_ground


@pytest.fixture(scope="session")
def stripes() -> Callable[..., np.ndarray]:
    """Return `stripes_along`."""
    return stripes_along


@pytest.fixture(scope="session")
def fine() -> Callable[[np.ndarray], float]:
    """Return what gives the deviation of an image's texture: of what is finer than 20 px."""
    return lambda image: float((image - gaussian_filter(image, 20)).std())
