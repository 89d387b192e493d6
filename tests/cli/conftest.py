"""Fixtures of the command line: a runner, a tracker of another distribution, and a pair of images."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

TRACKER = '''
"""Says everywhere what it is told."""
from typing import Literal
import numpy as np
from sensetrack.displacement import Field, Flag
from sensetrack.params import param
from sensetrack.preprocess import ImageFilter
from sensetrack.trackers import Tracker


class Oracle(Tracker):
    """Says everywhere what it is told.

    It looks at ``valid`` pixels only.

    Attributes
    ----------
    Not for the command line.
    """

    step: int = param(8, "Spacing of the output", unit="px", ge=1, le=64)
    move: float = param(1.5, "Displacement that it reports along columns", unit="px")
    limit: float | None = param(None, "Largest displacement it admits", unit="px", gt=0)
    mode: Literal["calm", "wild"] = param("calm", "Its temper")
    level: Literal[1, 2, 3] = param(2, "How much of it")
    loud: bool = param(False, "Whether it shouts")
    weights: tuple[float, ...] = param((1.0, 2.0), "Weights of its passes")
    size: tuple[int, int] = param((3, 4), "Rows and columns of its window", unit="px")
    names: list[str] = param([], "Names it goes by")
    table: dict[str, int] = param({}, "What it knows")
    block: int = param(5, "A name that the command line has taken already")

    @property
    def spacing(self):
        return self.step

    @property
    def margin(self):
        return self.step

    def _track(self, reference, secondary, reference_valid, secondary_valid, pad, device):
        step = self.step
        shape = tuple((size - 2 * pad) // step for size in reference.shape)
        field = Field.empty(shape, Flag.NODATA)
        core = reference_valid[pad : pad + shape[0] * step, pad : pad + shape[1] * step]
        good = core.reshape(shape[0], step, shape[1], step).any(axis=(1, 3))
        values = {"dx": self.move, "dy": -0.5 * self.move, "quality": 0.9, "sigma_dx": 0.1, "sigma_dy": 0.2, "rho": 0.0}
        layers = {name: np.where(good, np.float32(value), np.float32(np.nan)) for name, value in values.items()}
        if self.mode == "wild":
            raise RuntimeError("it went wild")
        flags = np.where(good, 0, int(Flag.NODATA)).astype(np.uint8)
        return Field.from_layers(layers | {"flags": flags})


class Halve(ImageFilter):
    """Divides pixels by a number, two by default.

    Nothing else.
    """

    by: float = param(2.0, "What they are divided by", gt=0)

    @property
    def margin(self):
        return 0

    def _apply(self, pixels, valid, state, origin):
        return pixels / self.by, valid
'''


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of another distribution: trackers ``oracle`` and one that cannot be imported, image filter ``halve``."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "oracle_tracker.py").write_text(TRACKER, encoding="utf-8")
    (folder / "broken_tracker.py").write_text("raise OSError('its library is not there')\n", encoding="utf-8")
    info = folder / "oracle_of_delphi-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: oracle-of-delphi\nVersion: 1.0\n", encoding="utf-8")
    points = (
        "[sensetrack.trackers]\noracle = oracle_tracker:Oracle\nbroken = broken_tracker:Broken\n"
        "[sensetrack.preprocess]\nhalve = oracle_tracker:Halve\n"
    )
    (info / "entry_points.txt").write_text(points, encoding="utf-8")
    return folder


@pytest.fixture
def group() -> click.Group:
    """The group of all commands; imported by name, since nobody imports the command line statically."""
    found: click.Group = importlib.import_module("sensetrack.cli.main").cli
    return found


@pytest.fixture
def oracle(foreign: Path, group: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the other distribution for one test."""
    from sensetrack.preprocess import registry as image_filters
    from sensetrack.trackers import registry

    monkeypatch.syspath_prepend(str(foreign))
    catalogues = (registry, image_filters, group.trackers)
    for catalogue in catalogues:
        catalogue.__dict__.pop("_foreign", None)
    yield
    for catalogue in catalogues:
        catalogue.__dict__.pop("_foreign", None)


@pytest.fixture
def run(group: click.Group) -> Callable[..., Result]:
    """Run a command line in this process: ``run("info", path)`` or with ``status=2`` where it must fail."""

    def call(*words: object, status: int = 0) -> Result:
        result = CliRunner().invoke(group, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, f"status {result.exit_code}\n{result.stdout}\n{result.stderr}"
        return result

    return call


@pytest.fixture
def script(foreign: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the installed ``sensetrack`` script in its own process, with the other distribution installed."""
    program = Path(sys.executable).with_name("sensetrack")
    if not program.exists():
        pytest.skip(f"the script is not installed beside {sys.executable}")

    def call(*words: object, status: int = 0, **options: Any) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(foreign), "PYTHONWARNINGS": "error"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        done = subprocess.run(
            [str(program), *(str(word) for word in words)],
            text=True,
            check=False,
            env=environment,
            timeout=120,
            **(pipes | options),
        )
        assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    return call


@pytest.fixture
def pair(write_raster: Callable[..., Path], texture: Callable[..., np.ndarray], utm_grid: Any) -> tuple[Path, Path]:
    """Two UTM images of 96 x 128 pixels, ten days apart; content moves by dx 2, dy -1."""
    grid = utm_grid((96, 128))
    return (
        write_raster(texture((96, 128)), "20200101.tif", grid=grid),
        write_raster(texture((96, 128), dx=2.0, dy=-1.0), "20200111.tif", grid=grid),
    )


@pytest.fixture
def field_file(tmp_path: Path, make_field: Callable[..., Any], utm_grid: Any) -> Path:
    """A displacement file of 24 x 32 output pixels of 16 input pixels (10 m), 20 days.

    dx is 2 px in the left half and 0 in the right half, dy -1 and 0; one wild outlier stands at (5, 5), and the first
    row is nodata.
    """
    from sensetrack.displacement import Displacement
    from sensetrack.provenance import Provenance
    from sensetrack.raster.dates import parse_time

    dx = np.zeros((24, 32), np.float32)
    dx[:, :16] = 2.0
    dy = -0.5 * dx
    dx[5, 5] = 11.0
    dx[0] = np.nan
    dates = parse_time("2020-01-01"), parse_time("2020-01-21")
    source = Provenance("oracle", '{"window": 32}', "a.tif", "b.tif", *dates, days=20.0, version="0")
    grid = utm_grid((24, 32), size=160.0)
    path = tmp_path / "field.tif"
    Displacement(grid, make_field(dx, dy), 16, source).save(path)
    return path
