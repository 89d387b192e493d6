"""The examples: their commands are right, and (slow) they run and find the motion that their scenes have."""

from __future__ import annotations

import csv
import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from scipy import ndimage

from sensetrack.displacement import Displacement
from sensetrack.project import read_project
from sensetrack.raster.layers import LayerFile
from sensetrack.timeseries import Cube

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MONITORING = ("earthquake_landsat", "glacier_sentinel2", "landslide_sentinel1", "prisma_cosmo", "stakes_validation")
SCRIPTS = sorted(path for path in EXAMPLES.glob("*/run.sh") if path.parent.name not in MONITORING)


def test_one_example_for_each_audience() -> None:
    assert [script.parent.name for script in SCRIPTS] == ["earthquake", "glacier", "landslide"]
    assert all(os.access(script, os.X_OK) for script in SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.parent.name)
def test_every_option_exists(script: Path) -> None:
    cli = importlib.import_module("sensetrack.cli.main").cli
    text = script.read_text().replace("\\\n", " ")
    calls = re.findall(r"^\s*sensetrack (\S+)(.*)$", text, re.M)
    assert len(calls) >= 4
    for name, rest in calls:
        command = cli.get_command(click.Context(cli), name)
        known = {flag for item in command.params for flag in (*item.opts, *item.secondary_opts)}
        used = [word for word in shlex.split(re.sub(r"\$\{[^}]*\}", "", rest)) if re.match(r"--?[a-z]", word)]
        assert [word for word in used if word not in known] == [], name


@pytest.mark.parametrize("name", MONITORING)
def test_monitoring_examples_can_be_read(name: str) -> None:
    folder = EXAMPLES / name
    assert os.access(folder / "run.sh", os.X_OK)
    assert (folder / "README.md").is_file()
    subprocess.run(["bash", "-n", str(folder / "run.sh")], check=True)
    if name != "stakes_validation":
        assert read_project(folder / "project.yaml").scenes.paths == ("scenes",)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in MONITORING if name != "glacier_sentinel2"])
def test_monitoring_example_runs(name: str, tmp_path: Path) -> None:
    """The stakes run the glacier's project, and compare it with its truth."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", str(EXAMPLES / name / "run.sh"), str(tmp_path / "out")],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    results = tmp_path / "out" / "monitoring" / "results"
    assert (results / "report.html").is_file()
    assert len(Cube.open(results / "series.nc").header.dates) >= 5
    if name == "stakes_validation":
        with (tmp_path / "out" / "comparison.csv").open() as file:
            rows = list(csv.DictReader(file))
        misses = np.array([float(row["series"]) - float(row["surveyed"]) for row in rows])
        assert len(rows) >= 10
        # Pixels of 10 m: a tenth of one.
        assert np.median(np.abs(misses)) < 1.0


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.parent.name)
def test_example_finds_the_motion_of_its_scene(script: Path, tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run = subprocess.run(
        ["bash", str(script), str(tmp_path)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    measured = Displacement.open(tmp_path / "filtered.tif")
    truth = LayerFile.open(tmp_path / "scene" / "truth.tif").read()
    rows, cols = np.indices(measured.field.shape)
    centres = [(index + 0.5) * measured.spacing - 0.5 for index in (rows, cols)]
    good = measured.field.measured & (ndimage.map_coordinates(truth["valid"], centres, order=0) > 0)
    errors = [
        (layer - ndimage.map_coordinates(truth[name], centres, order=1))[good]
        for name, layer in (("dx", measured.field.dx), ("dy", measured.field.dy))
    ]
    # One constant stays unknown where there is no stable ground.
    assert good.mean() > 0.7
    assert max(1.4826 * np.median(np.abs(error - np.median(error))) for error in errors) < 0.08
