"""A pair whose truth is known, and a tracker that states errors of a third of what they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.trackers.pcc import Pcc
from sensetrack.types import Mask, PixelArray

SHIFT = 1.3, -0.4
"""dx and dy of the noisy pair."""


class Boastful(Pcc):
    """States a third of the errors of pcc."""

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        field = super()._track(reference, secondary, reference_valid, secondary_valid, pad, device)
        return dataclasses.replace(field, sigma_dx=field.sigma_dx / 3, sigma_dy=field.sigma_dy / 3)


class Silent(Pcc):
    """Measures and vouches for nothing."""

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        field = super()._track(reference, secondary, reference_valid, secondary_valid, pad, device)
        return field.with_flag(np.ones(field.shape, np.bool_), Flag.LOW_QUALITY)


@pytest.fixture(scope="session")
def silent() -> Silent:
    """A tracker that flags everything."""
    return Silent(window=32, step=16)


@pytest.fixture(scope="session")
def boastful() -> Boastful:
    """The tracker, with windows that share a quarter of their pixels."""
    return Boastful(window=32, step=16)


@pytest.fixture(scope="session")
def honest() -> Pcc:
    """The tracker that it is made from."""
    return Pcc(window=32, step=16)


@pytest.fixture(scope="session")
def noisy_pair(texture: Callable[..., np.ndarray]) -> Callable[..., ImagePair]:
    """Make a pair that is moved by `SHIFT`, each image with its own noise: ``noisy_pair(side, noise=6.0, seed=0)``."""

    def make(side: int, noise: float = 6.0, seed: int = 0) -> ImagePair:
        rng = np.random.default_rng(seed)
        dx, dy = SHIFT
        images = texture((side, side), seed=seed), texture((side, side), seed=seed, dx=dx, dy=dy)
        return ImagePair(*(Image.from_array(each + rng.normal(0, noise, each.shape)) for each in images))

    return make


@pytest.fixture(scope="session")
def spread() -> Callable[..., tuple[float, float]]:
    """How many stated errors 68 % of the true ones of a `noisy_pair` lie within: ``spread(field, border=3)``."""

    def measure(field: Field, border: int = 3) -> tuple[float, float]:
        inner = field.crop(slice(border, -border), slice(border, -border))
        where = inner.measured
        found = zip((inner.dx, inner.dy), SHIFT, (inner.sigma_dx, inner.sigma_dy), strict=True)
        x, y = (float(np.quantile(np.abs(part - true)[where] / sigma[where], 0.68269)) for part, true, sigma in found)
        return x, y

    return measure
