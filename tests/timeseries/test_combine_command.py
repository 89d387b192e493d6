"""The command that combines views, and the commands that read what it wrote."""

from __future__ import annotations

import importlib

from click.testing import CliRunner

from sensetrack.timeseries import combine_files


def run(*arguments):
    cli = importlib.import_module("sensetrack.cli.main").cli
    return CliRunner().invoke(cli, ["combine", *map(str, arguments), "--engine", "serial"])


def test_command(write_views, dem, tmp_path):
    asc, desc, s2 = (view.path for view in write_views())
    out = tmp_path / "enu.nc"
    given = ["--radar", asc, 39, -12, "--radar", desc, 34, 192, "--optical", s2]
    result = run("-o", out, *given, "--dem", dem)
    assert result.exit_code == 0, result.output
    assert "radar, incidence 39 degrees, heading -12 degrees, 2020-01-05 to 2020-01-17; used 9" in result.output
    assert "optical, 2020-01-05 to 2020-01-17; used 100.0 %" in result.output
    assert "median +12." in result.output or "median +11." in result.output
    assert "no geometry" in result.output
    again = run("-o", out, *given)
    assert again.exit_code == 1 and "exists already" in again.output
    points = run("-o", tmp_path / "enu.csv", *given, "--dem", dem, "--slope-window", 300)
    assert points.exit_code == 0, points.output
    assert (tmp_path / "enu.csv").read_text().startswith("x,y,v_east,v_north,v_up,")


def test_command_used_wrongly(write_views, tmp_path):
    asc, *_ = (view.path for view in write_views())
    out = tmp_path / "enu.nc"
    none = run("-o", out)
    assert none.exit_code == 2 and "give views: --radar FILE INCIDENCE HEADING" in none.output
    one = run("-o", out, "--radar", asc, 39, -12)
    assert one.exit_code == 1 and "add a view of another direction" in one.output
    absent = run("-o", out, "--radar", asc, "incidence.tif", -12)
    assert absent.exit_code == 1 and "incidence.tif" in absent.output
    left = run("-o", out, "--left-radar", asc, 95, -12)
    assert left.exit_code == 2 and "incidence = 95: give degrees" in left.output


def test_what_was_made_is_described_and_drawn(write_views, dem, tmp_path):
    cli = importlib.import_module("sensetrack.cli.main").cli
    for name in ("enu.nc", "enu.tif"):
        out = tmp_path / name
        combine_files(write_views(prefix=name), out, dem=dem)
        shown = CliRunner().invoke(cli, ["info", str(out)])
        assert shown.exit_code == 0, shown.output
        assert f"{out}: velocity" in shown.output and "v_north_error" in shown.output
        assert "heading 192 degrees" in shown.output
        assert CliRunner().invoke(cli, ["info", str(out), "--json"]).exit_code == 0
        for layer in ([], ["--layer", "v_up"]) if name == "enu.tif" else (["--layer", "overview"],):
            drawn = CliRunner().invoke(cli, ["plot", str(out), "-o", str(tmp_path / "a.png"), "--overwrite", *layer])
            assert drawn.exit_code == 0, (layer, drawn.output)
        series = CliRunner().invoke(cli, ["timeseries", str(out), "-o", str(tmp_path / "series.nc")])
        assert series.exit_code == 1 and "not a velocity file" in series.output
