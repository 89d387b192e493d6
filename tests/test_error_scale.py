"""What stated errors are multiplied by: what changes in a field and a file, and what a saved one must be."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import rasterio

from sensetrack.displacement import Displacement
from sensetrack.engine import Threads
from sensetrack.error_scale import Coverage, Curve, ErrorScale
from sensetrack.errors import InputError, OutputError, ParameterError
from sensetrack.stream import track, track_file


def made(**changes):
    holds = Coverage(within_68=0.68, within_95=0.95)
    values = {
        "method": "shifts",
        "dx": Curve(sigma=(0.1, 1.0), factor=(2.0, 4.0)),
        "dy": Curve(factor=(0.5,)),
        "points": 1000,
        "independent": 400,
        "typical_dx": 2.5,
        "typical_dy": 0.5,
        "before": Coverage(within_68=0.4, within_95=0.7),
        "after": holds,
    }
    return ErrorScale(**(values | changes))


def test_only_the_stated_errors_change(make_field):
    field = make_field(np.full((2, 3), 1.5), sigma=np.array([[0.01, 0.1, 0.316], [1.0, 9.0, np.nan]]), rho=0.3)
    scaled = made().apply(field)
    factors = [[2, 2, 2 * 2**0.5], [4, 4, np.nan]]
    np.testing.assert_allclose(scaled.sigma_dx / field.sigma_dx, factors, rtol=1e-3)
    np.testing.assert_allclose(scaled.sigma_dy / field.sigma_dy, [[0.5] * 3, [0.5, 0.5, np.nan]])
    assert scaled.sigma_dx.dtype == np.float32
    for name, layer in field.layers().items():
        if name not in ("sigma_dx", "sigma_dy"):
            np.testing.assert_array_equal(layer, scaled.layers()[name])


def test_no_stated_error_stays_none():
    sigma = np.array([0.0, -1.0, np.nan, np.inf], np.float32)
    np.testing.assert_array_equal(made().dx.at(sigma), 1)


def test_a_file_differs_in_its_errors_and_says_why(image_pair, brightness, tmp_path):
    tracker = brightness()
    track_file(image_pair, tracker, tmp_path / "plain.tif")
    scale = made()
    for name, engine in (("scaled.tif", None), ("threads.tif", Threads(2))):
        track_file(image_pair, tracker, tmp_path / name, scale=scale, engine=engine, block=64)
    assert (tmp_path / "scaled.tif").read_bytes() == (tmp_path / "threads.tif").read_bytes()
    plain, scaled = (Displacement.open(tmp_path / name) for name in ("plain.tif", "scaled.tif"))
    expected = scale.apply(plain.field)
    for name, layer in expected.layers().items():
        np.testing.assert_array_equal(layer, scaled.field.layers()[name], err_msg=name)
    assert plain.provenance.calibration is None
    assert scaled.provenance.calibration == scale.to_json()
    with rasterio.open(tmp_path / "plain.tif") as one, rasterio.open(tmp_path / "scaled.tif") as other:
        assert "calibration" not in one.tags()
        tag = json.loads(other.tags()["calibration"])
    assert (tag["method"], tag["points"], tag["independent"]) == ("shifts", 1000, 400)
    assert tag["before"]["within_68"] == 0.4
    assert tag["dx"]["factor"] == [2.0, 4.0]
    in_memory = track(image_pair, tracker, scale=scale)
    np.testing.assert_array_equal(in_memory.field.sigma_dx, scaled.field.sigma_dx)
    assert in_memory.provenance.calibration == scale.to_json()


def test_save_and_open(tmp_path):
    path = tmp_path / "c.json"
    made().save(path)
    assert ErrorScale.open(path) == made()
    with pytest.raises(OutputError, match=r"c\.json"):
        made().save(path)
    made(points=7).save(path, overwrite=True)
    assert ErrorScale.open(path).points == 7


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "{", '{"method": "shifts"}', '{"method": "guess", "points": 3}', "method: [", "\x00"]
)
def test_what_is_no_calibration(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"c\.json"):
        ErrorScale.open(path)
    with pytest.raises(InputError, match="no such calibration file"):
        ErrorScale.open(tmp_path / "absent.json")


@pytest.mark.parametrize(
    "values",
    [
        {"sigma": (1.0, 2.0), "factor": (1.0,)},
        {"sigma": (2.0, 1.0), "factor": (1.0, 1.0)},
        {"sigma": (1.0,), "factor": (0.0,)},
        {"sigma": (1.0,), "factor": (float("inf"),)},
        {"sigma": (), "factor": ()},
    ],
)
def test_curves_must_make_sense(values):
    with pytest.raises(ParameterError, match="Curve"):
        Curve(**values)


def test_another_tracker_is_refused_and_other_parameters_are_told(image_pair, brightness, caplog):
    with pytest.raises(ParameterError, match="for the errors of pcc, not of"):
        track(image_pair, brightness(), scale=made(tracker="pcc"))
    name = track(image_pair, brightness()).provenance.tracker
    with caplog.at_level(logging.WARNING, "sensetrack"):
        track(image_pair, brightness(), scale=made(tracker=name, parameters='{"reach": 9}'))
    assert "made with other parameters" in caplog.text
