"""The three outlier tests on fields whose outliers are known, and on faults whose step must stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.filters import Filter, apply_all, registry
from sensetrack.filters.mad import GAUSSIAN, Mad
from sensetrack.filters.median_test import MedianTest
from sensetrack.filters.ndc import Ndc

OUTLIER_TESTS: list[Filter] = [MedianTest(), Mad(), Ndc()]
ids = [registry.name_of(type(each)) for each in OUTLIER_TESTS]


@pytest.mark.parametrize("judge", OUTLIER_TESTS, ids=ids)
@pytest.mark.parametrize(
    "spoiling",
    [{}, {"share": 0.2}, {"share": 0.05, "noise": 0.3}, {"holes": 0.3}, {"group": 2, "share": 0.05}],
    ids=lambda spoiling: ",".join(f"{key}={value}" for key, value in spoiling.items()) or "plain",
)
def test_outliers_are_found_and_little_else(
    judge: Filter, spoilt: Callable[..., Any], spoiling: dict[str, Any]
) -> None:
    field, wrong, right = spoilt(**spoiling)
    keep = judge.keep(field)
    # Half a tolerance above the noise there is nothing to tell an outlier by, so the smallest ones may stay.
    recall, false_alarms = (~keep)[wrong].mean(), (~keep)[right].mean()
    assert recall >= 0.95
    assert false_alarms <= 0.02


@pytest.mark.parametrize("judge", OUTLIER_TESTS, ids=ids)
def test_fault_step_is_kept(judge: Filter, fault: Any) -> None:
    assert judge.keep(fault.field)[fault.right].mean() >= 0.98


@pytest.mark.parametrize("judge", OUTLIER_TESTS, ids=ids)
def test_outliers_beside_a_fault_are_found(judge: Filter, fault: Any) -> None:
    rng = np.random.default_rng(5)
    wrong = fault.right & (rng.random(fault.right.shape) < 0.05)
    dx = np.where(wrong, fault.field.dx + 11, fault.field.dx)
    keep = judge.keep(Field.from_layers(fault.field.layers() | {"dx": dx}))
    # Weaker than elsewhere: the spread of a window across the step holds the step.
    assert (~keep)[wrong].mean() >= 0.85
    assert keep[fault.right & ~wrong].mean() >= 0.97


@pytest.mark.parametrize("judge", OUTLIER_TESTS, ids=ids)
@pytest.mark.parametrize("value", [0.0, -7.3])
def test_constant_field_is_kept_whole(judge: Filter, make_field: Callable[..., Field], value: float) -> None:
    field = make_field(np.full((12, 15), value), value)
    assert judge.keep(field).all()


@pytest.mark.parametrize("judge", [MedianTest(), Mad()], ids=ids[:2])
def test_single_pixel_is_not_judged_unless_asked(judge: Filter, make_field: Callable[..., Field]) -> None:
    dx = np.full((9, 9), np.nan)
    dx[4, 4] = 3.0
    field = make_field(dx)
    assert judge.apply(field).flags[4, 4] == 0
    assert judge.with_changes(isolated="remove").apply(field).flags[4, 4] == Flag.OUTLIER


@pytest.mark.parametrize("judge", [MedianTest(), Mad()], ids=ids[:2])
def test_least_number_of_neighbours_is_inclusive(judge: Filter, make_field: Callable[..., Field]) -> None:
    dx = np.full((5, 5), np.nan)
    dx[2, :] = [0, 0, 9, 0, 0]
    field = make_field(dx)
    assert not judge.with_changes(min_neighbours=4).keep(field)[2, 2]
    assert judge.with_changes(min_neighbours=5).keep(field)[2, 2]


def test_flagged_pixels_are_no_evidence(make_field: Callable[..., Field]) -> None:
    dx = np.zeros((5, 5))
    dx[:3] = 9.0
    dx[2, 2] = 0.0
    flags = np.where(dx == 9.0, np.uint8(Flag.LOW_QUALITY), np.uint8(0))
    assert not MedianTest(threshold=2).keep(make_field(dx))[2, 2]
    assert MedianTest(threshold=2).keep(make_field(dx, flags=flags))[2, 2]


def test_median_test_is_equation_2_of_the_paper(make_field: Callable[..., Field]) -> None:
    # Neighbours of the centre: median 4.5, absolute residuals 3.5 2.5 1.5 0.5 0.5 1.5 2.5 3.5 with median 2.
    dx = np.array([[1, 2, 3], [4, 10, 5], [6, 7, 8]])
    residual = (10 - 4.5) / (2.0 + 0.1)
    exact = {"window": 3, "epsilon": 0.1}
    assert MedianTest(threshold=residual + 1e-6, **exact).keep(make_field(dx))[1, 1]
    assert not MedianTest(threshold=residual - 1e-6, **exact).keep(make_field(dx))[1, 1]
    # Both components count, as the length of the vector of both.
    assert MedianTest(threshold=residual * 2**0.5 + 1e-6, **exact).keep(make_field(dx, dx))[1, 1]
    assert not MedianTest(threshold=residual * 2**0.5 - 1e-6, **exact).keep(make_field(dx, dx))[1, 1]


def test_mad_counts_sigmas_with_a_floor(make_field: Callable[..., Field]) -> None:
    # All nine: median 5, absolute deviations 4 3 2 1 5 0 1 2 3 with median 2.
    dx = np.array([[1, 2, 3], [4, 10, 5], [6, 7, 8]])
    limit = 5 / (2 * GAUSSIAN)
    assert Mad(window=3, threshold=limit + 1e-6).keep(make_field(dx))[1, 1]
    assert not Mad(window=3, threshold=limit - 1e-6).keep(make_field(dx))[1, 1]
    assert Mad(window=3, threshold=limit - 1e-6, floor=5).keep(make_field(dx))[1, 1]


def test_mad_of_zero_leaves_what_is_within_the_floor(make_field: Callable[..., Field]) -> None:
    dx = np.zeros((7, 7))
    dx[3, 3], dx[1, 1] = 0.09, 0.11
    keep = Mad(floor=0.1).keep(make_field(dx))
    assert keep[3, 3]
    assert not keep[1, 1]


def test_ndc_needs_company(make_field: Callable[..., Field]) -> None:
    dx = np.full((15, 15), np.nan)
    dx[2, 2] = 1.0
    dx[8:10, 8:12] = 1.0
    keep = Ndc(min_share=0.32).keep(make_field(dx))
    assert not keep[2, 2]
    # 8 of 25 are enough for those that see all 8; the ends of the island see 6.
    assert keep[8:10, 9:11].all()
    assert not keep[8:10, [8, 11]].any()


def test_ndc_keeps_the_corner_of_a_whole_field(make_field: Callable[..., Field]) -> None:
    assert Ndc().keep(make_field(np.ones((9, 9)))).all()


def test_groups_of_outliers_take_more_passes(spoilt: Callable[..., Any]) -> None:
    field, wrong, right = spoilt(group=3, share=0.12)
    once, thrice = (apply_all(field, [MedianTest()], passes).flags != 0 for passes in (1, 3))
    assert thrice[wrong].mean() > once[wrong].mean() + 0.02
    assert thrice[right].mean() <= 0.02
    assert thrice[once].all()


@pytest.mark.parametrize(("window", "nearest"), [(4, "3 or 5"), (10, "9 or 11")])
def test_even_window_is_refused(window: int, nearest: str) -> None:
    with pytest.raises(ParameterError, match=f"window = {window}.*use {nearest}"):
        MedianTest(window=window)


def test_more_neighbours_than_the_window_holds_are_refused() -> None:
    with pytest.raises(ParameterError, match="min_neighbours = 9: a window of 3 x 3 has 8 neighbours"):
        Mad(window=3, min_neighbours=9)
