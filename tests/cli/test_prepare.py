"""``sensetrack prepare`` as users call it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from click.testing import Result
from products.landsat import write_landsat
from products.sentinel1 import write_sentinel1

Run = Callable[..., Result]


def test_two_rasters_and_a_tracker(run: Run, write_raster, utm_grid, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scene = rng.normal(100, 20, (300, 320)).astype(np.float32)
    first = write_raster(scene[:, :300], "first.tif", grid=utm_grid((300, 300)))
    second = write_raster(
        np.roll(scene, 2, axis=1)[20:, 10:310], "second.tif", grid=utm_grid((280, 300), x=500_100.0, y=4_999_800.0)
    )
    out = tmp_path / "out"
    done = run("prepare", first, second, "-o", out)
    assert "100.0 % valid" in done.output
    tracked = run(
        "pcc", out / "first.vrt", out / "second.vrt", "-o", tmp_path / "d.tif", "--window", "32", "--step", "16"
    )
    assert tracked.exit_code == 0, tracked.output
    assert "dx +2" in tracked.output
    again = run("prepare", first, second, "-o", out)
    assert "1 of them kept" in again.output


def test_a_plan_touches_nothing(run: Run, tmp_path: Path) -> None:
    scene = write_sentinel1(tmp_path, "GRD").path
    done = run(
        "prepare", scene, "-o", tmp_path / "out", "--plan", "-P", "demName=External DEM", "-P", "demFile=dem.tif"
    )
    assert "s1_grd_sigma0_db (native)" in done.output
    assert "-P demFile" in done.output
    assert not (tmp_path / "out").exists()


def test_a_scene_that_fails_is_named_and_the_status_says_so(run: Run, write_raster, utm_grid, tmp_path: Path) -> None:
    good = write_raster(np.ones((64, 64), np.float32), "good.tif", grid=utm_grid((64, 64)))
    bad = write_raster(np.full((64, 64), np.nan, np.float32), "bad.tif", grid=utm_grid((64, 64)))
    done = run("prepare", good, bad, "-o", tmp_path / "out", status=1)
    assert "Error: bad: has no valid pixel" in done.output
    assert list(json.loads((tmp_path / "out" / "manifest.json").read_text())["failed"]) == ["bad"]


def test_wrong_use_is_one_line(run: Run, tmp_path: Path) -> None:
    scene = write_landsat(tmp_path).path
    for options, status, words in (
        (["-P", "demFile"], 2, "write NAME=VALUE"),
        (["-P", "colour=red"], 2, "-P colour: no graph of these scenes has such a variable"),
        (["--graph", "s1_grd_sigma0"], 1, "s1_grd_sigma0"),
        (["--tile-size", "1000"], 2, "tile_size"),
        (["--aoi", "0,0,1,1"], 1, "does not reach the aoi"),
    ):
        done = run("prepare", scene, "-o", tmp_path / "out", *options, status=status)
        assert words in done.output.replace("--tile-size", "tile_size"), (options, done.output)
        assert "Traceback" not in done.output
