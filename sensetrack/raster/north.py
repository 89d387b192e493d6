"""Where true north lies on a map: between grid north and it is the meridian convergence."""

from __future__ import annotations

import numpy as np

from sensetrack.errors import GridError
from sensetrack.raster.grid import Grid
from sensetrack.types import DoubleArray


def meridian_convergence(grid: Grid) -> DoubleArray:
    """Return the angle from true north to the y axis of the CRS, degrees clockwise, at every pixel.

    A direction of azimuth ``a`` (clockwise from true north) has the azimuth ``a`` minus this angle from the y axis. It
    is up to a few degrees on transverse Mercator maps, and any angle on polar ones.

    Parameters
    ----------
    grid : Grid
        Or a window of it.

    Returns
    -------
    ndarray of float64
        ``(row, col)``; 0 for geographic CRSs. NaN where the projection does not say, such as at the pole itself.

    Raises
    ------
    GridError
        The grid has no CRS, or one that is not tied to the Earth.
    """
    import pyproj

    if grid.crs is None:
        raise GridError(
            "the grid has no CRS, so where north is cannot be known; assign one with 'gdal_edit -a_srs ...'"
        )
    if grid.is_geographic:
        return np.zeros(grid.shape)
    crs = pyproj.CRS.from_user_input(grid.crs)
    if not crs.is_projected:
        raise GridError("the grid has a CRS that is not tied to the Earth, so where north is cannot be known")
    projection = pyproj.Proj(crs)
    x, y = grid.xy(np.arange(grid.height)[:, None], np.arange(grid.width)[None, :])
    x, y = np.broadcast_arrays(x, y)
    longitude, latitude = projection(x, y, inverse=True)
    angle = np.asarray(projection.get_factors(longitude, latitude).meridian_convergence, np.float64)
    return np.where(np.isfinite(angle), angle, np.nan)
