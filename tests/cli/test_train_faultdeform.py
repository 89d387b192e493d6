"""`sensetrack train faultdeform-data`: a picture, archives, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from click.testing import Result

SMALL = ("--size", 64, "--scenes", 2, "--smooth", 1, "--count", 4)
Run = Callable[..., Result]


def test_sheet_and_archives(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "samples"
    words = ("--npz", "--split", "test", "--start", 2)
    text = run("train", "faultdeform-data", "-o", out, *SMALL, *words).stdout
    assert "4 of 4 samples, and 4 archives" in text
    assert (out / "samples.png").read_bytes().startswith(b"\x89PNG")
    with np.load(out / "test-000003.npz") as held:
        assert held["reference"].shape == held["dx"].shape == (64, 64)
        assert held["number"] == 3
        assert tuple(held["range"]) == (15.0, 50.0)


def test_what_it_refuses(run: Run, tmp_path: Path) -> None:
    run("train", "faultdeform-data", "-o", tmp_path, *SMALL)
    assert "--overwrite" in run("train", "faultdeform-data", "-o", tmp_path, *SMALL, status=1).stderr
    run("train", "faultdeform-data", "-o", tmp_path, *SMALL, "--overwrite")
    missing = run(
        "train", "faultdeform-data", "-o", tmp_path, *SMALL, "--overwrite", "--images", tmp_path / "none", status=1
    )
    assert "no such folder" in missing.stderr
