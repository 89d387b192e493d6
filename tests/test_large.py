"""Large pairs: memory is bounded by blocks, every engine writes the same bytes, and a killed run can be repeated."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARK = Path(__file__).resolve().parents[1] / "benchmarks" / "large_pair.py"


def run(folder: Path, rows: int, cols: int, *arguments: str) -> dict[str, Any]:
    sizes = ["--rows", str(rows), "--cols", str(cols), "--folder", str(folder)]
    done = subprocess.run([sys.executable, str(BENCHMARK), *sizes, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return report


def test_a_pair_of_30_megapixels(tmp_path: Path) -> None:
    options = "--window 64 --step 256 --forward-backward 0"
    report = run(tmp_path, 6000, 5000, "--engines", "threads", "dask", "--no-kill", "--options", options)
    assert report["identical"]
    assert abs(report["median error dx"]) < 0.01
    assert abs(report["median error dy"]) < 0.01
    # Both images and their masks as float32 would be 300 MB; what remains is mostly Python and its libraries.
    assert report["runs"]["threads"]["peak PSS MB"] < 450
    assert report["runs"]["dask"]["peak PSS MB"] < 900


@pytest.mark.slow
def test_a_pair_of_690_megapixels(tmp_path: Path) -> None:
    report = run(tmp_path, 30_000, 23_000, "--options", "--window 64 --step 128")
    assert report["identical"]
    assert 0.2 < report["measured share"] < 0.4
    assert abs(report["median error dx"]) < 0.005
    assert abs(report["median error dy"]) < 0.005
    for figures in report["runs"].values():
        assert figures["peak PSS MB"] < 1000
    assert report["killed"]
    assert all(report["killed"].values()), report["killed"]
