"""The coregister command: the shift it finds and takes out, grids, models, and bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import rasterio

SHAPE = (160, 192)


@pytest.fixture
def shifted(write_raster, texture, utm_grid):
    """Two images of two bands; content of the second lies 1.3 px right of and 0.6 px above that of the first."""
    paths = []
    for name, dx, dy in (("20200101.tif", 0.0, 0.0), ("20200111.tif", 1.3, -0.6)):
        bands = np.stack([texture(SHAPE, dx=dx, dy=dy, seed=seed, waves=100) for seed in (0, 1)])
        paths.append(write_raster(bands, name, grid=utm_grid(SHAPE), names=["red", "nir"]))
    return paths


def test_shift_is_found_said_and_taken_out(run, shifted, texture, tmp_path):
    out = tmp_path / "s.tif"
    text = run("coregister", *shifted, "-o", out).stdout
    assert "shift: dx = +1.3" in text
    assert "dy = -0.6" in text
    assert "windows agree" in text
    assert f"{out}\n  size  160 rows x 192 columns\n  CRS   EPSG:32633\n  pixel  10 x 10" in text
    with rasterio.open(out) as ds:
        assert ds.count == 1
        inner = ds.read(1)[8:-8, 8:-8]
    assert np.abs(inner - texture(SHAPE, waves=100)[8:-8, 8:-8]).max() < 2.0


def test_all_bands_and_none_to_take_out(run, shifted, tmp_path):
    run("coregister", *shifted, "-o", tmp_path / "s.tif", "--all-bands", "--shift", "none")
    with rasterio.open(tmp_path / "s.tif") as ds:
        assert ds.descriptions == ("red", "nir")


def test_report_only_writes_nothing_and_its_json_is_a_model(run, shifted, tmp_path):
    before = sorted(tmp_path.iterdir())
    text = run("coregister", *shifted, "--report-only", "--json", "--shift", "affine", "--band", "nir").stdout
    assert sorted(tmp_path.iterdir()) == before
    assert json.loads(text)["dx"][0] == pytest.approx(1.3, abs=0.05)
    (tmp_path / "model.json").write_text(text, encoding="utf-8")
    said = run("coregister", *shifted, "-o", tmp_path / "s.tif", "--model", tmp_path / "model.json").stdout
    assert said.startswith("affine at row")


def test_another_grid_needs_the_reference_too(run, shifted, tmp_path):
    options = ["--resolution", 20, "--shift", "none"]
    text = run("coregister", *shifted, "-o", tmp_path / "s.tif", *options).stdout
    assert "write the reference on it too, with --reference-output FILE" in text
    options += ["--reference-output", tmp_path / "r.tif", "--overwrite"]
    text = run("coregister", *shifted, "-o", tmp_path / "s.tif", *options).stdout
    assert "write the reference" not in text
    with rasterio.open(tmp_path / "r.tif") as one, rasterio.open(tmp_path / "s.tif") as other:
        assert one.transform == other.transform
        assert one.shape == other.shape == (80, 96)


def test_stable_ground(run, shifted, write_raster, utm_grid, tmp_path):
    inside = np.zeros(SHAPE, np.uint8)
    inside[:, :96] = 1
    mask = write_raster(inside, "rock.tif", grid=utm_grid(SHAPE))
    for words in (["--stable", mask], ["--stable", mask, "--invert-stable"]):
        assert "dx = +1.3" in run("coregister", *shifted, "--report-only", *words).stdout


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "give -o FILE, or --report-only"),
        (["-o", "{d}/s.jpg"], 1, "s.jpg: images are written as .tif"),
        (["-o", "{b}", "--overwrite"], 1, "is also an input"),
        (["-o", "{d}/s.tif", "--crs", "EPSG:1"], 2, "crs = 'EPSG:1': not a CRS"),
        (["-o", "{d}/s.tif", "--resolution", "0"], 2, "resolution = 0.0"),
        (["-o", "{d}/s.tif", "--bounds", "5", "0", "4", "1"], 2, "must be xmin, ymin, xmax, ymax"),
        (["-o", "{d}/s.tif", "--tracker", "pc"], 2, "no tracker 'pc'; did you mean 'pcc'?"),
        (["-o", "{d}/s.tif", "--model", "no.json"], 1, "no.json: cannot read the shift model"),
        (["-o", "{d}/s.tif", "--invert-stable"], 2, "--invert-stable needs --stable FILE"),
        (["-o", "{d}/s.tif", "--shift", "cubic"], 2, "'cubic' is not one of"),
    ],
)
def test_bad_input(run, shifted, tmp_path, words, status, message):
    words = [word.format(d=tmp_path, b=shifted[1]) for word in words]
    before = sorted(tmp_path.iterdir())
    assert message in run("coregister", *shifted, *words, status=status).stderr
    assert sorted(tmp_path.iterdir()) == before


def test_report_only_does_not_pass_over_an_output(run, shifted, tmp_path):
    said = run("coregister", *shifted, "--report-only", "-o", tmp_path / "s.tif", status=2).stderr
    assert "--report-only writes nothing; leave it out, or leave out -o" in said
