"""Points and extents from one coordinate reference system to another."""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING

import numpy as np
from rasterio.crs import CRS

from sensetrack.types import DoubleArray

if TYPE_CHECKING:
    from pyproj import Transformer

Extent = tuple[float, float, float, float]
"""``(xmin, ymin, xmax, ymax)``."""

_local = threading.local()


def transform_points(
    source: CRS | None, target: CRS | None, x: DoubleArray, y: DoubleArray
) -> tuple[DoubleArray, DoubleArray]:
    """Transform map points; where the target cannot show a point, both coordinates are infinite.

    Parameters
    ----------
    source, target : rasterio.crs.CRS or None
        Coordinates are ``(x, y)``, that is (longitude, latitude) where geographic. Equal ones (also None) change
        nothing.
    x, y : ndarray of float64
        Any shape.
    """
    if source == target or source is None or target is None:
        return x, y
    new_x, new_y = _transformer(source, target).transform(x, y)
    return np.asarray(new_x, np.float64), np.asarray(new_y, np.float64)


def transform_extent(source: CRS | None, target: CRS | None, extent: Extent) -> list[Extent]:
    """Transform an extent, with its bulging edges, into boxes that cover it.

    Parameters
    ----------
    source, target : rasterio.crs.CRS or None
    extent : tuple of float

    Returns
    -------
    list of tuple
        None where the target cannot show it, two when it crosses the antimeridian, else one.
    """
    if source == target or source is None or target is None:
        return [extent]
    from pyproj.exceptions import ProjError

    try:
        xmin, ymin, xmax, ymax = _transformer(source, target).transform_bounds(*extent, densify_pts=41)
    except ProjError:
        return []
    if not all(math.isfinite(value) for value in (xmin, ymin, xmax, ymax)):
        return []
    if target.is_geographic and xmin > xmax:
        return [(xmin, ymin, 180.0, ymax), (-180.0, ymin, xmax, ymax)]
    return [(xmin, ymin, xmax, ymax)]


def extent_text(extent: Extent) -> str:
    """Return an extent for a message, without more digits than say something."""
    return f"x {extent[0]:.9g} to {extent[2]:.9g}, y {extent[1]:.9g} to {extent[3]:.9g}"


def _transformer(source: CRS, target: CRS) -> Transformer:
    """Return this thread's transformer: PROJ objects must not be shared between threads."""
    cache: dict[tuple[str, str], Transformer] = _local.__dict__.setdefault("transformers", {})
    key = (source.to_wkt(), target.to_wkt())
    if key not in cache:
        import pyproj

        # PROJ knows no extents in systems with heights, as elevation models have them.
        first, second = (crs.to_2d() if crs.is_compound else crs for crs in map(pyproj.CRS.from_wkt, key))
        cache[key] = pyproj.Transformer.from_crs(first, second, always_xy=True)
    return cache[key]
