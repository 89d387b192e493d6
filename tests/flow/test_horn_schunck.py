"""Horn & Schunck's flow on arrays: known motion, weights, outliers, and the equations it claims to solve."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.device import core_share
from sensetrack.flow.horn_schunck import Settings, horn_schunck
from sensetrack.flow.horn_schunck_data import linearise, prepare
from sensetrack.flow.horn_schunck_guide import fit, smooth
from sensetrack.flow.horn_schunck_relax import factors, packed, relax, unpacked
from sensetrack.flow.spline import value_at
from sensetrack.types import FloatArray

Texture = Callable[..., np.ndarray]
Flow = tuple[np.ndarray, np.ndarray]

SHAPE = (192, 224)
ROWS, COLS = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float64)
ONES = np.ones(SHAPE, np.float32)
INNER = (slice(16, -16), slice(16, -16))


@pytest.fixture
def pair(texture: Texture) -> Callable[..., tuple[FloatArray, FloatArray]]:
    """``pair(dx, dy, noise=0.0)``: reference and secondary of unit deviation, displaced as seen from the reference."""

    def make(dx: float | np.ndarray, dy: float | np.ndarray, noise: float = 0.0) -> tuple[FloatArray, FloatArray]:
        rng = np.random.default_rng(5)
        first = texture(SHAPE, dx=-np.asarray(dx), dy=-np.asarray(dy), waves=80, mean=0.0, std=1.0)
        second = texture(SHAPE, waves=80, mean=0.0, std=1.0)
        return tuple((image + rng.normal(0, noise, SHAPE)).astype(np.float32) for image in (first, second))

    return make


def bump(amplitude: float, row: float = 90.0, col: float = 110.0, spread: float = 40.0) -> np.ndarray:
    return amplitude * np.exp(-((ROWS - row) ** 2 + (COLS - col) ** 2) / (2 * spread**2))


def error(found: Flow, dx: float | np.ndarray, dy: float | np.ndarray) -> np.ndarray:
    return np.hypot(found[0] - dx, found[1] - dy)


def test_no_motion_is_none(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    image, _ = pair(0.0, 0.0)
    for part in horn_schunck(image, image, ONES, ONES, Settings()):
        np.testing.assert_allclose(part, 0, atol=1e-4)


@pytest.mark.parametrize("shift", [(0.37, -0.62), (-7.3, 4.1), (13.0, 6.5)])
def test_a_constant_displacement(
    pair: Callable[..., tuple[FloatArray, FloatArray]], shift: tuple[float, float]
) -> None:
    found = horn_schunck(*pair(*shift), ONES, ONES, Settings())
    assert error(found, *shift)[INNER].mean() < 0.004
    assert error(found, *shift)[INNER].max() < 0.06


@pytest.mark.parametrize("amplitude", [0.5, 3.0, 10.0])
def test_a_bump(pair: Callable[..., tuple[FloatArray, FloatArray]], amplitude: float) -> None:
    dx, dy = bump(amplitude), -0.5 * bump(amplitude, 110, 120)
    found = horn_schunck(*pair(dx, dy, noise=0.1), ONES, ONES, Settings())
    assert error(found, dx, dy)[INNER].mean() < 0.02 + 0.002 * amplitude


def test_a_rotation(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    dx, dy = -0.03 * (ROWS - 95), 0.03 * (COLS - 111)
    found = horn_schunck(*pair(dx, dy, noise=0.1), ONES, ONES, Settings())
    assert error(found, dx, dy)[INNER].mean() < 0.02


def test_the_guide_spares_bends_that_plain_smoothness_flattens(
    pair: Callable[..., tuple[FloatArray, FloatArray]],
) -> None:
    dx, dy = bump(10.0), bump(-6.0)
    images = pair(dx, dy, noise=0.1)
    guided = error(horn_schunck(*images, ONES, ONES, Settings()), dx, dy)[INNER].mean()
    plain = min(
        error(horn_schunck(*images, ONES, ONES, Settings(guide=0, smoothness=s)), dx, dy)[INNER].mean()
        for s in (4.0, 6.0, 8.0, 12.0)
    )
    assert guided < 0.6 * plain


def test_a_hole_is_filled_smoothly_and_does_not_leak(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    dx, dy = 1.3 + 0.01 * COLS, -0.8 + 0.006 * ROWS
    first, second = pair(dx, dy)
    hole = np.zeros(SHAPE, np.bool_)
    hole[70:110, 90:140] = True
    first = np.where(hole, 0, first).astype(np.float32)
    found = horn_schunck(first, second, np.where(hole, 0, ONES).astype(np.float32), ONES, Settings())
    wrong = error(found, dx, dy)
    assert wrong[hole].max() < 0.2
    assert wrong[~hole].max() < 0.15
    assert wrong[INNER].mean() < 0.01


def test_invalid_pixels_of_the_secondary_count_nothing(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    first, second = pair(2.0, 1.0)
    weight = ONES.copy()
    weight[80:110, 100:130] = 0
    wild = np.where(weight > 0, second, 0).astype(np.float32)
    found = horn_schunck(first, wild, ONES, weight, Settings(robust="none"))
    assert error(found, 2.0, 1.0)[INNER].max() < 0.25
    assert error(found, 2.0, 1.0)[INNER].mean() < 0.01


@pytest.mark.parametrize("robust", ["charbonnier", "lorentzian"])
def test_robust_penalties_withstand_changed_places(
    pair: Callable[..., tuple[FloatArray, FloatArray]], robust: str
) -> None:
    first, second = pair(1.5, -0.7, noise=0.05)
    rng = np.random.default_rng(8)
    for row, col in zip(rng.integers(10, 180, 40), rng.integers(10, 210, 40), strict=True):
        second[row : row + 6, col : col + 6] = 3.0 * rng.normal()
    plain, steady = (
        error(horn_schunck(first, second, ONES, ONES, Settings(robust=name)), 1.5, -0.7)[INNER].mean()
        for name in ("none", robust)
    )
    assert steady < 0.4 * plain
    assert steady < 0.05


def test_the_median_takes_out_what_strays(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    first, second = pair(1.5, -0.7, noise=0.5)
    rough, even = (
        error(horn_schunck(first, second, ONES, ONES, Settings(smoothness=1.0, guide=0, median=m)), 1.5, -0.7)[INNER]
        for m in (0, 9)
    )
    assert even.mean() < 0.7 * rough.mean()


def test_small_images_are_extended_by_nothing(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    first, second = (np.ascontiguousarray(image[60:101, 70:117]) for image in pair(0.8, -0.4))
    ones = np.ones(first.shape, np.float32)
    found = horn_schunck(first, second, ones, ones, Settings())
    assert found[0].shape == first.shape
    assert error(found, 0.8, -0.4)[6:-6, 6:-6].max() < 0.05


def test_the_number_of_threads_changes_no_byte(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    images = pair(bump(4.0), 1.0, noise=0.2)
    results = []
    for count in (1, 2, 3):
        with core_share(count):
            results.append(horn_schunck(*images, ONES, ONES, Settings(median=5)))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)


def test_the_solution_has_the_least_energy(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    """Any step away from it raises the energy of the docstring of `linearise`."""
    first, second = (np.ascontiguousarray(image[:48, :56]) for image in pair(0.3, 0.2))
    ones = np.ones(first.shape, np.float32)
    level = prepare(first, second, ones, ones)
    rng = np.random.default_rng(2)
    flow = tuple(rng.normal(0.2, 0.1, first.shape).astype(np.float32) for _ in range(2))
    guide = tuple(smooth(part, ones, fit(ones, 5), 5) for part in flow)
    system = linearise(level, flow, guide, 3.0, "none", 1.0)
    zero = packed(np.zeros(first.shape, np.float32))
    best = np.stack([unpacked(part) for part in relax(zero, zero, system, factors(1.8, 1000), 0.0)]).astype(np.float64)

    at_row, at_col = np.indices(first.shape) + np.stack([flow[1], flow[0]])
    inside = (at_row >= 1) & (at_col >= 1) & (at_row <= first.shape[0] - 2.001) & (at_col <= first.shape[1] - 2.001)
    moved = np.array(
        [[value_at(level.spline, y, x) for y, x in zip(*p, strict=True)] for p in zip(at_row, at_col, strict=True)]
    )
    difference = moved - first

    def energy(away: np.ndarray) -> float:
        step = [guide[k] + away[k] - flow[k] for k in range(2)]
        data = level.weight * inside * (difference + level.dx * step[0] + level.dy * step[1]) ** 2
        smooth = sum(np.sum(np.diff(part, axis=axis) ** 2) for part in away for axis in (0, 1))
        return float(data.sum() + 9.0 * smooth)

    least = energy(best)
    for _ in range(5):
        towards = rng.normal(0, 0.01, best.shape)
        assert energy(best + towards) > least
        assert energy(best - towards) > least
        slope = (energy(best + 1e-2 * towards) - energy(best - 1e-2 * towards)) / 2e-2
        assert abs(slope) < 1e-3 * least


def test_the_guide_of_a_plane_is_the_plane_up_to_the_edges_of_what_is_known() -> None:
    plane = (0.04 * ROWS - 0.02 * COLS + 3.0).astype(np.float32)
    known = ONES.copy()
    known[60:100, 50:90] = 0
    for weight in (ONES, known):
        guide = smooth(plane, weight, fit(weight, 13), 13)
        assert np.abs(guide - plane)[weight > 0].max() < 0.03
    rough = plane + np.random.default_rng(0).normal(0, 0.1, SHAPE).astype(np.float32)
    assert np.std((smooth(rough, ONES, fit(ONES, 13), 13) - plane)[INNER]) < 0.01


def test_guides_of_parts_are_those_of_the_whole(pair: Callable[..., tuple[FloatArray, FloatArray]]) -> None:
    flow, _ = pair(0.0, 0.0)
    known = ONES.copy()
    known[60:100, 50:90] = 0
    whole = smooth(flow, known, fit(known, 9), 9)
    rows, cols = slice(21, 160), slice(30, 200)
    part, weight = flow[rows, cols].copy(), known[rows, cols].copy()
    found = smooth(part, weight, fit(weight, 9), 9)
    np.testing.assert_allclose(found[8:-8, 8:-8], whole[rows, cols][8:-8, 8:-8], atol=1e-4)


def test_unknown_flow_counts_only_where_there_is_no_other() -> None:
    flow = np.where(COLS < 100, 2.0, 50.0).astype(np.float32)
    known = np.where(COLS < 100, 1.0, 0.0).astype(np.float32)
    guide = smooth(flow, known, fit(known, 13), 13)
    np.testing.assert_allclose(guide[:, :98], 2.0, atol=0.1)
    np.testing.assert_allclose(guide[:, 130:], 50.0, rtol=1e-5)
