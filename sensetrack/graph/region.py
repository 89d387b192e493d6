"""Regions of the earth in the pixels of bands: windows and masks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning

from sensetrack.errors import GraphError
from sensetrack.graph.scene import SceneBand
from sensetrack.raster._quiet import quietly
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask

DEGREES = CRS.from_epsg(4326)

_PARTS = 128
"""A side of a grid is cut into so many parts before it is brought to another CRS: straight lines bend there."""

_ALIGNED = 1e-4
"""Pixels by which a region may overlap a pixel without taking it in: rounding."""


def parse_region(text: str, name: str) -> Any:
    """Return the geometry of a WKT in longitude and latitude.

    Parameters
    ----------
    text : str
    name : str
        The parameter, for messages.

    Raises
    ------
    GraphError
        It is no WKT, empty, or its numbers are no degrees.
    """
    import shapely

    try:
        found = shapely.from_wkt(text.strip())
    except shapely.errors.GEOSException as error:
        reason = str(error).removeprefix("ParseException: ")
        raise GraphError(
            f"{name} = '{_short(text)}': no WKT ({reason}); write POLYGON((lon lat, lon lat, ...)) in degrees"
        ) from None
    if found is None or found.is_empty:
        raise GraphError(f"{name} = '{_short(text)}': is empty")
    xmin, ymin, xmax, ymax = found.bounds
    if xmin < -360 or xmax > 540 or ymin < -90 or ymax > 90:
        raise GraphError(
            f"{name} = '{_short(text)}': its numbers are no degrees; WKT is longitude first, then latitude"
        )
    return shapely.make_valid(shapely.force_2d(found))


def read_region(path: Path) -> Any:
    """Return all polygons of a vector file, as one geometry in longitude and latitude.

    Raises
    ------
    InputError
        The file cannot be read, or holds no polygons.
    GraphError
        None lies on the earth.
    """
    import shapely

    from sensetrack.raster.vector import open_outline

    world = Grid((1, 1), Affine(360.0, 0.0, -180.0, 0.0, -180.0, 90.0), DEGREES)
    polygons = open_outline(str(path)).polygons(world)
    if not len(polygons):
        raise GraphError(f"vectorFile = '{path}': none of its polygons lies on the earth; is its CRS right?")
    return shapely.union_all(polygons)


def in_pixels(region: Any, band: SceneBand, name: str) -> Any:
    """Return the part of a region inside of a band, in its pixels: x is the column, y the row, edges are whole numbers.

    Parameters
    ----------
    region : shapely geometry
        Longitude and latitude; may cross the antimeridian by longitudes beyond 180 degrees.
    band : SceneBand
        On a map; or in the geometry of a radar, where its pixels are taken to lie at the mean height of the scene.
    name : str
        What the region is, for messages.

    Raises
    ------
    GraphError
        The region lies beside the band, or nothing tells where the band lies.
    """
    import shapely

    grid = band.grid
    frame = shapely.box(0, 0, grid.width, grid.height)
    if band.radar is None and (grid.crs is None or band.lines is not None):
        why = "is of bursts that are not put together" if band.lines is not None else "has no CRS"
        raise GraphError(f"{name}: band {band.name} {why}, so no region of the earth can be cut out of it")
    outline = _outline(band)
    if outline is None:
        near = _hemisphere(region, grid)
    else:
        turns = (np.array([360.0 * turn, 0.0]) for turn in range(-2, 3))
        shifted = [shapely.transform(region, turn.__add__) for turn in turns]
        near = shapely.union_all([shapely.intersection(each, outline) for each in shifted])
    if near.is_empty:
        raise _beside(name, band, outline)
    xmin, ymin, xmax, ymax = near.bounds
    longest = max(xmax - xmin, ymax - ymin) / _PARTS
    fine = shapely.segmentize(near, longest) if longest > 0 else near
    placed = shapely.make_valid(shapely.transform(fine, _Place(band, xmin)))
    inside = shapely.intersection(placed, frame)
    if inside.is_empty:
        raise _beside(name, band, outline)
    return inside


def window_of(geometry: Any, shape: tuple[int, int]) -> Block:
    """Return the pixels that a geometry in pixels touches, as one window."""
    xmin, ymin, xmax, ymax = geometry.bounds
    col, row = (min(math.floor(low + _ALIGNED), size - 1) for low, size in zip((xmin, ymin), shape[::-1], strict=True))
    right, bottom = (
        min(math.ceil(high - _ALIGNED), size) for high, size in zip((xmax, ymax), shape[::-1], strict=True)
    )
    return Block(row, col, max(1, bottom - row), max(1, right - col))


@dataclass(frozen=True, eq=False)
class PixelMask:
    """Which pixels have their centre inside of a geometry.

    Attributes
    ----------
    geometry : shapely geometry
        In pixels, as `in_pixels` returns it.
    """

    geometry: Any

    def __call__(self, block: Block) -> Mask:
        """Return True inside."""
        import shapely
        from rasterio.features import rasterize

        box = block.col - 1, block.row - 1, block.col + block.width + 1, block.row + block.height + 1
        near = shapely.intersection(self.geometry, shapely.box(*box))
        shapes = [part for part in shapely.get_parts([near]) if part.area > 0]
        if not shapes:
            return np.zeros(block.shape, np.bool_)
        corner = Affine.translation(block.col, block.row)
        with quietly(NotGeoreferencedWarning):
            burnt = rasterize(shapes, out_shape=block.shape, transform=corner, dtype="uint8")
        return np.asarray(burnt > 0)


def to_degrees(grid: Grid, rows: DoubleArray, cols: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Return longitude and latitude of pixels of a grid with a CRS, degrees; whole numbers are centres."""
    return transform_points(grid.crs, DEGREES, *grid.xy(rows, cols))


