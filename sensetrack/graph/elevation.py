"""Heights above the ellipsoid on any map: from an elevation model, the geoid, or one number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensetrack.graph.geoid import Geoid
from sensetrack.graph.map_places import DEGREES, MapPlaces, read_around
from sensetrack.raster.crs import Extent, transform_extent
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.methods import Method
from sensetrack.raster.resample import sample
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, FloatArray, Mask

_LOOK = 1000
_GLANCE = 200
_REACH = {"nearest": 1, "bilinear": 2, "cubic": 3, "lanczos": 4}
_SOURCE_PIXELS = 2**24


@dataclass(frozen=True, eq=False, kw_only=True)
class Elevation:
    """Heights above the ellipsoid.

    Attributes
    ----------
    image : Image or None
        The elevation model, in any CRS; None where there is none.
    voids : tuple of float
        Heights of the model that mean missing, beside its own nodata and NaN.
    geoid : Geoid or None
        Of models whose heights are above the geoid: what is added to them.
    method : {"nearest", "bilinear", "cubic", "lanczos"}
        How heights are interpolated. Where pixels of the map are larger than those of the model, the kernel is as
        wide as they are, so that heights are means.
    known_only : bool
        Whether places without a height stay without; else they lie on the geoid, or with no geoid on the ellipsoid.
    base : float
        Height where there is no model, m.
    """

    image: Image | None = None
    voids: tuple[float, ...] = ()
    geoid: Geoid | None = None
    method: Method = "bilinear"
    known_only: bool = True
    base: float = 0.0

    def heights(self, places: MapPlaces, block: Block) -> tuple[DoubleArray, Mask]:
        """Return heights of the pixels of a map, m above the ellipsoid, and where there are any; NaN elsewhere."""
        height = np.full(block.shape, self.base)
        known = np.ones(block.shape, np.bool_)
        if self.image is not None:
            found, known = self._sampled(self.image, places, block)
            height = np.where(known, found, 0.0)
            if not self.known_only:
                known = np.ones(block.shape, np.bool_)
        if self.geoid is not None:
            longitude, latitude = places.nodes(block)
            height = height + places.spread(self.geoid.undulation(latitude, longitude), block)
        return np.where(known, height, np.nan), known & np.isfinite(height)

    def covers(self, box: Extent) -> bool:
        """Whether any height is known in a box of longitude and latitude, as far as a coarse look tells."""
        if self.image is None or not self.known_only:
            return True
        return any(self._look(part, _GLANCE).size for part in self._boxes(box))

    def extremes(self, box: Extent) -> tuple[float, float]:
        """Return the lowest and the highest height, m above the ellipsoid, in a box of longitude and latitude.

        The model is looked at decimated, to some 1000 x 1000 heights. ``base`` twice where it has none there.
        """
        west, south, east, north = box
        low, high = self.base, self.base
        if self.image is not None:
            found = [values for values in map(self._look, self._boxes(box)) if values.size]
            low = min((float(values.min()) for values in found), default=low)
            high = max((float(values.max()) for values in found), default=high)
            if not self.known_only:
                low, high = min(low, 0.0), max(high, 0.0)
        if self.geoid is not None:
            latitude, longitude = np.meshgrid(np.linspace(south, north, 20), np.linspace(west, east, 20))
            undulation = self.geoid.undulation(latitude, longitude)
            low, high = low + float(undulation.min()), high + float(undulation.max())
        return low, high

    def _boxes(self, box: Extent) -> Sequence[Extent]:
        """Return a box of longitude and latitude in the CRS of the model."""
        assert self.image is not None
        crs = self.image.grid.crs
        if crs is not None and not crs.is_geographic:
            return transform_extent(DEGREES, crs, box)
        return [(box[0] + turn, box[1], box[2] + turn, box[3]) for turn in (-360.0, 0.0, 360.0)]

    def _look(self, box: Extent, most: int = _LOOK) -> FloatArray:
        """Return known heights of the model in a box of its own CRS, decimated to ``most`` rows and columns."""
        assert self.image is not None
        grid = self.image.grid
        row, col = grid.rowcol(np.array([box[0], box[2]] * 2), np.array([box[1], box[1], box[3], box[3]]))
        top, left = math.floor(row.min()), math.floor(col.min())
        block = Block(top, left, math.ceil(row.max()) - top + 1, math.ceil(col.max()) - left + 1).clip(grid.shape)
        if block is None:
            return np.zeros(0, np.float32)
        shape = min(block.height, most), min(block.width, most)
        if self.image.path is None and self.image.source is None:
            pixels, valid = self.image.read(block)
        else:
            pixels, valid = self.image.read_file(block, shape)
        return np.asarray(pixels[self._known(np.asarray(pixels, np.float32), valid)], np.float32)

    def _known(self, pixels: FloatArray, valid: Mask) -> Mask:
        for void in self.voids:
            valid = valid & (pixels != np.float32(void))
        return valid

    def _sampled(self, image: Image, places: MapPlaces, block: Block) -> tuple[DoubleArray, Mask]:
        """Interpolate the model at the pixels of a map."""
        grid = image.grid
        row, col = grid.rowcol(*places.at(block, grid.crs))
        ratio = _ratio(places, grid)
        heights, known = np.zeros(block.shape), np.zeros(block.shape, np.bool_)
        turn = 360.0 / grid.transform.a if grid.is_geographic else 0.0
        if turn and grid.width >= turn - 0.5:
            return self._read(image, row, col, ratio, round(turn))
        for shift in (0.0, -turn, turn) if turn else (0.0,):
            found, there = self._read(image, row, col + shift, ratio, 0)
            heights, known = np.where(known, heights, found), known | there
        return heights, known

    def _read(
        self, image: Image, row: DoubleArray, col: DoubleArray, ratio: tuple[float, float], period: int
    ) -> tuple[DoubleArray, Mask]:
        """Interpolate the model at rows and columns; those of a model around the Earth come again after ``period``."""
        height, width = image.grid.shape
        reach = [max(scale, 1.0) * _REACH[self.method] for scale in ratio]
        near = (row > -reach[0]) & (row < height + reach[0]) & np.isfinite(col)
        near &= bool(period) | ((col > -reach[1]) & (col < width + reach[1]))
        heights, known = np.zeros(row.shape), np.zeros(row.shape, np.bool_)
        if not near.any():
            return heights, known
        top, left = math.floor(row[near].min() - reach[0]), math.floor(col[near].min() - reach[1])
        bottom, right = math.ceil(row[near].max() + reach[0]) + 1, math.ceil(col[near].max() + reach[1]) + 1
        window = Block(top, left, bottom - top, right - left)
        if window.height * window.width > _SOURCE_PIXELS and row.size > 1:
            axis = int(row.shape[1] > row.shape[0])
            halves = zip(np.array_split(row, 2, axis), np.array_split(col, 2, axis), strict=True)
            parts = [self._read(image, *half, ratio, period) for half in halves]
            joined = [np.concatenate(layers, axis) for layers in zip(*parts, strict=True)]
            return joined[0], joined[1]
        pixels, valid = read_around(image, window, period)
        valid = self._known(np.asarray(pixels, np.float32), valid)
        found, known = sample(pixels, valid, row, col, self.method, ratio, (window.row, window.col))
        return np.asarray(found, np.float64), known


def _ratio(places: MapPlaces, model: Grid) -> tuple[float, float]:
    """Return how many rows and columns of a model one pixel of the map spans at the map's centre."""
    centre = Block(places.grid.height // 2, places.grid.width // 2, 2, 2)
    row, col = model.rowcol(*places.at(centre, model.crs))
    if not (np.isfinite(row).all() and np.isfinite(col).all()):
        return 1.0, 1.0
    return (
        math.hypot(float(row[0, 1] - row[0, 0]), float(row[1, 0] - row[0, 0])),
        math.hypot(float(col[0, 1] - col[0, 0]), float(col[1, 0] - col[0, 0])),
    )


METHODS: dict[str, Method] = {
    "NEAREST_NEIGHBOUR": "nearest",
    "BILINEAR_INTERPOLATION": "bilinear",
    "CUBIC_CONVOLUTION": "cubic",
    "BICUBIC_INTERPOLATION": "cubic",
    "BISINC_5_POINT_INTERPOLATION": "lanczos",
    "BISINC_11_POINT_INTERPOLATION": "lanczos",
    "BISINC_21_POINT_INTERPOLATION": "lanczos",
}
"""How heights are interpolated, by SNAP's words; triangles (DELAUNAY_INTERPOLATION) are SNAP's alone."""
