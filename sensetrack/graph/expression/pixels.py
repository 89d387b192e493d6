"""Pixels that an expression is worked out on, block by block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from sensetrack.graph.expression.evaluate import CONSTANTS, Surroundings, Value, evaluate
from sensetrack.graph.expression.tree import Tree
from sensetrack.graph.region import to_degrees
from sensetrack.graph.source import Derived
from sensetrack.radar.grid import RadarGrid
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, Mask, PixelArray

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""From which ``TIME`` counts days."""

_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where pixels lie on the earth and in time.

    Attributes
    ----------
    grid : Grid
    radar : RadarGrid or None
        Its pixels are taken to lie at the mean height of the scene.
    start : datetime or None
        Of the acquisition, UTC.
    """

    grid: Grid
    radar: RadarGrid | None = None
    start: datetime | None = None

    @property
    def known(self) -> set[str]:
        """The names of `sensetrack.graph.expression.evaluate.PLACES` that can be worked out here."""
        has_place = self.radar is not None or self.grid.crs is not None
        has_time = self.radar is not None or self.start is not None
        return {"X", "Y"} | ({"LAT", "LON"} if has_place else set()) | ({"TIME"} if has_time else set())

    def value(self, name: str, block: Block) -> Value:
        """Return a place of the pixels of a window: X and Y in pixels, 0.5 at the first; degrees; days since 2000."""
        rows = np.arange(block.row, block.row + block.height, dtype=np.float64)[:, None]
        cols = np.arange(block.col, block.col + block.width, dtype=np.float64)[None, :]
        if name == "X":
            return _known(cols + 0.5)
        if name == "Y":
            return _known(rows + 0.5)
        if name == "TIME":
            return _known(self._days(rows))
        row, col = (np.broadcast_to(each, block.shape) for each in (rows, cols))
        if self.radar is not None:
            from sensetrack.radar.geocode import places_of

            lon, lat = places_of(self.radar, row, col, self.radar.height)
        else:
            lon, lat = to_degrees(self.grid, row, col)
        return _known(lon if name == "LON" else lat)

    def _days(self, rows: DoubleArray) -> DoubleArray:
        if self.radar is not None:
            since = (self.radar.first_line - EPOCH).total_seconds()
            return np.asarray((since + rows * self.radar.line_interval) / 86400.0)
        assert self.start is not None
        start = self.start if self.start.tzinfo is not None else self.start.replace(tzinfo=UTC)
        return np.array((start - EPOCH).total_seconds() / 86400.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluated(Derived):
    """The values of an expression.

    Attributes
    ----------
    tree : Tree
    condition : Tree or None
        Where it is not true, nothing is valid.
    images : mapping of str to Image
        Bands by the names in the expression.
    numbers : mapping of str to float
        Variables.
    place : Place
    seed : int
        Of random numbers.
    scale, offset : float
        What is stored is ``(value - offset) / scale``.
    limits : tuple of float or None
        Of whole numbers: they are rounded, and have no value beyond; None: no whole numbers.
    """

    tree: Tree
    images: Mapping[str, Image]
    place: Place
    condition: Tree | None = None
    numbers: Mapping[str, float]
    seed: int = 0
    scale: float = 1.0
    offset: float = 0.0
    limits: tuple[float, float] | None = None

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return values, float32; what is not finite is not valid."""
        around = Surroundings(block, self._names(block), self.seed)
        data, valid = evaluate(self.tree, around)
        if self.condition is not None:
            holds = evaluate(self.condition, around)
            valid = valid & holds.valid & (holds.data != 0) & ~np.isnan(holds.data)
        if (self.scale, self.offset) != (1.0, 0.0):
            data = (data - self.offset) / self.scale
        low, high = (-_LARGEST, _LARGEST) if self.limits is None else self.limits
        with np.errstate(invalid="ignore"):
            data = data if self.limits is None else np.floor(data + 0.5)
            valid = valid & (data >= low) & (data <= high)
        return np.where(valid, data, 0.0).astype(np.float32), valid

    def _names(self, block: Block) -> dict[str, Callable[[], Value]]:
        names: dict[str, Callable[[], Value]] = {}
        for name in ("X", "Y", "LAT", "LON", "TIME"):
            names[name] = lambda name=name: self.place.value(name, block)  # type: ignore[misc]
        for name, number in {**CONSTANTS, **self.numbers}.items():
            names[name] = lambda number=number: _known(np.array(number, np.float64))  # type: ignore[misc]
        for name, image in self.images.items():
            names[name] = lambda image=image: _read(image, block)  # type: ignore[misc]
        return names


def _known(data: DoubleArray) -> Value:
    return Value(data, np.array(True))


def _read(image: Image, block: Block) -> Value:
    pixels, valid = image.read(block)
    return Value(pixels.astype(np.float64), valid)
