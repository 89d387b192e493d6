"""The scenes of a project: found, described, and brought onto one grid."""

from __future__ import annotations

import csv
import fnmatch
import glob
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from sensetrack.engine import Engine
from sensetrack.errors import GridError, InputError, ParameterError, SensetrackError
from sensetrack.prepare import Surroundings, prepare
from sensetrack.project.settings import ProjectParams, SearchParams
from sensetrack.project.stores import find_stored, is_stored
from sensetrack.raster.dates import parse_time
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.remote import is_url
from sensetrack.sensors import product_at
from sensetrack.timeseries import Epoch
from sensetrack.types import Progress

_RASTERS = (".tif", ".tiff", ".vrt", ".jp2", ".img", ".jpg", ".jpeg", ".png", ".nc", ".h5", ".he5", ".zip", ".tar")
"""Suffixes that are taken from a folder."""


@dataclass(frozen=True)
class SceneFile:
    """One scene that can be tracked.

    Attributes
    ----------
    path : str
    epoch : Epoch
    """

    path: str
    epoch: Epoch


@dataclass(frozen=True)
class Failure:
    """Something that could not be done.

    Attributes
    ----------
    what : str
    reason : str
    """

    what: str
    reason: str


def find_scenes(params: ProjectParams, root: Path) -> list[str]:
    """Return the paths of all scenes of a project, in order of their names.

    Parameters
    ----------
    params : ProjectParams
    root : Path
        Folder that relative paths start from.

    Raises
    ------
    InputError
        A pattern or a path names nothing.
    MissingExtraError
        A pattern in an object store needs the extra ``cloud``.
    """
    found: list[str] = []
    for text in params.scenes.paths:
        if is_url(text) or text.startswith("/vsi"):
            found.append(text)
            continue
        if is_stored(text):
            found += find_stored(text)
            continue
        base = Path(Path(text).anchor) if Path(text).is_absolute() else root
        pattern = str(Path(text).relative_to(base)) if Path(text).is_absolute() else text
        paths = sorted(map(str, base.glob(pattern))) if glob.has_magic(text) else [str(root / text)]
        if not paths or not Path(paths[0]).exists():
            raise InputError(f"scenes: {text} names no file below {root}")
        for path in paths:
            found += _inside(Path(path))
    left = [path for path in dict.fromkeys(found) if not _is_excluded(path, params.scenes.exclude)]
    return sorted(left, key=lambda path: (Path(path).name, path))


def _inside(path: Path) -> list[str]:
    """A product or a file as it is; of a plain folder, what is in it."""
    if not path.is_dir() or product_at(str(path)) is not None:
        return [str(path)]
    inner = sorted(path.iterdir())
    return [
        str(each)
        for each in inner
        if (each.is_file() and each.suffix.lower() in _RASTERS and not each.name.startswith("."))
        or (each.is_dir() and product_at(str(each)) is not None)
    ]


def _is_excluded(path: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatch(Path(path).name, pattern) for pattern in patterns)


def search_scenes(search: SearchParams, folder: Path) -> tuple[list[str], list[Failure]]:
    """Ask a catalogue for scenes, download what is new, and return what to open and what could not be had.

    Raises
    ------
    DownloadError, ParameterError
        The catalogue does not answer, or does not know what is asked for.
    """
    from sensetrack.catalog import Client, catalogue_of, fetch_all
    from sensetrack.catalog.query import Query

    client = Client()
    catalogue = catalogue_of(search.source, client)
    entries = catalogue.search(Query(**search.query))
    if entries:
        catalogue.login()
    folder.mkdir(parents=True, exist_ok=True)
    failures: list[Failure] = []
    wanted = {}
    for entry in entries:
        try:
            wanted[entry.name] = catalogue.wanted(entry, folder, search.bands)
        except SensetrackError as error:
            failures.append(Failure(entry.name, str(error)))
    outcomes = fetch_all([item for items in wanted.values() for item in items], client)
    errors = {outcome.wanted.path: outcome.error for outcome in outcomes if outcome.error is not None}
    found = []
    for entry in entries:
        items = wanted.get(entry.name)
        if items is None:
            continue
        failed = next((str(errors[item.path]) for item in items if item.path in errors), None)
        if failed is not None:
            failures.append(Failure(entry.name, failed))
        else:
            found.append(str(catalogue.complete(entry, folder, items)))
    return found, failures


