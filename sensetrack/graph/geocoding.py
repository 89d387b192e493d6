"""Radar images on maps: where the pixels of a map lie in an image, and the image interpolated there."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from sensetrack.graph.elevation import Elevation
from sensetrack.graph.map_places import MapPlaces
from sensetrack.graph.source import Derived, remembered
from sensetrack.radar.grid import RadarGrid
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray

if TYPE_CHECKING:
    from sensetrack.radar.geocode import Between, RadarGeometry

Interpolation = Literal["nearest", "bilinear", "cubic", "sinc-5", "sinc-11", "sinc-21", "spline"]
"""How images are interpolated: see `sensetrack.radar.sampling.sample_all`; ``spline`` is that of
`sensetrack.raster.spline`, which moves content least and suits images that are to be tracked."""

STEPS = (64, 32, 16, 8, 4, 2, 1)
TOLERANCE = 2e-4
"""What interpolation of the geometry may be off at most, in pixels of the image, where it is tried."""

_TRIED = 7
_SOURCE_PIXELS = 2**24
_SPLINE_REACH = 15


@dataclass(frozen=True, eq=False)
class Geocoder:
    """Finds the pixels of a map in a radar image. Build one with `Geocoder.of`; bands of one geometry share it.

    Attributes
    ----------
    geometry : RadarGeometry
    places : MapPlaces
        The map, with a lattice as coarse as `TOLERANCE` allows.
    elevation : Elevation
    """

    geometry: RadarGeometry
    places: MapPlaces
    elevation: Elevation
    _key: object = field(default_factory=object, repr=False)

    @classmethod
    def of(cls, radar: RadarGrid, grid: Grid, elevation: Elevation, between: Between = "nearest") -> Geocoder:
        """Prepare the geometry, and find out how coarse the lattice may be.

        Raises
        ------
        InputError
            The state vectors of the image do not cover it.
        """
        from sensetrack.radar.geocode import RadarGeometry
        from sensetrack.radar.lattice import Lattice

        geometry = RadarGeometry.of(radar, between)
        for step in STEPS:
            found = cls(geometry, MapPlaces(grid, Lattice(step)), elevation)
            if step == 1 or found._error() < TOLERANCE:
                return found
        raise AssertionError

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what is kept."""
        return type(self), (self.geometry, self.places, self.elevation)

    @property
    def grid(self) -> Grid:
        """The map."""
        return self.places.grid

    def heights(self, block: Block) -> tuple[DoubleArray, Mask]:
        """Return heights of a block, m above the ellipsoid, NaN where unknown, and where they are known."""
        found, known = remembered((self._key, "heights", block), lambda: self.elevation.heights(self.places, block))
        return np.asarray(found, np.float64), known

    def positions(self, block: Block) -> tuple[DoubleArray, DoubleArray]:
        """Return lines and samples of the pixels of a block, NaN without a height or out of sight."""
        found, _ = remembered((self._key, "positions", block), lambda: self._positions(block))
        return np.asarray(found[0], np.float64), np.asarray(found[1], np.float64)

    def _positions(self, block: Block) -> tuple[PixelArray, Mask]:
        from sensetrack.radar.lattice import pixels_into

        time, distance = self.times_ranges(block)
        radar, records = self.geometry.radar, self.geometry.records
        empty, table = np.empty(0), np.empty((0, 0))
        arrays = (empty, empty, empty, table, table, False) if records is None else records.arrays
        time -= radar.delay(distance)
        pixels_into(
            time,
            distance,
            radar.start,
            radar.line_interval,
            radar.near_range,
            radar.range_spacing,
            records is not None,
            *arrays,
        )
        return np.stack([time, distance]), np.isfinite(time)

    def times_ranges(self, block: Block, heights: DoubleArray | None = None) -> tuple[DoubleArray, DoubleArray]:
        """Return zero-Doppler times, s, and slant ranges, m, of the pixels of a block, NaN without height.

        Parameters
        ----------
        block : Block
            May reach beyond the map.
        heights : ndarray of float64, optional
            In place of those of `heights`.
        """
        from sensetrack.radar.lattice import SLAB, times_ranges_into

        height = self.heights(block)[0] if heights is None else heights
        time, distance = np.full((2, *block.shape), np.nan)
        known = np.isfinite(height)
        if not known.any():
            return time, distance
        lowest = math.floor(float(height[known].min()) / SLAB)
        slabs = max(1, math.ceil(float(height[known].max()) / SLAB) - lowest)
        levels = SLAB * (lowest + 0.5 * np.arange(2 * slabs + 1))
        longitude, latitude = self.places.nodes(block)
        nodes = self.geometry.times_ranges(latitude, longitude, levels[:, None, None])
        rows, cols = self._axes(block)
        times_ranges_into(time, distance, height, *nodes, lowest, rows[1], rows[2], cols[1], cols[2])
        return time, distance

    def _axes(self, block: Block) -> tuple[Any, Any]:
        lattice = self.places.lattice
        return lattice.axis(block.row, block.height), lattice.axis(block.col, block.width)

    def _error(self) -> float:
        """Return how far interpolation is off in the middle of some cells of the lattice that lie in the image."""
        step = self.places.lattice.step
        worst = 0.0
        radar = self.geometry.radar
        slant = radar.range_spacing * (0.5 if self.geometry.records is not None else 1.0)
        for row in np.linspace(0, self.grid.height - 1, _TRIED).astype(int):
            for col in np.linspace(0, self.grid.width - 1, _TRIED).astype(int):
                block = Block(int(row) // step * step + step // 2, int(col) // step * step + step // 2, 1, 1)
                height = np.full((1, 1), 700.0)
                found = self.times_ranges(block, height)
                exact = self.geometry.times_ranges(*self._exact(block), height)
                line, sample = float(radar.line(exact[0])[0, 0]), float(self.geometry.samples(*exact)[0, 0])
                reach = max(radar.shape)
                if not (-reach < line < 2 * reach and -reach < sample < 2 * reach):
                    continue
                off = [float(np.abs(a - b)[0, 0]) for a, b in zip(found, exact, strict=True)]
                error = max(off[0] / radar.line_interval, off[1] / slant)
                worst = max(worst, error if math.isfinite(error) else math.inf)
        return worst

    def _exact(self, block: Block) -> tuple[DoubleArray, DoubleArray]:
        from sensetrack.radar.lattice import Lattice

        longitude, latitude = MapPlaces(self.grid, Lattice(1)).at(block)
        return latitude, longitude


class Locator(Protocol):
    """Finds the pixels of a map in an image."""

    @property
    def grid(self) -> Grid:
        """The map."""
        ...

    def positions(self, block: Block) -> tuple[DoubleArray, DoubleArray]:
        """Return rows and columns of the pixels of a block of the map; NaN or far outside where there are none."""
        ...


@dataclass(frozen=True, eq=False)
class Geocoded(Derived):
    """Pixels of a radar image on a map.

    Complex pixels become intensities before they are interpolated. A pixel is valid where its place has a height and
    lies in the image, and where all pixels that take part are valid.

    Attributes
    ----------
    image : Image
        In the geometry of the radar.
    geocoder : Locator
    method : Interpolation
    """

    image: Image
    geocoder: Locator
    method: Interpolation

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return pixels and where they are valid."""
        return gather(self._read, self.image.grid.shape, *self.geocoder.positions(block), self.method)

    def _read(self, window: Block) -> tuple[PixelArray, Mask]:
        pixels, valid = self.image.read(window)
        if np.iscomplexobj(pixels):
            return np.asarray(pixels.real**2 + pixels.imag**2, np.float32), valid
        return pixels, valid


def gather(
    read: Callable[[Block], tuple[PixelArray, Mask]],
    shape: tuple[int, int],
    row: DoubleArray,
    col: DoubleArray,
    method: Interpolation,
) -> tuple[PixelArray, Mask]:
    """Interpolate an image that is read window by window at any positions.

    Parameters
    ----------
    read : callable
        Returns float32 pixels and where they are valid.
    shape : tuple of int
        Of the image.
    row, col : ndarray of float64
        ``(n, m)``; NaN where there is nothing to find.
    method : Interpolation
    """
    from sensetrack.radar.sampling import reach, sample_all

    margin = _SPLINE_REACH if method == "spline" else reach(method)
    with np.errstate(invalid="ignore"):
        inside = (row >= 0) & (row < shape[0] - 1) & (col >= 0) & (col < shape[1] - 1)
    if not inside.any():
        return np.zeros(row.shape, np.float32), np.zeros(row.shape, np.bool_)
    top, left = (math.floor(each[inside].min()) - margin for each in (row, col))
    bottom, right = (math.ceil(each[inside].max()) + margin + 1 for each in (row, col))
    window = Block(top, left, bottom - top, right - left).clip(shape)
    assert window is not None
    if window.height * window.width > _SOURCE_PIXELS and row.size > 1:
        axis = int(row.shape[1] > row.shape[0])
        halves = zip(np.array_split(row, 2, axis), np.array_split(col, 2, axis), strict=True)
        parts = [gather(read, shape, *half, method) for half in halves]
        return np.concatenate([part[0] for part in parts], axis), np.concatenate([part[1] for part in parts], axis)
    pixels, valid = read(window)
    if method == "spline":
        from sensetrack.raster.spline import sample_spline

        # Positions outside stay outside: the spline itself would take those up to the last pixel's centre.
        place = np.where(inside, row, -1e6), np.where(inside, col, -1e6)
        return sample_spline(pixels, valid, *place, (window.row, window.col))
    return sample_all(pixels, valid, row, col, method, (window.row, window.col), shape)
