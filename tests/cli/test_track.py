"""The generated tracker commands: what they write and say, and how bad input ends."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio
import yaml

from sensetrack.displacement import LAYERS

pytestmark = pytest.mark.usefixtures("oracle")


def read(path):
    with rasterio.open(path) as ds:
        return dict(zip(ds.descriptions, ds.read(), strict=True)), ds.tags()


def test_writes_a_displacement_file_and_says_how_it_came_out(run, pair, tmp_path):
    out = tmp_path / "d.tif"
    result = run("oracle", *pair, "-o", out, "--step", 16)
    layers, tags = read(out)
    assert tuple(layers)[:7] == LAYERS
    assert layers["dx"].shape == (6, 8)
    assert (layers["dx"] == 1.5).all()
    assert tags["tracker"] == "oracle"
    assert float(tags["days"]) == 10
    assert json.loads(tags["parameters"])["step"] == 16
    assert result.stdout.startswith(f"{out}: 6 x 8 displacements, one every 16 px\n  measured  100.0 %\n")
    assert "median    1.68 px (dx +1.5, dy -0.75)" in result.stdout
    assert "estimates per second" in result.stdout
    assert result.stderr == ""


def test_quiet_says_nothing(run, pair, tmp_path):
    assert run("oracle", *pair, "-o", tmp_path / "d.tif", "-q").output == ""


@pytest.mark.parametrize("engine", [("serial",), ("threads", "--workers", "2")])
def test_engines_give_the_same_bytes(run, pair, tmp_path, engine):
    run("oracle", *pair, "-o", tmp_path / "a.tif", "--block", 64)
    run("oracle", *pair, "-o", tmp_path / "b.tif", "--block", 64, "--engine", *engine)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


def test_blocks_change_nothing(run, pair, tmp_path):
    run("oracle", *pair, "-o", tmp_path / "a.tif")
    run("oracle", *pair, "-o", tmp_path / "b.tif", "--block", 64)
    (one, _), (other, _) = read(tmp_path / "a.tif"), read(tmp_path / "b.tif")
    for name, layer in one.items():
        np.testing.assert_array_equal(layer, other[name])


@pytest.mark.parametrize("suffix", [".nc", ".csv", ".parquet", ".gpkg"])
def test_other_formats(run, pair, tmp_path, suffix):
    out = tmp_path / f"d{suffix}"
    result = run("oracle", *pair, "-o", out)
    assert out.stat().st_size > 0
    assert "measured  100.0 %" in result.stdout


def test_params_file_and_options(run, pair, tmp_path):
    settings = tmp_path / "oracle.yaml"
    settings.write_text(run("oracle", "--step", 16, "--move", 3, "--dump-params").stdout, encoding="utf-8")
    assert yaml.safe_load(settings.read_text(encoding="utf-8"))["move"] == 3.0
    run("oracle", *pair, "-o", tmp_path / "d.tif", "--params", settings, "--move", 4)
    layers, tags = read(tmp_path / "d.tif")
    assert layers["dx"].shape == (6, 8)
    assert (layers["dx"] == 4).all()
    assert json.loads(tags["parameters"])["move"] == 4.0


def test_help_has_every_parameter_and_every_common_option(run):
    text = run("oracle", "--help").stdout
    for flag in ("step", "move", "limit", "mode", "level", "loud", "weights", "size", "names", "table", "set-block"):
        assert f"--{flag}" in text, flag
    common = (
        "output overwrite engine workers scheduler device coregister mask mask-windows band nodata days dates block"
    )
    for flag in (*common.split(), "params", "dump-params", "verbose", "quiet"):
        assert f"--{flag}" in text, flag
    assert "It looks at `valid` pixels only." in text
    assert "Not for the command line" not in text
    assert "auto, or one of cpu" in text


def test_parameter_of_a_taken_name(run, pair, tmp_path):
    run("oracle", *pair, "-o", tmp_path / "d.tif", "--block", 64, "--set-block", 7)
    assert json.loads(read(tmp_path / "d.tif")[1]["parameters"])["block"] == 7


@pytest.mark.parametrize(
    ("options", "days"),
    [([], 10.0), (["--days", "12.5"], 12.5), (["--dates", "2020-01-01", "20200131T120000"], 30.5)],
)
def test_time_base(run, pair, tmp_path, options, days):
    run("oracle", *pair, "-o", tmp_path / "d.tif", *options)
    assert float(read(tmp_path / "d.tif")[1]["days"]) == days


def test_band_and_nodata(run, write_raster, tmp_path, utm_grid):
    bands = np.ones((2, 64, 64), np.float32)
    bands[1, :, :32] = -5
    bands[1, :, 32:] = np.arange(32)
    path = write_raster(bands, "a.tif", grid=utm_grid((64, 64)), names=["red", "nir"])
    run("oracle", path, path, "-o", tmp_path / "d.tif", "--band", "nir", "--nodata", -5)
    layers, _ = read(tmp_path / "d.tif")
    assert np.isnan(layers["dx"][:, :4]).all()
    assert np.isfinite(layers["dx"][:, 4:]).all()


def test_mask_inverse_and_windows(run, pair, write_raster, tmp_path):
    inside = np.zeros((96, 128), np.uint8)
    inside[:, :64] = 1
    mask = write_raster(inside, "mask.png")
    run("oracle", *pair, "-o", tmp_path / "in.tif", "--mask", mask, "--mask-windows")
    run("oracle", *pair, "-o", tmp_path / "out.tif", "--mask", mask, "--invert-mask")
    inner, outer = (np.isfinite(read(tmp_path / name)[0]["dx"]) for name in ("in.tif", "out.tif"))
    assert inner[:, :8].all()
    assert not inner[:, 8:].any()
    assert (outer == ~inner).all()


def test_different_grids_offer_to_coregister(run, pair, write_raster, texture, utm_grid, tmp_path):
    other = write_raster(texture((96, 128)), "20200121.tif", grid=utm_grid((96, 128), x=500_005.0))
    message = run("oracle", pair[0], other, "-o", tmp_path / "d.tif", status=1).stderr
    assert "lie on different grids" in message
    assert "--coregister" in message
    assert message.count("\n") == 1
    run("oracle", pair[0], other, "-o", tmp_path / "d.tif", "--coregister")
    assert read(tmp_path / "d.tif")[0]["dx"].shape == (12, 16)


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["{a}", "{b}"], 2, "Missing option '-o' / '--output'"),
        (["{a}"], 2, "Missing argument 'SECONDARY'"),
        (["{a}", "nowhere.tif", "-o", "{d}"], 1, "Error: nowhere.tif: no such file"),
        (["{a}", "{text}", "-o", "{d}"], 1, "not a raster that can be read"),
        (["{a}", "{b}", "-o", "{a}", "--overwrite"], 1, "20200101.tif: is also an input; choose another output name"),
        (["{a}", "{b}", "-o", "{text}"], 1, "cannot write '.md' files; use .tif"),
        (["{a}", "{b}", "-o", "{old}"], 1, "exists already; choose another name or pass --overwrite"),
        (["{a}", "{b}", "-o", "no/such/d.tif"], 1, "the folder no/such does not exist"),
        (["{a}", "{b}", "-o", "{d}", "--step", "0"], 2, "step = 0: input should be greater than or equal to 1"),
        (["{a}", "{b}", "-o", "{d}", "--step", "x"], 2, "'x' is not a valid integer"),
        (["{a}", "{b}", "-o", "{d}", "--params", "no.yaml"], 1, "no.yaml: cannot read the parameter file"),
        (["{a}", "{b}", "-o", "{d}", "--band", "7"], 1, "20200101.tif: band 7 is not there"),
        (["{a}", "{b}", "-o", "{d}", "--days", "-3"], 2, "-3.0 is not in the range x>0"),
        (["{a}", "{b}", "-o", "{d}", "--days", "3", "--dates", "2020-01-01", "2020-01-02"], 2, "--days or --dates"),
        (["{a}", "{b}", "-o", "{d}", "--dates", "2020-02-01", "2020-01-01"], 2, "must be after the reference's"),
        (["{a}", "{b}", "-o", "{d}", "--dates", "yesterday", "today"], 2, "'yesterday' is not a date"),
        (["{a}", "{b}", "-o", "{d}", "--device", "cuda"], 1, "this algorithm runs on cpu only"),
        (["{a}", "{b}", "-o", "{d}", "--device", "tpu"], 1, "device 'tpu' is unknown"),
        (["{a}", "{b}", "-o", "{d}", "--scheduler", "tcp://x:1", "--engine", "serial"], 2, "engine dask only"),
        (["{a}", "{b}", "-o", "{d}", "--engine", "thread"], 2, "'thread' is not one of"),
        (["{a}", "{b}", "-o", "{d}", "--mask-windows"], 2, "need --mask FILE"),
        (["{a}", "{b}", "-o", "{d}", "--mask", "no.shp"], 1, "no.shp: no such file"),
        (["{a}", "{b}", "-o", "{d}", "--step", "64", "--block", "8"], 2, "8 is not in the range"),
    ],
)
def test_bad_input_is_one_error_and_leaves_nothing(run, pair, tmp_path, words, status, message):
    (tmp_path / "notes.md").write_text("no raster", encoding="utf-8")
    (tmp_path / "old.tif").write_bytes(b"precious")
    names = {
        "a": pair[0],
        "b": pair[1],
        "d": tmp_path / "d.tif",
        "text": tmp_path / "notes.md",
        "old": tmp_path / "old.tif",
    }
    before = sorted(tmp_path.iterdir())
    result = run("oracle", *(word.format(**names) for word in words), status=status)
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    lines = result.stderr.strip().splitlines()
    assert sum(line.startswith("Error: ") for line in lines) == 1
    assert len(lines) == 1 or lines[0].startswith("Usage: ")
    assert result.stdout == ""
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "old.tif").read_bytes() == b"precious"


def test_overwrite(run, pair, tmp_path):
    (tmp_path / "d.tif").write_bytes(b"old")
    run("oracle", *pair, "-o", tmp_path / "d.tif", "--overwrite")
    assert read(tmp_path / "d.tif")[0]["dx"].shape == (12, 16)


def test_all_nodata_says_why(run, write_raster, utm_grid, tmp_path):
    path = write_raster(np.zeros((64, 64), np.float32), "empty.tif", grid=utm_grid((64, 64)), nodata=0)
    message = run("oracle", path, path, "-o", tmp_path / "d.tif", status=1).stderr
    assert "nothing to measure (100 % nodata)" in message
    assert not (tmp_path / "d.tif").exists()


def test_dask_gives_the_same_bytes_and_says_nothing_on_stderr(script, pair, tmp_path):
    script("oracle", *pair, "-o", tmp_path / "a.tif", "--block", 64)
    done = script("oracle", *pair, "-o", tmp_path / "b.tif", "--block", 64, "--engine", "dask", "--workers", 1)
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    assert done.stderr == ""


def test_progress_bar_is_drawn_on_a_terminal_only(script, pair, tmp_path):
    import os
    import pty

    controller, terminal = pty.openpty()
    words = [str(word) for word in ("oracle", *pair, "-o", tmp_path / "d.tif")]
    script(*words, stderr=terminal)
    os.close(terminal)
    assert b"measuring" in os.read(controller, 65536)
    os.close(controller)
    assert script(*words, "--overwrite").stderr == ""


def test_a_search_that_is_too_short_is_said(run, pair, tmp_path):
    words = ("pcc", *pair, "--window", 32, "--step", 8)
    said = run(*words, "-o", tmp_path / "short.tif", "--search", 1).stdout
    assert "Most is search_edge." in said
    assert "Search farther" in said
    assert "Search farther" not in run(*words, "-o", tmp_path / "long.tif", "--search", 8).stdout
