"""Stripes of any direction: found, taken out, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import ParameterError
from sensetrack.preprocess.destripe import Destripe
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import plan_blocks

SHAPE = (500, 520)
Make = Callable[..., np.ndarray]
Fine = Callable[[np.ndarray], float]


def share_left(image: np.ndarray, result: np.ndarray, banding: np.ndarray, valid: np.ndarray | None = None) -> float:
    chosen = np.ones(image.shape, np.bool_) if valid is None else valid
    return float((image - result - banding)[chosen].std() / banding[chosen].std())


@pytest.mark.parametrize("angle", [0.0, 12.0, 83.0, 140.0])
def test_stripes_are_found_and_go(ground: Make, stripes: Make, fine: Fine, angle: float) -> None:
    scene = ground(SHAPE)
    banding = fine(scene) * stripes(SHAPE, angle)
    each, source = Destripe(), Image.from_array(scene + banding)
    state = each.fit(source)
    assert state["angle"][0] == pytest.approx(angle, abs=0.6)
    assert share_left(scene + banding, each.bind(source, state).read()[0], banding) < 0.45
    wrong, _ = Destripe(angle=angle + 40).apply(scene + banding)
    assert share_left(scene + banding, wrong, banding) > 0.95


@pytest.mark.parametrize("angle", [0.0, 12.0])
def test_faint_stripes_go_in_part_and_texture_stays(ground: Make, stripes: Make, fine: Fine, angle: float) -> None:
    scene = ground(SHAPE)
    banding = 0.3 * fine(scene) * stripes(SHAPE, angle)
    result, _ = Destripe(angle=angle).apply(scene + banding)
    assert share_left(scene + banding, result, banding) < 0.7
    bare, _ = Destripe(angle=angle).apply(scene)
    assert (bare - scene).std() < 0.06 * fine(scene)


def test_what_is_wide_stays(ground: Make) -> None:
    row, _ = np.mgrid[: SHAPE[0], : SHAPE[1]]
    slope = 0.1 * row + 30 * np.cos(2 * np.pi * row / 300)
    scene = ground(SHAPE) + slope
    result, _ = Destripe(angle=0).apply(scene)
    assert np.abs(np.mean(scene - result, axis=1)).max() < 3


def test_without_stripes_nothing_changes_and_it_says_so(ground: Make, caplog: pytest.LogCaptureFixture) -> None:
    scene = ground(SHAPE).astype(np.float32)
    with caplog.at_level(logging.WARNING, "sensetrack"):
        result, _ = Destripe().apply(scene)
    np.testing.assert_array_equal(result, scene)
    assert "destripe finds no stripes and changes nothing" in caplog.text


def test_edges_and_lines_of_gaps_are_no_stripes(ground: Make) -> None:
    scene = ground((1100, 1000)).astype(np.float32)
    valid = np.ones(scene.shape, np.bool_)
    row, col = np.mgrid[:1100, :1000]
    valid[np.abs(row - 550 + 0.2 * (col - 500)) > 450] = False
    valid[::23] = False
    scene[(row + col) < 200] = 0
    assert np.isnan(Destripe().fit(Image.from_array(scene, valid=valid))["angle"][0])


def test_a_real_scene_has_none(shared_data: Path) -> None:
    image = Image.open(shared_data / "pairs" / "giv-perito-moreno" / "20200101.jpg")
    assert np.isnan(Destripe().fit(image)["angle"][0])


def test_holes_take_no_part(ground: Make, stripes: Make, fine: Fine) -> None:
    scene = ground(SHAPE)
    banding = fine(scene) * stripes(SHAPE, 12)
    valid = np.ones(SHAPE, np.bool_)
    valid[200:300, 220:300] = False
    valid[::31] = False
    valid[:, :40] = False
    image = np.where(valid, scene + banding, 1e6)
    result, good = Destripe(angle=12).apply(image, valid)
    np.testing.assert_array_equal(good, valid)
    assert share_left(scene + banding, result, banding, valid) < 0.45
    # Beside the hole no worse than elsewhere.
    near = np.zeros(SHAPE, np.bool_)
    near[195:305, 215:305] = True
    assert share_left(scene + banding, result, banding, valid & near) < 0.55


def test_blocks_lie_on_one_lattice(ground: Make, stripes: Make) -> None:
    image = Image.from_array(ground(SHAPE) + 10 * stripes(SHAPE, 30))
    each = Destripe(window=64, width=8)
    bound = each.bind(image, each.fit(image))
    whole, _ = bound.read()
    for block in plan_blocks(SHAPE, 150):
        np.testing.assert_allclose(bound.read(block)[0], whole[block.slices], atol=1e-4)


def test_small_images(ground: Make, stripes: Make) -> None:
    scene, banding = ground((90, 70)), 20 * stripes((90, 70), 0)
    result, _ = Destripe(angle=0).apply(scene + banding)
    assert share_left(scene + banding, result, banding) < 0.6


def test_odd_windows_are_refused() -> None:
    with pytest.raises(ParameterError, match="window = 255"):
        Destripe(window=255)
