"""Writes many images of one landscape whose motion over time is known: for examples and tests of monitoring."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from rasterio.crs import CRS

from sensetrack.errors import OutputError, ParameterError, did_you_mean
from sensetrack.raster.dates import ACQUIRED_TAG
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import whole
from sensetrack.raster.write import TiledWriter, atomic
from sensetrack.scene._build import FIRST_DATE, KINDS, SMALLEST
from sensetrack.scene._camera import Sun, add_clouds, carry, digitise, expose, illuminate
from sensetrack.scene._files import _write_image, _write_outline
from sensetrack.scene._landscape import Frame, Landscape
from sensetrack.scene._noise import NoiseSource
from sensetrack.types import PathLike

DAYS_PER_YEAR = 365.25

HISTORIES: dict[str, Callable[[float], float]] = {
    # Years since the first date to shares of the whole motion in a year.
    "glacier": lambda t: t + 0.15 / (2 * math.pi) * (1 - math.cos(2 * math.pi * t)),
    "landslide": lambda t: 0.3 * t + 0.7 * t**3,
    "earthquake": lambda t: 1.0 if t > 0.1 else 0.0,
}
"""How the motion of each kind of scene runs: seasons; acceleration; all at once after 36 days."""


@dataclass(frozen=True)
class SeriesPaths:
    """The files of a series of images.

    Attributes
    ----------
    folder : Path
    images : tuple of Path
        In order of their dates, which their names and tags say.
    truth : Path
        Layers ``dx`` and ``dy``: motion in pixels that a share of 1 stands for.
    history : Path
        CSV file with columns ``date`` and ``share``: how much of that has happened at each date.
    area, stable : Path or None
        As in `sensetrack.scene.ScenePaths`.
    """

    folder: Path
    images: tuple[Path, ...]
    truth: Path
    history: Path
    area: Path | None
    stable: Path | None


def write_series(
    folder: PathLike,
    *,
    kind: str = "glacier",
    days: Sequence[float] = tuple(range(0, 120, 12)),
    per_year: float = 4.0,
    seed: int = 42,
    shape: tuple[int, int] = (256, 304),
    start: datetime = FIRST_DATE,
    name: str = "",
    overwrite: bool = True,
) -> SeriesPaths:
    """Write images of one landscape at many dates, each with its own sun, clouds, noise and misregistration.

    Parameters
    ----------
    folder : path-like
        Made when it does not exist.
    kind : {"glacier", "landslide", "earthquake"}
        Also says how the motion runs over time, see `HISTORIES`.
    days : sequence of float
        Dates, from ``start``; ascending by a day at least.
    per_year : float
        Motion in a year in units of that of `sensetrack.scene.build_scene`; of an earthquake, that of the event. What
        happens over the whole series must stay below 3.
    seed, shape
        As in `sensetrack.scene.build_scene`.
    start : datetime
    name : str
        Before the dates in the names of the images.
    overwrite : bool
        Whether existing files may be replaced.

    Returns
    -------
    SeriesPaths

    Raises
    ------
    ParameterError
        Unknown kind, too small a shape, dates that do not ascend, or too much motion.
    OutputError
        A file exists already and ``overwrite`` is off, or cannot be written.
    """
    shares = _shares(kind, days, per_year)
    if min(shape) < SMALLEST:
        raise ParameterError(f"shape = {shape}: a scene needs at least {SMALLEST} rows and columns")
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{root}: the folder cannot be made ({error})") from error
    frame = Frame(shape, KINDS[kind].shape)
    dates = [start + timedelta(days=day) for day in days]
    images = []
    ground = _landscape(kind, frame, seed, 1.0)
    grid = Grid(shape, ground.transform, CRS.from_string(ground.crs))
    for number, (date, share) in enumerate(zip(dates, shares, strict=True)):
        path = root / f"{name}{date:%Y%m%d}.tif"
        landscape = _landscape(kind, frame, seed, share)
        pixels = _photograph(landscape, kind, frame, seed, number, number / max(1, len(dates) - 1), share > 0)
        _write_image(path, grid, pixels, {ACQUIRED_TAG: date.isoformat()}, overwrite)
        images.append(path)
    rows, cols = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    dy, dx = ground.motion.at(rows, cols)
    truth = root / f"{name}truth.tif"
    tags = {"product": "truth", "units": "pixels; dx right, dy down, for a share of 1"}
    with TiledWriter(truth, grid, ("dx", "dy"), tags, overwrite=overwrite) as writer:
        writer.write(whole(shape), {"dx": dx.astype(np.float32), "dy": dy.astype(np.float32)})
    history = root / f"{name}history.csv"
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["date", "share"])
    lines.writerows([date.isoformat(), f"{share:.9f}"] for date, share in zip(dates, shares, strict=True))
    with atomic(history, overwrite=overwrite) as part:
        part.write_text(text.getvalue(), encoding="utf-8")
    outlines: list[Path | None] = []
    for stem, mask in ((kind, ground.area), ("stable", ground.stable)):
        outline = None if mask is None else root / f"{name}{stem}.gpkg"
        if outline is not None and mask is not None:
            _write_outline(outline, grid, mask, overwrite)
        outlines.append(outline)
    return SeriesPaths(root, tuple(images), truth, history, outlines[0], outlines[1])


def _shares(kind: str, days: Sequence[float], per_year: float) -> list[float]:
    if kind not in KINDS:
        raise ParameterError(f"kind = '{kind}'{did_you_mean(kind, KINDS)}")
    if len(days) < 2 or min(np.diff(days)) < 1:
        raise ParameterError(f"days = {tuple(days)}: give two dates or more, each a day after the one before at least")
    history = HISTORIES[kind]
    shares = [per_year * (history(day / DAYS_PER_YEAR) - history(days[0] / DAYS_PER_YEAR)) for day in days]
    if max(shares) >= 3:
        raise ParameterError(f"per_year = {per_year:g}: the ground would move {max(shares):.1f} times; stay below 3")
    return shares


def _landscape(kind: str, frame: Frame, seed: int, share: float) -> Landscape:
    """The same ground for every date; its motion is that since the first one."""
    spec = KINDS[kind]
    peak = spec.peak * min(1.0, frame.scale) * max(share, 1e-6)
    return spec.build(frame, NoiseSource(frame.fine_shape, (seed, 0)), peak)


def _photograph(
    landscape: Landscape, kind: str, frame: Frame, seed: int, number: int, progress: float, moved: bool
) -> np.ndarray:
    """Return one image; the sun and the ground's look change gradually over the series."""
    spec = KINDS[kind]
    first, last = spec.suns
    sun = Sun(
        first.azimuth + progress * (last.azimuth - first.azimuth),
        first.elevation + progress * (last.elevation - first.elevation),
    )
    albedo = landscape.albedo[0] + np.float32(progress) * (landscape.albedo[1] - landscape.albedo[0])
    ground = illuminate(landscape.height, albedo, sun)
    if moved:
        ground = carry(ground, landscape, frame)
    rng = np.random.default_rng((seed, 2, number))
    off = rng.uniform(-0.3, 0.3, 2) if number else np.zeros(2)
    image = expose(ground, frame, (float(off[0]), float(off[1])))
    clouds = [
        dataclasses.replace(cloud, row=float(rng.uniform(0, 1)), col=float(rng.uniform(0, 1)))
        for cloud in spec.clouds[number % 2][:1]
    ]
    noise = NoiseSource(frame.shape, (seed, 3, number))
    image, _, masked = add_clouds(image, tuple(clouds), sun, noise)
    counts = digitise(image, noise)
    counts[masked] = 0
    return counts
