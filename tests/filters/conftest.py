"""Fields whose outliers are known, and faults whose step must stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest

from sensetrack.displacement import Field
from sensetrack.types import Mask

SIZE = 120


class Spoilt(NamedTuple):
    """A field, where it is wrong, and where it is right."""

    field: Field
    wrong: Mask
    right: Mask


@pytest.fixture(scope="session")
def spoilt(make_field: Callable[..., Field]) -> Callable[..., Spoilt]:
    """Make a glacier-like bump of 8 px with noise, and outliers of 1 to 14 px at known places.

    ``spoilt(share=0.1, noise=0.1, holes=0.0, group=1, seed=0)``: ``group`` is the side of a square of pixels that are
    wrong by the same vector.
    """

    def make(share: float = 0.1, noise: float = 0.1, holes: float = 0.0, group: int = 1, seed: int = 0) -> Spoilt:
        rng = np.random.default_rng(seed)
        row, col = np.mgrid[:SIZE, :SIZE] / SIZE - 0.5
        dx = 8 * np.exp(-(row**2 + col**2) / 0.06)
        dy = -0.5 * dx
        cells = (SIZE // group, SIZE // group)
        block = np.ones((group, group))
        wrong = np.kron(rng.random(cells) < share, block).astype(bool)
        angle, length = np.kron(rng.uniform(0, 2 * np.pi, cells), block), np.kron(rng.uniform(1, 14, cells), block)
        dx = dx + np.where(wrong, length * np.cos(angle), 0) + noise * rng.normal(size=dx.shape)
        dy = dy + np.where(wrong, length * np.sin(angle), 0) + noise * rng.normal(size=dx.shape)
        gone = rng.random(dx.shape) < holes
        dx[gone] = np.nan
        return Spoilt(make_field(dx, dy), wrong & ~gone, ~wrong & ~gone)

    return make


@pytest.fixture(scope="session", params=[0, 25, 45, 70, 90])
def fault(request: pytest.FixtureRequest, make_field: Callable[..., Field]) -> Spoilt:
    """A strike-slip step of 6 px along a wavy line of some azimuth; ``right`` holds the 3 pixels on either side."""
    rng = np.random.default_rng(request.param)
    row, col = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    angle = np.deg2rad(request.param)
    along, across = col * np.sin(angle) - row * np.cos(angle), col * np.cos(angle) + row * np.sin(angle)
    distance = across + 3 * np.sin(along / 15)
    dx, dy = (np.where(distance > 0, 3.0, -3.0) * part for part in (-np.sin(angle), np.cos(angle)))
    noise = 0.1 * rng.normal(size=(2, *dx.shape))
    near = np.abs(distance) < 3
    return Spoilt(make_field(dx + noise[0], dy + noise[1]), ~near, near)
