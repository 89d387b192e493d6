"""Displacements of pixels nearby are taken over where they fit better, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sensetrack.flow.lk_level import Level, prepare
from sensetrack.flow.lk_prepare import Views
from sensetrack.flow.lk_propagate import propagate

Texture = Callable[..., np.ndarray]
SHAPE = (96, 128)
NOISE = np.full(SHAPE, 1.0, np.float32)


def level_of(texture: Texture, dx: np.ndarray) -> Level:
    rng = np.random.default_rng(1)
    images = [
        (texture(SHAPE, dx=d, mean=0, waves=80) + rng.normal(0, 0.7, SHAPE)).astype(np.float32) for d in (-dx, 0 * dx)
    ]
    ones, still = np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    return prepare(Views(*images, ones, ones, 400 * ones, 400 * ones), (still, still))


def test_the_right_side_of_a_step_spreads_up_to_it(texture: Texture) -> None:
    cols = np.broadcast_to(np.arange(SHAPE[1]), SHAPE)
    truth = np.where(cols < 64, -2.0, 2.0)
    flow = np.where(cols < 58, -2.0, 2.0).astype(np.float32), np.zeros(SHAPE, np.float32)
    level = level_of(texture, truth)
    found, _ = propagate(level, flow, NOISE, (8,), 3, 0.88)
    before, after = (np.abs(each - truth)[10:-10, 10:-10].sum() for each in (flow[0], found))
    assert after < 0.35 * before
    np.testing.assert_array_equal(found[:, 20:50], -2)
    np.testing.assert_array_equal(found[:, 76:110], 2)


def test_even_flow_stays_as_it_is(texture: Texture) -> None:
    truth = np.broadcast_to(0.01 * np.arange(SHAPE[1]), SHAPE)
    level = level_of(texture, truth)
    flow = truth.astype(np.float32), np.zeros(SHAPE, np.float32)
    for mine, found in zip(flow, propagate(level, flow, NOISE, (3, 8), 4, 0.88), strict=True):
        np.testing.assert_array_equal(mine, found)
