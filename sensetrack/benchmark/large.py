"""How many displacements per second trackers find on a large pair, and how much memory they take for it."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window
from scipy import fft

from sensetrack.benchmark.measure import Contender, reason_of
from sensetrack.benchmark.probe import growth
from sensetrack.benchmark.setting import machine_line
from sensetrack.benchmark.table import markdown, pixels, rate
from sensetrack.displacement import Field
from sensetrack.errors import SensetrackError
from sensetrack.pair import ImagePair
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.tiles import Block
from sensetrack.stream import track_file
from sensetrack.types import FloatArray, Progress

PERIOD = 1024
"""Pixels after which the ground repeats itself: more than any tracker sees at once, little to hold."""

SHIFT = 2.4, -1.3
"""Displacement to the right and down, in pixels."""

NOISE = 0.1
"""Standard deviation of the noise of each image; that of the ground is 1."""


@dataclass(frozen=True)
class LargeRun:
    """One tracker on the large pair.

    Attributes
    ----------
    tracker : str
    size, spacing : int
        Side of the images, and input pixels per estimate.
    seconds : float
        Wall clock, with reading and writing.
    estimates : int
        Output pixels.
    memory : float
        Bytes by which the process grew at most.
    median : float
        End-point error in pixels in the middle of the pair.
    reason : str
        Why there is no result.
    """

    tracker: str
    size: int
    spacing: int = 0
    seconds: float = math.nan
    estimates: int = 0
    memory: float = math.nan
    median: float = math.nan
    reason: str = ""

    @property
    def speed(self) -> float:
        """Estimates per second."""
        return self.estimates / self.seconds


def run_large(
    found: Sequence[Contender], size: int, seed: int = 0, device: str = "auto", progress: Progress | None = None
) -> list[LargeRun]:
    """Track a pair of files of ``size`` x ``size`` pixels, block by block, from file to file.

    Parameters
    ----------
    found : sequence of Contender
        Those that search look 4 px further than the displacement.
    size : int
        Side of the images.
    seed : int
    device : str
        ``auto``, ``cpu`` or ``cuda[:n]``; trackers that have no code for it run on the CPU.
    progress : callable, optional
    """
    runs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_large(folder, size, seed)
        for number, contender in enumerate(found):
            runs.append(_run(contender, files, size, device))
            if progress is not None:
                progress(number + 1, len(found))
    return runs


def make_large(folder: Path, size: int, seed: int = 0) -> tuple[Path, Path]:
    """Write a pair whose second image is the first moved by `SHIFT`, with its own noise; float32, in tiles.

    Parameters
    ----------
    folder : Path
    size : int
        Rows and columns.
    seed : int
    """
    rng = np.random.default_rng(seed)
    row, col = (fft.fftfreq(PERIOD)[:, None], fft.fftfreq(PERIOD)[None])
    frequency = np.hypot(row, col)
    power = np.exp(-((4 * frequency) ** 2)) / np.maximum(frequency, 1 / PERIOD)
    spectrum = fft.fft2(rng.normal(size=(PERIOD, PERIOD))) * power
    paths = []
    for name, (dx, dy) in {"reference": (0.0, 0.0), "secondary": SHIFT}.items():
        ground = fft.ifft2(spectrum * np.exp(-2j * np.pi * (dx * col + dy * row))).real
        paths.append(_write(folder / f"{name}.tif", (ground / ground.std()).astype(np.float32), size, rng))
    return paths[0], paths[1]


def _write(path: Path, ground: FloatArray, size: int, rng: np.random.Generator) -> Path:
    """Write an image that repeats the ground."""
    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 500_000, 0, -10, 5_000_000)}
    options = {"dtype": "float32", "tiled": True, "blockxsize": 512, "blockysize": 512}
    with rasterio.open(path, "w", "GTiff", size, size, 1, **place, **options) as file:
        for row in range(0, size, PERIOD):
            for col in range(0, size, PERIOD):
                part = ground[: min(PERIOD, size - row), : min(PERIOD, size - col)]
                noisy = part + NOISE * rng.standard_normal(part.shape, np.float32)
                file.write(noisy, 1, window=Window(col, row, part.shape[1], part.shape[0]))
    return path


def _run(contender: Contender, files: tuple[Path, Path], size: int, device: str) -> LargeRun:
    output = files[0].with_name("displacement.tif")
    try:
        tracker = contender.prepared(max(map(abs, SHIFT)))
        where = device if device == "cpu" or "cuda" in tracker.devices else "cpu"
        pair = ImagePair.open(*files)
        corner = pair.read(Block(0, 0, min(size, 256), min(size, 256)))
        tracker.track(corner[0], corner[1], device=where)  # compiles what is compiled
        begun = time.perf_counter()
        memory = growth(lambda: track_file(pair, tracker, output, device=where, overwrite=True))
        seconds = time.perf_counter() - begun
    except SensetrackError as error:
        return LargeRun(contender.name, size, reason=reason_of(error))
    file = LayerFile.open(output)
    height, width = file.grid.shape
    side = min(512, height, width)
    field = Field.from_layers(file.read(Block((height - side) // 2, (width - side) // 2, side, side)))
    errors = np.hypot(field.dx - SHIFT[0], field.dy - SHIFT[1])[field.measured]
    median = float(np.median(errors)) if errors.size else math.nan
    return LargeRun(contender.name, size, tracker.spacing, seconds, height * width, memory, median)


def large_table(runs: Sequence[LargeRun]) -> tuple[list[str], list[list[str]]]:
    """Return heads and rows: speed, memory and error."""
    rows = []
    for run in runs:
        memory = f"{run.memory / 2**20:.0f} MiB" if math.isfinite(run.memory) else "–"
        seconds = f"{run.seconds:.0f} s" if math.isfinite(run.seconds) else "–"
        rows.append([f"`{run.tracker}`", rate(run.speed), seconds, memory, pixels(run.median)])
    return ["tracker", "per second", "time", "memory", "median error, px"], rows


def large_page(runs: Sequence[LargeRun]) -> str:
    """Return the page as Markdown."""
    size = runs[0].size
    lines = [
        "# Learned trackers on a large pair",
        "",
        f"From file to file on {size} x {size} pixels, block by block; memory is that by which the process grew at "
        f"most. {machine_line()}",
        "",
        markdown(*large_table(runs)),
        "",
        *dict.fromkeys(f"- `{run.tracker}`: {run.reason}" for run in runs if run.reason),
    ]
    return "\n".join(lines).rstrip() + "\n"
