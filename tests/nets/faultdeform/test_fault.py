"""The elastic half-space against what is known of it in closed form, and faults as nature has them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensetrack.nets.faultdeform.elastic import FARTHEST, field_of, surface_displacement
from sensetrack.nets.faultdeform.fault import COLUMNS, ROWS, Fault, build_fault, make_fault, mean_slip

needs_cutde = pytest.importorskip("cutde.halfspace", reason='cutde is not there: pip install "sensetrack[deep]"')

WIDTH = 12e3


def straight(length: float, slip: np.ndarray | float = 1.0, dip: float = 90.0) -> Fault:
    """A plane fault with slip that depends on the row only."""
    cells = np.broadcast_to(np.reshape(slip, (-1, 1)), (len(ROWS) - 1, COLUMNS))
    return build_fault(length, WIDTH, dip, np.zeros(64), cells)


def test_long_fault_is_a_screw_dislocation() -> None:
    """Slip from the surface to a depth D moves the surface by atan(D / x) / pi."""
    fault = straight(4e6)
    across = np.array([-5e4, -1e4, -1e3, -100.0, 100.0, 1e3, 1e4, 5e4])
    found = surface_displacement(fault, np.stack([np.full(8, fault.columns[COLUMNS // 2]), across], axis=-1))
    np.testing.assert_allclose(found[:, 0], np.arctan(WIDTH / across) / math.pi, atol=2e-4)
    np.testing.assert_allclose(found[:, 1:], 0, atol=1e-3)


def test_locked_top_is_the_arctangent_of_savage_and_burford() -> None:
    """Slip below a depth d alone: what is left of atan(x / d) / pi when the slip ends at the bottom."""
    slip = np.array([0.0, 0.0, 1.0, 1.0, 1.0])
    fault = straight(4e6, slip)
    top = ROWS[2] * WIDTH
    across = np.array([-8e3, -500.0, 500.0, 2e3, 8e3])
    found = surface_displacement(fault, np.stack([np.full(5, fault.columns[COLUMNS // 2]), across], axis=-1))
    np.testing.assert_allclose(found[:, 0], (np.arctan(across / top) - np.arctan(across / WIDTH)) / math.pi, atol=2e-4)


def test_far_from_a_short_fault_the_ground_is_still() -> None:
    """A point source falls with the square of the distance."""
    fault = straight(8e3)
    angle = np.linspace(0, 2 * np.pi, 13)
    length = []
    for distance in (80e3, 160e3):
        places = distance * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        length.append(np.linalg.norm(surface_displacement(fault, places)[:, :2], axis=1).max())
    assert length[0] < 0.01
    assert length[0] / length[1] == pytest.approx(4, rel=0.1)


def test_field_between_the_lines_and_across_the_break() -> None:
    fault = make_fault(np.random.default_rng(3))
    field = field_of(fault)
    rng = np.random.default_rng(0)
    column = rng.integers(5, COLUMNS - 5, 40)
    along = fault.columns[column]
    distance = np.exp(rng.uniform(np.log(200), np.log(30e3), 40)) * rng.choice([-1.0, 1.0], 40)
    edges = np.linspace(-0.5 * fault.length, 0.5 * fault.length, COLUMNS + 1)
    corners = fault.trace_at(edges)
    # The lines hang on the edges of the triangles, the field on the fine trace: equal at equal distances from each.
    straight_trace = 0.5 * (corners[column] + corners[column + 1])
    expected = surface_displacement(fault, np.stack([along, straight_trace + distance], axis=-1))
    found = np.stack(field.at(along, fault.trace_at(along) + distance), axis=-1)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found / scale, expected[:, :2] / scale, atol=0.01)
    trace = fault.trace_at(along)
    before, behind = field.at(along, trace - 1.0)[0], field.at(along, trace + 1.0)[0]
    surface = fault.slip[: len(ROWS[1:]) * COLUMNS].reshape(-1, COLUMNS)[0, column]
    assert np.median((behind - before)[surface > 0] / surface[surface > 0]) == pytest.approx(1, abs=0.15)


def test_field_beyond_its_lines_is_finite() -> None:
    field = field_of(make_fault(np.random.default_rng(4)))
    far = np.array([-3.0, 0.0, 3.0]) * FARTHEST
    along, across = field.at(*np.meshgrid(far, far))
    assert np.isfinite(along).all()
    assert np.isfinite(across).all()


def test_slip_scales_with_length() -> None:
    assert mean_slip(45e3) == pytest.approx(1.09, abs=0.02)
    assert mean_slip(44.999e3) == pytest.approx(mean_slip(45.001e3), rel=0.01)
    assert mean_slip(150e3) / mean_slip(5e3) == pytest.approx(9**0.833 * (150 / 45) ** 0.5, rel=0.01)


def test_drawn_faults_are_within_the_limits_and_repeat() -> None:
    faults = [make_fault(np.random.default_rng(seed)) for seed in range(60)]
    again = make_fault(np.random.default_rng(7))
    np.testing.assert_array_equal(again.triangles, faults[7].triangles)
    np.testing.assert_array_equal(again.slip, faults[7].slip)
    for fault in faults:
        assert 5e3 <= fault.length <= 150e3
        assert 5e3 <= fault.width <= 17e3
        assert 30 <= fault.dip <= 150
        assert np.all(fault.slip >= 0)
        assert fault.triangles[:, :, 2].max() == 0
    shallow, deep = ([f.slip.reshape(2, -1, COLUMNS)[0, row].mean() for f in faults] for row in (0, 2))
    assert np.mean(shallow) < 0.95 * np.mean(deep)


def test_trace_is_self_affine() -> None:
    """Differences over a lag grow with the lag to the power of the Hurst exponent."""
    lags = np.array([8, 16, 32, 64, 128, 256])
    sums = np.zeros(len(lags))
    for seed in range(40):
        trace = make_fault(np.random.default_rng(seed)).trace
        trace = trace / trace.std()
        sums += [np.mean((trace[lag:] - trace[:-lag]) ** 2) for lag in lags]
    assert np.polyfit(np.log(lags), 0.5 * np.log(sums), 1)[0] == pytest.approx(0.8, abs=0.1)
