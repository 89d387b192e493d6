"""Stakes: the motion of surveyed points beside a series whose truth is known, and tables that are no surveys."""

from __future__ import annotations

import csv
import importlib

import numpy as np
import pytest
from click.testing import CliRunner
from products.history import position
from products.pairs import START

from sensetrack.errors import InputError
from sensetrack.timeseries import Cube, series_file
from sensetrack.timeseries.stakes import COLUMNS, compare_stakes, read_surveys

cli = importlib.import_module("sensetrack.cli.main").cli

DAYS = [0.0, 12.0, 24.0, 36.0]


@pytest.fixture
def series(write_pairs, tmp_path):
    path = tmp_path / "cube.nc"
    series_file(write_pairs(DAYS, [(0, 1), (1, 2), (2, 3), (0, 2), (1, 3), (0, 3)]), path)
    return path


def write_points(path, rows):
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        lines.writerows(rows)
    return path


def surveyed(name, x, y, days, origin=500.0):
    """Rows of a point that moves as the series does; its metres start anywhere."""
    for day in days:
        east, north = position(day / 365.25)
        yield name, x, y, f"{np.datetime64(START.replace(tzinfo=None), 's') + int(day * 86400)}", origin + east, north


def test_stakes_move_as_the_series_says(series, tmp_path):
    grid = Cube.open(series).header.grid
    x, y = grid.xy(10, 12)
    far = grid.xy(900, 900)
    rows = [*surveyed("one", x, y, [36, 0, 20]), *surveyed("far", *far, [0, 36]), *surveyed("late", x, y, [30, 400])]
    points = write_points(tmp_path / "points.csv", rows)
    found = compare_stakes(Cube.open(series), read_surveys(points))
    assert [(row.name, row.component) for row in found] == [("one", "east"), ("one", "north")]
    way = position(36 / 365.25) - position(0.0)
    for row, truth in zip(found, way, strict=True):
        assert row.surveyed == pytest.approx(truth, abs=1e-6)
        assert row.series == pytest.approx(truth, abs=5 * row.error)
        assert 0 < row.error < 3


def test_the_command_writes_a_table(series, tmp_path):
    x, y = Cube.open(series).header.grid.xy(10, 12)
    points = write_points(tmp_path / "points.csv", surveyed("one", x, y, [0, 36]))
    out = tmp_path / "comparison.csv"
    result = CliRunner().invoke(cli, ["stakes", str(series), str(points), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "1 points" in result.output
    assert "within one" in result.output
    with out.open() as file:
        assert [row["component"] for row in csv.DictReader(file)] == ["east", "north"]
    nowhere = write_points(tmp_path / "nowhere.csv", surveyed("far", 0.0, 0.0, [0, 36]))
    result = CliRunner().invoke(cli, ["stakes", str(series), str(nowhere), "-o", str(tmp_path / "n.csv")])
    assert result.exit_code == 1
    assert "no point has two surveys" in result.output + result.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,x,y\n", "no column date, east, north"),
        ("name,x,y,date,east,north\na,1,b,2020-01-01,1,1\n", "line 2: x, y, east and north must be numbers"),
        ("name,x,y,date,east,north\na,1,1,soon,1,1\n", "line 2: 'soon' is not a date"),
    ],
)
def test_tables_that_are_no_surveys(tmp_path, text, message):
    path = tmp_path / "points.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_surveys(path)
    with pytest.raises(InputError, match="cannot read the surveys"):
        read_surveys(tmp_path / "none.csv")
