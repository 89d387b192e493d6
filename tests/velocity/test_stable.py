"""Stable ground: shifts are recovered, and their stated errors are the scatter of repeated experiments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from sensetrack.displacement import Displacement, Flag
from sensetrack.errors import InputError
from sensetrack.velocity.stable import Sample, independent_share, stable_shift

Make = Callable[..., Displacement]
SHAPE = (60, 70)
EVERYWHERE = np.ones(SHAPE, np.bool_)


def test_shift_and_spread_under_a_mask(make_displacement: Make) -> None:
    rng = np.random.default_rng(5)
    dx, dy = rng.normal(0.31, 0.05, SHAPE), rng.normal(-0.12, 0.2, SHAPE)
    stable = np.zeros(SHAPE, np.bool_)
    stable[:30] = True
    dx[30:] += 5.0
    found = stable_shift(make_displacement(dx=dx, dy=dy).field, stable)
    assert (found.method, found.count) == ("mask", 30 * 70)
    assert found.dx == pytest.approx(0.31, abs=4 * found.dx_error)
    assert found.dy == pytest.approx(-0.12, abs=4 * found.dy_error)
    assert found.sigma_dx == pytest.approx(0.05, rel=0.06) and found.sigma_dy == pytest.approx(0.2, rel=0.06)
    assert found.dx_error == pytest.approx(1.2533 * 0.05 / np.sqrt(2100), rel=0.06)
    # The field states 0.1 px for both.
    assert found.inflation_dx == pytest.approx(0.5, rel=0.06) and found.inflation_dy == pytest.approx(2.0, rel=0.06)


def test_a_third_of_outliers_hardly_matters(make_displacement: Make) -> None:
    rng = np.random.default_rng(6)
    dx = rng.normal(0.31, 0.05, SHAPE)
    dx[:10] = rng.uniform(-20, 20, (10, 70))
    found = stable_shift(make_displacement(dx=dx).field, EVERYWHERE)
    assert found.dx == pytest.approx(0.31, abs=0.01)
    assert found.sigma_dx == pytest.approx(0.05, rel=0.35)


def test_flagged_and_filled_points_do_not_count(make_displacement: Make) -> None:
    flags = np.zeros(SHAPE, np.uint8)
    flags[:20], flags[20:30] = Flag.OUTLIER, Flag.FILLED
    dx = np.where(flags > 0, 99.0, 0.25)
    found = stable_shift(make_displacement(dx=dx, flags=flags).field, EVERYWHERE)
    assert (found.dx, found.count) == (0.25, 30 * 70)


@pytest.mark.parametrize("method", ["mask", "slow"])
def test_error_of_the_shift_is_its_scatter(make_displacement: Make, method: str) -> None:
    rng = np.random.default_rng(7)
    shifts, errors = [], []
    for _ in range(150):
        noise = rng.normal(0.0, 0.1, (2, 40, 40))
        field = make_displacement(dx=np.pad(noise[0], ((0, 20), (0, 30)), constant_values=np.nan), dy=0.0).field
        layers = field.layers() | {"dy": np.pad(noise[1], ((0, 20), (0, 30)), constant_values=np.nan)}
        found = stable_shift(type(field).from_layers(layers), EVERYWHERE if method == "mask" else None)
        shifts.append((found.dx, found.dy))
        errors.append((found.dx_error, found.dy_error))
    # 300 experiments know their own scatter to 4 %.
    assert np.std(shifts) == pytest.approx(np.mean(errors), rel=0.15)


def test_error_of_the_shift_allows_for_overlapping_windows(make_displacement: Make) -> None:
    """Points that average 4 x 4 independent cells each are as good as a sixteenth of them."""
    rng = np.random.default_rng(8)
    shifts, errors = [], []
    for _ in range(150):
        dx, dy = (uniform_filter(rng.normal(0.0, 0.4, SHAPE), 4, mode="wrap") for _ in range(2))
        found = stable_shift(make_displacement(dx=dx, dy=dy).field, EVERYWHERE, spacing=16, correlation_length=64)
        shifts.append((found.dx, found.dy))
        errors.append((found.dx_error, found.dy_error))
    # The mean of such a field scatters by its spread over the root of the independent points; its median, which
    # profits from neighbours that differ, by somewhat less than the 1.25 times that is stated.
    scatter = np.std(shifts)
    assert 0.95 < np.mean(errors) / scatter < 1.4


def test_independent_points_per_point() -> None:
    assert independent_share(16, 64) == 1 / 16
    assert independent_share(64, 32) == 1.0


# Slow points


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.5, 0.0), (-0.3, 0.8)])
def test_slow_points_find_the_shift_without_bias(make_displacement: Make, shift: tuple[float, float]) -> None:
    rng = np.random.default_rng(9)
    dx, dy = rng.normal(shift[0], 0.1, SHAPE), rng.normal(shift[1], 0.2, SHAPE)
    found = stable_shift(make_displacement(dx=dx, dy=dy).field, None)
    assert found.method == "slow" and 4150 < found.count <= 4200
    assert found.dx == pytest.approx(shift[0], abs=4 * found.dx_error)
    assert found.dy == pytest.approx(shift[1], abs=4 * found.dy_error)
    assert found.sigma_dx == pytest.approx(0.1, rel=0.06) and found.sigma_dy == pytest.approx(0.2, rel=0.06)
    assert found.inflation_dx == pytest.approx(1.0, rel=0.06) and found.inflation_dy == pytest.approx(2.0, rel=0.06)


@pytest.mark.parametrize("moving, bias", [(0.3, 0.1), (0.5, 0.1), (0.8, 0.35)])
def test_slow_points_leave_a_moving_glacier_out(make_displacement: Make, moving: float, bias: float) -> None:
    rng = np.random.default_rng(10)
    dx, dy = rng.normal(0.3, 0.1, SHAPE), rng.normal(-0.2, 0.2, SHAPE)
    rows = round(60 * moving)
    dx[:rows] += np.linspace(0.0, 8.0, 70)
    dy[:rows] -= np.linspace(0.0, 3.0, 70)
    found = stable_shift(make_displacement(dx=dx, dy=dy).field, None)
    assert found.count == pytest.approx((1 - moving) * 4200, rel=0.3)
    assert found.dx == pytest.approx(0.3, abs=bias * 0.1) and found.dy == pytest.approx(-0.2, abs=bias * 0.2)
    assert found.sigma_dx == pytest.approx(0.1, rel=0.3) and found.sigma_dy == pytest.approx(0.2, rel=0.3)


def test_slow_points_may_all_be_equal(make_displacement: Make) -> None:
    found = stable_shift(make_displacement(dx=0.25, dy=-1.0).field, None)
    assert (found.dx, found.dy) == (0.25, -1.0)
    assert found.sigma_dx <= 1e-5


# Bad input


def test_too_few_points_say_how_many_are_needed(make_displacement: Make) -> None:
    stable = np.zeros(SHAPE, np.bool_)
    stable[0, :29] = True
    field = make_displacement().field
    with pytest.raises(InputError, match=r"mask holds 29 measured points, at least 30 are needed.*enlarge the mask"):
        stable_shift(field, stable)
    assert stable_shift(field, stable, min_stable=29).count == 29
    flags = np.full(SHAPE, int(Flag.OUTLIER))
    flags[0] = flags[1, :49] = 0
    with pytest.raises(InputError, match="holds 119 measured points, at least 120 are needed"):
        stable_shift(make_displacement(flags=flags).field, None)
    # Every point moves in its own way: nothing belongs together.
    spiral = np.geomspace(1.0, 1e9, 4200).reshape(SHAPE)
    with pytest.raises(InputError, match=r"the slowest part .* holds \d+ measured points, at least 1000 are needed"):
        stable_shift(make_displacement(dx=spiral, dy=spiral).field, None, min_stable=1000, correlation_length=1.0)


def test_mask_of_another_shape_is_refused(make_displacement: Make) -> None:
    with pytest.raises(InputError, match=r"stable mask has shape \(3, 4\), the displacement field \(60, 70\)"):
        stable_shift(make_displacement().field, np.ones((3, 4), np.bool_))


# Samples


@given(
    cap=st.integers(4, 2000),
    block=st.integers(6, 70),
    seed=st.integers(0, 5),
    share=st.sampled_from([0.02, 0.5, 1.0]),
)
@settings(max_examples=40, deadline=None)
def test_samples_are_bounded_and_independent_of_the_blocks(cap: int, block: int, seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    where = rng.random(SHAPE) < share
    layers = {name: rng.normal(size=SHAPE).astype(np.float32) for name in ("dx", "dy", "sigma_dx", "sigma_dy", "rho")}
    whole, pieces = Sample(cap), Sample(cap)
    whole.add(0, 0, where, layers)
    corners = [(row, col) for row in range(0, 60, block) for col in range(0, 70, block)]
    for row, col in rng.permutation(corners):
        part = np.s_[row : row + block, col : col + block]
        pieces.add(int(row), int(col), where[part], {name: layer[part] for name, layer in layers.items()})
    assert whole.count == pieces.count == where.sum()
    for name, values in whole.layers().items():
        assert values.size <= cap
        np.testing.assert_array_equal(values, pieces.layers()[name])
    if where.sum() <= cap:
        np.testing.assert_array_equal(whole.layers()["dx"], layers["dx"][where])
