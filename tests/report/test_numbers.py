"""Shares, limits, stable ground and errors against a truth are what a hand calculation gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from affine import Affine

from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.raster.grid import Grid
from sensetrack.report.numbers import (
    against_truth,
    flag_table,
    reliability,
    robust_limits,
    round_number,
    round_up,
    spread_of,
    stable_spread,
    truth_on,
)
from sensetrack.report.sheet import Sheet
from sensetrack.report.words import FLAG_WORDS, SHOWN_FIRST, class_colours, class_titles, flag_titles, style_of


def test_flags_are_counted_alone_and_together() -> None:
    counts = np.zeros(256, np.int64)
    counts[0], counts[Flag.LOW_QUALITY], counts[Flag.LOW_QUALITY | Flag.OUTLIER], counts[Flag.MASKED] = 50, 20, 10, 20
    rows = {row.name: row for row in flag_table(counts)}
    assert (rows["measured"].count, rows["measured"].share) == (50, 0.5)
    assert (rows["low_quality"].count, rows["low_quality"].share) == (30, 0.3)
    assert (rows["outlier"].count, rows["outlier"].shown) == (10, 0)
    assert rows["low_quality"].shown == 30
    assert sum(row.shown for row in rows.values()) == 100
    assert [row.name for row in flag_table(counts)] == ["measured", *(flag.label for flag in Flag)]


def test_no_pixels_give_zero_shares() -> None:
    assert all(row.share == 0 and row.count == 0 for row in flag_table(np.zeros(256, np.int64)))


def test_every_flag_has_words_a_colour_and_a_rank() -> None:
    assert set(FLAG_WORDS) == set(Flag) == set(SHOWN_FIRST)
    assert len(set(class_colours())) == len(class_colours()) == len(class_titles()) == len(Flag) + 1
    for words in FLAG_WORDS.values():
        assert words.meaning.endswith(".")
        assert words.remedy.endswith(".")
    assert flag_titles(0) == ["Measured"]
    assert flag_titles(Flag.FLAT | Flag.MASKED) == ["No texture", "Masked"]


@pytest.mark.parametrize(
    ("name", "values", "limits"),
    [
        ("length", [0.0, 1.0, 2.0, 3.0], (0.0, 3.0)),
        ("dx", [-3.0, 0.0, 1.0], (-3.0, 3.0)),
        ("quality", [0.2, 0.4], (0.0, 1.0)),
        ("sigma_dx", [0.11, 0.12], (0.0, 0.12)),
    ],
)
def test_limits_follow_the_kind_of_layer(name: str, values: list[float], limits: tuple[float, float]) -> None:
    found = robust_limits(np.array(values, np.float32), style_of(name))
    assert (found.low, found.high) == pytest.approx(limits, rel=0.03)


def test_wild_values_do_not_stretch_the_limits_and_mark_the_ends() -> None:
    values = np.concatenate([np.linspace(0, 10, 1000), [5000.0]]).astype(np.float32)
    found = robust_limits(values, style_of("length"))
    assert found.high == pytest.approx(9.9, abs=0.11)
    assert (found.below, found.above) == (False, True)
    both = robust_limits(np.array([-50, *np.linspace(-1, 1, 500), 70], np.float32), style_of("dx"))
    assert (both.below, both.above) == (True, True)


@pytest.mark.parametrize("name", ["length", "dx", "quality", "nrms"])
def test_limits_of_nothing_and_of_one_value_can_be_drawn(name: str) -> None:
    for values in ([np.nan], [0.0, 0.0]):
        found = robust_limits(np.array(values, np.float32), style_of(name))
        assert found.low < found.high


def test_round_numbers() -> None:
    assert [round_up(v) for v in (287.3, 0.0123, 1.0, 100.0, 0.0, float("nan"))] == [290, 0.013, 1.0, 100, 0, 0]
    assert [round_number(v) for v in (287.3, 0.49, 1.0, 9.99, 0.0)] == [200, 0.2, 1.0, 5.0, 0.0]


def test_the_implied_curve_is_the_density_of_errors_with_right_sigmas() -> None:
    rng = np.random.default_rng(1)
    sigma = rng.uniform(0.05, 0.4, 200_000)
    spread = spread_of(
        "dx", (0.3 + sigma * rng.standard_normal(sigma.size)).astype(np.float32), sigma.astype(np.float32)
    )
    assert spread.median == pytest.approx(0.3, abs=0.002)
    assert spread.predicted == pytest.approx(np.median(sigma), rel=1e-3)
    assert np.abs(spread.curve - spread.density).max() < 0.04 * spread.density.max()
    width = np.diff(spread.edges)
    assert (spread.curve * width).sum() == pytest.approx(1, abs=0.01)


def test_spread_of_constant_and_of_no_values() -> None:
    same = spread_of("dx", np.full(9, 2.5, np.float32), None)
    assert (same.median, same.nmad, same.count) == (2.5, 0.0, 9)
    assert np.isfinite(same.density).all()
    nothing = spread_of("dx", np.full(3, np.nan, np.float32), None)
    assert nothing.count == 0
    assert np.isnan(nothing.median)


def test_stable_ground_leaves_out_flagged_and_filled_pixels(make_field: Callable[..., Field]) -> None:
    dx = np.full((10, 10), 0.25, np.float32)
    dx[0] = 99.0
    flags = np.zeros((10, 10), np.uint8)
    flags[0, :5], flags[0, 5:] = Flag.FILLED, Flag.OUTLIER
    sheet = Sheet.of(Displacement(Grid((10, 10)), make_field(dx, 0.0, flags=flags)))
    stable = np.zeros((10, 10), np.bool_)
    stable[:2] = True
    spread = stable_spread(sheet, stable)[0]
    assert (spread.count, spread.median) == (10, 0.25)


def test_errors_against_the_truth(make_field: Callable[..., Field]) -> None:
    rng = np.random.default_rng(2)
    true = np.full((100, 200), 1.5, np.float32)
    dx = true + 0.1 + 0.2 * rng.standard_normal(true.shape)
    sheet = Sheet.of(Displacement(Grid(true.shape), make_field(dx, true, sigma=0.2)))
    x, y = against_truth(sheet, (true, true))
    assert x.bias == pytest.approx(0.1, abs=0.006)
    assert x.nmad == pytest.approx(0.2, rel=0.03)
    assert x.rmse == pytest.approx(np.hypot(0.1, 0.2), rel=0.03)
    assert x.within == pytest.approx(0.683, abs=0.02)
    assert (y.bias, y.nmad, y.within, y.count) == (0, 0, 1, true.size)


def test_reliability_lies_on_the_diagonal_for_right_sigmas(make_field: Callable[..., Field]) -> None:
    rng = np.random.default_rng(3)
    sigma = rng.uniform(0.02, 0.5, (200, 200)).astype(np.float32)
    zero = np.zeros(sigma.shape, np.float32)
    dx = 0.7 + sigma * rng.standard_normal(sigma.shape)
    sheet = Sheet.of(Displacement(Grid(sigma.shape), make_field(dx, 2 * (dx - 0.7), sigma=sigma)))
    x, y = reliability(sheet, (zero, zero))
    np.testing.assert_allclose(x.actual, x.predicted, rtol=0.06)
    np.testing.assert_allclose(y.actual, 2 * y.predicted, rtol=0.06)
    few = Sheet.of(Displacement(Grid((2, 2)), make_field(np.ones((2, 2)))))
    assert reliability(few, (zero[:2, :2], zero[:2, :2])) == []


def test_the_truth_is_read_at_the_centres_of_output_pixels(
    make_field: Callable[..., Field], utm_grid: Callable[..., Grid]
) -> None:
    fine = utm_grid((80, 120), size=10.0)
    rows, cols = np.mgrid[:80, :120].astype(np.float32)
    truth = Sheet.of(Displacement(fine, make_field(cols, rows)))
    coarse = fine.coarsen(8, centre_offset=2.0)
    sheet = Sheet.of(Displacement(coarse, make_field(np.zeros(coarse.shape)), 8))
    dx, dy = truth_on(truth, sheet)
    centres = np.arange(15) * 8 + 3.5 + 2.0
    np.testing.assert_allclose(dx[0], np.minimum(centres, 119), atol=1e-4)
    np.testing.assert_allclose(dy[:, 0], np.minimum(centres[:10], 79), atol=1e-4)
    away = Sheet.of(
        Displacement(Grid((3, 3), fine.transform @ Affine.translation(500, 0), fine.crs), make_field(np.zeros((3, 3))))
    )
    assert np.isnan(truth_on(truth, away)[0]).all()


def test_a_decimated_truth_is_read_at_its_own_pixels(
    make_field: Callable[..., Field], utm_grid: Callable[..., Grid]
) -> None:
    fine = utm_grid((90, 90), size=10.0)
    rows, cols = np.mgrid[:90, :90].astype(np.float32)
    truth = Sheet.of(Displacement(fine, make_field(cols, rows))).thin(30)
    coarse = fine.coarsen(9)
    sheet = Sheet.of(Displacement(coarse, make_field(np.zeros(coarse.shape)), 9))
    right: Any = truth_on(truth, sheet)
    np.testing.assert_allclose(right[0][0], np.arange(10) * 9 + 4, atol=1e-3)
