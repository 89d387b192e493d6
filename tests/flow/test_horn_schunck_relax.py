"""The linear solver: it finds the solution, with the same bytes whatever the number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve

from sensetrack.device import core_share
from sensetrack.flow.horn_schunck_relax import factors, packed, relax, unpacked
from sensetrack.types import DoubleArray, FloatArray

SHAPE = (18, 22)


def random_system(shape: tuple[int, int], seed: int = 0) -> FloatArray:
    """Pixels that hold their values fast to a different degree, a few not at all."""
    rng = np.random.default_rng(seed)
    rows, cols = shape
    g = rng.normal(size=(2, *shape)) * (rng.random(shape) > 0.2)
    pull = rng.normal(size=shape)
    neighbours = np.full(shape, 4.0)
    neighbours[[0, -1]] -= 1
    neighbours[:, [0, -1]] -= 1
    hold = 4.0 * neighbours
    matrix = np.empty((2, 2, *shape))
    for i in range(2):
        for j in range(2):
            matrix[i, j] = g[i] * g[j] + (hold if i == j else 0)
    inverse = np.moveaxis(np.linalg.inv(np.moveaxis(matrix, (0, 1), (-2, -1))), (-2, -1), (0, 1))
    constant = np.einsum("ijrc,jrc->irc", inverse, pull * g)
    lines = np.stack([*constant, 4 * inverse[0, 0], 4 * inverse[0, 1], 4 * inverse[1, 1]])
    return np.stack([lines[:, :, 0::2], lines[:, :, 1::2]], axis=1).astype(np.float32).reshape(5, 2, rows, cols // 2)


def solved(system: FloatArray) -> tuple[DoubleArray, DoubleArray]:
    """The solution, by elimination."""
    rows, cols = system.shape[2], 2 * system.shape[3]
    lines = np.empty((5, rows, cols))
    lines[:, :, 0::2], lines[:, :, 1::2] = system[:, 0], system[:, 1]
    matrix, right = lil_matrix((2 * rows * cols, 2 * rows * cols)), np.empty(2 * rows * cols)
    for r in range(rows):
        for c in range(cols):
            here = 2 * (r * cols + c)
            right[here : here + 2] = lines[:2, r, c]
            matrix[here, here] = matrix[here + 1, here + 1] = 1.0
            for y, x in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1)):
                if 0 <= y < rows and 0 <= x < cols:
                    there = 2 * (y * cols + x)
                    matrix[here, there], matrix[here, there + 1] = -lines[2, r, c], -lines[3, r, c]
                    matrix[here + 1, there], matrix[here + 1, there + 1] = -lines[3, r, c], -lines[4, r, c]
    both = spsolve(matrix.tocsr(), right).reshape(rows, cols, 2)
    return both[..., 0], both[..., 1]


@pytest.mark.parametrize("relaxation", [1.0, 1.6, 1.8])
def test_it_converges_to_the_solution(relaxation: float) -> None:
    system = random_system(SHAPE)
    zero = packed(np.zeros(SHAPE, np.float32))
    found = relax(zero, zero, system, factors(relaxation, 600), 0.0)
    for part, truth in zip(found, solved(system), strict=True):
        np.testing.assert_allclose(unpacked(part), truth, atol=2e-5)


def test_over_relaxation_gets_there_sooner_and_never_worse_than_it_started() -> None:
    system = random_system((64, 64))
    zero = packed(np.zeros((64, 64), np.float32))
    truth = np.stack(solved(system))

    def error(relaxation: float, sweeps: int) -> float:
        found = relax(zero, zero, system, factors(relaxation, sweeps), 0.0)
        return float(np.abs(np.stack([unpacked(part) for part in found]) - truth).max())

    start = float(np.abs(truth).max())
    assert all(error(1.9, sweeps) < start for sweeps in (1, 2, 4, 8))
    assert error(1.8, 32) < 0.1 * error(1.0, 32)


@pytest.mark.parametrize("rows", [3, 64, 190, 300])
def test_the_number_of_threads_changes_no_byte(rows: int) -> None:
    shape = (rows, 26)
    system = random_system(shape, seed=3)
    start = [packed(part) for part in np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)]
    results = []
    for count in (1, 2, 3):
        with core_share(count):
            results.append(relax(*start, system, factors(1.9, 19), 0.0))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0][0], other[0])
        np.testing.assert_array_equal(results[0][1], other[1])


def test_it_stops_when_nothing_changes_any_more() -> None:
    system = random_system(SHAPE)
    zero = packed(np.zeros(SHAPE, np.float32))
    few, many = (relax(zero, zero, system, factors(1.6, sweeps), 0.01)[0] for sweeps in (200, 1000))
    np.testing.assert_array_equal(few, many)
    np.testing.assert_allclose(unpacked(few), solved(system)[0], atol=0.01)


def test_start_values_are_left_alone() -> None:
    system = random_system(SHAPE)
    start = packed(np.ones(SHAPE, np.float32))
    before = start.copy()
    relax(start, start, system, factors(1.9, 20), 0.0)
    np.testing.assert_array_equal(start, before)


def test_factors_rise_to_the_limit() -> None:
    rising = factors(1.9, 100)
    assert rising[0] == 1.0
    assert rising[-1] == pytest.approx(1.9, abs=1e-3)
    assert np.all(np.diff(rising[1:]) <= 1e-6) or np.all(np.diff(rising[1:]) >= -1e-6)
    np.testing.assert_array_equal(factors(1.0, 5), np.ones(10))


def test_packing_is_undone() -> None:
    values = np.arange(7 * 10, dtype=np.float32).reshape(7, 10)
    np.testing.assert_array_equal(unpacked(packed(values)), values)
    assert packed(values)[:, 0].max() == 0.0
