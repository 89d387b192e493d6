"""Lazy pixels of bursts and subswaths: cut out, put together, and side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensetrack.graph.scene import SceneBand
from sensetrack.graph.source import Derived
from sensetrack.radar.grid import RadarGrid
from sensetrack.radar.timing import utc
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.sensors.sentinel1._annotation import Annotation
from sensetrack.sensors.sentinel1._bursts import lines_of_bursts
from sensetrack.types import Mask, PixelArray


@dataclass(frozen=True, eq=False)
class Debursted(Derived):
    """The bursts of one subswath, one after the other.

    Attributes
    ----------
    image : Image
        Bursts over bursts.
    lines : ndarray of int64
        The line of `image` for every line.
    """

    image: Image
    lines: NDArray[np.int64]

    @classmethod
    def of(cls, image: Image, about: Annotation) -> Debursted:
        """Build from the annotation of the bursts that the image has; see `lines_of_bursts`."""
        return cls(image, lines_of_bursts(about) - about.bursts[0].first_line)

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return pixels of a window, from every burst that it touches."""
        own = self.lines[block.row : block.row + block.height]
        # Within a burst lines follow each other, so that one read serves all of them.
        edges = [0, *(np.flatnonzero(np.diff(own) != 1) + 1).tolist(), len(own)]
        parts = [self.image.read(Block(int(own[a]), block.col, b - a, block.width)) for a, b in pairwise(edges)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


@dataclass(frozen=True, eq=False)
class Part:
    """An image and where its first pixel lies in a larger one.

    Attributes
    ----------
    image : Image
    row, col : int
    """

    image: Image
    row: int
    col: int

    def inside(self, block: Block) -> Block:
        """Return what a block of the larger image and this one share; empty where they share nothing."""
        return block.intersection(Block(self.row, self.col, *self.image.grid.shape))

    def read(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return the pixels of a block of the larger image that lies inside."""
        return self.image.read(Block(block.row - self.row, block.col - self.col, block.height, block.width))


@dataclass(frozen=True, eq=False)
class SideBySide(Derived):
    """Images that overlap along columns, parted at given columns; where one has nothing its neighbour is taken.

    Attributes
    ----------
    parts : tuple of Part
        From the first column on.
    seams : tuple of int
        First column of each part but the first.
    """

    parts: tuple[Part, ...]
    seams: tuple[int, ...]

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return pixels of a window, from every part that it touches."""
        kind = np.complex64 if self.parts[0].image.is_complex else np.float32
        pixels: PixelArray = np.zeros(block.shape, kind)
        valid = np.zeros(block.shape, np.bool_)
        edges = (-math.inf, *self.seams, math.inf)
        last = block.col + block.width
        beyond: list[tuple[Part, int, int]] = []
        for part, ends in zip(self.parts, pairwise(edges), strict=True):
            low, high = (int(np.clip(edge, block.col, last)) for edge in ends)
            self._fill(part, block, (low, high), pixels, valid)
            beyond += [(part, block.col, low), (part, high, last)]
        for part, low, high in beyond:
            self._fill(part, block, (low, high), pixels, valid)
        return pixels, valid

    @staticmethod
    def _fill(part: Part, block: Block, cols: tuple[int, int], pixels: PixelArray, valid: Mask) -> None:
        """Take from a part what is empty yet in some columns of the block."""
        area = part.inside(Block(block.row, cols[0], block.height, cols[1] - cols[0]))
        if not (area.height and area.width):
            return
        lacking = np.flatnonzero(~valid[area.within(block)].all(axis=0))
        if not len(lacking):
            return
        first, last = int(lacking[0]), int(lacking[-1])
        area = Block(area.row, area.col + first, area.height, last - first + 1)
        place = area.within(block)
        found, known = part.read(area)
        taken = known & ~valid[place]
        pixels[place][taken] = found[taken]
        valid[place] |= known


def burst_window(about: Annotation, band: SceneBand) -> tuple[int, int]:
    """Return the first burst that a band has, from 0, and the one behind the last."""
    assert band.lines is not None
    return band.lines[0] // about.lines_per_burst, band.lines[1] // about.lines_per_burst


def valid_columns(about: Annotation, radar: RadarGrid) -> tuple[int, int]:
    """Return the first column of a grid that is valid in all bursts of its product, and the one behind the last."""
    has = [(burst.first_valid >= 0, burst) for burst in about.bursts]
    low = max(int(burst.first_valid[valid].max()) for valid, burst in has if valid.any())
    high = min(int(burst.last_valid[valid].min()) for valid, burst in has if valid.any()) + 1
    # Centres of columns lie at origin + looks * column in samples of the file.
    half = (radar.looks[1] - 1) / 2
    first = math.ceil((low - radar.origin[1] + half) / radar.looks[1])
    behind = math.floor((high - 1 - radar.origin[1] - half) / radar.looks[1]) + 1
    return max(first, 0), min(behind, radar.shape[1])


def burst_outlines(about: Annotation) -> list[tuple[Any, ...]]:
    """Return what each burst covers on the ground: polygons in longitude and latitude.

    They are those of the geolocation grid between the first and the last line of the burst; a burst that crosses the
    antimeridian has one polygon for each side of it.
    """
    import shapely

    ties = about.ties
    seconds = (ties.azimuth_time[:, 0] - ties.azimuth_time[0, 0]) / np.timedelta64(1, "s")
    duration = timedelta(seconds=(about.lines_per_burst - 1) * about.timing.line_interval)
    found = []
    for burst in about.bursts:
        times = [utc(time) for time in (burst.time, burst.time + duration)]
        since = [(time - ties.azimuth_time[0, 0]) / np.timedelta64(1, "s") for time in times]
        top, bottom = np.interp(since, seconds, ties.lines)
        across = ties.samples
        line = np.concatenate([np.full(len(across), top), np.full(len(across), bottom)])
        sample = np.concatenate([across, across[::-1]])
        lat = ties.at("latitude", line, sample)
        lon = np.unwrap(ties.at("longitude", line, sample), period=360.0)
        rings = [lon + turn for turn in (-360.0, 0.0, 360.0) if (np.abs(lon + turn) <= 180).any()]
        found.append(tuple(shapely.Polygon(np.stack([ring, lat], axis=-1)) for ring in rings))
    return found
