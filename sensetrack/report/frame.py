"""Axes of a map: kilometres, degrees or pixels; which way north is; how long a kilometre is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine

from sensetrack.raster.grid import Grid, crs_name
from sensetrack.types import DoubleArray


@dataclass(frozen=True)
class Frame:
    """How a grid is drawn on axes.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the grid.
    to_axes : affine.Affine
        Pixel edges to axes coordinates.
    x_label, y_label : str
    aspect : float
        Length of a unit of y in units of x, on the ground.
    y_down : bool
        Whether the axes' y runs down, as rows do.
    metres : float
        Length of a unit of the axes' x on the ground; NaN when it is not known.
    north : tuple of float or None
        Direction of true north on the drawn axes (right, up), of length 1; None when it is not known.
    """

    shape: tuple[int, int]
    to_axes: Affine
    x_label: str
    y_label: str
    aspect: float
    y_down: bool
    metres: float
    north: tuple[float, float] | None

    @classmethod
    def of(cls, grid: Grid) -> Frame:
        """Choose the axes for a grid: degrees, kilometres, map units, or pixels of the input."""
        transform = grid.transform
        if not grid.is_georeferenced:
            return cls(grid.shape, transform, "column [px]", "row [px]", 1.0, True, math.nan, None)
        if grid.crs is None:
            return cls(grid.shape, transform, "map x", "map y", 1.0, False, math.nan, None)
        x, y = transform @ (grid.width / 2, grid.height / 2)
        north = _true_north(grid, x, y)
        if grid.is_geographic:
            aspect = 1.0 / max(math.cos(math.radians(y)), 1e-3)
            metres = _degree_of_longitude(grid, x, y)
            return cls(grid.shape, transform, "longitude [°]", "latitude [°]", aspect, False, metres, (0.0, 1.0))
        km = float(grid.crs.linear_units_factor[1]) / 1000.0
        name = crs_name(grid.crs)
        return cls(
            grid.shape,
            Affine.scale(km) @ transform,
            f"easting [km, {name}]",
            "northing [km]",
            1.0,
            False,
            1000.0,
            north,
        )

    @property
    def corners(self) -> DoubleArray:
        """Axes coordinates of the four outer corners, shape (4, 2)."""
        rows, cols = self.shape
        return np.array([self.to_axes @ point for point in ((0, 0), (cols, 0), (cols, rows), (0, rows))])

    @property
    def limits(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Limits of x (left, right) and of y (bottom, top)."""
        (x0, y0), (x1, y1) = self.corners.min(axis=0), self.corners.max(axis=0)
        return (float(x0), float(x1)), ((float(y1), float(y0)) if self.y_down else (float(y0), float(y1)))

    @property
    def label_length(self) -> int:
        """Letters of the longest tick label of y, for the room beside the axes."""
        _, (bottom, top) = self.limits
        step = abs(top - bottom) / 6
        decimals = max(0, math.ceil(-math.log10(step) - 1e-9))
        return len(f"{-max(abs(bottom), abs(top)):.{decimals}f}") - (min(bottom, top) >= 0)

    @property
    def ratio(self) -> float:
        """Height over width of the map as drawn."""
        (x0, x1), (y0, y1) = self.limits
        return abs(y1 - y0) * self.aspect / abs(x1 - x0)

    def centres(self, rows: object, cols: object) -> tuple[DoubleArray, DoubleArray]:
        """Return axes coordinates of pixel centres; rows and columns may be fractional."""
        return Grid(self.shape, self.to_axes).xy(rows, cols)

    def vectors(self, first: DoubleArray, second: DoubleArray, along_map: bool) -> tuple[DoubleArray, DoubleArray]:
        """Return the directions, in axes coordinates, of displacements or velocities.

        Parameters
        ----------
        first, second : ndarray
            ``dx, dy`` along columns and rows, or ``vx, vy`` along map x and y.
        along_map : bool
            Which of the two.

        Returns
        -------
        tuple of ndarray
            As long as ``hypot(first, second)`` on the ground; their sense is that of the axes.
        """
        if along_map:
            x, y = first, second
            return (x, -y) if self.y_down else (x, y / self.aspect)
        t = self.to_axes
        unit = math.hypot(t.a, t.d * self.aspect)
        return (t.a * first + t.b * second) / unit, (t.d * first + t.e * second) / unit


def _true_north(grid: Grid, x: float, y: float) -> tuple[float, float] | None:
    """Direction of true north at a map point: on polar and oblique maps it is not up."""
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    if grid.crs is None:
        return None
    try:
        to_degrees = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:4326", always_xy=True)
        lon, lat = to_degrees.transform(x, y, errcheck=True)
        step = 1e-3 if lat < 89.9 else -1e-3
        x1, y1 = to_degrees.transform(lon, lat + step, direction="INVERSE", errcheck=True)
    except ProjError:
        return None
    dx, dy = ((x1 - x) / step, (y1 - y) / step)
    length = math.hypot(dx, dy)
    return (dx / length, dy / length) if math.isfinite(length) and length > 0 else None


def _degree_of_longitude(grid: Grid, x: float, y: float) -> float:
    """Length in metres of a degree along the parallel through a point, on the ellipsoid of the CRS."""
    import pyproj

    geod = pyproj.CRS.from_wkt(grid.crs.to_wkt()).get_geod() if grid.crs is not None else None
    if geod is None:
        return math.nan
    half = 0.005
    return float(geod.inv(x - half, y, x + half, y)[2]) / (2 * half)
