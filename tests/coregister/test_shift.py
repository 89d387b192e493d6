"""The shift model: prediction, errors, text forms."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sensetrack.coregister.shift import TERMS, ShiftModel
from sensetrack.errors import GridError, InputError, OutputError, ParameterError
from sensetrack.raster.grid import Grid

AFFINE = ShiftModel(
    "affine",
    dx=(0.25, 0.1, -0.2),
    dy=(-1.5, 0.3, 0.05),
    centre=(499.5, 599.5),
    scale=600.0,
    covariance_dx=((1e-4, 0.0, 0.0), (0.0, 3e-4, 1e-5), (0.0, 1e-5, 2e-4)),
    covariance_dy=((4e-4, 0.0, 0.0), (0.0, 3e-4, 0.0), (0.0, 0.0, 3e-4)),
    count=90,
    candidates=100,
    rms_dx=0.04,
    rms_dy=0.06,
    shape=(1000, 1200),
)


def test_a_constant_is_the_same_everywhere() -> None:
    dx, dy = ShiftModel.constant(0.3, -0.7).predict([0, 500], [[1], [9]])
    assert dx.shape == dy.shape == (2, 2)
    assert (dx == 0.3).all() and (dy == -0.7).all()


def test_an_affine_follows_its_formula() -> None:
    dx, dy = AFFINE.predict(499.5 + 300, 599.5 - 600)
    assert dx == pytest.approx(0.25 + 0.1 * -1 - 0.2 * 0.5)
    assert dy == pytest.approx(-1.5 + 0.3 * -1 + 0.05 * 0.5)


def test_a_polynomial_follows_its_formula() -> None:
    model = ShiftModel("polynomial", (1, 2, 3, 4, 5, 6), (0, 0, 0, 0, 0, 7), scale=10.0)
    u, v = 0.7, -1.3
    dx, dy = model.predict(10 * v, 10 * u)
    assert dx == pytest.approx(1 + 2 * u + 3 * v + 4 * u * u + 5 * u * v + 6 * v * v)
    assert dy == pytest.approx(7 * v * v)


def test_the_standard_error_propagates_the_covariance() -> None:
    error_dx, error_dy = AFFINE.standard_error([499.5, 1099.5], [599.5, 1199.5])
    assert error_dx == pytest.approx([0.01, math.sqrt(1e-4 + 3e-4 + 2e-4 + 2e-5)])
    assert error_dy[0] == pytest.approx(0.02)
    assert AFFINE.errors_dx == pytest.approx((0.01, math.sqrt(3e-4), math.sqrt(2e-4)))


def test_a_given_model_has_no_error() -> None:
    assert np.isnan(ShiftModel.constant(1, 2).standard_error(0, 0)).all()
    assert ShiftModel.constant(1, 2).errors_dx == ()


def test_the_largest_shift_is_found_at_the_corner() -> None:
    model = ShiftModel("affine", (0.0, 3.0, 0.0), (0.0, 0.0, 4.0), centre=(49.5, 49.5), scale=49.5)
    assert model.largest((100, 100)) == pytest.approx(5.0)


@pytest.mark.parametrize("model", [AFFINE, ShiftModel.constant(0.1, 0.2)])
def test_files_give_the_model_back(model: ShiftModel, tmp_path: Path) -> None:
    model.save(tmp_path / "shift.json")
    again = ShiftModel.open(tmp_path / "shift.json")
    assert repr(again) == repr(model)  # NaN equals itself in text


def test_json_has_no_words_that_json_does_not_know() -> None:
    json.loads(ShiftModel.constant(1, 2).to_json(), parse_constant=lambda word: pytest.fail(word))


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "shift.json"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        AFFINE.save(path)
    AFFINE.save(path, overwrite=True)
    assert ShiftModel.open(path) == AFFINE


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"not a shift model \(it is not JSON\); 'sensetrack coregister --json' prints one"),
        ("[1, 2]", "not a shift model"),
        ('{"kind": "shift"}', "not a shift model"),
        ('{"kind": "shift", "dx": [1], "dy": [2], "colour": 3}', "colour"),
        ('{"kind": "shift", "dx": [1, 2], "dy": [2]}', "'shift' has 1 coefficients"),
        ('{"kind": "afine", "dx": [1], "dy": [2]}', "did you mean 'affine'"),
        ('{"kind": "shift", "dx": [NaN], "dy": [2]}', "finite"),
        ('{"kind": "shift", "dx": ["a"], "dy": [2]}', "not a shift model"),
        ('{"kind": "affine", "dx": [1, 0, 0], "dy": [1, 0, 0], "scale": 0}', "scale"),
    ],
)
def test_a_damaged_file_is_named(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "shift.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        ShiftModel.open(path)
    assert "shift.json" in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        ShiftModel.open(tmp_path / "none.json")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ParameterError, match="did you mean 'polynomial'"):
        ShiftModel("polynomal", (0.0,), (0.0,))  # type: ignore[arg-type]


def test_an_affine_belongs_to_images_of_its_size() -> None:
    AFFINE.check_grid(Grid((1000, 1200)), "b.tif")
    with pytest.raises(GridError, match=r"1000 x 1200 .* b\.tif has 10 x 10"):
        AFFINE.check_grid(Grid((10, 10)), "b.tif")
    ShiftModel.constant(1, 2).check_grid(Grid((10, 10)), "b.tif")


def test_the_summary_says_what_a_reader_wants_to_know() -> None:
    text = AFFINE.summary()
    assert "dx = +0.250 +- 0.010 px (positive right)" in text
    assert "dy = -1.500 +- 0.020 px (positive down)" in text
    assert "90 of 100 windows agree (90 %)" in text
    assert "stretch +166.7 ppm along columns, +83.3 ppm along rows" in text
    assert f"rotation {math.degrees((0.3 + 0.2) / 2 / 600):+.5f} deg" in text
    assert ShiftModel.constant(1, 2).summary() == (
        "shift: dx = +1.000 px (positive right), dy = +2.000 px (positive down)"
    )


def test_every_kind_has_its_terms() -> None:
    assert [len(TERMS[kind]) for kind in ("shift", "affine", "polynomial")] == [1, 3, 6]
