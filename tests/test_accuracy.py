"""Errors against a truth: every figure on fields whose errors are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sensetrack.accuracy import Truth, displacement_accuracy, velocity_accuracy
from sensetrack.displacement import Displacement, Flag
from sensetrack.errors import GridError, InputError
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.mask import AreaMask
from sensetrack.velocity import VelocityParams, velocity_file

STEP = 4
SHAPE = (20, 30)


@pytest.fixture
def truth_file(write_raster, utm_grid):
    """A plane: dx grows by 0.01 px per column, dy falls by 0.02 px per row; the last input column is unknown."""
    rows, cols = np.indices((SHAPE[0] * STEP, SHAPE[1] * STEP))
    valid = np.ones(rows.shape)
    valid[:, -1] = 0
    layers = np.stack([0.01 * cols, -0.02 * rows, valid]).astype(np.float32)
    return write_raster(layers, "truth.tif", grid=utm_grid(rows.shape), names=["dx", "dy", "valid"])


@pytest.fixture
def measured(tmp_path, make_field, utm_grid):
    """Write a displacement that errs by ``(ex, ey)``; return its path."""

    def write(ex=0.0, ey=0.0, sigma=0.1, flags=()):
        grid = utm_grid((SHAPE[0] * STEP, SHAPE[1] * STEP)).coarsen(STEP)
        rows, cols = np.indices(SHAPE)
        centre = (STEP - 1) / 2
        field = make_field(0.01 * (cols * STEP + centre) + ex, -0.02 * (rows * STEP + centre) + ey, sigma=sigma)
        for where, flag in flags:
            chosen = np.zeros(SHAPE, np.bool_)
            chosen[where] = True
            field = field.with_flag(chosen, flag)
        path = tmp_path / "d.tif"
        Displacement(grid, field, STEP, Provenance("t", '{"window": 4}', days=10.0)).save(path)
        return path

    return write


def test_truth_is_read_at_the_centres_of_windows(measured, truth_file):
    (found,) = displacement_accuracy(measured(), Truth.open(truth_file))
    assert (found.area, found.unit) == ("all", "px")
    assert found.total == found.count == SHAPE[0] * SHAPE[1]
    assert found.rmse == pytest.approx(0, abs=1e-6)


def test_constant_error(measured, truth_file):
    (found,) = displacement_accuracy(measured(0.3, -0.4, sigma=0.35), Truth.open(truth_file))
    assert (found.bias_x, found.bias_y) == pytest.approx((0.3, -0.4), abs=1e-6)
    assert (found.rmse, found.mean, found.median, found.p90, found.p95) == pytest.approx((0.5,) * 5, abs=1e-6)
    assert (found.within_68, found.within_95) == (0.5, 1.0)


def test_right_errors_are_covered_as_often_as_they_should(measured, truth_file):
    rng = np.random.default_rng(1)
    path = measured(*rng.normal(0, 0.1, (2, *SHAPE)), sigma=0.1)
    (found,) = displacement_accuracy(path, Truth.open(truth_file))
    assert found.within_68 == pytest.approx(0.683, abs=0.03)
    assert found.within_95 == pytest.approx(0.95, abs=0.02)
    assert found.rmse == pytest.approx(0.1 * math.sqrt(2), rel=0.05)
    assert found.median == pytest.approx(0.1 * 1.1774, rel=0.05)


def test_areas_and_flags(measured, truth_file, utm_grid):
    error = np.zeros(SHAPE)
    error[:, 20:] = 1.0
    path = measured(error, flags=[(np.s_[:10, 20:], Flag.OUTLIER), (np.s_[:, 0], Flag.NODATA)])
    inside = np.zeros(SHAPE, np.bool_)
    inside[:, 20:] = True
    right = AreaMask.from_array(inside, utm_grid((SHAPE[0] * STEP, SHAPE[1] * STEP)).coarsen(STEP))
    everywhere, area = displacement_accuracy(path, Truth.open(truth_file), {"right": right})
    assert area.area == "right"
    assert area.share == pytest.approx(0.5)
    assert area.median == pytest.approx(1.0, abs=1e-6)
    assert everywhere.count == 600 - 100 - 20
    assert everywhere.total == 600


def test_nothing_measured(measured, truth_file):
    (found,) = displacement_accuracy(measured(flags=[(np.s_[:, :], Flag.NODATA)]), Truth.open(truth_file))
    assert (found.count, found.share) == (0, 0.0)
    assert math.isnan(found.rmse)


def test_velocity_is_compared_in_its_own_unit(measured, truth_file, tmp_path):
    velocity_file(measured(0.5, 0.0), tmp_path / "v.nc", VelocityParams(units="m/d"))
    (found,) = velocity_accuracy(tmp_path / "v.nc", Truth.open(truth_file))
    assert found.unit == "m/d"
    assert found.bias_x == pytest.approx(0.5 * 10 / 10, rel=1e-4)
    assert found.bias_y == pytest.approx(0, abs=1e-5)
    assert found.median == pytest.approx(0.5, rel=1e-4)


def test_truth_beside_unknown_pixels_is_unknown(truth_file, utm_grid):
    truth = Truth.open(truth_file)
    dx, _ = truth.at(truth.grid)
    assert np.isnan(dx[:, -1]).all()
    assert np.isfinite(dx[:, :-2]).all()


def test_file_that_is_no_truth(write_raster):
    path = write_raster(np.ones((4, 4), np.float32), "plain.tif", names=["height"])
    with pytest.raises(InputError, match=r"plain\.tif: not a truth file: it has no layer dx and dy, but height"):
        Truth.open(path)


def test_another_crs(truth_file):
    with pytest.raises(GridError, match="another CRS"):
        Truth.open(truth_file).at(Grid((4, 4)))
