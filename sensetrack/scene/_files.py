"""Writes a scene pair, its masks and its truth as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from affine import Affine
from rasterio import features

from sensetrack.errors import OutputError, ParameterError
from sensetrack.raster.dates import ACQUIRED_TAG
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import TILE, whole
from sensetrack.raster.write import TiledWriter, atomic
from sensetrack.scene._build import FIRST_DATE, build_scene
from sensetrack.types import Mask, PathLike


@dataclass(frozen=True)
class ScenePaths:
    """The files of a scene.

    Attributes
    ----------
    folder : Path
    reference, secondary : Path
        The two images: uint16, reflectance x 10 000, 0 is nodata; the date is in the name and in the tags.
    truth : Path
        Layers ``dx``, ``dy`` (ground motion in pixels, without the misregistration of the secondary) and ``valid``
        (1 where both images show the ground), on the grid of the images; tag ``product=truth``. The tags
        ``misregistration_dx`` and ``misregistration_dy`` are what coregistration has to find.
    area : Path or None
        Outline of what moves (the glacier, the landslide); None for an earthquake.
    stable : Path or None
        Outline of stable ground; None for an earthquake.
    """

    folder: Path
    reference: Path
    secondary: Path
    truth: Path
    area: Path | None
    stable: Path | None


def write_scene(
    folder: PathLike,
    *,
    kind: str = "glacier",
    seed: int = 42,
    shape: tuple[int, int] | None = None,
    days: float | None = None,
    shift: tuple[float, float] = (-0.24, 0.37),
    ideal: bool = False,
    overwrite: bool = True,
) -> ScenePaths:
    """Write a synthetic image pair whose motion is known.

    Parameters
    ----------
    folder : path-like
        Made when it does not exist.
    kind, seed, shape, days, shift, ideal
        As in `build_scene`.
    overwrite : bool
        Whether existing files may be replaced.

    Returns
    -------
    ScenePaths

    Raises
    ------
    ParameterError
        As in `build_scene`; or the images would get the same name because ``days`` is below 1.
    OutputError
        A file exists already and ``overwrite`` is off, or cannot be written.
    """
    scene = build_scene(kind, seed=seed, shape=shape, days=days, shift=shift, ideal=ideal)
    dates = FIRST_DATE, FIRST_DATE + timedelta(days=scene.days)
    if dates[0].date() == dates[1].date():
        raise ParameterError(f"days = {scene.days}: the images are named after their dates; at least 1 is needed")
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{root}: the folder cannot be made ({error})") from error
    area = root / f"{kind}.gpkg" if scene.area is not None else None
    stable = root / "stable.gpkg" if scene.stable is not None else None
    first, second = (root / f"{date.date().isoformat()}.tif" for date in dates)
    paths = ScenePaths(root, first, second, root / "truth.tif", area, stable)
    for path, pixels, date in ((first, scene.reference, dates[0]), (second, scene.secondary, dates[1])):
        _write_image(path, scene.grid, pixels, {ACQUIRED_TAG: date.isoformat()}, overwrite)
    tags = {
        "product": "truth",
        "units": "pixels; dx right, dy down, from reference to secondary",
        "days": str(scene.days),
        "misregistration_dy": str(shift[0]),
        "misregistration_dx": str(shift[1]),
    }
    with TiledWriter(paths.truth, scene.grid, ("dx", "dy", "valid"), tags, overwrite=overwrite) as writer:
        writer.write(whole(scene.grid.shape), {"dx": scene.dx, "dy": scene.dy, "valid": scene.valid})
    for name, mask in ((area, scene.area), (stable, scene.stable)):
        if name is not None and mask is not None:
            _write_outline(name, scene.grid, mask, overwrite)
    return paths


def _write_image(path: Path, grid: Grid, pixels: np.ndarray, tags: Mapping[str, str], overwrite: bool) -> None:
    with (
        atomic(path, overwrite=overwrite) as part,
        rasterio.open(
            part,
            "w",
            driver="GTiff",
            height=grid.height,
            width=grid.width,
            count=1,
            dtype="uint16",
            crs=grid.crs,
            transform=grid.transform,
            nodata=0,
            tiled=True,
            blockxsize=TILE,
            blockysize=TILE,
            compress="deflate",
            predictor=2,
        ) as dataset,
    ):
        dataset.update_tags(**tags)
        dataset.write(pixels, 1)


def _write_outline(path: Path, grid: Grid, mask: Mask, overwrite: bool) -> None:
    """Write the True pixels as one multipolygon."""
    shapes = features.shapes(mask.astype(np.uint8), mask=mask, transform=Affine(*grid.transform[:6]))
    outline = shapely.union_all([shapely.geometry.shape(shape) for shape, _ in shapes])
    multi = shapely.MultiPolygon(shapely.get_parts(outline).tolist())
    with atomic(path, overwrite=overwrite) as part:
        pyogrio.raw.write(
            part,
            np.array([shapely.to_wkb(multi)], dtype=object),
            [np.array([path.stem], dtype=object)],
            ["name"],
            layer=path.stem,
            driver="GPKG",
            geometry_type="MultiPolygon",
            crs=grid.crs.to_wkt() if grid.crs else None,
        )
