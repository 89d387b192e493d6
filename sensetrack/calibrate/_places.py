"""Where to look: a few blocks, spread over the image, with enough pixels to use."""

from __future__ import annotations

import numpy as np

from sensetrack.errors import UnusableImageError
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.tiles import Block
from sensetrack.stream import TrackTask
from sensetrack.types import Mask

SIDE = 384
"""Least side of a block in pixels."""

POINTS = 32
"""Least side of a block in output pixels."""

LARGEST = 1024
"""Largest side of a block in pixels, where a tracker's step is long."""

_OVERVIEW = 1024
_GOOD = 0.5


def choose_blocks(task: TrackTask, count: int, inside: AreaMask | None = None, seed: int = 0) -> list[Block]:
    """Return blocks of a tracker's output, spread over where both images are valid.

    The first is the fullest (the seed chooses among equals); each next one is the one farthest from all before, the
    fuller the better.

    Parameters
    ----------
    task : TrackTask
        With its pair and its mask.
    count : int
        At most.
    inside : AreaMask, optional
        Where to look, fitted to the pair.
    seed : int

    Returns
    -------
    list of Block
        In output pixels, from top to bottom.

    Raises
    ------
    UnusableImageError
        There is no pixel to use.
    """
    tracker, grid = task.tracker, task.tracker.output_grid(task.pair.grid)
    step, useful = _overview(task, inside)
    side = min(max(SIDE, POINTS * tracker.spacing), LARGEST) // tracker.spacing or 1
    candidates = [
        Block(row, col, height, width)
        for row, height in _cuts(grid.height, side)
        for col, width in _cuts(grid.width, side)
    ]
    shares = np.array([_share(useful, block.scale(tracker.spacing), step) for block in candidates])
    if not shares.max() > 0:
        where = "" if inside is None else f" inside {inside.name}"
        raise UnusableImageError(f"calibrate: both images have no valid pixel in common{where}")
    good = np.flatnonzero(shares >= _GOOD * shares.max())
    rng = np.random.default_rng(seed)
    place = np.array([(block.row, block.col) for block in candidates], np.float64)
    fullest = good[shares[good] >= 0.99 * shares.max()]
    chosen = [int(rng.choice(fullest))]
    while len(chosen) < min(count, len(good)):
        apart = np.min([np.hypot(*(place[good] - place[index]).T) for index in chosen], axis=0)
        apart[np.isin(good, chosen)] = -1
        chosen.append(int(good[np.argmax(apart * shares[good])]))
    return [candidates[index] for index in sorted(chosen)]


def _cuts(size: int, side: int) -> list[tuple[int, int]]:
    """Return first and number of the equal parts of at most ``side`` into which an axis is cut; a rest is left out."""
    number = -(-size // side)
    length = size // number
    return [(k * length, length) for k in range(number)]


def _overview(task: TrackTask, inside: AreaMask | None) -> tuple[int, Mask]:
    """Return the pixels of the images per pixel of an overview, and where in it there is something to measure."""
    grid = task.pair.grid
    step = max(1, -(-max(grid.shape) // _OVERVIEW))
    _, useful = task.pair.reference.read_overview(_OVERVIEW)
    _, second = task.pair.secondary.read_overview(_OVERVIEW)
    for area in (task.mask, inside):
        if area is not None and min(grid.shape) >= step:
            held = area.read(grid.coarsen(step))
            rows, cols = held.shape
            # A last row or column that does not fill a cell is left out.
            useful = useful[:rows, :cols] & held
    rows, cols = (min(sizes) for sizes in zip(useful.shape, second.shape, strict=True))
    return step, useful[:rows, :cols] & second[:rows, :cols]


def _share(useful: Mask, block: Block, step: int) -> float:
    rows = slice(block.row // step, max(block.row // step + 1, (block.row + block.height) // step))
    cols = slice(block.col // step, max(block.col // step + 1, (block.col + block.width) // step))
    part = useful[rows, cols]
    return float(part.mean()) if part.size else 0.0
