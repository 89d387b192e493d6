"""Products to GeoTIFF: calibrated and masked bands, cut to an area, on a grid of one's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sensetrack.coregister.regrid import WGS84, RegridParams, common_grid
from sensetrack.coregister.resample import move
from sensetrack.coregister.write import Numbers, write_images
from sensetrack.engine import Engine
from sensetrack.errors import GridError, ParameterError
from sensetrack.raster import vector
from sensetrack.raster.crs import Extent, extent_text, transform_extent
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.image import Image
from sensetrack.raster.methods import Method
from sensetrack.types import PathLike, Progress

_ALIGNED = 1e-3
"""Pixels by which a grid may be off another's raster and still hold the same pixels."""


def convert_images(
    images: Sequence[Image],
    output: PathLike,
    *,
    aoi: str | None = None,
    crs: str | None = None,
    resolution: float | None = None,
    resampling: Method = "spline",
    engine: Engine | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> float:
    """Write bands of a product as one GeoTIFF.

    Without ``crs`` and ``resolution`` the pixels are those of the first band, cut but not resampled; other bands are
    resampled onto them where their pixels differ in size. Integers (`Product.image` with ``raw=True``) stay integers
    as long as nothing is resampled, with scale and offset in the file.

    Parameters
    ----------
    images : sequence of Image
        From `Product.image`.
    output : path-like
        ``.tif``; it appears only when it is complete.
    aoi : str, optional
        What to cut out: ``west,south,east,north`` in degrees, or a vector file, of which the extent counts.
    crs : str, optional
        As in `RegridParams`: ``utm``, EPSG code, WKT or PROJ text.
    resolution : float, optional
        Pixel size in units of the CRS.
    resampling : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"}
    engine, progress, overwrite
        As in `write_images`.

    Returns
    -------
    float
        Share of valid pixels.

    Raises
    ------
    GridError
        The product is not on a map, or the area lies beside it.
    ParameterError
        The area, the CRS or the resolution makes no sense.
    UnusableImageError, OutputError
        As `write_images`.
    """
    grid = _grid(images[0], aoi, crs, resolution)
    placed = [onto(image, grid, resampling) for image in images]
    names = [image.band_names[0] for image in images]
    tags = {"band": ",".join(names)}
    moved = any(after.warp is not None and after.warp.resampling != "nearest" for after in placed)
    if moved:
        tags["resampling"] = resampling
    return write_images(
        placed,
        output,
        names=names,
        tags=tags,
        numbers=None if moved else stored_numbers(images),
        engine=engine,
        progress=progress,
        overwrite=overwrite,
    )


def area_of(aoi: str) -> tuple[Extent, Any]:
    """Return the extent of an area of interest and its CRS.

    Parameters
    ----------
    aoi : str
        ``west,south,east,north`` in degrees, or a vector file.

    Raises
    ------
    ParameterError
        Four numbers that are no extent.
    InputError
        The file cannot be read.
    """
    parts = aoi.replace(",", " ").split()
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return vector.extent_of(aoi)
    if len(numbers) != 4 or not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        raise ParameterError(
            f"aoi = '{aoi}': write west,south,east,north in degrees, with west < east and south < north, or a file"
        )
    return (numbers[0], numbers[1], numbers[2], numbers[3]), WGS84


def _grid(first: Image, aoi: str | None, crs: str | None, resolution: float | None) -> Grid:
    """Return where the output lies."""
    if aoi is None and crs is None and resolution is None:
        return first.grid
    if first.grid.crs is None:
        raise GridError(
            f"{first.name} is in the geometry of the sensor, not on a map, so it cannot be cut or put on a CRS here; "
            "leave out aoi, crs and resolution, or geocode it first"
        )
    if aoi is None:
        return common_grid([first], RegridParams(crs=crs, resolution=resolution))
    extent, own = area_of(aoi)
    if crs is None and resolution is None:
        return _cut(first, extent, own, aoi)
    code = crs_name(own)
    bounds_crs = code if ":" in code else own.to_wkt()
    params = RegridParams(crs=crs, resolution=resolution, bounds=extent, bounds_crs=bounds_crs)
    return common_grid([first], params)


def _cut(first: Image, extent: Extent, crs: Any, aoi: str) -> Grid:
    """Return the pixels of an image that an extent touches."""
    grid = first.grid
    boxes = transform_extent(crs, grid.crs, extent)
    found = None
    if len(boxes) == 1:
        xmin, ymin, xmax, ymax = boxes[0]
        rows, cols = grid.rowcol([xmin, xmax, xmin, xmax], [ymin, ymin, ymax, ymax])
        top, left = (max(0, math.floor(float(each.min()) + 0.5 + _ALIGNED)) for each in (rows, cols))
        bottom, right = (
            min(length, math.ceil(float(each.max()) + 0.5 - _ALIGNED))
            for each, length in zip((rows, cols), grid.shape, strict=True)
        )
        if bottom > top and right > left:
            found = grid.crop(top, left, (bottom - top, right - left))
    if found is None:
        raise GridError(
            f"aoi = '{aoi}' does not overlap {first.name}, which covers {extent_text(grid.bounds)} in "
            f"{crs_name(grid.crs)}"
        )
    return found


def onto(image: Image, grid: Grid, resampling: Method) -> Image:
    """Return an image on a grid: its own pixels, cut or padded, where they fall on the grid's; else resampled.

    Parameters
    ----------
    image : Image
    grid : Grid
    resampling : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"}

    Raises
    ------
    GridError
        One of the two has a CRS and the other has none.
    """
    if image.grid.difference(grid) is None:
        return image
    if image.grid.crs == grid.crs and np.allclose(tuple(image.grid.transform)[:5:4], tuple(grid.transform)[:5:4]):
        row, col = (float(each) for each in image.grid.rowcol(*grid.xy(0, 0)))
        if max(abs(row - round(row)), abs(col - round(col))) < _ALIGNED:
            return image.on_grid(grid, "nearest")
    return move(image, grid, None, resampling)


def stored_numbers(images: Sequence[Image]) -> Numbers | None:
    """Return how raw numbers are written; None for everything else, and where bands are of several types."""
    types = {(image.dtype, image.metadata.get("nodata")) for image in images}
    dtype, nodata = next(iter(types))
    if len(types) > 1 or nodata is None or np.dtype(dtype).kind not in "iu":
        return None
    scaling = tuple(
        (float(image.metadata.get("scale", "1")), float(image.metadata.get("offset", "0"))) for image in images
    )
    return Numbers(dtype, float(nodata), scaling)


def output_name(output: PathLike, image: Image, count: int) -> Path:
    """Return the file that a scene becomes: ``output`` itself, or its own name in that folder.

    Parameters
    ----------
    output : path-like
    image : Image
        A band of the scene.
    count : int
        How many scenes there are; several go to a folder.
    """
    final = Path(output)
    if count == 1 and not final.is_dir():
        return final
    return final / f"{image.metadata.get('scene') or Path(image.name).stem}.tif"
