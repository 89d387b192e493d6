"""The group of commands: what is found, what is said of it, how errors end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

import sensetrack

HEAVY = ("torch", "cv2", "dask", "distributed", "numba", "matplotlib")


def test_help_lists_commands_and_trackers(run, oracle):
    text = run("--help").stdout
    for name in ("info", "trackers", "filters", "oracle"):
        assert f"\n  {name} " in text
    assert "(from oracle-of-delphi)" in text
    assert "\n  main " not in text
    assert "sensetrack demo" in text


def test_help_and_import_load_nothing_heavy(foreign):
    code = f"""
import sys
import time
import sensetrack
assert not any(name in sys.modules for name in {HEAVY!r})
from importlib import import_module
try:
    import_module("sensetrack.cli.main").cli(["--help"])
except SystemExit as end:
    assert end.code == 0
loaded = [name for name in ({HEAVY!r} + ("numpy", "rasterio", "pydantic")) if name in sys.modules]
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_version(run):
    assert run("--version").stdout == f"sensetrack {sensetrack.__version__}\n"


@pytest.mark.parametrize(("wrong", "right"), [("inf", "info"), ("trakers", "trackers"), ("oracl", "oracle")])
def test_unknown_command_names_the_nearest(run, oracle, wrong, right):
    assert f"no command '{wrong}'; did you mean '{right}'?" in run(wrong, status=2).stderr


def test_every_command_has_help_with_an_example(run, group):
    context = click.Context(group, info_name="sensetrack")
    for name in group.list_commands(context):
        text = run(name, "--help").stdout
        assert f"sensetrack {name}" in text.partition("Example:")[2], name
        assert group.own.summary(name) if name in group.own.names() else group.trackers.summary(name), name


def test_every_option_says_what_it_does(group):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        for item in command.get_params(context):
            if isinstance(item, click.Option):
                assert item.help, f"{name} {item.opts}"
                assert item.help[0].isupper() or not item.help[0].isalpha() or item.name == "device", item.help


def test_modules_that_are_not_commands_are_hidden(group):
    names = group.list_commands(click.Context(group))
    assert not [name for name in names if name.startswith("-") or name == "main"]
    assert len(set(names)) == len(names)


def test_missing_file_is_one_line(run):
    result = run("info", "nowhere.tif", status=1)
    assert result.stderr == "Error: nowhere.tif: no such file\n"
    assert result.stdout == ""


def test_verbose_shows_the_traceback(run):
    result = run("info", "nowhere.tif", "-v", status=1)
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("Error: nowhere.tif: no such file\n")


def test_unexpected_errors_are_one_line_too(run, oracle, pair, tmp_path):
    result = run("oracle", *pair, "-o", tmp_path / "d.tif", "--mode", "wild", status=1)
    assert result.stderr == "Error: unexpected RuntimeError: it went wild; -v shows where\n"
    assert not list(tmp_path.glob("*d*.tif"))


def test_interrupt_is_one_line_and_130(run, monkeypatch):
    def stop(path):
        raise KeyboardInterrupt

    import importlib

    monkeypatch.setattr(importlib.import_module("sensetrack.cli.info"), "look_at", stop)
    result = run("info", "x.tif", status=130)
    assert result.stderr == "Interrupted; no half-written file is left.\n"


def test_full_memory_is_one_line(run, monkeypatch):
    def stop(path):
        raise MemoryError

    import importlib

    monkeypatch.setattr(importlib.import_module("sensetrack.cli.info"), "look_at", stop)
    assert "the memory is full; use fewer --workers" in run("info", "x.tif", status=1).stderr


def test_quiet_says_nothing(run, pair):
    assert run("info", pair[0], "-q").output == ""


def test_listings(run, oracle):
    text = run("trackers").stdout
    assert "oracle" in text
    assert "sensetrack TRACKER --help" in text
    filters = {item["name"]: item["summary"] for item in json.loads(run("filters", "--json").stdout)}
    assert filters["median-test"].startswith("Flags outliers")


def test_foreign_plugin_that_does_not_import_is_one_line(run, oracle):
    result = run("broken", "a", "b", "-o", "c.tif", status=2)
    assert result.stderr == (
        "Error: 'broken' of broken_tracker:Broken cannot be loaded (OSError: its library is not there)\n"
    )


def test_script_knows_foreign_trackers(script, pair, tmp_path):
    assert "(from oracle-of-delphi)" in script("--help").stdout
    done = script("oracle", *pair, "-o", tmp_path / "d.tif")
    assert "measured  100.0 %" in done.stdout
    assert done.stderr == ""


def test_module_runs_too(foreign):
    done = subprocess.run([sys.executable, "-m", "sensetrack", "--version"], check=True, capture_output=True, text=True)
    assert done.stdout == f"sensetrack {sensetrack.__version__}\n"


def test_broken_pipe_is_quiet(script, pair):
    program = Path(sys.executable).with_name("sensetrack")
    reader = subprocess.run(
        ["bash", "-c", f"{program} --help | head -n 1; exit ${{PIPESTATUS[0]}}"], check=False, capture_output=True
    )
    assert reader.stderr == b""
    assert reader.stdout.startswith(b"Usage")


def test_a_polite_request_to_end_leaves_nothing_behind(tmp_path, write_raster, texture):
    """A scheduler's SIGTERM, in the middle of writing."""
    first, second = (write_raster(texture((1500, 1500), dx=dx, waves=40), f"{dx}.tif") for dx in (0.0, 1.0))
    folder = tmp_path / "out"
    folder.mkdir()
    command = [sys.executable, "-m", "sensetrack", "pcc", str(first), str(second), "-o", str(folder / "d.tif")]
    run = subprocess.Popen([*command, "--step", "4", "--block", "256"], stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        if list(folder.glob(".*partial*")) or run.poll() is not None:
            break
        time.sleep(0.05)
    assert list(folder.glob(".*partial*")), "it ended before it was asked to"
    run.terminate()
    _, said = run.communicate(timeout=60)
    assert said == "Interrupted; no half-written file is left.\n"
    assert run.returncode == 130
    assert not list(folder.iterdir())
