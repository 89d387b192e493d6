"""Real pairs are measured where they are there, and named where they are not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensetrack.benchmark.measure import Contender
from sensetrack.benchmark.real import PAIRS, available, measure_real

BY_NAME = {pair.name: pair for pair in PAIRS}


@pytest.fixture
def data(tmp_path: Path, write_raster: Callable[..., Path], texture: Callable[..., np.ndarray]) -> Path:
    """A folder with one pair, moved by 5 pixels."""
    for name, move in (("ref.tif", 0.0), ("def_5.tif", 5.0)):
        write_raster(texture((160, 160), dx=move, dy=move), f"pairs/dice-pixel-shift/{name}")
    return tmp_path


def test_what_is_not_there_is_named(data: Path, tmp_path: Path) -> None:
    found, lines = available(data)
    assert [pair.name for pair in found] == ["dice-shift-5"]
    assert len(lines) == len(PAIRS) - 1
    folder = tmp_path / "pairs" / "dice-pixel-shift"
    assert f"real pair dice-shift-15: skipped; {folder / 'def_15.tif'} is not there" in lines
    assert available(None, ()) == ([], [])
    assert available(data, ("dice-shift-5",))[1] == []


def test_a_pair_with_truth_is_scored_against_it(data: Path, sayer: Callable[..., Contender]) -> None:
    run = measure_real(sayer(dx=5.3, dy=4.6), BY_NAME["dice-shift-5"], data)
    assert run.reason == ""
    assert run.accuracy is not None
    assert run.accuracy.mean == pytest.approx(0.5, abs=1e-5)
    assert run.accuracy.total == (160 - 2 * 32) ** 2 / 16
    assert run.share == 1
    assert [item.name for item in run.findings] == ["mean error", "90th percentile of the error"]
    assert run.findings[0].found == run.accuracy.mean
    assert (run.kind, run.rows, run.cols, run.estimates) == ("real", 160, 160, 1600)


def test_a_failure_is_a_row_with_its_reason(data: Path, sayer: Callable[..., Contender]) -> None:
    run = measure_real(sayer(fails=True), BY_NAME["dice-shift-5"], data)
    assert run.reason == "RuntimeError: it broke in two lines"
    assert run.findings == ()


def test_the_challenge_is_compared_with_what_was_applied(shared_data: Path, sayer: Callable[..., Contender]) -> None:
    run = measure_real(sayer(dx=0.0, dy=0.0), BY_NAME["dic-challenge-L1"], shared_data)
    assert run.accuracy is not None
    assert 0.03 < run.accuracy.mean < 0.1, "the amplitude is 0.1 px"
    assert abs(run.accuracy.bias_y) < 1e-6


def test_the_glacier_is_judged_inside_its_mask(shared_data: Path, sayer: Callable[..., Contender]) -> None:
    contender = sayer(dx=8.0, dy=-6.0, step=32, search=20)
    run = measure_real(contender, BY_NAME["perito-moreno"], shared_data)
    found = {item.name: item.found for item in run.findings}
    assert found == pytest.approx(
        {
            "speed, percentile 50": 0.2,
            "speed, percentile 90": 0.2,
            "speed, percentile 95": 0.2,
            "closure of three dates, dx, median": 8.0,
            "closure of three dates, dy, median": 6.0,
        },
        abs=1e-5,
    )
    assert run.share == 1


def test_particles_are_summed_up_by_medians(shared_data: Path, sayer: Callable[..., Contender]) -> None:
    run = measure_real(sayer(dx=-0.1, dy=5.0, search=20), BY_NAME["openpiv"], shared_data)
    assert [(item.name, round(item.found, 4), item.expected) for item in run.findings] == [
        ("median dy", 5.0, 5.1),
        ("median dx", -0.1, -0.08),
    ]
