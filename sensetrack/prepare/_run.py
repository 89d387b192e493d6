"""All scenes onto one grid: planned first, then made one by one, going on where an earlier run stopped."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sensetrack.convert import onto, stored_numbers
from sensetrack.engine import Engine, Serial
from sensetrack.errors import OutputError, SensetrackError, UnusableImageError
from sensetrack.prepare._graphs import Recipe, check_variables, native_bands, recipe_of, snap_bands
from sensetrack.prepare._inputs import Scene, open_scenes, target_grid
from sensetrack.prepare._records import Record, key_of, write_index, write_manifest
from sensetrack.prepare._settings import PrepareParams, Surroundings
from sensetrack.prepare._tiles import Written, is_there, tiles_of, write_tile, write_vrt
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.types import PathLike, Progress

MANIFEST = "manifest.json"
INDEX = "index.gpkg"


@dataclass(frozen=True)
class Prepared:
    """What became of one scene.

    Attributes
    ----------
    scene : str
    path : Path or None
        The virtual raster, which any tracker takes; None where it failed.
    record : Record or None
    reason : str
        Why it failed.
    reused : int
        Tiles that were there already.
    """

    scene: str
    path: Path | None
    record: Record | None
    reason: str = ""
    reused: int = 0


@dataclass(frozen=True)
class Plan:
    """What a run will do.

    Attributes
    ----------
    grid : Grid
    jobs : tuple of Job
    """

    grid: Grid
    jobs: tuple[Job, ...]


@dataclass(frozen=True, eq=False)
class Job:
    """One scene of a plan; pickles."""

    scene: Scene
    recipe: Recipe
    params: PrepareParams
    grid: Grid
    around: Surroundings
    folder: Path

    @property
    def tiles(self) -> Path:
        """Folder of the scene's tiles and its record."""
        return self.folder / "tiles" / self.scene.name

    @property
    def work(self) -> Path:
        """What SNAP writes, until its pixels are in the tiles."""
        return self.folder / "work" / f"{self.scene.name}.tif"

    @property
    def vrt(self) -> Path:
        """The virtual raster of all tiles."""
        return self.folder / f"{self.scene.name}.vrt"

    def key(self) -> str:
        """Return a hash of all that the pixels depend on."""
        used = {
            name: stamp
            for name, value in self.recipe.variables.items()
            if name not in ("input", "output") and (stamp := _stamp(value))
        }
        return key_of(
            {
                "input": self.scene.path,
                "files": self.scene.stamp(),
                "graph": [self.recipe.name, self.recipe.text_sha256, self.recipe.engine],
                "used": used,
                "around": [self.around.orbits, self.around.geoid],
                "grid": [list(self.grid.transform)[:6], self.grid.shape, self.grid.crs and self.grid.crs.to_wkt()],
                "tile_size": self.params.tile_size,
                "resampling": self.params.resampling,
            }
        )


def plan(paths: Sequence[str], folder: PathLike, params: PrepareParams, around: Surroundings | None = None) -> Plan:
    """Open all scenes, choose the grid, and check every graph before anything is computed.

    Parameters
    ----------
    paths : sequence of str
        Products of sensors, or plain rasters on a map.
    folder : path-like
        Where everything goes.
    params : PrepareParams
    around : Surroundings, optional

    Raises
    ------
    InputError, GridError, ParameterError, GraphError
        A scene cannot be opened; they share no area; a graph is wrong.
    """
    around = around or Surroundings()
    scenes = open_scenes(paths)
    grid = target_grid(scenes, params)
    root = Path(folder)
    recipes = [recipe_of(scene, params, grid, around, root / "work" / f"{scene.name}.tif") for scene in scenes]
    check_variables(around.variables, [recipe.file for recipe in recipes])
    jobs = [Job(scene, recipe, params, grid, around, root) for scene, recipe in zip(scenes, recipes, strict=True)]
    return Plan(grid, tuple(jobs))


