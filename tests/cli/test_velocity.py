"""The velocity command: what it writes and says, generated options, stable ground, bad input."""

from __future__ import annotations

import numpy as np
import pytest

from sensetrack.velocity import Velocity, VelocityParams

PER_PIXEL = 10.0 * 365.25 / 20.0
"""m/yr for one pixel of 10 m in 20 days."""


@pytest.fixture
def rock(write_raster, utm_grid):
    inside = np.zeros((24, 32), np.uint8)
    inside[:, 16:] = 1
    return write_raster(inside, "rock.tif", grid=utm_grid((24, 32), size=160.0))


@pytest.mark.parametrize("suffix", [".nc", ".tif"])
def test_velocity_of_known_motion(run, field_file, tmp_path, suffix):
    out = tmp_path / f"v{suffix}"
    text = run("velocity", field_file, "-o", out).stdout
    found = Velocity.open(out)
    assert found.vx[10, 3] == pytest.approx(2 * PER_PIXEL, rel=1e-4)
    assert found.vy[10, 3] == pytest.approx(1 * PER_PIXEL, rel=1e-4)
    assert "time base      20 days" in text
    assert "stable ground  none given" in text
    assert "measured       95.8 %" in text
    assert "largest " in text


def test_stable_ground(run, field_file, tmp_path, rock):
    text = run("velocity", field_file, "-o", tmp_path / "v.tif", "--stable", rock).stdout
    assert "stable ground  368 points, under the mask" in text
    assert "shift there    dx +0.000, dy +0.000 px; subtracted" in text
    text = run(
        "velocity", field_file, "-o", tmp_path / "w.tif", "--stable", rock, "--invert-stable", "--no-subtract-shift"
    ).stdout
    assert "shift there    dx +2.000, dy -1.000 px; not subtracted" in text


def test_units_days_and_tables(run, field_file, tmp_path):
    run("velocity", field_file, "-o", tmp_path / "v.csv", "--units", "m/d", "--days", 10, "-q")
    first = (tmp_path / "v.csv").read_text(encoding="utf-8").splitlines()
    row = dict(zip(first[0].split(","), first[1].split(","), strict=True))
    assert float(row["vx"]) == pytest.approx(2.0, rel=1e-4)
    run("velocity", field_file, "-o", tmp_path / "v.tif", "--dates", "2020-01-01", "2020-01-06", "--units", "m/d")
    assert Velocity.open(tmp_path / "v.tif").vx[10, 3] == pytest.approx(4.0, rel=1e-4)


def test_packed(run, field_file, tmp_path):
    run("velocity", field_file, "-o", tmp_path / "v.nc", "--packed")
    assert Velocity.open(tmp_path / "v.nc").vx[10, 3] == pytest.approx(2 * PER_PIXEL, abs=0.5)


def test_every_parameter_has_an_option(run):
    text = run("velocity", "--help").stdout
    for name in VelocityParams.model_fields:
        assert f"--{name.replace('_', '-')}" in text


def test_parameters_round_trip(run, field_file, tmp_path):
    settings = tmp_path / "v.yaml"
    words = ["--units", "m/d", "--dates", "2020-01-01", "2020-01-11"]
    settings.write_text(run("velocity", *words, "--dump-params").stdout, encoding="utf-8")
    run("velocity", field_file, "-o", tmp_path / "v.tif", "--params", settings)
    assert Velocity.open(tmp_path / "v.tif").vx[10, 3] == pytest.approx(2.0, rel=1e-4)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--days", "0"], 2, "days = 0.0: input should be greater than 0"),
        (["--days", "3", "--dates", "2020-01-01", "2020-01-02"], 2, "days = 3 and dates are both given"),
        (["--dates", "2020-01-02", "2020-01-01"], 2, "must be after"),
        (["--units", "km/h"], 2, "'km/h' is not one of m/yr, m/d"),
        (["--invert-stable"], 2, "--invert-stable needs --stable FILE"),
        (["--stable-from", "mask"], 2, "needs a stable mask (--stable FILE)"),
        (["--packed"], 2, "--packed is for .nc files only"),
    ],
)
def test_bad_options(run, field_file, tmp_path, words, status, message):
    assert message in run("velocity", field_file, "-o", tmp_path / "v.tif", *words, status=status).stderr
    assert not (tmp_path / "v.tif").exists()


def test_image_without_georeference_asks_for_its_pixel_size(run, tmp_path, make_field):
    from sensetrack.displacement import Displacement
    from sensetrack.provenance import Provenance
    from sensetrack.raster.grid import Grid

    field = make_field(np.full((8, 8), 2.0))
    Displacement(Grid((8, 8)).coarsen(1), field, 1, Provenance(days=10.0)).save(tmp_path / "d.tif")
    message = run("velocity", tmp_path / "d.tif", "-o", tmp_path / "v.tif", status=2).stderr
    assert "--pixel-size 10" in message
    run("velocity", tmp_path / "d.tif", "-o", tmp_path / "v.tif", "--pixel-size", 5, "--units", "m/d")
    assert Velocity.open(tmp_path / "v.tif").vx[4, 4] == pytest.approx(1.0)
