"""Projects run from scenes to a report, do only what has changed, and say what failed."""

from __future__ import annotations

import csv
import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner

from sensetrack.engine import Serial, Threads
from sensetrack.errors import InputError, ParameterError
from sensetrack.project import Project, pairs, run_project
from sensetrack.timeseries import Cube

CLI = importlib.import_module("sensetrack.cli.main").cli


def change(path: Path, **values) -> None:
    project = yaml.safe_load(path.read_text())
    for name, value in values.items():
        project[name] = {**project.get(name, {}), **value} if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(project))


def steps_made(outcome) -> dict[str, int]:
    made = [step for pair in outcome.pairs for step in pair.made]
    return {step: made.count(step) for step in sorted(set(made))}


def test_from_scenes_to_results(make_project):
    path = make_project()
    seen = []
    outcome = run_project(path, engine=Threads(2), progress=lambda stage, done, total: seen.append(stage))
    assert outcome.complete
    assert list(dict.fromkeys(seen)) == ["pairs", "series"]
    assert steps_made(outcome) == {"filter": 6, "track": 6, "velocity": 6}
    names = sorted(each.name for each in outcome.results.iterdir())
    assert names == ["manifest.json", "pairs.csv", "report.html", "series.nc", "speed.png", "velocity"]
    assert len(list((outcome.results / "velocity").glob("2020*_2020*.nc"))) == 6
    cube = Cube.open(outcome.results / "series.nc")
    # 10 m pixels.
    assert np.nanmedian(cube.read(["vx_mean"])["vx_mean"]) == pytest.approx(0.05 * 3652.5, rel=0.02)
    assert np.nanmedian(cube.read(["vy_mean"])["vy_mean"]) == pytest.approx(0.03 * 3652.5, rel=0.02)
    with (outcome.results / "pairs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["measured"] * 6
    assert all(float(row["usable"]) > 0.5 for row in rows)
    assert cube.header.pair_names[0] == ("20200101", "20200111")


def test_a_second_run_does_nothing(make_project):
    path = make_project()
    first = run_project(path)
    stamps = {each: each.stat().st_mtime_ns for each in first.results.rglob("*") if each.suffix in (".nc", ".html")}
    again = run_project(path)
    assert steps_made(again) == {}
    assert {each: each.stat().st_mtime_ns for each in stamps} == stamps
    assert Project(path).plan().waiting == []


def test_only_what_changed_is_done_again(make_project, write_raster, texture, utm_grid):
    path = make_project()
    run_project(path)
    change(path, pair={"velocity": {"units": "m/d"}})
    assert steps_made(run_project(path)) == {"velocity": 6}
    change(path, pair={"filters": ["magnitude:maximum=10"]})
    assert steps_made(run_project(path)) == {"filter": 6, "velocity": 6}
    change(path, network={"max_days": 10})
    outcome = run_project(path)
    assert steps_made(outcome) == {}
    assert len(outcome.pairs) == 3
    assert len(list((outcome.results / "velocity").iterdir())) == 3
    # A new scene costs its own pairs.
    shape = (96, 112)
    write_raster(texture(shape, dx=2.0, dy=-1.2, waves=80), "p/scenes/20200210.tif", grid=utm_grid(shape))
    assert steps_made(run_project(path)) == {"filter": 1, "track": 1, "velocity": 1}
    # Other pixels under an old name are other pixels, whatever their date and size.
    scene = path.parent / "scenes" / "20200121.tif"
    stat = scene.stat()
    write_raster(texture(shape, dx=1.0, dy=-0.6, waves=80, seed=1), "p/scenes/20200121.tif", grid=utm_grid(shape))
    os.utime(scene, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert steps_made(run_project(path))["track"] == 2


def test_prune_removes_what_is_no_longer_used(make_project):
    path = make_project(days=(0, 10))
    first = run_project(path)
    kept = {step: sorted((first.results.parent / "work" / step).iterdir()) for step in ("track", "filter", "series")}
    change(path, pair={"filters": ["magnitude:maximum=10"]})
    run_project(path)
    assert len(list((first.results.parent / "work" / "filter").iterdir())) == 2
    result = CliRunner().invoke(CLI, ["run", str(path), "--prune", "--engine", "serial"])
    assert result.exit_code == 0, result.output
    work = first.results.parent / "work"
    assert sorted((work / "track").iterdir()) == kept["track"]
    for step in ("filter", "velocity", "series", "report"):
        assert len(list((work / step).iterdir())) == 1
    assert sorted((work / "filter").iterdir()) != kept["filter"]
    assert steps_made(run_project(path)) == {}


def test_other_code_names_other_results(make_project, monkeypatch):
    path = make_project(days=(0, 10))
    run_project(path)
    monkeypatch.setattr("sensetrack.project.keys.code_version", lambda with_showing=False: "another")
    assert steps_made(run_project(path)) == {"filter": 1, "track": 1, "velocity": 1}


def test_a_damaged_result_is_made_again(make_project):
    path = make_project(days=(0, 10))
    outcome = run_project(path)
    file = next((outcome.results.parent / "work" / "track").glob("*/displacement.tif"))
    good = file.read_bytes()
    file.write_bytes(good[:1000])
    assert steps_made(run_project(path)) == {"track": 1}
    assert file.read_bytes() == good


def test_a_failed_pair_stops_no_other(make_project):
    path = make_project(broken=(20,))
    result = CliRunner().invoke(CLI, ["run", str(path), "--engine", "threads", "--workers", "2"])
    assert result.exit_code == 1
    assert result.stderr.count("nothing to measure") == 3
    assert "6: 3 measured now, 3 failed" in result.stdout
    results = path.parent / "out" / "results"
    with (results / "pairs.csv").open() as file:
        rows = list(csv.DictReader(file))
    failed = [row for row in rows if row["state"] == "failed"]
    assert {row["first"][:10] for row in failed} == {"2020-01-01", "2020-01-11", "2020-01-21"}
    assert all(row["reason"].startswith("track: ") for row in failed)
    assert Cube.open(results / "series.nc").header.pairs == ((0, 1), (0, 2), (1, 2))
    manifest = json.loads((results / "manifest.json").read_text())
    assert "nothing to measure" in manifest["pairs"]["20200121_20200131"]["reason"]


def test_an_unexpected_error_is_a_reason_too(make_project, monkeypatch):
    def fall(*_, **__):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(pairs, "track_file", fall)
    outcome = run_project(make_project(days=(0, 10)))
    assert [pair.reason for pair in outcome.failed] == ["unexpected ZeroDivisionError: a bug"]
    assert outcome.series is None
    assert [failure.what for failure in outcome.failures] == ["series"]


def test_scenes_that_cannot_be_used_are_listed(make_project, write_raster):
    path = make_project(days=(0, 10))
    write_raster(np.ones((20, 20), np.float32), "p/scenes/20200301.tif")
    write_raster(np.ones((96, 112), np.float32), "p/scenes/undated.tif")
    (path.parent / "scenes" / "20200401.tif").write_text("no raster")
    planned = CliRunner().invoke(CLI, ["run", str(path), "--plan", "--engine", "serial"])
    assert planned.exit_code == 1
    assert "Error: undated:" in planned.output
    outcome = run_project(path)
    reasons = {failure.what: failure.reason for failure in outcome.failures}
    assert set(reasons) == {"20200301", "undated", "20200401"}
    assert "size 20 x 20 against 112 x 96" in reasons["20200301"]
    assert "does not say when it was taken" in reasons["undated"]
    assert len(outcome.pairs) == 1
    assert not outcome.complete


def test_scenes_on_another_grid_are_resampled(make_project, write_raster, texture, utm_grid):
    path = make_project(days=(0, 10))
    moved = utm_grid((96, 112), x=500_020.0)
    write_raster(texture((96, 112), dx=1.0 - 2.0, dy=-0.6, waves=80), "p/scenes/20200121.tif", grid=moved)
    outcome = run_project(path)
    assert outcome.complete
    vx = Cube.open(outcome.results / "series.nc").read(["vx"])["vx"]
    np.testing.assert_allclose(np.nanmedian(vx, axis=(1, 2)), 0.05 * 3652.5, rtol=0.03)


def test_two_sensors_on_the_same_days(make_project):
    path = make_project(days=(0, 10))
    for scene in sorted((path.parent / "scenes").glob("*.tif")):
        (path.parent / "scenes" / f"other_{scene.name}").write_bytes(scene.read_bytes())
    names = ["20200101,s2", "20200111,s2", "other_20200101,l8", "other_20200111,l8"]
    (path.parent / "scenes.csv").write_text("\n".join(["name,sensor", *names]))
    change(path, scenes={"table": "scenes.csv"}, network={"same_sensor": True})
    outcome = run_project(path)
    assert outcome.complete
    velocities = sorted(each.name for each in (outcome.results / "velocity").iterdir())
    assert velocities == ["20200101_to_20200111.nc", "other_20200101_to_other_20200111.nc"]
    cube = Cube.open(outcome.results / "series.nc")
    assert cube.header.pairs == ((0, 1), (0, 1))
    assert len(cube.header.dates) == 2
    with (outcome.results / "pairs.csv").open() as file:
        assert all(row["weight"] for row in csv.DictReader(file))


def test_stable_ground_area_and_rules(make_project, write_raster, utm_grid):
    path = make_project(
        stable="stable.tif",
        stable_inverse=True,
        area="area.tif",
        rules=[{"min_days": 25, "settings": {"tracker": "pcc:window=64,step=16,search=8"}}],
        pair={"shift": "shift", "shift_tracker": "pcc:window=32,step=8,search=8", "velocity": {"min_stable": 10}},
    )
    left = np.zeros((96, 112), np.uint8)
    left[:, :64] = 1
    write_raster(left, "p/area.tif", grid=utm_grid((96, 112)))
    write_raster(1 - left, "p/stable.tif", grid=utm_grid((96, 112)))
    outcome = run_project(path)
    assert outcome.complete, outcome.pairs[0].reason
    trackers = [job.params.tracker for job in outcome.plan.jobs]
    assert [text.startswith("pcc:window=64") for text in trackers] == [False, False, True, False, False, False]
    shifts = [pair.records["shift"]["shift"] for pair in outcome.pairs]
    np.testing.assert_allclose(shifts, [[0.05 * job.days, -0.03 * job.days] for job in outcome.plan.jobs], atol=0.05)
    v = Cube.open(outcome.results / "series.nc").read(["v_mean"])["v_mean"]
    assert np.isnan(v[:, 4:]).all()
    assert np.nanmedian(v) < 30


def test_stable_ground_is_measured_beside_the_area(make_project, write_raster, utm_grid):
    """An outline of the glacier and one of rock are what people have; errors come from the rock."""
    path = make_project(
        days=(0, 10), area="area.tif", stable="stable.tif", pair={"shift": "none", "velocity": {"min_stable": 10}}
    )
    columns = np.arange(112) * np.ones((96, 1))
    write_raster((columns < 48).astype(np.uint8), "p/area.tif", grid=utm_grid((96, 112)))
    write_raster((columns >= 80).astype(np.uint8), "p/stable.tif", grid=utm_grid((96, 112)))
    outcome = run_project(path)
    assert outcome.complete, outcome.pairs[0].reason
    assert outcome.pairs[0].records["velocity"]["stable_count"] >= 10
    v = Cube.open(outcome.results / "series.nc").read(["v_mean"])["v_mean"]
    assert np.isnan(v[:, 3:5]).all(), "between them nothing is measured"
    assert np.isfinite(v[1:-1, 1]).all()
    # Other stable ground, other places to measure.
    write_raster((columns >= 64).astype(np.uint8), "p/stable.tif", grid=utm_grid((96, 112)))
    assert steps_made(run_project(path))["track"] == 1


def test_prepare_brings_scenes_onto_one_grid(make_project, write_raster, texture, utm_grid):
    path = make_project(days=(0, 10), prepare={"graph": "reader", "tile_size": 512})
    outcome = run_project(path)
    assert outcome.complete
    assert len(list((outcome.results.parent / "work" / "prepared").glob("*.vrt"))) == 2
    assert steps_made(outcome) == {"filter": 1, "track": 1, "velocity": 1}
    assert steps_made(run_project(path)) == {}
    assert len(Project(path).plan(dry=True).jobs) == 1


def test_plan_computes_nothing(make_project):
    path = make_project()
    result = CliRunner().invoke(CLI, ["run", str(path), "--plan", "--engine", "serial"])
    assert result.exit_code == 0, result.output
    assert "6, 6 of them to be measured" in result.output
    assert "up to 0.0 MB" in result.output
    assert "about" in result.output
    assert "20200101_20200111  10 d  pcc:window=32,step=16,search=8  track, filter, velocity" in result.output
    assert not list((path.parent / "out" / "work").glob("track*"))
    run_project(path)
    again = CliRunner().invoke(CLI, ["run", str(path), "--plan"])
    assert "6, 0 of them to be measured" in again.output
    assert "search=8  done" in again.output


def test_time_is_estimated_from_what_earlier_pairs_took(make_project):
    path = make_project()
    run_project(path)
    change(path, pair={"filters": ["magnitude:maximum=10"]})
    project = Project(path)
    plan = project.plan()
    per_pair = sum(
        np.median([record["seconds"] for record in project.store.records(step)]) for step in ("filter", "velocity")
    )
    assert plan.seconds(Serial()) == pytest.approx(6 * per_pair)
    assert plan.seconds(Threads(3)) == pytest.approx(2 * per_pair)


def test_a_video_beside_the_report(make_project, monkeypatch):
    pytest.importorskip("av")
    path = make_project(days=(0, 10), report={"video": True, "animation": False})
    results = run_project(path).results
    assert (results / "velocity.mp4").stat().st_size > 1000
    assert not (results / "velocity.gif").exists()
    change(path, report={"video": False})
    run_project(path)
    assert not (results / "velocity.mp4").exists()
    # Without the extra, nothing is measured first.
    monkeypatch.setitem(sys.modules, "av", None)
    change(path, report={"video": True}, output="elsewhere")
    result = CliRunner().invoke(CLI, ["run", str(path)])
    assert result.exit_code == 1
    assert 'an MP4 of the velocities needs the extra "video": pip install "sensetrack[video]"' in result.stderr
    assert not list((path.parent / "elsewhere").rglob("*.tif"))


def test_dates_and_tracks_from_a_table(make_project):
    path = make_project()
    change(path, scenes={"paths": [str(path.parent / "scenes" / "2020*.tif")], "exclude": ["*21*"]})
    assert len(Project(path).plan().scenes) == 3
    path = make_project(scenes={"paths": ["scenes"], "table": "scenes.csv"}, network={"max_baseline": 100})
    lines = [
        "name,date,track,baseline",
        "20200101,2020-03-01,7A,0",
        "20200111,,7A,500",
        "20200121,,7A,40",
        "20200131,,9D,0",
    ]
    (path.parent / "scenes.csv").write_text("\n".join(lines))
    plan = Project(path).plan()
    assert [(job.reference.epoch.name, job.secondary.epoch.name) for job in plan.jobs] == [("20200121", "20200101")]
    (path.parent / "scenes.csv").write_text("file,date\na,b\n")
    with pytest.raises(ParameterError, match="its columns are file, date"):
        Project(path).plan()


def test_wrong_projects(make_project, tmp_path):
    path = make_project(days=(0, 10))
    change(path, pair={"tracker": "pccc"})
    with pytest.raises(ParameterError, match=r"project.yaml: .*no tracker 'pccc'.*pcc"):
        Project(path)
    change(path, pair={"tracker": "pcc"}, scenes={"paths": ["nothing/*.tif"]})
    with pytest.raises(InputError, match=r"scenes: nothing/\*.tif names no file"):
        run_project(path)
    change(path, scenes={"paths": ["scenes/*.tif"]}, stable="rock.gpkg")
    with pytest.raises(InputError, match=r"rock.gpkg: no such file"):
        run_project(path)
    assert CliRunner().invoke(CLI, ["run", str(tmp_path / "none.yaml")]).exit_code == 1
