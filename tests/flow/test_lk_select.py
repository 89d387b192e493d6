"""Windows grow where the displacement is constant, and stop at its steps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sensetrack.flow.lk_level import Level, prepare
from sensetrack.flow.lk_prepare import Views
from sensetrack.flow.lk_select import select
from sensetrack.flow.lk_step import pulls
from sensetrack.types import FloatArray

Texture = Callable[..., np.ndarray]
RADII = (4, 8, 16, 32)
SHAPE = (128, 160)


def level_of(texture: Texture, dx: float | FloatArray, noise: float) -> Level:
    rng = np.random.default_rng(3)
    images = [texture(SHAPE, dx=d, mean=0) + rng.normal(0, noise, SHAPE) for d in (-np.asarray(dx), 0.0)]
    ones, still = np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    return prepare(Views(*(image.astype(np.float32) for image in images), ones, ones, ones, ones), (still, still))


def chosen(level: Level, noise: float) -> tuple[FloatArray, FloatArray]:
    still = np.zeros(SHAPE, np.float32)
    flow, number = select(
        level, pulls(level, (still, still), True), (still, still), RADII, still + np.float32(2 * noise**2), 12.0
    )
    return flow[0], number


def test_even_motion_has_the_largest_windows(texture: Texture) -> None:
    dx, number = chosen(level_of(texture, 0.1, 2.0), 2.0)
    inner = np.s_[20:-20, 20:-20]
    assert (number[inner] == 3).mean() > 0.9
    assert np.abs(dx[inner] - 0.1).mean() < 0.02


def test_windows_stop_at_a_step(texture: Texture) -> None:
    step = np.where(np.arange(SHAPE[1]) < 80, -0.2, 0.2) * np.ones(SHAPE)
    dx, number = chosen(level_of(texture, step, 0.5), 0.5)
    rows = slice(40, -40)
    assert number[rows, 76:84].mean() < 0.5
    assert number[rows, 20:30].mean() > 1.5
    assert np.abs(dx - step)[rows, 20:70].mean() < 0.03
