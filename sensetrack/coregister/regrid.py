"""One common grid for several images, and writing images onto it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
import rasterio
from affine import Affine
from pydantic import model_validator
from rasterio.crs import CRS
from rasterio.errors import CRSError

from sensetrack.coregister.resample import move
from sensetrack.coregister.write import write_images
from sensetrack.engine import Engine
from sensetrack.errors import GridError, ParameterError
from sensetrack.params import Params, param
from sensetrack.raster import vector
from sensetrack.raster.crs import Extent, extent_text, transform_extent, transform_points
from sensetrack.raster.door import product_at
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.image import Image
from sensetrack.raster.methods import Method
from sensetrack.raster.resample import around_centre
from sensetrack.types import PathLike, Progress

LARGEST_SIDE = 1_000_000
"""Pixels along a side beyond which a resolution can only be a mistake of units."""

WGS84 = CRS.from_epsg(4326)

_ON_A_LINE = 1e-6


class RegridParams(Params):
    """Where the pixels of a common grid lie, and how images are resampled onto it.

    With defaults only, the grid is that of the first image, pixel by pixel. As soon as CRS, resolution, area or extent
    is given, pixel edges lie on multiples of the resolution, as with ``gdalwarp -tap``, so that grids made at
    different times fit together.
    """

    crs: str | None = param(
        None,
        "CRS of the grid: 'utm' for the zone of its centre, an EPSG code such as EPSG:32633, WKT or PROJ text; "
        "default: that of the first image",
    )
    resolution: float | None = param(
        None,
        "Pixel size in units of the CRS; default: that of the first image, rounded to two digits where the CRS changes",
        gt=0,
    )
    aoi: str | None = param(None, "Vector file whose extent the grid covers; a layer is named as FILE|layername=NAME")
    bounds: tuple[float, float, float, float] | None = param(None, "Extent of the grid: xmin, ymin, xmax, ymax")
    bounds_crs: str | None = param(None, "CRS of the bounds; default: the CRS of the grid")
    extent: Literal["first", "intersection", "union"] = param(
        "first", "Images that the grid covers where neither bounds nor aoi is given"
    )
    resampling: Method = param("spline", "How images are resampled; spline moves content least")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.bounds is not None:
            if self.aoi is not None:
                raise ValueError("bounds and aoi both say what the grid covers; give one of them")
            xmin, ymin, xmax, ymax = self.bounds
            if not (xmin < xmax and ymin < ymax and all(map(math.isfinite, self.bounds))):
                raise ValueError(
                    f"bounds = {self.bounds}: must be xmin, ymin, xmax, ymax with xmin < xmax, ymin < ymax"
                )
        elif self.bounds_crs is not None:
            raise ValueError(f"bounds_crs = '{self.bounds_crs}' means nothing without bounds")
        return self


def common_grid(images: Sequence[Image], params: RegridParams | None = None) -> Grid:
    """Return one grid for several images.

    Parameters
    ----------
    images : sequence of Image
        The first one is the reference, from which what is not given is taken.
    params : RegridParams, optional

    Returns
    -------
    Grid
        North-up, except where it is the first image's own.

    Raises
    ------
    ParameterError
        Unknown CRS; or a resolution that makes no sense in units of the CRS.
    GridError
        An image has no CRS, lies where the CRS does not reach, or does not overlap the grid.
    InputError
        The area file cannot be read.
    """
    params = params or RegridParams()
    first = images[0]
    given = (params.crs, params.resolution, params.aoi, params.bounds)
    if given == (None,) * len(given) and params.extent == "first":
        return first.grid
    for image in images:
        if image.grid.crs is None:
            raise GridError(
                f"{image.name} has no CRS, so no common grid can be made; assign one with 'gdal_edit -a_srs EPSG:...' "
                "or crop both images to the same size"
            )
    area = _area(params)
    crs = _target_crs(params, first, area)
    width, height = _resolution(params, first.grid, crs)
    extent = _extent(params, images, area, crs)
    grid = snapped_grid(extent, width, height, crs)
    for image in images:
        if not grid.overlaps(image.grid):
            raise GridError(
                f"{image.name} does not overlap the grid: it covers {extent_text(image.grid.bounds)} in "
                f"{crs_name(image.grid.crs)}, the grid {extent_text(grid.bounds)} in {crs_name(crs)}"
            )
    return grid


def open_bands(path: PathLike, band: int | str | None = None, *, nodata: float | None = None) -> list[Image]:
    """Open the bands of a file, each as an image.

    Parameters
    ----------
    path : path-like
    band : int, str or None
        As in `Image.open`; or ``"all"`` for every band but alpha, in file order, or of a product for those that share
        the grid of the default one.
    nodata : float, optional
        Value that means missing, in place of the file's own.

    Raises
    ------
    InputError
        As `Image.open`.
    """
    if band != "all":
        return [Image.open(path, band=band, nodata=nodata)]
    product = product_at(os.fspath(path))
    if product is not None:
        return product.images(nodata=nodata)
    return [Image.open(path, band=number, nodata=nodata) for number in Image.open(path, band="mean").bands]


def regrid_file(
    image: Image | Sequence[Image],
    grid: Grid,
    output: PathLike,
    resampling: Method = "spline",
    *,
    engine: Engine | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> float:
    """Write an image, or several bands of one, onto a grid, in bounded memory.

    Parameters
    ----------
    image : Image or sequence of Image
        Several, as from `open_bands`, become the bands of the output.
    grid : Grid
    output : path-like
        ``.tif``: float32 (complex64 where the image is complex) with NaN where invalid, tiled and deflated; tags are
        kept, the acquisition time also where it came from the file name.
    resampling : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"}
        See `sensetrack.coregister.resample.move`. ``nearest`` for classes and bit masks, ``average`` for much coarser
        grids; both displace content, by up to half a pixel and by none, and the others by hundredths of a pixel
        except for ``spline``, which is the one for tracking.
    engine, progress, overwrite
        As in `write_images`.

    Returns
    -------
    float
        Share of valid pixels.

    Raises
    ------
    GridError
        The image cannot be brought onto the grid: a CRS is missing, or they do not overlap.
    UnusableImageError, OutputError
        As `write_images`.
    """
    bands = [image] if isinstance(image, Image) else list(image)
    moved = [move(band, grid, None, resampling) for band in bands]
    tags = {"resampling": resampling}
    return write_images(moved, output, tags=tags, engine=engine, progress=progress, overwrite=overwrite)


def utm_crs(longitude: float, latitude: float) -> CRS:
    """Return the WGS 84 / UTM CRS of a place: the plain six-degree zones, without those of Norway and Svalbard.

    Parameters
    ----------
    longitude, latitude : float
        Degrees.

    Raises
    ------
    GridError
        The place is beyond 84 N or 80 S.
    """
    if not -80.0 <= latitude <= 84.0:
        better = "EPSG:3413 (Arctic)" if latitude > 0 else "EPSG:3031 (Antarctica)"
        raise GridError(f"crs = 'utm' ends at 80 S and 84 N, the scene lies at latitude {latitude:.1f}; use {better}")
    zone = int((longitude + 180.0) % 360.0 // 6.0) + 1
    return CRS.from_epsg((32600 if latitude >= 0 else 32700) + zone)


def parse_crs(text: str, name: str) -> CRS:
    """Return the CRS that a user named.

    Raises
    ------
    ParameterError
        There is no such CRS.
    """
    try:
        with rasterio.Env():  # else PROJ writes its own message to stderr
            return CRS.from_user_input(int(text) if text.isdigit() else text)
    except (CRSError, ValueError, OverflowError):
        raise ParameterError(f"{name} = '{text}': not a CRS; write EPSG:32633, WKT, PROJ text or utm") from None


def _area(params: RegridParams) -> tuple[Extent, CRS | None] | None:
    """Return the extent that the user gave and its CRS; None for the CRS of the grid."""
    if params.bounds is not None:
        return params.bounds, None if params.bounds_crs is None else parse_crs(params.bounds_crs, "bounds_crs")
    if params.aoi is not None:
        return vector.extent_of(params.aoi)
    return None


def _target_crs(params: RegridParams, first: Image, area: tuple[Extent, CRS | None] | None) -> CRS:
    if params.crs is None:
        assert first.grid.crs is not None
        return first.grid.crs
    if params.crs.lower() != "utm":
        return parse_crs(params.crs, "crs")
    if area is not None and area[1] is not None:
        (xmin, ymin, xmax, ymax), crs = area
        x, y = (xmin + xmax) / 2, (ymin + ymax) / 2
    else:
        crs = first.grid.crs
        x, y = map(float, first.grid.xy((first.grid.height - 1) / 2, (first.grid.width - 1) / 2))
    longitude, latitude = transform_points(crs, WGS84, np.array(x), np.array(y))
    if not (np.isfinite(longitude) and np.isfinite(latitude)):
        raise GridError(f"crs = 'utm': the centre of {first.name} has no longitude and latitude; name the CRS")
    return utm_crs(float(longitude), float(latitude))


def _resolution(params: RegridParams, grid: Grid, crs: CRS) -> tuple[float, float]:
    """Return the width and height of a pixel in units of ``crs``."""
    if params.resolution is not None:
        return params.resolution, params.resolution
    if crs == grid.crs:
        return grid.pixel_size
    x, y = around_centre(grid, crs)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise GridError(f"{crs_name(crs)} does not reach the centre of the first image; choose another crs")
    area = abs((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]))
    side = float(f"{math.sqrt(area):.2g}")
    return side, side


def _extent(params: RegridParams, images: Sequence[Image], area: tuple[Extent, CRS | None] | None, crs: CRS) -> Extent:
    """Return what the grid is to cover, in its CRS."""
    if area is not None:
        what = "bounds" if params.bounds is not None else f"the aoi {params.aoi}"
        return _in_crs(area[0], area[1] or crs, crs, what)
    chosen = images[:1] if params.extent == "first" else images
    boxes = [_in_crs(image.grid.bounds, image.grid.crs, crs, image.name) for image in chosen]
    lower, upper = (max, min) if params.extent == "intersection" else (min, max)
    xmin, ymin = lower(box[0] for box in boxes), lower(box[1] for box in boxes)
    xmax, ymax = upper(box[2] for box in boxes), upper(box[3] for box in boxes)
    if xmin >= xmax or ymin >= ymax:
        listed = "; ".join(f"{image.name} {extent_text(box)}" for image, box in zip(chosen, boxes, strict=True))
        raise GridError(f"the images share no area in {crs_name(crs)}: {listed}")
    return xmin, ymin, xmax, ymax


def _in_crs(extent: Extent, source: CRS | None, crs: CRS, what: str) -> Extent:
    boxes = transform_extent(source, crs, extent)
    if not boxes:
        raise GridError(f"{crs_name(crs)} does not reach {what}, {extent_text(extent)}; choose another crs")
    if len(boxes) > 1:
        raise GridError(f"{what} crosses the antimeridian, where {crs_name(crs)} breaks; use crs = 'utm'")
    return boxes[0]


def snapped_grid(
    extent: Extent, width: float, height: float, crs: CRS, origin: tuple[float, float] = (0.0, 0.0)
) -> Grid:
    """Return the north-up grid that covers an extent, with edges on multiples of the pixel size from an origin.

    Raises
    ------
    ParameterError
        It would have more than `LARGEST_SIDE` pixels along a side: the pixel size is in other units than the CRS.
    """
    x, y = origin
    first_col, last_col = _multiples(extent[0] - x, extent[2] - x, width)
    first_row, last_row = _multiples(extent[1] - y, extent[3] - y, height)
    cols, rows = last_col - first_col, last_row - first_row
    if max(rows, cols) > LARGEST_SIDE:
        units = "degrees" if crs.is_geographic else crs.linear_units or "map units"
        raise ParameterError(
            f"resolution = {width:g} makes a grid of {cols} x {rows} pixels; {crs_name(crs)} counts in {units}"
        )
    transform = Affine(width, 0.0, first_col * width + x, 0.0, -height, last_row * height + y)
    return Grid((rows, cols), transform, crs)


def _multiples(low: float, high: float, size: float) -> tuple[int, int]:
    """Return the multiples of ``size`` that enclose an interval; what lies on one but for rounding stays on it."""
    first, last = math.floor(low / size + _ON_A_LINE), math.ceil(high / size - _ON_A_LINE)
    return first, max(last, first + 1)
