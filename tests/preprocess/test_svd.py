"""Banding along columns and rows: how much of it goes, and that the ground stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensetrack.preprocess._lowrank import leading_components
from sensetrack.preprocess.svd import Svd
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import plan_blocks

SHAPE = (600, 500)
Make = Callable[..., np.ndarray]
Fine = Callable[[np.ndarray], float]


def left(image: np.ndarray, result: np.ndarray, banding: np.ndarray, valid: np.ndarray | None = None) -> float:
    """Deviation of what is left of the banding, and of what was taken of the ground, beside that of the banding."""
    error = image - result - banding
    return float(error[valid].std() / banding[valid].std()) if valid is not None else error.std() / banding.std()


@pytest.mark.parametrize("direction", ["columns", "rows"])
def test_banding_goes(ground: Make, stripes: Make, fine: Fine, direction: str) -> None:
    scene = ground(SHAPE)
    banding = fine(scene) * stripes(SHAPE, 90 if direction == "columns" else 0)
    result, _ = Svd(direction=direction).apply(scene + banding)
    assert left(scene + banding, result, banding) < 0.25
    other, _ = Svd(direction="rows" if direction == "columns" else "columns").apply(scene + banding)
    np.testing.assert_allclose(other, scene + banding, atol=1e-3)


def test_banding_that_changes_along_the_track_goes(ground: Make, fine: Fine) -> None:
    scene = ground(SHAPE)
    rng = np.random.default_rng(0)
    turn = np.linspace(0, np.pi, SHAPE[0])[:, None]
    banding = np.cos(turn) * rng.normal(size=SHAPE[1]) + np.sin(turn) * rng.normal(size=SHAPE[1])
    banding *= fine(scene) / banding.std()
    result, _ = Svd().apply(scene + banding)
    assert left(scene + banding, result, banding) < 0.35
    # One component cannot hold two patterns.
    assert left(scene + banding, Svd(components=1).apply(scene + banding)[0], banding) > 0.5


@pytest.mark.parametrize("slope", [2.0, 3.0])
def test_ground_without_banding_stays(ground: Make, slope: float) -> None:
    scene = ground(SHAPE, slope=slope).astype(np.float32)
    for each in (Svd(), Svd(components=10), Svd(direction="rows")):
        np.testing.assert_allclose(each.apply(scene)[0], scene, rtol=1e-6)


def test_a_real_scene_without_banding_stays(shared_data: Path) -> None:
    scene, _ = Image.open(shared_data / "pairs" / "giv-perito-moreno" / "20200101.jpg").read()
    for direction in ("columns", "rows"):
        assert np.abs(Svd(direction=direction).apply(scene)[0] - scene).max() < 0.01


def test_holes_take_no_part(ground: Make, stripes: Make, fine: Fine) -> None:
    scene = ground(SHAPE)
    banding = fine(scene) * stripes(SHAPE, 90)
    row, col = np.mgrid[: SHAPE[0], : SHAPE[1]]
    valid = (np.abs(row - 300 + 0.2 * (col - 250)) < 250) & (np.abs(col - 250 - 0.2 * (row - 300)) < 210)
    valid[100:200, 200:300] = False
    valid &= np.random.default_rng(0).random(SHAPE) > 0.2
    result, good = Svd().apply(np.where(valid, scene + banding, 1e6), valid)
    np.testing.assert_array_equal(good, valid)
    assert left(scene + banding, result, banding, valid) < 0.4


def test_a_whole_column_may_be_missing(ground: Make, stripes: Make) -> None:
    image = ground((200, 150)) + 20 * stripes((200, 150), 90)
    valid = np.ones(image.shape, np.bool_)
    valid[:, 70], valid[50] = False, False
    result, good = Svd().apply(image, valid)
    assert np.isfinite(result).all()
    assert result[good].std() < image[good].std()


def test_strips_and_blocks_change_nothing(
    ground: Make, stripes: Make, monkeypatch: pytest.MonkeyPatch, fine: Fine
) -> None:
    image = ground(SHAPE) + 10 * stripes(SHAPE, 90)
    each, source = Svd(), Image.from_array(image)
    for direction in ("columns", "rows"):
        each = Svd(direction=direction)
        state = each.fit(source)
        monkeypatch.setattr("sensetrack.preprocess.svd._STRIP", 30_000)
        other = each.fit(source)
        monkeypatch.undo()
        banding, again = (found["rows"] @ found["columns"].T for found in (state, other))
        np.testing.assert_allclose(again, banding, atol=1e-3)
        whole, _ = each.bind(source, state).read()
        for block in plan_blocks(SHAPE, 130):
            np.testing.assert_array_equal(each.bind(source, state).read(block)[0], whole[block.slices])


def test_components_equal_those_of_a_plain_decomposition() -> None:
    rng = np.random.default_rng(0)
    factors = [np.linalg.qr(rng.normal(size=(size, 4)))[0] for size in (90, 70)]
    matrix = ((factors[0] * [100, 60, 40, 20]) @ factors[1].T + 0.2 * rng.normal(size=(90, 70))).astype(np.float32)
    weight = np.ones_like(matrix)

    def strips(known: np.ndarray = weight):
        for row in range(0, 90, 25):
            part = slice(row, min(row + 25, 90))
            yield part, matrix[part] * known[part], known[part].astype(np.float32)

    rows, columns = leading_components(strips, matrix.shape, 3)
    left_, strength, right = np.linalg.svd(matrix, full_matrices=False)
    plain = (left_[:, :3] * strength[:3]) @ right[:3]
    np.testing.assert_allclose(rows @ columns.T, plain, atol=0.02 * np.abs(plain).max())
    np.testing.assert_allclose(np.linalg.norm(rows, axis=0), strength[:3], rtol=1e-2)
    np.testing.assert_allclose(np.linalg.norm(columns, axis=0), 1, rtol=1e-5)
    # A tenth of it unknown: the same again, also where it is unknown.
    known = rng.random(matrix.shape) > 0.1
    rows, columns = leading_components(lambda: strips(known), matrix.shape, 4)
    truth = (factors[0] * [100, 60, 40, 20]) @ factors[1].T
    assert (rows @ columns.T - truth)[~known].std() < 0.2 * truth[~known].std()
