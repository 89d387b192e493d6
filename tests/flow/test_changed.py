"""Changed ground stands out from the noise around, whatever that is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.flow.assess import LARGEST_VARIANCE, Calibration
from sensetrack.flow.changed import changed, spread
from sensetrack.flow.compare import compare
from sensetrack.flow.lattice import CELL
from sensetrack.flow.lk_errors import judge

Texture = Callable[..., np.ndarray]
SHAPE = (256, 288)


def sums_of(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    ones, still = np.ones(SHAPE, np.float32), np.zeros(SHAPE, np.float32)
    return compare(first.astype(np.float32), second.astype(np.float32), ones, ones, (still, still), None)[0]


@pytest.mark.parametrize("noise", [0.5, 2.0, 6.3])
def test_a_patch_of_other_ground_is_found(texture: Texture, noise: float) -> None:
    rng = np.random.default_rng(4)
    first = texture(SHAPE, mean=0)
    second = first.copy()
    second[80:160, 100:200] = texture(SHAPE, seed=7, mean=0)[80:160, 100:200]
    is_changed, correlation = changed(sums_of(*(image + rng.normal(0, noise, SHAPE) for image in (first, second))))
    inside = np.s_[84 // CELL : 156 // CELL, 104 // CELL : 196 // CELL]
    assert is_changed[inside].mean() > 0.9
    outside = is_changed.copy()
    outside[76 // CELL : 164 // CELL, 96 // CELL : 204 // CELL] = False
    assert outside.mean() < 0.002
    assert correlation[inside].mean() < 0.4


def test_noise_on_bare_ground_is_no_change() -> None:
    rng = np.random.default_rng(0)
    is_changed, _ = changed(sums_of(rng.normal(0, 1, SHAPE), rng.normal(0, 1, SHAPE)))
    assert is_changed.mean() < 0.02


def test_what_takes_no_part_is_a_cell_wider() -> None:
    is_changed = np.zeros((8, 9), np.bool_)
    is_changed[3, 4] = True
    kept = spread(is_changed, (32, 36))
    assert kept.sum() == 32 * 36 - 12 * 12
    assert not kept[8:20, 12:24].any()


def test_changed_ground_stays_valid_and_is_not_trusted(texture: Texture) -> None:
    """Weights are no binary fractions, so that sums over nothing but changed ground keep what rounding leaves."""
    weight = np.random.default_rng(1).uniform(0.3, 1, SHAPE).astype(np.float32)
    image, still = texture(SHAPE, mean=0), np.zeros(SHAPE, np.float32)
    sums = compare(image, image, weight, weight, (still, still), None)[0]
    is_changed = np.zeros(sums.shape[1:], np.bool_)
    is_changed[20:50, 20:60] = True
    none = np.zeros(sums.shape[1:])
    found = judge(sums, (is_changed, none), np.zeros(SHAPE, np.uint8), (5,), Calibration())
    inside = np.s_[21:49, 21:59]
    assert found.share[inside] == pytest.approx(1)
    assert (found.variance_dx[inside] == LARGEST_VARIANCE).all()
    assert not found.rest[inside].any()
    assert (found.chance[is_changed] == 1).all()
    assert (found.correlation[is_changed] == 0).all()
    assert found.correlation[4:16, 4:16] == pytest.approx(1)
