"""Images in the geometry of a sensor onto a map, by arrays of latitude and longitude for all their pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from sensetrack.errors import InputError
from sensetrack.raster.crs import transform_points
from sensetrack.raster.grid import Grid
from sensetrack.raster.methods import Method
from sensetrack.raster.source import Source
from sensetrack.raster.tiles import Block, whole
from sensetrack.types import DoubleArray, Mask, PixelArray

_NODES = 64
"""Nodes along each side of an image through which the first guess is fitted."""

_ROUNDS = 8
"""Steps from the guess to the place; each leaves a few percent of what was missing, 15 at most."""

_DEGREES = CRS.from_epsg(4326)


class Places(Protocol):
    """Reads latitude and longitude of pixels; pickles."""

    def read(self, rows: slice, cols: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return latitude and longitude in degrees, NaN or nonsense where unknown."""
        ...


@dataclass(frozen=True, eq=False)
class Geolocation:
    """Finds pixels of an image by their place on a map. Build one with `Geolocation.of`.

    Nothing is assumed of how the axes lie: they may be turned or mirrored.

    Attributes
    ----------
    places : Places
    grid : Grid
        The image's own shape, with the affine map that fits its pixels best.
    row_terms, col_terms : ndarray of float64
        Third-degree polynomials from map coordinates to rows and columns: the first guess.
    slack : int
        Pixels by which the guess may be off.
    """

    places: Places
    grid: Grid
    row_terms: DoubleArray
    col_terms: DoubleArray
    slack: int

    @classmethod
    def of(cls, places: Places, shape: tuple[int, int], crs: CRS | None, what: str) -> Geolocation:
        """Fit the guess.

        Parameters
        ----------
        places : Places
        shape : tuple of int
            Rows and columns of the image.
        crs : CRS or None
            Of the map; None takes the UTM zone of the centre, or polar stereographic beyond 84 degrees.
        what : str
            For messages.

        Raises
        ------
        InputError
            The places are no latitudes and longitudes, or lie on a line.
        """
        step = max(1, math.ceil(max(shape) / _NODES))
        row, col = np.meshgrid(*(np.arange(0, length, step, dtype=np.float64) for length in shape), indexing="ij")
        lat, lon = places.read(slice(0, shape[0], step), slice(0, shape[1], step))
        known = np.isfinite(lat) & np.isfinite(lon) & (np.abs(lat) <= 90) & (np.abs(lon) <= 360)
        if known.mean() < 0.9:
            raise InputError(f"{what}: its latitudes and longitudes are none, so it cannot be put on a map")
        crs = crs or map_crs(lat[known], lon[known])
        x, y = transform_points(_DEGREES, crs, lon[known], lat[known])
        affine = _affine(row[known], col[known], x, y, what)
        rough = Grid(shape, affine, crs)
        u, v = _scaled(rough, x, y)
        terms = _terms(u, v)
        fits = [np.linalg.lstsq(terms, place[known], rcond=None)[0] for place in (row, col)]
        misfit = max(
            float(np.abs(terms @ fit - place[known]).max()) for fit, place in zip(fits, (row, col), strict=True)
        )
        slack = math.ceil(2 * misfit) + 3
        if slack > max(shape):
            raise InputError(f"{what}: its latitudes and longitudes follow no image, so it cannot be put on a map")
        return cls(places, rough, np.asarray(fits[0]), np.asarray(fits[1]), slack)

    def target(self, size: float) -> Grid:
        """Return the north-up grid of square pixels that covers the image, on multiples of the pixel size."""
        last_row, last_col = self.grid.height - 1, self.grid.width - 1
        edges = []
        for rows, cols in (
            (slice(0, 1), slice(None)),
            (slice(last_row, None), slice(None)),
            (slice(None), slice(0, 1)),
            (slice(None), slice(last_col, None)),
        ):
            lat, lon = self.places.read(rows, cols)
            x, y = transform_points(_DEGREES, self.grid.crs, lon.ravel(), lat.ravel())
            edges.append(np.stack([x, y]))
        points = np.concatenate(edges, axis=1)
        points = points[:, np.isfinite(points).all(0)]
        west, south = np.floor((points.min(1) - size / 2) / size) * size
        east, north = np.ceil((points.max(1) + size / 2) / size) * size
        shape = (round((north - south) / size), round((east - west) / size))
        return Grid(shape, Affine(size, 0.0, float(west), 0.0, -size, float(north)), self.grid.crs)

    def positions(self, target: Grid, source: Grid, block: Block) -> tuple[DoubleArray, DoubleArray]:
        """Return where the pixels of a block of ``target`` lie in the image; far outside where they do not."""
        rows = np.arange(block.row, block.row + block.height, dtype=np.float64)
        cols = np.arange(block.col, block.col + block.width, dtype=np.float64)
        x, y = target.xy(*np.meshgrid(rows, cols, indexing="ij"))
        terms = _terms(*_scaled(self.grid, x.ravel(), y.ravel()))
        row, col = terms @ self.row_terms, terms @ self.col_terms
        reach = self.slack + 2
        near = (row > -reach) & (row < self.grid.height + reach) & (col > -reach) & (col < self.grid.width + reach)
        outside = np.full(row.shape, -1e6)
        if near.any():
            place = self._refined(row[near], col[near], x.ravel()[near], y.ravel()[near])
            row, col = outside.copy(), outside
            row[near], col[near] = place
        else:
            row, col = outside.copy(), outside
        return row.reshape(block.shape), col.reshape(block.shape)

    def _refined(
        self, row: DoubleArray, col: DoubleArray, x: DoubleArray, y: DoubleArray
    ) -> tuple[DoubleArray, DoubleArray]:
        """Go from the guess to the pixel whose own latitude and longitude, bilinear between pixels, are the place."""
        from scipy.ndimage import map_coordinates

        reach = self.slack + 1
        top, left = (max(0, math.floor(each.min()) - reach) for each in (row, col))
        bottom = min(self.grid.height, math.ceil(row.max()) + reach + 1)
        right = min(self.grid.width, math.ceil(col.max()) + reach + 1)
        # At least two rows and columns, so that there is a slope to go on with beyond them.
        top, left = min(top, self.grid.height - 2), min(left, self.grid.width - 2)
        bottom, right = max(bottom, top + 2), max(right, left + 2)
        lat, lon = self.places.read(slice(top, bottom), slice(left, right))
        layers = transform_points(_DEGREES, self.grid.crs, lon, lat)
        own_x, own_y = (np.pad(layer, 1, mode="reflect", reflect_type="odd") for layer in layers)
        back = ~self.grid.transform
        for _ in range(_ROUNDS):
            at = np.stack([row - top + 1, col - left + 1])
            gap_x = x - map_coordinates(own_x, at, order=1, mode="nearest")
            gap_y = y - map_coordinates(own_y, at, order=1, mode="nearest")
            row = row + back.d * gap_x + back.e * gap_y
            col = col + back.a * gap_x + back.b * gap_y
        lost = ~(np.isfinite(row) & np.isfinite(col))
        return np.where(lost, -1e6, row), np.where(lost, -1e6, col)


