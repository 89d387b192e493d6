"""The filter command: the default chain, named filters, the other steps, and bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sensetrack.displacement import Displacement, Flag
from sensetrack.filters import registry


def test_default_chain_flags_the_outlier_and_says_what_it_did(run, field_file, tmp_path):
    out = tmp_path / "f.tif"
    text = run("filter", field_file, "-o", out).stdout
    field = Displacement.open(out).field
    assert field.flags[5, 5] == Flag.OUTLIER
    assert field.dx[5, 5] == 11.0
    assert np.count_nonzero(field.flags & Flag.OUTLIER) == 1
    assert text.startswith(f"{out}: ")
    assert "filter ndc: window 5" in text
    assert "filter median-test: window 5" in text
    assert "measured  95.7 % (before 95.8 %)" in text
    assert "outlier   0.1 % (before 0.0 %)" in text
    assert "nodata    4.2 %\n" in text


def test_named_filters_with_parameters(run, field_file, tmp_path):
    spec, other = "median-test:threshold=30,window=7", "magnitude:maximum=20,factor=none"
    run("filter", field_file, "-o", tmp_path / "f.tif", "--filter", spec, "--filter", other)
    steps = Displacement.open(tmp_path / "f.tif").provenance.history
    assert json.loads(steps[0].removeprefix("filter median-test "))["threshold"] == 30
    assert json.loads(steps[1].removeprefix("filter magnitude "))["factor"] is None


def test_other_steps(run, field_file, tmp_path, write_raster, utm_grid):
    inside = np.ones((24, 32), np.uint8)
    inside[:, -4:] = 0
    mask = write_raster(inside, "inside.tif", grid=utm_grid((24, 32), size=160.0))
    options = ["--mask", mask, "--smooth", 3, "--fill", 2, "--drop", "--passes", 3]
    run("filter", field_file, "-o", tmp_path / "f.tif", *options)
    found = Displacement.open(tmp_path / "f.tif")
    assert (found.field.flags[:, -4:] & Flag.MASKED).all()
    assert found.field.flags[5, 5] == Flag.FILLED
    assert found.field.dx[5, 5] == pytest.approx(2.0, abs=0.01)
    assert [step.split()[0] for step in found.provenance.history] == [
        "mask",
        "filter",
        "filter",
        "filter",
        "smooth",
        "fill",
        "drop",
    ]


def test_no_filter(run, field_file, tmp_path):
    run("filter", field_file, "-o", tmp_path / "f.tif", "--filter", "none", "--drop")
    assert Displacement.open(tmp_path / "f.tif").field.dx[5, 5] == 11.0


def test_other_formats(run, field_file, tmp_path):
    run("filter", field_file, "-o", tmp_path / "f.nc")
    assert Displacement.open(tmp_path / "f.nc").field.flags[5, 5] == Flag.OUTLIER
    run("filter", tmp_path / "f.nc", "-o", tmp_path / "f.csv")
    assert (tmp_path / "f.csv").read_text(encoding="utf-8").count("\n") == 1 + 23 * 32


def test_help_has_every_filter_and_parameter(run):
    text = run("filter", "--help").stdout
    for name in registry.names():
        section = text.partition(f"--filter {name} ")[2].partition("--filter ")[0]
        for parameter in registry.get(name).model_fields:
            assert f"\n  {parameter} " in section, f"{name}:{parameter}"


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["--filter", "median"], 2, "no filter 'median'; did you mean 'median-test'?"),
        (["--filter", "mad:treshold=3"], 2, "Mad has no parameter 'treshold'; did you mean 'threshold'?"),
        (["--filter", "mad:threshold=-3"], 2, "Mad: threshold = -3: input should be greater than 0"),
        (["--filter", "mad:3"], 2, "filter 'mad:3': '3' is not parameter=value, such as mad:window=5"),
        (["--filter", "mad:threshold=[1"], 2, "'mad:threshold=[1': '[1' cannot be read"),
        (["--filter", "none"], 2, "nothing to do"),
        (["--filter", "none", "--filter", "mad"], 2, "--filter none stands alone"),
        (["--smooth", "4"], 2, "smooth = 4: the window's side must be odd"),
        (["--fill", "99"], 2, "fill = 99"),
        (["--passes", "0"], 2, "0 is not in the range x>=1"),
        (["--invert-mask"], 2, "--invert-mask needs --mask FILE"),
        (["--mask", "no.gpkg"], 1, "no.gpkg: no such file"),
    ],
)
def test_bad_options(run, field_file, tmp_path, words, status, message):
    result = run("filter", field_file, "-o", tmp_path / "f.tif", *words, status=status)
    assert message in result.stderr
    assert not (tmp_path / "f.tif").exists()


def test_input_that_is_no_displacement(run, pair, field_file, tmp_path):
    message = run("filter", pair[0], "-o", tmp_path / "f.tif", status=1).stderr
    assert "20200101.tif: not a displacement file: it has no layer dx" in message
    assert "is also an input" in run("filter", field_file, "-o", field_file, "--overwrite", status=1).stderr
