"""A pixel grid as a value: shape, affine transform, CRS."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from sensetrack.errors import GridError
from sensetrack.raster.crs import transform_extent
from sensetrack.types import DoubleArray

_PIXELS = Affine.identity()


@dataclass(frozen=True)
class Grid:
    """Where the pixels of an image lie.

    A georeferenced pixel is an area: the centre of pixel ``(row, col)`` is ``transform @ (col + 0.5, row + 0.5)``.

    Parameters
    ----------
    shape : tuple of int
        ``(rows, columns)``, both at least 1.
    transform : affine.Affine
        Pixel edges to map coordinates. The identity, with no CRS, means "no georeference": rows run down.
    crs : rasterio.crs.CRS or None
        Coordinate reference system.

    Raises
    ------
    GridError
        The shape is empty or the transform cannot be inverted.
    """

    shape: tuple[int, int]
    transform: Affine = _PIXELS
    crs: CRS | None = None

    def __post_init__(self) -> None:
        if min(self.shape) < 1:
            raise GridError(f"a grid needs at least one row and one column, got {self.shape}")
        if self.transform.is_degenerate or not all(math.isfinite(term) for term in self.transform):
            raise GridError(f"the transform {tuple(self.transform)[:6]} maps the grid onto a line or a point")

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.shape[1]

    @property
    def is_georeferenced(self) -> bool:
        """Whether the transform leads to a map: it has a CRS, or (as world files do) it turns rows upward.

        Without either, coordinates are pixels and rows run down.
        """
        return self.crs is not None or self.transform.determinant < 0

    @property
    def is_geographic(self) -> bool:
        """Whether map coordinates are longitude and latitude in degrees."""
        return self.crs is not None and bool(self.crs.is_geographic)

    @property
    def pixel_size(self) -> tuple[float, float]:
        """Length of a pixel along its column and its row direction, ``(width, height)``, in CRS units."""
        t = self.transform
        return math.hypot(t.a, t.d), math.hypot(t.b, t.e)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Extent of the pixel edges in map coordinates: ``(xmin, ymin, xmax, ymax)``, also when rotated."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def corners(self) -> list[tuple[float, float]]:
        """Map coordinates of the four outer corners: upper left, upper right, lower right, lower left."""
        h, w = self.shape
        return [self.transform @ point for point in ((0, 0), (w, 0), (w, h), (0, h))]

    def xy(self, row: object, col: object) -> tuple[DoubleArray, DoubleArray]:
        """Return map coordinates of pixel centres; ``row`` and ``col`` may be fractional scalars or arrays."""
        t = self.transform
        c = np.asarray(col, dtype=np.float64) + 0.5
        r = np.asarray(row, dtype=np.float64) + 0.5
        return t.a * c + t.b * r + t.c, t.d * c + t.e * r + t.f

    def rowcol(self, x: object, y: object) -> tuple[DoubleArray, DoubleArray]:
        """Return fractional pixel coordinates of map points; integers fall on pixel centres (inverse of `xy`)."""
        t = ~self.transform
        px = np.asarray(x, dtype=np.float64)
        py = np.asarray(y, dtype=np.float64)
        return t.d * px + t.e * py + t.f - 0.5, t.a * px + t.b * py + t.c - 0.5

    def crop(self, row: int, col: int, shape: tuple[int, int]) -> Grid:
        """Return the grid of a window whose upper left pixel is ``(row, col)``; it may reach beyond this one."""
        return Grid(shape, self.transform @ Affine.translation(col, row), self.crs)

    def coarsen(self, step: int, centre_offset: float = 0.0) -> Grid:
        """Return the grid of ``step`` x ``step`` pixel cells, as a tracker's output uses.

        Parameters
        ----------
        step : int
            Input pixels per output pixel. Rows and columns that do not fill a cell are left out.
        centre_offset : float
            Shift of every output centre from its cell's centre, in input pixels along rows and columns.

        Raises
        ------
        GridError
            The grid is smaller than one cell.
        """
        shape = (self.height // step, self.width // step)
        if min(shape) < 1:
            raise GridError(f"an image of {self.shape} pixels is smaller than one step of {step} pixels")
        transform = self.transform @ Affine.translation(centre_offset, centre_offset) @ Affine.scale(step)
        return Grid(shape, transform, self.crs)

    def difference(self, other: Grid, tolerance: float = 1e-3) -> str | None:
        """Say how another grid differs, or return None when both are the same.

        Parameters
        ----------
        other : Grid
        tolerance : float
            Largest distance between matching corners that still counts as the same, in pixels.
        """
        if self.shape != other.shape:
            return f"size {self.width} x {self.height} against {other.width} x {other.height} pixels"
        if self.crs != other.crs:
            return f"CRS {crs_name(self.crs)} against {crs_name(other.crs)}"
        size = min(self.pixel_size)
        gap = max(math.dist(a, b) for a, b in zip(self.corners, other.corners, strict=True)) / size
        if gap > tolerance:
            return f"position or pixel size (corners up to {gap:.3g} pixels apart)"
        return None

    def overlaps(self, other: Grid) -> bool:
        """Whether the extents of two grids share any area, also between CRSs."""
        xmin, ymin, xmax, ymax = self.bounds
        boxes = transform_extent(other.crs, self.crs, other.bounds)
        return any(box[0] < xmax and xmin < box[2] and box[1] < ymax and ymin < box[3] for box in boxes)


def crs_name(crs: CRS | None) -> str:
    """Return a short name of a CRS: its authority code, else its name, else ``"none"``."""
    if crs is None:
        return "none"
    authority = crs.to_authority()
    if authority:
        return ":".join(authority)
    name = crs.to_wkt().partition('"')[2].partition('"')[0]
    return name or "unnamed CRS"
