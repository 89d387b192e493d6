"""The commands around the tracker cnn: train, cnn, filter, points."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from sensetrack.displacement import Displacement
from sensetrack.nets import extra


def test_training_without_pytorch_says_what_is_missing(run, tmp_path, monkeypatch):
    monkeypatch.setattr(extra, "has_torch", lambda: False)
    text = run("train", "cnn", "-o", tmp_path / "w.npz", status=1).stderr
    assert 'pip install "sensetrack[deep]"' in text


def test_from_training_to_points(run, tmp_path, pair_files):
    pytest.importorskip("torch")
    weights = tmp_path / "w.npz"
    text = run("train", "cnn", "-o", weights, "--steps", 1, "--seed", 4).stdout
    assert text.startswith(f"{weights}: 1 steps")
    note = json.loads((tmp_path / "w.json").read_text())
    assert note["command"] == "sensetrack train cnn -o w.npz --steps 1 --seed 4"
    assert note["seed"] == 4 and note["device"].startswith("c")
    out, kept, points = tmp_path / "d.tif", tmp_path / "f.tif", tmp_path / "p.csv"
    run("cnn", *[pair_files[0]] * 2, "-o", out, "--weights", weights, "--step", 64, "--min-probability", 0)
    assert Displacement.open(out).field.measured.any()
    run("filter", out, "-o", kept, "--filter", "probability:minimum=0.001,sigmas=0")
    run("points", kept, "-o", points, "--days", 10, "--units", "m/d")
    with points.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and all(float(row["velocity"]) >= 0 for row in rows)


def test_training_does_not_replace_what_is_there(run, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "w.json").write_text("{}")
    assert "w.json: exists already" in run("train", "cnn", "-o", tmp_path / "w.npz", status=1).stderr
    assert (
        "give --anew or --start"
        in run("train", "cnn", "-o", tmp_path / "v.npz", "--anew", "--start", "x.npz", status=2).stderr
    )


def test_an_image_full_of_holes_is_refused(run, tmp_path, write_raster):
    pytest.importorskip("torch")
    pixels = np.random.default_rng(0).normal(100, 20, (400, 400)).astype(np.float32)
    pixels[:, 300:] = -1
    path = write_raster(pixels, "holes.tif", nodata=-1)
    text = run("train", "cnn", path, "-o", tmp_path / "w.npz", "--steps", 1, status=1).stderr
    assert "holes.tif: 75 % of its pixels are valid" in text and "crop it" in text