def prepare_scenes(
    params: ProjectParams,
    paths: Sequence[str],
    folder: Path,
    root: Path,
    engine: Engine | None,
    progress: Progress | None,
) -> tuple[list[str], list[Failure]]:
    """Bring scenes onto one grid with `sensetrack.prepare`, and return what to open and what failed.

    Raises
    ------
    SensetrackError
        As `sensetrack.prepare.plan`.
    """
    assert params.prepare is not None
    settings = params.prepare
    if settings.aoi is not None and (root / settings.aoi).exists():
        settings = settings.with_changes(aoi=str(root / settings.aoi))
    kind = cast(Literal["auto", "native", "gpt"], params.graph_engine)
    around = Surroundings(engine=kind, download=params.download, checksums=False)
    results = prepare(paths, folder, settings, around, engine=engine, progress=progress)
    failures = [Failure(each.scene, each.reason) for each in results if each.path is None]
    return [str(each.path) for each in results if each.path is not None], failures


def describe_scenes(
    params: ProjectParams, paths: Sequence[str], root: Path, origins: Sequence[str] | None = None
) -> tuple[list[SceneFile], list[Failure]]:
    """Say of every scene when it was taken, by what, and on which track.

    Parameters
    ----------
    params : ProjectParams
    paths : sequence of str
        What is tracked.
    root : Path
    origins : sequence of str, optional
        Products that ``paths`` were made of, for what only they say.

    Returns
    -------
    list of SceneFile
        In order of their dates.
    list of Failure
        Scenes that cannot be opened or say no date.

    Raises
    ------
    InputError, ParameterError
        The table cannot be read.
    """
    table = {} if params.scenes.table is None else _read_table(root / params.scenes.table)
    found: list[SceneFile] = []
    failures: list[Failure] = []
    by_stem = {_stem(path): path for path in origins or ()}
    for path in paths:
        try:
            found.append(SceneFile(path, _epoch(params, path, by_stem.get(_stem(path), path), table)))
        except SensetrackError as error:
            failures.append(Failure(_stem(path), str(error)))
    return sorted(found, key=lambda scene: (scene.epoch.date, scene.epoch.name)), failures


def _epoch(params: ProjectParams, path: str, origin: str, table: dict[str, dict[str, str]]) -> Epoch:
    image = Image.open(path, band=None if params.prepare else params.scenes.band)
    name = _stem(path)
    row = table.get(name) or table.get(Path(path).name) or {}
    date = parse_time(row["date"]) if row.get("date") else image.acquired
    if date is None:
        raise InputError(
            f"{path}: does not say when it was taken; put the date into its name (20200131) or into scenes: table, or "
            "leave the file out with scenes: exclude"
        )
    product = product_at(origin)
    properties: dict[str, Any] = {} if product is None else product.properties()
    orbit = properties.get("sat:relative_orbit")
    track = "" if orbit is None else f"{orbit}{str(properties.get('sat:orbit_state', ''))[:1].upper()}"
    try:
        baseline = float(row.get("baseline") or image.metadata.get("perpendicular_baseline") or math.nan)
    except ValueError:
        raise ParameterError(f"baseline of {name} is '{row.get('baseline')}'; write metres") from None
    sensor = row.get("sensor") or ("" if product is None else product.sensor)
    return Epoch(name, date, sensor, row.get("track") or track, baseline)


def common_grid(scenes: Sequence[SceneFile], band: int | str | None) -> tuple[Grid, list[Failure], list[SceneFile]]:
    """Return the grid of the first scene, scenes that cannot be brought onto it, and those that can.

    Raises
    ------
    InputError
        There is no scene.
    """
    if not scenes:
        raise InputError("scenes: none can be opened")
    grid = Image.open(scenes[0].path, band=band).grid
    good, failures = [], []
    for scene in scenes:
        own = Image.open(scene.path, band=band).grid
        try:
            if own.difference(grid) and not _can_be_placed(own, grid):
                raise GridError(
                    f"{scene.path}: {own.difference(grid)} of {scenes[0].path}, and it cannot be resampled; use prepare"
                )
            good.append(scene)
        except GridError as error:
            failures.append(Failure(scene.epoch.name, str(error)))
    return grid, failures, good


def _can_be_placed(own: Grid, grid: Grid) -> bool:
    return own.crs is not None and grid.crs is not None and grid.overlaps(own)


def _stem(path: str) -> str:
    return Path(path.rstrip("/")).stem


def _read_table(path: Path) -> dict[str, dict[str, str]]:
    known = {"name", "date", "sensor", "track", "baseline"}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: the table of scenes cannot be read ({error})") from error
    columns = list(rows[0]) if rows else sorted(known)
    if "name" not in columns or set(columns) - known:
        raise ParameterError(
            f"{path}: its columns are {', '.join(map(str, columns))}; known are {', '.join(sorted(known))}"
        )
    return {row["name"].strip(): {key: (value or "").strip() for key, value in row.items()} for row in rows}
