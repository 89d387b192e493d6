"""What the attributes and groups of a PRISMA file say of its images."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from sensetrack.errors import InputError
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.sensors._hdf5 import Attributes
from sensetrack.sensors._metadata import Ring
from sensetrack.sensors.prisma._bands import CUBES, Kind

if TYPE_CHECKING:
    import h5py

SWATHS = "HDFEOS/SWATHS"
SIZES: dict[Kind, float] = {"vnir": 30.0, "swir": 30.0, "pan": 5.0}
"""Pixels, m."""

_CORNERS = ("UL", "UR", "LR", "LL")


def image_shapes(file: h5py.File, level: str, path: str) -> tuple[dict[Kind, tuple[int, int]], dict[Kind, int]]:
    """Return the sizes of the images that are there and how many bands they have; those are the middle axis."""
    shapes: dict[Kind, tuple[int, int]] = {}
    counts: dict[Kind, int] = {}
    for kind in CUBES:
        name = f"{SWATHS}/PRS_L{level}_HCO/Data Fields/{kind.upper()}_Cube"
        cube: Any = file.get(name)
        if cube is not None:
            if getattr(cube, "ndim", 0) != 3:
                raise InputError(f"{path}: {name} has not the three axes of a cube")
            shapes[kind], counts[kind] = (int(cube.shape[0]), int(cube.shape[2])), int(cube.shape[1])
    name = f"{SWATHS}/PRS_L{level}_PCO/Data Fields/Cube"
    pan: Any = file.get(name)
    if pan is not None:
        if getattr(pan, "ndim", 0) != 2:
            raise InputError(f"{path}: {name} has not the two axes of an image")
        shapes["pan"] = (int(pan.shape[0]), int(pan.shape[1]))
    if not shapes:
        raise InputError(f"{path}: holds no image; it lacks {SWATHS}/PRS_L{level}_HCO and PRS_L{level}_PCO")
    return shapes, counts


def time_of(about: Attributes, name: str) -> datetime | None:
    """Return a time, UTC, or None where it is not there."""
    text = about.text(name, "")
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"{about.place}: the attribute '{name}' = '{text}' is no time") from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def outline_of(about: Attributes) -> Ring | None:
    """Return the corners, going round: which of them is called which differs between products."""
    names = [(f"Product_{corner}corner_long", f"Product_{corner}corner_lat") for corner in _CORNERS]
    if not all(name in about for pair in names for name in pair):
        return None
    points = np.array([[about.number(lon), about.number(lat)] for lon, lat in names])
    points[:, 0] = np.unwrap(points[:, 0], period=360.0)
    away = points - points.mean(0)
    order = np.argsort(np.arctan2(away[:, 1], away[:, 0]))
    return tuple((float(lon), float(lat)) for lon, lat in points[order])


def map_grid(file: h5py.File, about: Attributes, shape: tuple[int, int], kind: Kind) -> Grid:
    """Return the grid of an L2D image, north up.

    The corners of the attributes are centres of the outermost hyperspectral pixels. Whether the first panchromatic
    pixel has its centre there too, or its outer corner at that of the hyperspectral one, is told by its own latitude
    and longitude; without them it is the centre.

    Raises
    ------
    InputError
        Attributes are not there, or contradict the shape.
    """
    x, y = ([about.number(f"Product_{corner}corner_{axis}") for corner in _CORNERS] for axis in ("easting", "northing"))
    west, east, south, north = min(x), max(x), min(y), max(y)
    wide, high = east - west, north - south
    fine, coarse = SIZES[kind], SIZES["vnir"]
    rows, cols = shape
    # Six panchromatic pixels reach 25 m beyond the centre of the last hyperspectral one, or none does.
    over = max(abs(cols * fine - wide - coarse), abs(rows * fine - high - coarse))
    if over > coarse:
        raise InputError(
            f"{about.place}: corners {wide:g} x {high:g} m apart do not fit {cols} x {rows} pixels of {fine:g} m"
        )
    try:
        crs = CRS.from_epsg(int(about.number("Epsg_Code")))
    except CRSError as error:
        raise InputError(f"{about.place}: Epsg_Code = {about.number('Epsg_Code'):g} is no CRS") from error
    at_centre = Grid(shape, Affine(fine, 0.0, west - fine / 2, 0.0, -fine, north + fine / 2), crs)
    if kind != "pan":
        if over > 0.01 * coarse:
            raise InputError(
                f"{about.place}: corners {wide:g} x {high:g} m apart do not fit {cols} x {rows} pixels of {fine:g} m"
            )
        return at_centre
    aligned = Grid(shape, Affine(fine, 0.0, west - coarse / 2, 0.0, -fine, north + coarse / 2), crs)
    return min((at_centre, aligned), key=lambda grid: _distance(file, grid))


def _distance(file: h5py.File, grid: Grid) -> float:
    """Return how far the middle pixel of the panchromatic image is from its own latitude and longitude, m."""
    row, col = grid.height // 2, grid.width // 2
    places = f"{SWATHS}/PRS_L2D_PCO/Geolocation Fields"
    found: list[Any] = [file.get(f"{places}/{name}") for name in ("Longitude", "Latitude")]
    if not all(getattr(each, "shape", None) == grid.shape for each in found):
        return 0.0
    lon, lat = (np.array([float(each[row, col])]) for each in found)
    if not (np.abs(lat) <= 90).all() or not (np.abs(lon) <= 360).all():
        return 0.0
    x, y = transform_points(CRS.from_epsg(4326), grid.crs, lon, lat)
    own_x, own_y = grid.xy(row, col)
    return float(np.hypot(x[0] - own_x, y[0] - own_y))
