"""Elevation models by the names that SNAP has for them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from sensetrack.catalog.dem import Model
from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.elevation import METHODS, Elevation
from sensetrack.graph.geoid import find_geoid
from sensetrack.graph.operators._base import Context
from sensetrack.log import logger
from sensetrack.raster.crs import Extent
from sensetrack.raster.image import Image

_log = logger(__name__)

EXTERNAL = "External DEM"
COPERNICUS: dict[str, Model] = {
    "Copernicus 30m Global DEM": "glo-30",
    "Copernicus 90m Global DEM": "glo-90",
}
OTHERS = ("SRTM 1Sec HGT", "SRTM 3Sec", "ACE30", "ACE2_5Min", "ASTER 1sec GDEM", "GETASSE30", "CDEM")
"""Models that SNAP downloads and this package does not."""

_AUTO = re.compile(r"\s*\(Auto\s?Download\)\s*$", re.IGNORECASE)


def open_elevation(
    name: str,
    *,
    file: str,
    nodata: float,
    above_geoid: bool,
    resampling: str,
    known_only: bool,
    boxes: Sequence[Extent],
    context: Context,
) -> Elevation:
    """Open an elevation model.

    Parameters
    ----------
    name : str
        SNAP's ``demName``. The Copernicus models are downloaded into the user's cache where the context allows it;
        height 0 is the sea in them, and their heights count as above EGM96, as in SNAP (they are above EGM2008, which
        is less than a metre from it almost everywhere).
    file, nodata, above_geoid
        Of an external model: ``externalDEMFile``, ``externalDEMNoDataValue`` and ``externalDEMApplyEGM``.
    resampling : str
        ``demResamplingMethod``.
    known_only : bool
        ``nodataValueAtSea``.
    boxes : sequence of tuple of float
        The area in longitude and latitude; two boxes across the antimeridian.
    context : Context

    Raises
    ------
    GraphError
        There is no such model, only SNAP has it, its tiles are not there, or there is no geoid.
    InputError, DownloadError
        A file cannot be read, a tile not be fetched.
    """
    if resampling not in METHODS:
        raise GraphError(
            f"demResamplingMethod = '{resampling}' runs in SNAP only; here: {', '.join(METHODS)}, or use --engine gpt"
        )
    method = METHODS[resampling]
    plain = _AUTO.sub("", name)
    if plain == EXTERNAL:
        if not file:
            raise GraphError(f"demName = '{EXTERNAL}' needs externalDEMFile, a raster with heights")
        image = Image.open(context.path(file))
        if image.grid.crs is None:
            raise GraphError(f"externalDEMFile = '{file}': has no CRS; assign it with 'gdal_edit -a_srs EPSG:...'")
        geoid = find_geoid(context.geoid, download=context.download) if above_geoid else None
        return Elevation(image=image, voids=(nodata,), geoid=geoid, method=method, known_only=known_only)
    if file:
        _log.warning("demName = '%s': '%s' is not used; set demName = '%s' to use it", name, file, EXTERNAL)
    if plain in COPERNICUS:
        geoid = find_geoid(context.geoid, download=context.download)
        raster = _copernicus(COPERNICUS[plain], plain, boxes, context)
        if raster is None and known_only:
            raise GraphError(
                f"demName = '{name}': there is no tile of it under the scene, which lies in the sea; "
                "set nodataValueAtSea = false to put the sea on the geoid"
            )
        tiles = None if raster is None else Image.open(raster)
        return Elevation(image=tiles, voids=(0.0,), geoid=geoid, method=method, known_only=known_only)
    if plain in OTHERS:
        raise GraphError(
            f"demName = '{name}': only SNAP downloads this model. Use '{next(iter(COPERNICUS))}', or download tiles of "
            f"it and set demName = '{EXTERNAL}' and externalDEMFile to a raster (or .vrt) of them"
        )
    raise GraphError(f"demName = '{name}'{did_you_mean(name, (EXTERNAL, *COPERNICUS, *OTHERS))}")


def _copernicus(model: Model, name: str, boxes: Sequence[Extent], context: Context) -> Path | None:
    """Return a raster over the tiles of an area; None where all of it is sea."""
    from sensetrack.catalog import Client, cache_folder, fetch_all, find_tiles, tile_names, write_vrt

    folder = cache_folder("dem")
    names = tile_names(boxes, model)
    # Where there is no tile the sea is: a note is kept, so that nothing is asked again.
    unknown = [each for each in names if not any((folder / f"{each}{end}").exists() for end in (".tif", ".absent"))]
    if unknown and not context.download:
        raise GraphError(
            f"demName = '{name}': {len(unknown)} of {len(names)} tiles are not in {folder} ({unknown[0]}, ...), and "
            "downloads are not allowed here. Allow them, fetch the tiles with 'sensetrack download dem', or set "
            f"demName = '{EXTERNAL}' and externalDEMFile"
        )
    if unknown:
        client = Client()
        folder.mkdir(parents=True, exist_ok=True)
        tiles = find_tiles(boxes, folder, client, model)
        outcomes = fetch_all(tiles.wanted, client)
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error
        for absent in tiles.missing:
            (folder / f"{absent}.absent").touch()
    paths = [folder / f"{each}.tif" for each in names if (folder / f"{each}.tif").exists()]
    if not paths:
        return None
    digest = hashlib.sha256(" ".join(path.stem for path in paths).encode()).hexdigest()[:16]
    target = folder / f"{model}_{digest}.vrt"
    if not target.exists():
        write_vrt(paths, target)
    return target