class _Place:
    """Turns longitudes and latitudes into columns and rows of a band, 0.5 at the centre of the first pixel."""

    def __init__(self, band: SceneBand, west: float) -> None:
        self.band = band
        self.west = west

    def __call__(self, points: DoubleArray) -> DoubleArray:
        # Each place once: what is found by iteration may differ in the last digit, and rings have to close.
        places, where = np.unique(points, axis=0, return_inverse=True)
        found: DoubleArray = self.pixels(places)[np.ravel(where)]
        return found

    def pixels(self, points: DoubleArray) -> DoubleArray:
        lon, lat = points[:, 0], points[:, 1]
        grid = self.band.grid
        if self.band.radar is not None:
            from sensetrack.radar.geocode import pixels_of

            row, col = pixels_of(self.band.radar, lon, lat, self.band.radar.height)
        else:
            x, y = transform_points(DEGREES, grid.crs, lon, lat)
            if grid.is_geographic:
                # Whichever turn the transformation ended in, and whichever the grid counts in.
                x = self.west + (x - self.west) % 360.0
                left, _, right, _ = grid.bounds
                x = x + 360.0 * round(((left + right) - (float(x.min()) + float(x.max()))) / 720.0)
            row, col = grid.rowcol(x, y)
        # Far outside in place of infinite, which geometries cannot be.
        return np.nan_to_num(np.column_stack([col, row]) + 0.5, nan=-1e9, posinf=1e9, neginf=-1e9)


def _outline(band: SceneBand) -> Any:
    """Return where a band lies, a little larger, in longitudes without a jump; None where a pole is inside."""
    import shapely

    if band.radar is not None:
        from sensetrack.radar.geocode import footprint

        lon, lat = footprint(band.radar, points=_PARTS // 4)
    else:
        along = np.linspace(0.0, 1.0, _PARTS, endpoint=False)
        zero, one = np.zeros(_PARTS), np.ones(_PARTS)
        rows = np.concatenate([zero, along, one, 1 - along]) * band.grid.height - 0.5
        cols = np.concatenate([along, one, 1 - along, zero]) * band.grid.width - 0.5
        lon, lat = to_degrees(band.grid, rows, cols)
    finite = np.isfinite(lon) & np.isfinite(lat)
    if finite.sum() < 3:
        raise GraphError(f"band {band.name} lies where its CRS knows no longitude and latitude")
    lon, lat = lon[finite], lat[finite]
    lon = np.unwrap(np.append(lon, lon[0]), period=360.0)
    if abs(lon[-1] - lon[0]) > 180.0:
        return None
    shape = shapely.make_valid(shapely.Polygon(np.column_stack([lon[:-1], lat])))
    xmin, ymin, xmax, ymax = shape.bounds
    return shapely.buffer(shape, 0.02 * math.hypot(xmax - xmin, ymax - ymin) + 1e-9, join_style="mitre")


def _hemisphere(region: Any, grid: Grid) -> Any:
    """Return the part of a region on the half of the earth whose pole a grid holds."""
    import shapely

    middle = to_degrees(grid, np.array([(grid.height - 1) / 2]), np.array([(grid.width - 1) / 2]))[1][0]
    south, north = (0.0, 90.0) if middle > 0 else (-90.0, 0.0)
    return shapely.intersection(region, shapely.box(-720.0, south, 720.0, north))


def _beside(name: str, band: SceneBand, outline: Any) -> GraphError:
    where = ""
    if outline is not None:
        xmin, ymin, xmax, ymax = outline.bounds
        where = f", which lies about longitude {xmin:.2f} to {xmax:.2f} and latitude {ymin:.2f} to {ymax:.2f}"
    return GraphError(f"{name} does not overlap band {band.name}{where}; WKT has longitude first, then latitude")


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
