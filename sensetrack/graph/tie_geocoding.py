"""Radar images on maps by a coarse grid of pixels whose places are known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sensetrack.graph.scene import Scene, SceneBand
from sensetrack.graph.source import remembered
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.timing import LIGHT
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.sensors._geolocation import Geolocation
from sensetrack.sensors.sentinel1 import Sentinel1Product
from sensetrack.types import DoubleArray, Mask, PixelArray

_POINTS = 21


@dataclass(frozen=True, eq=False)
class TiePlaces:
    """Latitude and longitude of all pixels, bilinear between points.

    Attributes
    ----------
    lines, samples : ndarray of float64
        Of the points in the image, ascending.
    latitude, longitude : ndarray of float64
        ``(line, sample)``, degrees; longitudes without jumps.
    """

    lines: DoubleArray
    samples: DoubleArray
    latitude: DoubleArray
    longitude: DoubleArray

    @classmethod
    def of(cls, scene: Scene, band: SceneBand) -> TiePlaces:
        """Return the points of the product that a band comes of; where it has none, points at the scene's height.

        Points of Sentinel-1 lie on the terrain. Their lines are told by their time, so that they hold also where
        bursts were put together.
        """
        radar = band.radar
        assert radar is not None
        product = scene.product
        if not isinstance(product, Sentinel1Product) or not band.channel:
            return cls.on_height(radar)
        ties = product.annotation(band.channel).ties
        reference = np.datetime64(radar.orbit.reference.replace(tzinfo=None), "us")
        seconds = (ties.azimuth_time - reference) / np.timedelta64(1, "s")
        lines = radar.line(seconds, ties.slant_time * LIGHT / 2).mean(axis=1)
        longitude = np.unwrap(np.unwrap(ties.longitude, period=360.0, axis=0), period=360.0, axis=1)
        samples = (ties.samples - radar.origin[1]) / radar.looks[1]
        return cls(lines, samples, ties.latitude, longitude)

    @classmethod
    def on_height(cls, radar: RadarGrid) -> TiePlaces:
        """Return points at the height of the scene."""
        from sensetrack.radar.geocode import places_of

        lines, samples = (np.linspace(0, length - 1, _POINTS) for length in radar.shape)
        longitude, latitude = places_of(radar, lines[:, None], samples, radar.height)
        longitude = np.unwrap(np.unwrap(longitude, period=360.0, axis=0), period=360.0, axis=1)
        return cls(lines, samples, latitude, longitude)

    def read(self, rows: slice, cols: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return latitude and longitude of a window, degrees; beyond the points they are extrapolated."""
        row, col = (np.arange(each.start, each.stop, each.step or 1, dtype=np.float64) for each in (rows, cols))
        down, across = _weights(self.lines, row), _weights(self.samples, col)
        return down @ self.latitude @ across.T, down @ self.longitude @ across.T

    def outline(self, shape: tuple[int, int]) -> DoubleArray:
        """Return latitudes and longitudes ``(2, n)`` of the pixels at the edges of an image."""
        lines, samples = (slice(0, length) for length in shape)
        ends = [(slice(0, length, max(1, length - 1))) for length in shape]
        edges = self.read(ends[0], samples), self.read(lines, ends[1])
        return np.concatenate([np.stack([lat.ravel(), lon.ravel()]) for lat, lon in edges], axis=1)


@dataclass(frozen=True, eq=False)
class TieLocator:
    """Finds the pixels of a map in an image by its points. Build one with `TieLocator.of`.

    Attributes
    ----------
    geolocation : Geolocation
    grid : Grid
        The map.
    """

    geolocation: Geolocation
    grid: Grid
    _key: object = field(default_factory=object, repr=False)

    @classmethod
    def of(cls, places: TiePlaces, shape: tuple[int, int], grid: Grid, what: str) -> TieLocator:
        """Prepare the search.

        Raises
        ------
        InputError
            The points lie on a line.
        """
        return cls(Geolocation.of(_Bounded(places, shape), shape, grid.crs, what), grid)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what is kept."""
        return type(self), (self.geolocation, self.grid)

    def positions(self, block: Block) -> tuple[DoubleArray, DoubleArray]:
        """Return rows and columns of the pixels of a block of the map in the image."""

        def compute() -> tuple[PixelArray, Mask]:
            found = np.stack(self.geolocation.positions(self.grid, self.geolocation.grid, block))
            return found, np.isfinite(found[0])

        row, col = remembered((self._key, block), compute)[0]
        return np.asarray(row, np.float64), np.asarray(col, np.float64)


@dataclass(frozen=True, eq=False)
class _Bounded:
    """Takes slices without ends, as arrays do."""

    places: TiePlaces
    shape: tuple[int, int]

    def read(self, rows: slice, cols: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return latitude and longitude of a window."""
        return self.places.read(*(slice(*each.indices(n)) for each, n in zip((rows, cols), self.shape, strict=True)))


def _weights(nodes: DoubleArray, at: DoubleArray) -> DoubleArray:
    """Return ``(len(at), len(nodes))``: what each node counts, linearly."""
    low = np.clip(np.searchsorted(nodes, at) - 1, 0, len(nodes) - 2)
    share = (at - nodes[low]) / (nodes[low + 1] - nodes[low])
    weights = np.zeros((len(at), len(nodes)))
    each = np.arange(len(at))
    weights[each, low], weights[each, low + 1] = 1 - share, share
    return weights
