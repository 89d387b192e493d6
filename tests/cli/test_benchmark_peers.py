"""The commands that compare with other packages: what they write, and what they refuse."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from skimage.io import imsave

PICTURES = ("accuracy.png", "accuracy-phase.png", "accuracy-reliability.png", "accuracy-step.png")
TABLES = ("accuracy.csv", "accuracy-phase.csv", "accuracy-reliability.csv", "accuracy-step.csv")


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def small(oracle):
    who = ("--tracker", "oracle:move=0.37", "--tracker", "oracle:mode=wild", "--peer", "opencv-dis")
    return ("--quick", "--size", 96, *who)


def test_accuracy(run, small, tmp_path):
    out = tmp_path / "out"
    result = run("benchmark", "accuracy", "-o", out, *small, "--field", "shift")
    assert "Mean error, px (held-out)" in result.stdout
    assert "failed: oracle:mode=wild: RuntimeError: it went wild" in result.stdout
    assert {path.name for path in out.iterdir()} == {"accuracy.md", *PICTURES, *TABLES}
    assert all((out / name).stat().st_size > 10_000 for name in PICTURES)
    rows = table(out / "accuracy.csv")
    assert len(rows) == 3 * 5, "gravel, radar; brick, dunes, radar of another seed"
    assert {(row["kind"], row["texture"], row["seed"]) for row in rows} == {
        ("made", "gravel", "0"),
        ("made", "radar", "0"),
        ("held-out", "brick", "1000"),
        ("held-out", "dunes", "1000"),
        ("held-out", "radar", "1000"),
    }
    oracle = next(row for row in rows if row["tracker"] == "oracle:move=0.37")
    assert float(oracle["mean_all"]) == pytest.approx(0.435)
    assert (oracle["valued"], oracle["share"]) == ("1", "1")
    assert all(row["date"] and row["cores"] and "scikit-image" in row["peers"] for row in rows)
    page = (out / "accuracy.md").read_text()
    assert "nan" not in page
    assert "## Textures and seeds on which nothing is tuned" in page
    assert "| `oracle:move=0.37` | 0.435 | 0.435 |" in page
    assert "- `oracle:mode=wild`, 5 pairs: RuntimeError: it went wild" in page


def test_the_studies_of_accuracy(run, small, tmp_path):
    run("benchmark", "accuracy", "-o", tmp_path, *small, "--field", "shift", "--texture", "radar")
    assert {row["kind"] for row in table(tmp_path / "accuracy.csv")} == {"made"}
    phases = [row for row in table(tmp_path / "accuracy-phase.csv") if row["tracker"] == "oracle:move=0.37"]
    biases = {float(row["shift"]): float(row["bias"]) for row in phases}  # it says (0.37, -0.185) to everything
    assert biases == pytest.approx({shift: 0.0925 - shift for shift in (0.0, 0.25, 0.5, 0.75, 1.0)})
    deciles = table(tmp_path / "accuracy-reliability.csv")
    assert {row["tracker"] for row in deciles} == {"oracle:move=0.37"}, "peers state no errors"
    assert [int(row["number"]) for row in deciles] == list(range(11))
    # It states 0.1 px along columns, where it is right, and 0.2 px along rows, where it is 0.435 px off.
    assert float(deciles[0]["within_68"]) == 0.5
    assert [float(deciles[at]["normalised"]) for at in (1, 10)] == pytest.approx([0, 2.175], abs=1e-3)
    steps = [row for row in table(tmp_path / "accuracy-step.csv") if row["tracker"] == "opencv-dis"]
    assert float(steps[0]["distance"]) == -48


def test_images_of_the_user_stand_alone(run, small, tmp_path):
    image = tmp_path / "mine.png"
    imsave(image, np.random.default_rng(0).integers(0, 255, (130, 150), np.uint8))
    words = ("benchmark", "accuracy", "-o", tmp_path / "out", "--image", image, "--field", "shift")
    run(*words, "--quick", "--size", 96, "--tracker", "oracle:move=0.37", "--no-peers")
    (row,) = table(tmp_path / "out" / "accuracy.csv")
    assert (row["kind"], row["texture"], row["tracker"]) == ("own", "mine", "oracle:move=0.37")
    wrong = run(*words, "--size", 140, "--overwrite", status=1).stderr
    assert "mine.png: 130 x 150 pixels are fewer than the 140 of a pair; choose a smaller size" in wrong


def test_speed(run, small, tmp_path):
    (tmp_path / "accuracy.csv").write_text("tracker,mean_all\noracle:move=0.37,0.1\nopencv-dis,0.05\n")
    words = ("benchmark", "speed", "-o", tmp_path, *small, "--no-start")
    result = run(*words)
    assert "failed: oracle:mode=wild: RuntimeError: it went wild" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} >= {"speed.md", "speed.csv", "speed.png", "speed-error.png"}
    rows = table(tmp_path / "speed.csv")
    dis = [row for row in rows if row["tracker"] == "opencv-dis"]
    assert dis[0]["threads"] == "1"
    for row in dis:
        assert row["over_opencv-dis"] == "1"
        assert int(row["estimates"]) == 96 * 96
        assert float(row["estimates_per_second"]) == pytest.approx(96 * 96 / float(row["seconds"]), rel=1e-3)
    assert [row["reason"] for row in rows if row["tracker"] == "oracle:mode=wild"] == ["RuntimeError: it went wild"]
    page = (tmp_path / "speed.md").read_text()
    assert "| tracker | one thread | all threads | scaling | over skimage-ilk | over opencv-dis |" in page
    assert "nan" not in page
    assert "exists already" in run(*words, status=1).stderr
    (tmp_path / "accuracy.csv").unlink()
    assert "speed-error.png: not drawn; needs the accuracy.csv" in run(*words, "--overwrite").stdout


def test_wrong_use_is_one_line_before_any_work(run, tmp_path):
    out = tmp_path / "out"
    for words, message, status in (
        (("accuracy", "--tracker", "pc"), "no tracker 'pc'", 2),
        (("accuracy", "--peer", "matlab"), "'matlab' is not one of", 2),
        (("accuracy", "--peer", "opencv-dis", "--no-peers"), "contradict each other", 2),
        (("accuracy", "--size", 100, "--field", "bumps-30"), "field 'bumps-30' needs at least 270 pixels", 2),
        (("accuracy", "--condition", "speckle", "--texture", "moon"), "these conditions need gravel, radar", 2),
        (("accuracy", "--image", tmp_path / "no.tif"), "no.tif: no such image", 1),
        (("speed", "--rounds", 0), "0 is not in the range", 2),
        (("speed", "--device", "gpu", "--size", 96), "device 'gpu' is unknown", 1),
    ):
        assert message in run("benchmark", words[0], "-o", out, *words[1:], status=status).stderr
    assert not out.exists() or not list(out.iterdir())