@dataclass(frozen=True, eq=False)
class MappedSource:
    """Reads an image in the geometry of a sensor as pixels of a map.

    Attributes
    ----------
    inner : Source
        Its own pixels, calibrated and masked.
    geolocation : Geolocation
    grid : Grid
        On the map.
    method : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"}
    """

    inner: Source
    geolocation: Geolocation
    grid: Grid
    method: Method = "spline"

    def read(self, block: Block, shape: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Return the pixels of a window of the map and where they are valid, 0 where they are not."""
        from sensetrack.raster.resample import resample_window

        own = self.geolocation.grid

        def read(window: Block) -> tuple[PixelArray, Mask]:
            return self.inner.read(window, window.shape)

        if shape == block.shape:
            return resample_window(read, own, self.grid, block, self.method, positions=self.geolocation.positions)
        corner = self.grid.crop(block.row, block.col, block.shape).transform
        scale = Affine.scale(block.width / shape[1], block.height / shape[0])
        coarse = Grid(shape, corner @ scale, self.grid.crs)
        return resample_window(read, own, coarse, whole(shape), "nearest", positions=self.geolocation.positions)


def map_crs(latitude: DoubleArray, longitude: DoubleArray) -> CRS:
    """Return the UTM zone of the centre of places, or polar stereographic where there is none."""
    turn = np.radians(longitude)
    centre = math.degrees(math.atan2(float(np.sin(turn).mean()), float(np.cos(turn).mean())))
    middle = float(latitude.mean())
    if not -80 <= middle <= 84:
        return CRS.from_epsg(3413 if middle > 0 else 3031)
    zone = min(int((centre + 180) // 6) + 1, 60)
    return CRS.from_epsg((32600 if middle >= 0 else 32700) + zone)


def _affine(row: DoubleArray, col: DoubleArray, x: DoubleArray, y: DoubleArray, what: str) -> Affine:
    """Return the transform from pixel edges to the map that fits best."""
    design = np.stack([col + 0.5, row + 0.5, np.ones_like(row)], axis=1)
    good = np.isfinite(x) & np.isfinite(y)
    found = [np.linalg.lstsq(design[good], each[good], rcond=None)[0] for each in (x, y)]
    affine = Affine(*(float(term) for terms in found for term in terms))
    size = max(math.hypot(affine.a, affine.d), math.hypot(affine.b, affine.e))
    if abs(affine.determinant) < 1e-3 * max(size, 1e-9) ** 2:
        raise InputError(f"{what}: its latitudes and longitudes lie on a line, so it cannot be put on a map")
    return affine


def _scaled(grid: Grid, x: DoubleArray, y: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Return map coordinates as shares of the image, about -1 to 1, in which polynomials are tame."""
    row, col = grid.rowcol(x, y)
    return 2 * row / grid.height - 1, 2 * col / grid.width - 1


def _terms(u: DoubleArray, v: DoubleArray) -> NDArray[np.float64]:
    return np.stack([u**i * v**j for i in range(4) for j in range(4 - i)], axis=-1)
