"""What the metadata of a Sentinel-2 tile say: grid, time, angles, masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from sensetrack.errors import InputError
from sensetrack.raster.grid import Grid
from sensetrack.sensors._xml import Node
from sensetrack.types import DoubleArray


@dataclass(frozen=True, eq=False)
class AngleGrid:
    """Angles on a coarse grid over a tile, degrees; NaN where there are none.

    Attributes
    ----------
    zenith, azimuth : ndarray of float64
        ``(row, col)``, 23 x 23.
    step : float
        Distance between nodes, m; the first lies on the tile's upper left corner.
    """

    zenith: DoubleArray
    azimuth: DoubleArray
    step: float


def grid_of(tile: Node, size: int) -> Grid | None:
    """Return the grid of a tile at a pixel size in m; None where the metadata have none of it.

    Raises
    ------
    InputError
        The CRS is none, or the numbers make no grid.
    """
    code = tile.string(".//HORIZONTAL_CS_CODE")
    try:
        crs = CRS.from_user_input(code)
    except CRSError:
        raise InputError(f"{tile.file}: HORIZONTAL_CS_CODE '{code}' is no CRS") from None
    sizes, places = (tile.optional(f".//{name}[@resolution='{size}']") for name in ("Size", "Geoposition"))
    if sizes is None or places is None:
        return None
    rows, cols = sizes.integer("NROWS"), sizes.integer("NCOLS")
    x, y, width, height = (places.number(name) for name in ("ULX", "ULY", "XDIM", "YDIM"))
    return Grid((rows, cols), Affine(width, 0.0, x, 0.0, height, y), crs)


def sun_angles(tile: Node) -> AngleGrid:
    """Return zenith and azimuth of the sun."""
    return _angle_grid(tile.one(".//Sun_Angles_Grid"))


def view_angles(tile: Node, band_id: int) -> AngleGrid:
    """Return zenith and azimuth of the sensor for a band: the mean where the grids of two detectors overlap.

    Raises
    ------
    InputError
        There are none.
    """
    found = [_angle_grid(node) for node in tile.all(f".//Viewing_Incidence_Angles_Grids[@bandId='{band_id}']")]
    if not found:
        raise InputError(f"{tile.file}: has no view angles for band id {band_id}")
    zenith = _mean(np.stack([each.zenith for each in found]))
    radians = np.radians(np.stack([each.azimuth for each in found]))
    azimuth = np.degrees(np.arctan2(_mean(np.sin(radians)), _mean(np.cos(radians)))) % 360
    return AngleGrid(zenith, azimuth, found[0].step)


def _angle_grid(node: Node) -> AngleGrid:
    zenith, azimuth = (_values(node.one(name)) for name in ("Zenith", "Azimuth"))
    return AngleGrid(zenith, azimuth, node.number("Zenith/COL_STEP"))


def _values(node: Node) -> DoubleArray:
    rows = [row.numbers(".") for row in node.all("Values_List/VALUES")]
    if not rows or len({len(row) for row in rows}) > 1:
        raise InputError(f"{node.file}: a grid of angles has rows of different lengths, or none")
    return np.stack(rows)


def _mean(stack: DoubleArray) -> DoubleArray:
    """Return the mean along the first axis of what is finite, NaN where nothing is."""
    known = np.isfinite(stack)
    count = known.sum(axis=0)
    total = np.where(known, stack, 0.0).sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan), np.float64)


def polygons_of(mask: Node, kinds: frozenset[str]) -> tuple[tuple[tuple[tuple[float, float], ...], ...], ...]:
    """Return the polygons of a mask in GML, such as ``MSK_CLOUDS_B00.gml``, in map coordinates.

    Parameters
    ----------
    mask : Node
    kinds : frozenset of str
        Mask types that count, such as ``OPAQUE``; empty for all.
    """
    found = []
    for feature in mask.all(".//MaskFeature"):
        kind = feature.optional_string("maskType") or ""
        if kinds and kind.upper() not in kinds:
            continue
        for polygon in feature.all(".//Polygon"):
            rings = [_ring(ring) for ring in (*polygon.all("exterior"), *polygon.all("interior"))]
            found.append(tuple(rings))
    return tuple(found)


def _ring(node: Node) -> tuple[tuple[float, float], ...]:
    points = node.one(".//posList")
    stated = points.attribute("srsDimension") or "2"
    dimension = int(stated) if stated.isdigit() else 0
    numbers = points.numbers(".")
    # A closed ring has four points at least.
    if dimension < 2 or len(numbers) % dimension or len(numbers) < 4 * dimension or not np.isfinite(numbers).all():
        raise InputError(f"{node.file}: a polygon of {len(numbers)} numbers cannot be read")
    return tuple((float(x), float(y)) for x, y in numbers.reshape(-1, dimension)[:, :2])
