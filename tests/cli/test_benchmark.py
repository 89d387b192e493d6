"""The commands that compare trackers and image filters."""

from __future__ import annotations

import csv


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_trackers(run, oracle, tmp_path):
    words = ("benchmark", "trackers", "-o", tmp_path / "out", "--size", 96, "--tracker", "oracle:move=0.37")
    small = ("--field", "shift", "--condition", "speckle", "--texture", "radar")
    result = run(*words, "--tracker", "oracle:mode=wild", *small)
    assert "real pairs: skipped; give the folder of the sample data with --data" in result.stdout
    assert "failed: oracle:mode=wild: RuntimeError: it went wild" in result.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"trackers.md", "trackers.csv", "trackers.png"}
    good, wild = table(tmp_path / "out" / "trackers.csv")
    assert float(good["median"]) == 0.435  # it says dy = -0.185 where the truth is -0.62
    assert (wild["share"], wild["reason"]) == ("0", "RuntimeError: it went wild")
    assert "`oracle:move=0.37`" in (tmp_path / "out" / "trackers.md").read_text()
    assert "exists already" in run(*words, *small, status=1).stderr
    run(*words, *small, "--overwrite")
    assert len(table(tmp_path / "out" / "trackers.csv")) == 1


def test_whatever_is_registered_takes_part_and_missing_pairs_are_named(run, oracle, tmp_path, monkeypatch):
    from sensetrack.trackers import registry

    monkeypatch.setattr(registry, "names", lambda: ["oracle", "broken"])
    folder = tmp_path / "data"
    folder.mkdir()
    words = ("--quick", "--size", 64, "--field", "shift", "--texture", "radar", "--condition", "noise-20db")
    result = run("benchmark", "trackers", "-o", tmp_path / "out", *words, "--data", folder)
    assert "real pair dice-shift-5: skipped" in result.stdout
    assert "failed: broken: 'broken' of broken_tracker:Broken cannot be loaded" in result.stdout
    assert [row["tracker"] for row in table(tmp_path / "out" / "trackers.csv")] == ["oracle", "broken"]


def test_all_but_the_timings_is_the_same_again(run, oracle, tmp_path):
    words = ("--size", 96, "--tracker", "pcc:window=32", "--field", "shift", "--texture", "radar", "--seed", 7)
    pages = []
    for name in ("a", "b"):
        run("benchmark", "trackers", "-o", tmp_path / name, *words)
        rows = table(tmp_path / name / "trackers.csv")
        pages.append([{key: row[key] for key in row if key not in ("seconds", "estimates_per_second")} for row in rows])
    assert pages[0] == pages[1]
    assert len(pages[0]) == 3
    assert {row["seed"] for row in pages[0]} == {"7"}


def test_filters(run, oracle, tmp_path):
    words = ("-o", tmp_path / "out", "--size", 96, "--field", "shift", "--condition", "ramp", "--texture", "gravel")
    result = run("benchmark", "filters", *words, "--tracker", "pcc:window=32", "--filter", "highpass:sigma=4")
    assert "highpass:sigma=4" in result.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"filters.md", "filters.csv", "filters.png"}
    assert [row["filter"] for row in table(tmp_path / "out" / "filters.csv")] == ["none", "highpass:sigma=4"]


def test_wrong_use_is_one_line_before_any_work(run, tmp_path):
    out = tmp_path / "out"
    for words, message in (
        (("trackers", "--tracker", "pc"), "no tracker 'pc'"),
        (("trackers", "--size", 100, "--field", "bumps-30"), "field 'bumps-30' needs at least 270 pixels"),
        (("trackers", "--condition", "speckle", "--texture", "moon"), "these conditions need gravel, radar, grass"),
        (("filters", "--filter", "hipass"), "no image filter 'hipass'"),
        (("filters", "--condition", "fog"), "'fog' is not one of"),
    ):
        assert message in run("benchmark", words[0], "-o", out, *words[1:], status=2).stderr
    assert "no such folder" in run("benchmark", "trackers", "-o", out, "--data", tmp_path / "no", status=1).stderr
    assert not out.exists()
    out.write_text("")
    assert "is a file; name a folder" in run("benchmark", "trackers", "-o", out, status=2).stderr


def test_both_are_in_the_help_with_an_example(run):
    text = run("benchmark", "--help").stdout
    assert "trackers  Every tracker on the same pairs" in text
    for name in ("trackers", "filters"):
        assert f"sensetrack benchmark {name}" in run("benchmark", name, "--help").stdout.partition("Example:")[2]
