"""Bursts of a TOPS image: which pixels hold data, and the bursts put together to one image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.sensors._source import BandSource, positions
from sensetrack.sensors.sentinel1._annotation import Annotation
from sensetrack.types import Mask, PixelArray


@dataclass(frozen=True, eq=False)
class ValidSamples:
    """Leaves out what lies outside of the valid samples of each line of the file.

    Attributes
    ----------
    first, last : ndarray of int64
        Per line, both included; -1 where the line holds nothing.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]

    def read(self, grid: Grid, block: Block, shape: tuple[int, int]) -> Mask:
        """Return True where pixels hold data."""
        rows, cols = positions(block, shape)
        line = np.rint(rows).astype(np.int64)
        first, last = self.first[line][:, None], self.last[line][:, None]
        return np.asarray((first >= 0) & (cols[None, :] >= first) & (cols[None, :] <= last))


def valid_samples(about: Annotation) -> ValidSamples:
    """Return the valid samples of all lines of a file."""
    return ValidSamples(
        np.concatenate([burst.first_valid for burst in about.bursts]),
        np.concatenate([burst.last_valid for burst in about.bursts]),
    )


def lines_of_bursts(about: Annotation) -> NDArray[np.int64]:
    """Return the line of the file for each line of the bursts put together, which are equally spaced in time.

    Where two bursts overlap, the first one ends in the middle of the lines that are valid in both.

    Raises
    ------
    InputError
        Two bursts do not overlap.
    """
    per_burst, interval = about.lines_per_burst, about.timing.line_interval
    starts = [round((burst.time - about.bursts[0].time).total_seconds() / interval) for burst in about.bursts]
    if about.shape[0] != per_burst * len(starts):
        raise InputError(f"{about.file}: {len(starts)} bursts of {per_burst} lines are not {about.shape[0]} lines")
    if any(not 0 < later - earlier <= per_burst for earlier, later in pairwise(starts)):
        raise InputError(f"{about.file}: its bursts do not follow each other with some overlap")
    if any((burst.first_valid < 0).all() for burst in about.bursts):
        raise InputError(f"{about.file}: a burst has no valid line")
    lines = np.empty(starts[-1] + per_burst, np.int64)
    begin = 0
    for number, burst in enumerate(about.bursts):
        end = len(lines)
        if number + 1 < len(about.bursts):
            valid_end = starts[number] + int(np.flatnonzero(burst.first_valid >= 0)[-1]) + 1
            valid_begin = starts[number + 1] + int(np.flatnonzero(about.bursts[number + 1].first_valid >= 0)[0])
            if valid_end < valid_begin:
                raise InputError(f"{about.file}: bursts {number + 1} and {number + 2} do not overlap")
            end = (valid_end + valid_begin) // 2
        lines[begin:end] = np.arange(begin, end) - starts[number] + burst.first_line
        begin = end
    return lines


@dataclass(frozen=True, eq=False)
class Debursted:
    """Reads the bursts of a file as one image.

    Attributes
    ----------
    source : BandSource
        Reads the file.
    lines : ndarray of int64
        See `lines_of_bursts`.
    """

    source: BandSource
    lines: NDArray[np.int64]

    def read(self, block: Block, shape: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Return pixels and where they are valid, from every burst that the window touches."""
        rows = np.rint(positions(block, shape)[0]).astype(np.int64)
        wanted = self.lines[rows]
        own = self.lines[block.row : block.row + block.height]
        # Within a burst lines follow each other, so that one read serves all of them.
        breaks = np.flatnonzero(np.diff(own) != 1) + 1
        edges = [0, *breaks.tolist(), len(own)]
        pixels = np.zeros(shape, np.float32 if self.source.calibration is not None else np.complex64)
        valid = np.zeros(shape, np.bool_)
        for begin, end in pairwise(edges):
            first, last = int(own[begin]), int(own[end - 1])
            chosen = np.flatnonzero((rows - block.row >= begin) & (rows - block.row < end))
            if not len(chosen):
                continue
            if shape[0] == block.height:
                first, last = int(wanted[chosen[0]]), int(wanted[chosen[-1]])
            part = Block(first, block.col, last - first + 1, block.width)
            pixels[chosen], valid[chosen] = self.source.read(part, (len(chosen), shape[1]))
        return pixels, valid
