"""``--calibrate`` of the tracker commands: what it says, writes and refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

PCC = ("pcc", "--window", 32, "--step", 16)


@pytest.fixture
def rough(write_raster, texture, utm_grid):
    """Two images of 384 x 384 pixels with noise of their own; content moves by dx 1.3, dy -0.4."""
    grid, rng = utm_grid((384, 384)), np.random.default_rng(0)
    images = texture((384, 384)), texture((384, 384), dx=1.3, dy=-0.4)
    noisy = [each + rng.normal(0, 6, each.shape).astype(np.float32) for each in images]
    return [write_raster(each, f"2020010{n}.tif", grid=grid) for n, each in enumerate(noisy, start=1)]


@pytest.fixture
def rock(write_raster, utm_grid):
    """Stable ground: all but a strip."""
    inside = np.ones((384, 384), np.uint8)
    inside[:, :20] = 0
    return write_raster(inside, "rock.tif", grid=utm_grid((384, 384)))


def read(path):
    with rasterio.open(path) as ds:
        return dict(zip(ds.descriptions, ds.read(), strict=True)), ds.tags()


def test_stable_ground_saved_and_used_again(run, rough, rock, tmp_path):
    plain, first, again, saved = (tmp_path / name for name in ("a.tif", "b.tif", "c.tif", "s.json"))
    run(*PCC, *rough, "-o", plain)
    said = run(*PCC, *rough, "-o", first, "--calibrate", "stable", "--stable", rock, "--save-calibration", saved)
    line = next(line for line in said.stdout.splitlines() if line.startswith("errors scaled by"))
    assert "from stable ground; coverage" in line
    assert "independent errors" in line
    run(*PCC, *rough, "-o", again, "--calibrate", saved)
    (layers, tags), (scaled, scaled_tags) = read(plain), read(first)
    factor = np.nanmedian(scaled["sigma_dx"] / layers["sigma_dx"])
    tag = json.loads(scaled_tags["calibration"])
    assert factor == pytest.approx(tag["typical_dx"], rel=0.1)
    assert tag["method"] == "stable"
    assert json.loads(saved.read_text(encoding="utf-8")) == tag
    assert "calibration" not in tags
    np.testing.assert_array_equal(layers["dx"], scaled["dx"])
    assert first.read_bytes() == again.read_bytes()


def test_automatic_stable_ground(run, rough, tmp_path):
    said = run(*PCC, *rough, "-o", tmp_path / "d.tif", "--calibrate", "stable", "--stable", "auto")
    assert "from stable ground" in said.stdout


def test_shifts(run, rough, tmp_path):
    said = run(*PCC, *rough, "-o", tmp_path / "d.tif", "--calibrate", "shifts", "--calibration-seed", 3, "--step", 24)
    assert "from injected shifts" in said.stdout
    assert json.loads(read(tmp_path / "d.tif")[1]["calibration"])["method"] == "shifts"


def test_too_little_is_refused_and_nothing_written(run, pair, tmp_path):
    out = tmp_path / "d.tif"
    failed = run("pcc", *pair, "-o", out, "--calibrate", "stable", "--stable", "auto", status=1)
    assert "calibrate: " in failed.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--calibrate", "stable"], "go together"),
        (["--stable", "auto"], "go together"),
        (["--calibrate", "shift"], "give shifts, stable or a .json file"),
        (["--calibrate", "stable", "--stable", "auto", "--invert-stable"], "needs --stable FILE"),
        (["--save-calibration", "c.json"], "need --calibrate"),
        (["--calibration-seed", "1"], "need --calibrate"),
    ],
)
def test_options_that_do_not_go_together(run, pair, tmp_path, options, shown):
    assert shown in run("pcc", *pair, "-o", tmp_path / "d.tif", *options, status=2).stderr


def test_files_are_looked_at_before_the_work(run, pair, tmp_path):
    out, taken = tmp_path / "d.tif", tmp_path / "taken.json"
    taken.write_text("{}", encoding="utf-8")
    shifts = ("-o", out, "--calibrate", "shifts", "--save-calibration")
    assert "taken.json" in run("pcc", *pair, *shifts, taken, status=1).stderr
    assert "written as .json" in run("pcc", *pair, *shifts, tmp_path / "c.txt", status=1).stderr
    assert "no such calibration file" in run("pcc", *pair, "-o", out, "--calibrate", "wild.json", status=1).stderr
    assert "not a calibration" in run("pcc", *pair, "-o", out, "--calibrate", taken, status=1).stderr
