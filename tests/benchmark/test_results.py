"""Tables, pages, CSV and pictures of runs."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sensetrack.benchmark.measure import Contender, Finding, Run
from sensetrack.benchmark.pages import summary_table, trackers_page
from sensetrack.benchmark.picture import draw_trackers
from sensetrack.benchmark.plan import Plan
from sensetrack.benchmark.table import error_table, markdown, percent, pixels, rate, sum_up, write_csv
from sensetrack.benchmark.trackers import run_trackers
from sensetrack.errors import OutputError

PLAN = Plan(128, 0, ("shift", "fault-0.7"), ("noise-20db", "speckle"), ("radar",))


@pytest.fixture(scope="module")
def runs(sayer: Callable[..., Contender]) -> list[Run]:
    trackers = [
        sayer("good"),
        sayer("bad|worse", dx=1.37),
        sayer("picky", dropped=2),
        sayer("broken", fails=True),
    ]
    done: list[tuple[int, int]] = []
    found, skipped = run_trackers(trackers, PLAN, progress=lambda *state: done.append(state))
    assert skipped == ["real pairs: skipped; give the folder of the sample data with --data"]
    assert done == [(number, 16) for number in range(1, 17)]
    return found


def named(heads: list[str], rows: list[list[str]]) -> dict[str, dict[str, str]]:
    return {row[0].strip("`"): dict(zip(heads[1:], row[1:], strict=True)) for row in rows}


def test_every_tracker_has_a_run_on_every_pair(runs: list[Run]) -> None:
    assert len(runs) == 4 * 4
    assert len({(run.tracker, run.field, run.condition) for run in runs}) == 16


def test_runs_are_summed_up(runs: list[Run]) -> None:
    cell = sum_up(run for run in runs if run.tracker == "bad|worse" and run.field == "shift")
    assert cell.mean == cell.median == cell.p90 == pytest.approx(1.0, abs=1e-6)
    assert (cell.share, cell.runs, cell.failed, cell.is_fair) == (1.0, 2, 0, True)
    errors = (0.1, 0.4)
    pair = [replace(run, accuracy=replace(run.accuracy, mean=mean)) for run, mean in zip(runs, errors, strict=False)]
    assert sum_up(pair).mean == pytest.approx(0.25)
    assert sum_up(pair).typical == pytest.approx(0.2)
    broken = sum_up(run for run in runs if run.tracker == "broken")
    assert math.isnan(broken.mean)
    assert (broken.share, broken.failed, broken.is_fair) == (0.0, 4, False)
    nothing = sum_up([])
    assert math.isnan(nothing.share)
    assert math.isnan(nothing.speed)


def test_the_best_is_bold_unless_it_measured_little(runs: list[Run]) -> None:
    table = named(*error_table(runs, {"shift": lambda run: run.field == "shift"}))
    assert table == {
        "good": {"shift": "**0.000**"},
        "bad|worse": {"shift": "1.00"},
        "picky": {"shift": "0.000 (50 %)"},
        "broken": {"shift": "– (0 %)"},
    }


def test_the_summary_has_share_intervals_and_spacing(runs: list[Run]) -> None:
    table = named(*summary_table([run for run in runs if run.field == "shift"]))
    assert table["bad|worse"]["in 68 %"] == "50 %"
    assert table["picky"]["measured"] == "50 %"
    assert table["good"]["spacing"] == "4"
    assert table["broken"]["spacing"] == "–"


def test_the_page_shows_everything(runs: list[Run]) -> None:
    real = Run(
        kind="real",
        tracker="good",
        field="openpiv",
        share=0.9,
        findings=(Finding("median dy", 5.25, 5.1), Finding("median dx", math.nan, -0.08)),
    )
    page = trackers_page(
        [*runs, real, replace(real, tracker="broken", findings=(), share=0.0, reason="gone")], PLAN, ["a line"]
    )
    assert "4 pairs of 128 x 128 pixels, seed 0" in page
    assert "| tracker | shift | fault-0.7 |" in page
    assert "### speckle: independent speckle" in page
    assert "| openpiv | measured |  | 90 % | 0 % |" in page
    assert "| openpiv | median dy, px | 5.1 | 5.250 | – |" in page
    assert "\na line\n" in page
    assert "- `broken`, 4 pairs: RuntimeError: it broke in two lines" in page
    assert "`bad\\|worse`" in page
    assert "nan" not in page


def test_numbers_as_text() -> None:
    assert [pixels(value) for value in (0.01234, 0.9996, 1.234, 12.34, math.nan)] == [
        "0.012",
        "1.00",
        "1.23",
        "12.3",
        "–",
    ]
    assert [rate(value) for value in (12.3, 4321.0, 2.5e6, math.nan)] == ["12", "4.3 k", "2.50 M", "–"]
    assert [percent(value) for value in (0.5, math.nan)] == ["50 %", "–"]
    assert markdown(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_csv_has_a_row_for_every_run(runs: list[Run], tmp_path: Path) -> None:
    real = Run(kind="real", tracker="good", field="openpiv", findings=(Finding("median dy", 5.25, 5.1),))
    write_csv(tmp_path / "runs.csv", [*runs, real])
    with (tmp_path / "runs.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 17
    bad = next(row for row in rows if row["tracker"] == "bad|worse" and row["field"] == "shift")
    assert float(bad["mean"]) == pytest.approx(1.0)
    assert float(bad["estimates_per_second"]) == pytest.approx(1024 / float(bad["seconds"]), rel=1e-3)
    assert json.loads(bad["parameters"])["dx"] == 1.37
    assert (bad["seed"], bad["rows"], bad["kind"]) == ("0", "128", "made")
    assert all(row["version"] and row["cores"] and row["platform"] for row in rows)
    broken = next(row for row in rows if row["tracker"] == "broken")
    assert (broken["mean"], broken["share"], broken["reason"]) == ("", "0", "RuntimeError: it broke in two lines")
    assert json.loads(rows[-1]["findings"]) == {"median dy": [5.25, 5.1, "px"]}
    with pytest.raises(OutputError, match="exists already"):
        write_csv(tmp_path / "runs.csv", runs)


def test_the_picture_is_drawn_with_equal_bytes(runs: list[Run], tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw_trackers(runs, PLAN, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_the_picture_is_drawn_when_nothing_worked(runs: list[Run], tmp_path: Path) -> None:
    draw_trackers([run for run in runs if run.tracker == "broken"], PLAN, tmp_path / "none.png")
    assert (tmp_path / "none.png").stat().st_size > 5_000
