"""Fitting the shift of stable ground: truth, what moves, errors, and what cannot be fitted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensetrack.coregister.evidence import LEAST_WINDOWS
from sensetrack.coregister.fit import fit_shift
from sensetrack.coregister.shift import KINDS, Kind, ShiftModel
from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.errors import InputError, ParameterError
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid

Measured = Callable[..., Displacement]


def at_centre(model: ShiftModel) -> tuple[float, float]:
    dx, dy = model.predict(*model.centre)
    return float(dx), float(dy)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_free_windows_give_the_exact_shift(measured: Measured, kind: Kind) -> None:
    model = fit_shift(measured(noise=0.0), kind=kind)
    assert at_centre(model) == pytest.approx((0.31, -0.47), abs=1e-6)
    assert model.kind == kind
    assert model.count == model.candidates == 2000


@pytest.mark.parametrize("origin", [(0.0, 0.0), (-7.5, 12.0)])
def test_an_affine_is_found_in_input_pixels(measured: Measured, origin: tuple[float, float]) -> None:
    rows, cols = np.indices((40, 50))
    row, col = origin[0] + (rows + 0.5) * 16 - 0.5, origin[1] + (cols + 0.5) * 16 - 0.5
    dx, dy = 0.3 + 1e-4 * col - 2e-4 * row, -1.2 + 1.5e-4 * col + 3e-4 * row
    model = fit_shift(measured(dx=dx, dy=dy, noise=0.02, origin=origin), kind="affine")
    assert model.predict(0, 0) == pytest.approx((0.3, -1.2), abs=0.005)
    gradient = np.array([*model.dx[1:], *model.dy[1:]]) / model.scale
    assert gradient == pytest.approx([1e-4, -2e-4, 1.5e-4, 3e-4], abs=4e-6)


def test_a_polynomial_is_found(measured: Measured) -> None:
    rows, cols = np.indices((40, 50))
    v, u = (rows - 19.5) / 20, (cols - 24.5) / 25
    dx, dy = 0.4 * u * u - 0.3 * u * v, 0.5 * v * v + 0.2 * u
    model = fit_shift(measured(dx=dx, dy=dy, noise=0.02), kind="polynomial")
    found = model.predict((rows + 0.5) * 16 - 0.5, (cols + 0.5) * 16 - 0.5)
    assert np.abs(found[0] - dx).max() < 0.01 and np.abs(found[1] - dy).max() < 0.01


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moving", [0.2, 0.35, 0.4])
@pytest.mark.parametrize("as_block", [True, False], ids=["block", "glacier"])
def test_what_moves_is_left_out(measured: Measured, kind: Kind, moving: float, as_block: bool) -> None:
    profile = 4.0 * np.sin(np.pi * (np.arange(round(moving * 50)) + 0.5) / round(moving * 50))
    displacement = measured(moving=moving, speed=3.0 if as_block else profile, outliers=0.03)
    model = fit_shift(displacement, kind=kind)
    assert at_centre(model) == pytest.approx((0.31, -0.47), abs=0.01)
    assert model.count / model.candidates == pytest.approx(0.96 * (1 - moving), abs=0.04)


@pytest.mark.parametrize("moving", [0.6, 0.8])
def test_a_mask_helps_where_most_of_the_scene_moves(measured: Measured, moving: float) -> None:
    displacement = measured(moving=moving, outliers=0.03)
    stable = np.zeros((40, 50), np.bool_)
    stable[:, round(moving * 50) - 2 :] = True  # two columns too many: masks are never perfect
    assert at_centre(fit_shift(displacement, stable)) == pytest.approx((0.31, -0.47), abs=0.01)
    assert at_centre(fit_shift(displacement))[0] == pytest.approx(3.31, abs=0.01), "the documented failure"


def test_two_halves_are_not_told_apart(measured: Measured) -> None:
    with pytest.raises(InputError, match=r"two groups of windows agree on different shifts.*dx \+3\.3.*give a mask"):
        fit_shift(measured(moving=0.5))


def test_unsure_windows_count_less(measured: Measured) -> None:
    sigma = np.full((40, 50), 0.02)
    sigma[:, ::2] = 1.0
    rng = np.random.default_rng(3)
    dx = rng.normal(0.0, sigma)
    weighted = fit_shift(measured(dx=dx, dy=0.0, noise=0.0, sigma=sigma))
    assert abs(weighted.dx[0]) < 0.003
    assert weighted.errors_dx[0] < 0.003


def test_poor_matches_count_less(measured: Measured) -> None:
    quality = np.full((40, 50), 0.9)
    quality[:, :10] = 0.02
    dx = np.zeros((40, 50))
    dx[:, :10] = 0.05
    weighted, plain = (fit_shift(measured(dx=dx, noise=0.05, quality=q)) for q in (quality, 0.9))
    assert abs(weighted.dx[0]) < 0.3 * abs(plain.dx[0])


@pytest.mark.parametrize("unknown", ["sigma", "quality"])
def test_unknown_errors_and_quality_are_no_obstacle(measured: Measured, unknown: str) -> None:
    model = fit_shift(measured(**{unknown: np.nan}))
    assert at_centre(model) == pytest.approx((0.31, -0.47), abs=0.005)


def test_flagged_windows_are_no_evidence(measured: Measured) -> None:
    displacement = measured(moving=0.6)
    moving = np.zeros((40, 50), np.bool_)
    moving[:, :30] = True
    flagged = dataclasses.replace(displacement, field=displacement.field.with_flag(moving, Flag.LOW_QUALITY))
    model = fit_shift(flagged)
    assert at_centre(model) == pytest.approx((0.31, -0.47), abs=0.01)
    assert model.candidates == 800


@pytest.mark.parametrize("kind", KINDS)
def test_standard_errors_are_true(measured: Measured, kind: Kind) -> None:
    scores = []
    for seed in range(16):
        model = fit_shift(measured((24, 24), moving=0.25, seed=seed, noise=0.1), kind=kind)
        (dx, dy), errors = at_centre(model), model.standard_error(*model.centre)
        scores += [(dx - 0.31) / errors[0], (dy + 0.47) / errors[1]]
    assert 0.75 < np.std(scores) < 1.3
    assert abs(np.mean(scores)) < 0.5


def test_overlapping_windows_do_not_make_errors_small(make_field: Callable[..., Field]) -> None:
    rng = np.random.default_rng(0)
    scores = []
    for _ in range(16):
        own = rng.normal(0.0, 0.1, (2, 24, 24))
        dx, dy = np.repeat(np.repeat(own, 4, axis=1), 4, axis=2)
        field = make_field(dx, dy)
        displacement = Displacement(Grid((96, 96)), field, 16, Provenance(parameters='{"window": 64}'))
        model = fit_shift(displacement)
        scores += [model.dx[0] / model.errors_dx[0], model.dy[0] / model.errors_dy[0]]
    assert 0.7 < np.std(scores) < 1.4, "sixteen times the windows, but no more evidence"


@settings(max_examples=20, deadline=None)
@given(dx=st.floats(-20, 20), dy=st.floats(-20, 20), kind=st.sampled_from(KINDS))
def test_a_shift_added_to_all_windows_is_added_to_the_model(
    make_field: Callable[..., Field], dx: float, dy: float, kind: Kind
) -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0.0, 0.1, (2, 12, 15))
    grid = Grid((12, 15))
    before, after = (
        fit_shift(Displacement(grid, make_field(noise[0] + x, noise[1] + y), 8), kind=kind)
        for x, y in ((0.0, 0.0), (dx, dy))
    )
    assert np.subtract(at_centre(after), at_centre(before)) == pytest.approx((dx, dy), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_windows_say_how_many_there_are(measured: Measured, kind: Kind) -> None:
    least = LEAST_WINDOWS[kind]
    displacement = measured((1, least - 1))
    with pytest.raises(InputError, match=rf"only {least - 1} of {least - 1} windows .* '{kind}' needs {least}"):
        fit_shift(displacement, kind=kind)


def test_too_few_windows_on_stable_ground(measured: Measured) -> None:
    stable = np.zeros((40, 50), np.bool_)
    stable[0, :5] = True
    with pytest.raises(InputError, match=r"only 5 of 5 windows on stable ground .* more stable ground"):
        fit_shift(measured(), stable)


def test_windows_on_the_edge_of_the_search_range(measured: Measured) -> None:
    displacement = measured()
    edge = np.zeros((40, 50), np.bool_)
    edge[:21] = True
    flagged = dataclasses.replace(displacement, field=displacement.field.with_flag(edge, Flag.SEARCH_EDGE))
    with pytest.raises(InputError, match=r"1050 windows ended on the edge .* 950 were measured.* a larger search"):
        fit_shift(flagged)
    assert fit_shift(flagged, ~edge).count > 900


def test_a_few_survivors_are_not_believed(measured: Measured) -> None:
    displacement = measured(noise=0.0)
    poor = np.ones((40, 50), np.bool_)
    poor[:, :2] = False
    low, nowhere = (
        dataclasses.replace(displacement, field=displacement.field.with_flag(poor, flag))
        for flag in (Flag.LOW_QUALITY, Flag.NODATA)
    )
    with pytest.raises(InputError, match=r"only 80 of 2000 windows could be measured \(1920 low_quality\).* needs 100"):
        fit_shift(low)
    assert fit_shift(nowhere).count == 80, "where there is nothing to measure, nothing was tried"


def test_a_mask_that_covers_nothing(measured: Measured) -> None:
    with pytest.raises(InputError, match="covers none of the windows"):
        fit_shift(measured(), np.zeros((40, 50), np.bool_))


def test_a_mask_of_another_shape(measured: Measured) -> None:
    with pytest.raises(InputError, match=r"\(3, 3\) does not fit a field of \(40, 50\)"):
        fit_shift(measured(), np.ones((3, 3), np.bool_))


@pytest.mark.parametrize("kind", ["affine", "polynomial"])
def test_windows_on_a_line_do_not_determine_an_affine(measured: Measured, kind: Kind) -> None:
    stable = np.zeros((60, 60), np.bool_)
    stable[7] = True
    with pytest.raises(InputError, match=rf"lie on a line .* kind '{kind}' is not determined"):
        fit_shift(measured((60, 60)), stable, kind)
    assert at_centre(fit_shift(measured((60, 60)), stable)) == pytest.approx((0.31, -0.47), abs=0.05)


def test_windows_that_agree_on_nothing(measured: Measured) -> None:
    with pytest.raises(InputError, match=r"do not agree on a shift: it would be uncertain by \d+\.\d\d px"):
        fit_shift(measured((10, 10), outliers=1.0))


def test_an_unknown_kind(measured: Measured) -> None:
    with pytest.raises(ParameterError, match="kind = 'rigid'; known: affine, polynomial, shift"):
        fit_shift(measured(), kind="rigid")  # type: ignore[arg-type]
