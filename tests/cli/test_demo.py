"""The demo and report commands: a made-up scene with its errors, own images, and what they refuse."""

from __future__ import annotations

import re

import pytest

SMALL = "pcc:window=16,step=8,search=6"
OPTIONS = ("--size", 320, 400, "--tracker", "pcc:window=32,step=8,search=8")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """One run on a small made-up scene: its folder and what it said."""
    import importlib

    from click.testing import CliRunner

    folder = tmp_path_factory.mktemp("demo")
    group = importlib.import_module("sensetrack.cli.main").cli
    result = CliRunner().invoke(group, ["demo", "-o", str(folder), *map(str, OPTIONS)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder, result.stdout


def test_it_says_what_every_stage_did(results):
    folder, text = results
    assert "A made-up glacier, seed 42, 320 x 400 pixels" in text
    for stage in ("coregister", "track", "filter", "velocity", "report"):
        assert re.search(rf"^{stage} +\d+\.\d s", text, re.MULTILINE), stage
    assert "stable ground: " in text
    assert f"open {folder / 'report.html'} in a browser" in text


def test_it_prints_its_own_error(results):
    _, text = results
    table = text.partition("Error against the truth")[2]
    for area in ("everywhere", "on ice", "on rock"):
        for unit in ("px", "m/yr"):
            cells = re.search(rf"{area} +{unit} (.*)", table).group(1).split()
            numbers = [float(cell) for cell in cells if cell != "%"]
            assert len(numbers) == 9
            assert 50 < numbers[0] <= 100
            if unit == "px":
                assert max(abs(numbers[1]), abs(numbers[2])) < 0.1
                assert 0 < numbers[4] <= numbers[5] <= numbers[6] < 1.0


def test_it_writes_everything(results):
    folder, _ = results
    names = {path.name for path in folder.iterdir()}
    stages = {"secondary.tif", "displacement.tif", "filtered.tif", "velocity.nc", "report.html", "truth.tif"}
    assert stages <= names
    assert not [name for name in names if "partial" in name]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!")
    assert 'src="http' not in page


def test_it_keeps_what_is_there(results, run):
    folder, _ = results
    assert "exists already" in run("demo", "-o", folder, *OPTIONS, status=1).stderr


def test_results_are_files_for_the_other_commands(results, run, tmp_path):
    folder, _ = results
    assert "measured" in run("info", folder / "filtered.tif").stdout
    run("report", folder, "-o", tmp_path / "r.html", "--title", "Mine")
    assert "Mine" in (tmp_path / "r.html").read_text(encoding="utf-8")
    run("report", folder / "velocity.nc", folder / "filtered.tif", "-o", tmp_path / "two.html")
    assert (tmp_path / "two.html").stat().st_size > 10_000


def test_own_images(run, pair, tmp_path):
    words = [
        "-o",
        tmp_path / "out",
        "--tracker",
        "pcc:window=16,step=8,search=6",
        "--shift",
        "none",
        "--filters",
        "mad",
    ]
    text = run("demo", *pair, *words).stdout
    assert "made-up" not in text
    assert "against the truth" not in text
    assert "coregister" not in text
    assert "time base: 10 days" in text
    assert (tmp_path / "out" / "report.html").exists()


def test_own_images_without_georeference_say_what_velocity_needs(run, write_raster, texture, tmp_path):
    first = write_raster(texture((96, 128)), "a.tif")
    second = write_raster(texture((96, 128), dx=1.0), "b.tif")
    words = ["-o", tmp_path / "out", "--tracker", SMALL, "--shift", "none"]
    text = run("demo", first, second, *words).stdout
    assert "velocity    left out: it needs the time between the images (--days N or --dates A B) and the size" in text
    text = run("demo", first, second, *words, "--overwrite", "--days", 5, "--pixel-size", 10).stdout
    assert "time base: 5 days" in text


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["demo", "a.tif"], 2, "give both images, or none"),
        (["demo", "a.tif", "b.tif"], 1, "a.tif: no such file"),
        (["demo", "--scene", "volcano"], 2, "'volcano' is not one of"),
        (["demo", "--size", "10", "10"], 2, "10 is not in the range x>=128"),
        (["demo", "--dates", "2020-01-01", "2020-01-02"], 2, "--dates are for images of yours"),
        (["demo", "--filters", "nodc"], 2, "no filter 'nodc'; did you mean 'ndc'?"),
        (["demo", "--invert-stable"], 2, "--invert-stable needs --stable FILE"),
        (["report", "nowhere", "-o", "{d}/r.html"], 1, "nowhere"),
        (["report", "{d}", "-o", "{d}/r.html"], 1, "{d}"),
        (["report", "{d}", "-o", "{d}/r.pdf"], 1, "cannot write '.pdf' files; use .html"),
    ],
)
def test_bad_input(run, tmp_path, monkeypatch, words, status, message):
    monkeypatch.chdir(tmp_path)
    result = run(*(word.format(d=tmp_path) for word in words), status=status)
    assert message.format(d=tmp_path) in result.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_an_image_or_area_that_is_not_there_leaves_no_folder(run, pair, tmp_path):
    before = sorted(tmp_path.iterdir())
    out = ["-o", tmp_path / "out"]
    assert "nowhere.tif: no such file" in run("demo", pair[0], "nowhere.tif", *out, status=1).stderr
    assert "nowhere.shp: no such file" in run("demo", *pair, "--stable", "nowhere.shp", *out, status=1).stderr
    assert "nowhere.shp: no such file" in run("demo", *pair, "--mask", "nowhere.shp", *out, status=1).stderr
    assert sorted(tmp_path.iterdir()) == before
