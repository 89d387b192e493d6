"""Filling: what it may change, how well it does it, and what it says of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt, gaussian_filter

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.filters import registry
from sensetrack.raster.tiles import plan_blocks
from sensetrack.repair import fill_gaps, fill_margin

MakeField = Callable[..., Field]


def discs(shape: tuple[int, int], count: int, radius: float, seed: int = 0) -> np.ndarray:
    """Pixels in discs at random places."""
    centres = np.random.default_rng(seed).uniform(0, shape, (count, 2))
    row, col = np.mgrid[: shape[0], : shape[1]]
    return np.any([(row - r) ** 2 + (col - c) ** 2 <= radius**2 for r, c in centres], axis=0)


def outliers(where: np.ndarray) -> np.ndarray:
    return np.where(where, np.uint8(Flag.OUTLIER), np.uint8(0))


def assert_same(first: Field, second: Field) -> None:
    for name, layer in first.layers().items():
        np.testing.assert_array_equal(layer, second.layers()[name], err_msg=name)


# --- truth -----------------------------------------------------------------------------------------------------------


def test_slope_is_continued_exactly(make_field: MakeField) -> None:
    row, col = np.mgrid[:80, :90]
    gaps = discs(row.shape, 15, 4)
    assert distance_transform_edt(gaps).max() > 4
    field = make_field(0.1 * row - 0.05 * col + 3, 0.2 * col, flags=outliers(gaps))
    filled = fill_gaps(field, 8)
    assert (filled.flags[gaps] == Flag.FILLED).all()
    inner = gaps.copy()
    inner[:12], inner[-12:], inner[:, :12], inner[:, -12:] = False, False, False, False
    assert np.abs(filled.dx - (0.1 * row - 0.05 * col + 3))[inner].max() < 1e-5
    assert np.abs(filled.dy - 0.2 * col)[inner].max() < 1e-5
    # At the edge of the field a gap may be seen from one side only, with no slope across it.
    assert np.abs(filled.dx - (0.1 * row - 0.05 * col + 3))[gaps].max() < 0.15


@pytest.mark.parametrize(
    ("length", "amplitude", "noise"), [(4, 1.0, 0.1), (12, 4.0, 0.02), (12, 4.0, 0.1), (50, 0.0, 0.1)]
)
def test_errors_are_those_that_sigma_says_or_less(
    make_field: MakeField, length: float, amplitude: float, noise: float
) -> None:
    rng = np.random.default_rng(1)
    truth = gaussian_filter(rng.normal(size=(160, 160)), length)
    truth *= amplitude / truth.std()
    gaps = discs(truth.shape, 40, 4.5)
    field = make_field(truth + noise * rng.normal(size=truth.shape), 0.0, sigma=noise, flags=outliers(gaps))
    filled = fill_gaps(field, 5)
    ratio = ((filled.dx - truth) / filled.sigma_dx)[gaps]
    assert np.sqrt(np.mean(ratio**2)) < 1.3
    distance = distance_transform_edt(gaps)
    near, far = (filled.sigma_dx[gaps & (distance > low) & (distance <= high)].mean() for low, high in ((0, 1), (3, 5)))
    assert noise <= near < far


def test_fault_in_a_gap_stays_sharp(make_field: MakeField) -> None:
    row, col = np.mgrid[:100, :100]
    distance = col - 50 + 0.3 * (row - 50) + 4 * np.sin(row / 20)
    truth = np.where(distance > 0, 3.0, -3.0)
    gaps = discs(truth.shape, 60, 4) | ((np.abs(distance) < 3) & (row > 30) & (row < 60))
    noise = 0.05 * np.random.default_rng(2).normal(size=truth.shape)
    filled = fill_gaps(make_field(truth + noise, -truth, flags=outliers(gaps)), 8)
    error = np.abs(filled.dx - truth)
    # Nothing in between: every value belongs to one side, and away from the fault to the right one.
    assert (np.abs(np.abs(filled.dx[gaps]) - 3) < 0.5).all()
    assert error[np.abs(distance) > 5].max() < 0.5
    assert (error < 0.5)[gaps & (np.abs(distance) > 1)].mean() > 0.9


def test_same_under_flips(make_field: MakeField) -> None:
    rng = np.random.default_rng(3)
    dx = gaussian_filter(rng.normal(size=(50, 60)), 5) * 20
    gaps = discs(dx.shape, 12, 3)
    field = make_field(dx, -dx, flags=outliers(gaps))
    turned = Field.from_layers({name: layer[::-1, ::-1] for name, layer in field.layers().items()})
    filled, turned = fill_gaps(field, 4), fill_gaps(turned, 4)
    np.testing.assert_array_equal(turned.flags[::-1, ::-1], filled.flags)
    np.testing.assert_allclose(turned.dx[::-1, ::-1], filled.dx, atol=1e-5)


def test_margin_is_all_that_it_sees(make_field: MakeField) -> None:
    rng = np.random.default_rng(4)
    dx = rng.normal(size=(60, 70))
    field = make_field(dx, 2 * dx, flags=outliers(discs(dx.shape, 25, 4)), sigma=0.2)
    for distance in (1.0, 2.5, 4.0):
        expected = fill_gaps(field, distance)
        for block in plan_blocks(field.shape, 13):
            area = block.expand(fill_margin(distance)).clip(field.shape)
            assert area is not None
            found = fill_gaps(field.crop(*area.slices), distance).crop(*block.within(area))
            assert_same(found, expected.crop(*block.slices))


# --- what it touches -------------------------------------------------------------------------------------------------


def test_usable_pixels_stay_and_filled_ones_say_so(make_field: MakeField) -> None:
    gaps = np.zeros((20, 20), bool)
    gaps[8:11, 8:11] = True
    ones = np.ones(gaps.shape)
    field = make_field(np.where(gaps, 50.0, 2.0), 1.0, rho=0.5, flags=outliers(gaps), extra={"nrms": ones})
    filled = fill_gaps(field, 3)
    for name, layer in field.layers().items():
        np.testing.assert_array_equal(filled.layers()[name][~gaps], layer[~gaps], err_msg=name)
    assert (filled.flags[gaps] == Flag.FILLED).all()
    assert filled.usable.all()
    assert not filled.measured[gaps].any()
    np.testing.assert_allclose(filled.dx[gaps], 2.0, atol=1e-6)
    np.testing.assert_allclose(filled.sigma_dy[gaps], 0.1, atol=1e-6)
    assert (filled.rho[gaps] == 0).all()
    assert np.isnan(filled.quality[gaps]).all()
    assert np.isnan(filled.extra["nrms"][gaps]).all()
    # The field that was given is not altered.
    assert (field.dx[gaps] == 50).all()


def test_a_filter_can_reject_what_was_filled(make_field: MakeField) -> None:
    gaps = np.zeros((9, 9), bool)
    gaps[4, 4] = True
    filled = fill_gaps(make_field(np.zeros((9, 9)), flags=outliers(gaps)), 2)
    judged = registry.get("quality")().apply(filled)
    assert judged.flags[4, 4] == Flag.FILLED | Flag.LOW_QUALITY
    assert not judged.usable[4, 4]


def test_only_within_the_distance(make_field: MakeField) -> None:
    gaps = np.zeros((30, 30), bool)
    gaps[5:25, 5:25] = True
    filled = fill_gaps(make_field(np.ones((30, 30)), flags=outliers(gaps)), 3)
    expected = gaps & (distance_transform_edt(gaps) <= 3)
    np.testing.assert_array_equal(filled.flags == Flag.FILLED, expected)
    assert (filled.flags[gaps & ~expected] == Flag.OUTLIER).all()


def test_nodata_and_masked_are_left_unless_asked(make_field: MakeField) -> None:
    dx = np.ones((12, 12))
    flags = np.zeros(dx.shape, np.uint8)
    flags[3, 3], flags[3, 8], flags[8, 3] = Flag.NODATA, Flag.MASKED, Flag.FLAT
    dx[flags != 0] = np.nan
    field = make_field(dx, flags=flags)
    filled = fill_gaps(field, 2)
    assert [filled.flags[place] for place in ((3, 3), (3, 8), (8, 3))] == [Flag.NODATA, Flag.MASKED, Flag.FILLED]
    assert np.isnan(filled.dx[3, [3, 8]]).all()
    asked = fill_gaps(field, 2, leave=Flag.MASKED)
    assert [asked.flags[place] for place in ((3, 3), (3, 8))] == [Flag.FILLED, Flag.MASKED]
    assert (fill_gaps(field, 2, leave=Flag(0)).flags[flags != 0] == Flag.FILLED).all()


def test_few_pixels_are_not_spread(make_field: MakeField) -> None:
    flags = np.full((9, 9), np.uint8(Flag.OUTLIER))
    flags[4, 3:7] = 0
    field = make_field(np.ones((9, 9)), flags=flags)
    assert_same(fill_gaps(field, 3), field)


@pytest.mark.parametrize("flag", [Flag.NODATA, Flag.OUTLIER])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (12, 12)])
def test_nothing_to_fill_from(shape: tuple[int, int], flag: Flag) -> None:
    empty = Field.empty(shape, flag)
    assert_same(fill_gaps(empty, 5), empty)


def test_single_row(make_field: MakeField) -> None:
    dx = np.linspace(0, 2, 21)[None]
    gaps = np.zeros(dx.shape, bool)
    gaps[0, 10:12] = True
    filled = fill_gaps(make_field(dx, flags=outliers(gaps)), 2)
    np.testing.assert_allclose(filled.dx, dx, atol=1e-6)


def test_missing_sigma_is_not_spread(make_field: MakeField) -> None:
    sigma = np.full((11, 11), 0.3)
    sigma[::2] = np.nan
    flags = np.zeros((11, 11), np.uint8)
    flags[5, 5] = Flag.OUTLIER
    filled = fill_gaps(make_field(np.ones((11, 11)), sigma=sigma, flags=flags), 2)
    assert filled.sigma_dx[5, 5] == pytest.approx(0.3)


@pytest.mark.parametrize("distance", [0.5, 0, -1, 33, float("nan")])
def test_distance_out_of_range(make_field: MakeField, distance: float) -> None:
    with pytest.raises(ParameterError, match=r"fill = .*between 1 and 32"):
        fill_gaps(make_field(np.zeros((5, 5))), distance)