def prepare(
    paths: Sequence[str],
    folder: PathLike,
    params: PrepareParams | None = None,
    around: Surroundings | None = None,
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
) -> list[Prepared]:
    """Bring scenes of any sensors onto one grid, as tiles.

    Several scenes run in parallel, one per worker; a single one shares its blocks among the workers. What an earlier
    run has finished for the same inputs, graphs and grid is kept. One scene that fails stops no other.

    Parameters
    ----------
    paths, folder, params, around
        As `plan`; the folder is made.
    engine : Engine, optional
        Default: `Serial`.
    progress : callable, optional
        Told how many scenes are done; of a single one, how many blocks of a tile.

    Returns
    -------
    list of Prepared
        One per scene, in order. Beside the tiles, ``folder`` holds a ``.vrt`` per scene, ``index.gpkg`` and
        ``manifest.json``.

    Raises
    ------
    SensetrackError
        As `plan`; or the folder cannot be written.
    """
    params = params or PrepareParams()
    planned = plan(paths, folder, params, around)
    root = Path(folder)
    try:
        (root / "tiles").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{root}: cannot be made ({error.strerror})") from error
    results = list(_run(planned.jobs, engine or Serial(), progress))
    records = [each.record for each in results if each.record is not None]
    failed = {each.scene: each.reason for each in results if each.record is None}
    write_index(root / INDEX, planned.grid, params.tile_size, records)
    write_manifest(root / MANIFEST, planned.grid, params.tile_size, records, failed, params.model_dump(mode="json"))
    return results


def _run(jobs: Sequence[Job], engine: Engine, progress: Progress | None) -> Iterator[Prepared]:
    if len(jobs) == 1:
        yield _attempt(jobs[0], engine, progress)
        return
    for done, result in enumerate(engine.map(_attempt, jobs), start=1):
        if progress is not None:
            progress(done, len(jobs))
        yield result


def _attempt(job: Job, engine: Engine | None = None, progress: Progress | None = None) -> Prepared:
    try:
        return _make(job, engine, progress)
    except OutputError:
        raise
    except SensetrackError as error:
        return Prepared(job.scene.name, None, None, str(error))


def _make(job: Job, engine: Engine | None, progress: Progress | None) -> Prepared:
    """Make what is missing of one scene."""
    key = job.key()
    file = job.tiles / "scene.json"
    before = None if job.around.overwrite else Record.read(file, key)
    kept = {(tile.row, tile.col): tile for tile in (before.tiles if before else ()) if is_there(tile, job.folder)}
    wanted = list(tiles_of(job.grid, job.params.tile_size))
    if before is not None and before.complete and len(kept) == len(wanted) and job.vrt.is_file():
        return Prepared(job.scene.name, job.vrt, before, reused=len(kept))
    job.tiles.mkdir(parents=True, exist_ok=True)
    images, names = _bands(job)
    numbers = stored_numbers(images)
    placed = [onto(image, job.grid, job.params.resampling) for image in images]
    resampled = any(image.warp is not None and image.warp.resampling != "nearest" for image in placed)
    numbers = None if resampled else numbers
    tags = {"graph": job.recipe.name} | ({"resampling": job.params.resampling} if resampled else {})
    record = Record(
        key=key,
        scene=job.scene.name,
        sensor=job.scene.sensor,
        acquired=images[0].acquired.isoformat() if images[0].acquired else "",
        input=str(Path(job.scene.path).resolve()) if Path(job.scene.path).exists() else job.scene.path,
        sha256=job.scene.checksum() if job.around.checksums else None,
        graph=job.recipe.name,
        graph_sha256=job.recipe.text_sha256,
        engine=job.recipe.engine,
        variables=job.recipe.variables,
        bands=tuple(names),
        resampled=resampled,
    )
    make: Callable[..., Written] = partial(
        write_tile,
        images=placed,
        names=names,
        folder=job.tiles,
        scene=job.scene.name,
        tags=tags,
        numbers=numbers,
        engine=engine,
        progress=progress,
    )
    done: list[Written] = []
    for tile in wanted:
        done.append(kept.get((tile.row, tile.col)) or make(tile))
        record = dataclasses.replace(record, tiles=tuple(done))
        record.write(file)
    if not any(tile.file for tile in done):
        raise UnusableImageError(f"{job.scene.name}: has no valid pixel on the grid; check the area and its nodata")
    job.work.unlink(missing_ok=True)
    write_vrt(job.vrt, job.grid, job.params.tile_size, done, placed, names, tags, numbers)
    record = dataclasses.replace(record, complete=True)
    record.write(file)
    return Prepared(job.scene.name, job.vrt, record, reused=len(kept))


def _bands(job: Job) -> tuple[list[Image], list[str]]:
    if job.recipe.engine == "native":
        return native_bands(job.recipe, job.scene, job.around)
    job.work.parent.mkdir(parents=True, exist_ok=True)
    return snap_bands(job.recipe, job.work, job.tiles / "snap.log")


def _stamp(value: str) -> tuple[int, int] | None:
    """Return bytes and time of the file that a variable names; None where it names none."""
    try:
        found = Path(value).stat()
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns
