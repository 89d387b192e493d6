"""From pixels of an image to metres along the axes of its map: the only place where north is flipped.

``dx`` runs along columns and ``dy`` down the rows of the reference image. The linear part of the image's affine
transform turns them into steps along map x (east) and map y (north), whatever its rotation or pixel shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import GridError, ParameterError
from sensetrack.raster.cf import unit_in_metres
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.types import DoubleArray

NODE = 32
"""Output pixels between the nodes at which a projection's scale is computed; it is interpolated between them."""


@dataclass(frozen=True, eq=False)
class Metres:
    """Metres along map x (east) and map y (north) per input pixel along a row (dx) and down a column (dy).

    Attributes
    ----------
    x_dx, x_dy, y_dx, y_dy : ndarray of float64
        Scalars, or arrays that broadcast against ``(row, col)``: ``x = x_dx * dx + x_dy * dy``, and alike for y.
    """

    x_dx: DoubleArray
    x_dy: DoubleArray
    y_dx: DoubleArray
    y_dy: DoubleArray


def metres_per_pixel(grid: Grid, spacing: int, pixel_size: float | None = None, distances: str = "map") -> Metres:
    """Return metres per input pixel over an output grid or a window of it.

    Projected CRS: the linear part of the transform times the CRS's unit; with ``distances="ground"`` divided by the
    local scale of the projection (exact where it is conformal, as UTM and polar stereographic are).
    Geographic CRS: degrees become metres with the radii of curvature of the CRS's ellipsoid at each row's latitude.
    No CRS: an image without georeference has square pixels of ``pixel_size`` whose rows run down, so y runs up;
    an image placed by a world file keeps the shape and direction of its pixels.

    Parameters
    ----------
    grid : Grid
        Output grid.
    spacing : int
        Input pixels per output pixel.
    pixel_size : float, optional
        Width of an input pixel in metres; for a grid without CRS only.
    distances : {"map", "ground"}

    Raises
    ------
    ParameterError
        ``pixel_size`` is missing where it is needed, or given where the grid knows its own.
    """
    t = grid.transform
    linear = np.array([[t.a, t.b], [t.d, t.e]]) / spacing
    if grid.crs is None:
        return _without_crs(grid, linear, pixel_size)
    if pixel_size is not None:
        raise ParameterError(
            f"pixel_size = {pixel_size:g} is for images without a CRS; this one has {crs_name(grid.crs)} with pixels "
            f"of {grid.pixel_size[0] / spacing:g} x {grid.pixel_size[1] / spacing:g}; leave it out"
        )
    if grid.is_geographic:
        east, north = _metres_per_degree(grid)
    elif distances == "ground":
        east = north = unit_in_metres(grid.crs) / _projection_scale(grid)
    else:
        east = north = np.asarray(unit_in_metres(grid.crs))
    return Metres(linear[0, 0] * east, linear[0, 1] * east, linear[1, 0] * north, linear[1, 1] * north)


def centre_metres(grid: Grid, spacing: int, pixel_size: float | None = None, distances: str = "map") -> Metres:
    """Return metres per input pixel at the centre of a grid, as scalars."""
    middle = grid.crop(grid.height // 2, grid.width // 2, (1, 1))
    metres = metres_per_pixel(middle, spacing, pixel_size, distances)
    return Metres(*(np.ravel(term)[0] for term in vars(metres).values()))


def scale_at_centre(grid: Grid) -> float:
    """Return by how much a projection lengthens distances at the centre of a grid; 1 where that has no meaning."""
    if grid.crs is None or grid.is_geographic:
        return 1.0
    return float(_projection_scale(grid.crop(grid.height // 2, grid.width // 2, (1, 1)))[0, 0])


def _without_crs(grid: Grid, linear: DoubleArray, pixel_size: float | None) -> Metres:
    if pixel_size is None:
        what = (
            "has no CRS, so the unit of its coordinates is unknown" if grid.is_georeferenced else "has no georeference"
        )
        raise ParameterError(f"the image {what}; pass pixel_size, the width of its pixels in metres (--pixel-size 10)")
    if not grid.is_georeferenced:
        # Pixel coordinates run down; y of a velocity runs up, as on a map.
        linear = linear * np.array([[1.0], [-1.0]])
    linear = linear * (pixel_size / math.hypot(linear[0, 0], linear[1, 0]))
    return Metres(*(np.asarray(term) for term in linear.ravel()))


def _metres_per_degree(grid: Grid) -> tuple[DoubleArray, DoubleArray]:
    """Metres per coordinate unit towards east and north, from the radii of curvature at each latitude.

    Radii of the prime vertical ``N = a / w`` and of the meridian ``M = a (1 - e2) / w^3`` with
    ``w = sqrt(1 - e2 sin^2 lat)`` (Torge & Mueller 2012, Geodesy, eqs. 4.13 and 4.15).
    """
    import pyproj

    crs = pyproj.CRS.from_user_input(grid.crs)
    geod = crs.get_geod()
    assert geod is not None
    radians = crs.axis_info[0].unit_conversion_factor
    upright = grid.transform.d == 0
    cols = np.zeros((1, 1)) if upright else np.arange(grid.width)[None, :]
    latitude = grid.xy(np.arange(grid.height)[:, None], cols)[1] * radians
    if np.abs(latitude).max() >= math.pi / 2:
        raise GridError(f"the grid reaches latitude {math.degrees(np.abs(latitude).max()):.3f}, beyond the pole")
    w = np.sqrt(1.0 - geod.es * np.sin(latitude) ** 2)
    east = geod.a / w * np.cos(latitude) * radians
    north = geod.a * (1.0 - geod.es) / w**3 * radians
    return east, north


def _projection_scale(grid: Grid) -> NDArray[np.float64]:
    """Scale of a projection at every pixel, ``(row, col)``: the square root of its areal scale; 1 for local systems."""
    import pyproj

    crs = pyproj.CRS.from_user_input(grid.crs)
    if not crs.is_projected:
        return np.ones((1, 1))
    projection = pyproj.Proj(crs)
    rows = np.unique(np.r_[np.arange(0, grid.height, NODE), grid.height - 1])
    cols = np.unique(np.r_[np.arange(0, grid.width, NODE), grid.width - 1])
    x, y = grid.xy(rows[:, None], cols[None, :])
    longitude, latitude = projection(x, y, inverse=True)
    nodes = np.sqrt(np.asarray(projection.get_factors(longitude, latitude).areal_scale))
    along = np.stack([np.interp(np.arange(grid.width), cols, line) for line in nodes])
    return np.stack([np.interp(np.arange(grid.height), rows, column) for column in along.T], axis=1)
