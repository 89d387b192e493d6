"""Runs a compiled function over the tiles of an array, in as many threads as the task may use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from sensetrack.device import cores
from sensetrack.engine import Serial, Threads

ROWS, COLS = 128, 384
"""Size of a tile: with a halo of some tens of pixels it stays in a core's own cache."""

Tile = tuple[int, int, int, int]
"""First row, row after the last, first column, column after the last."""


def over_tiles(shape: tuple[int, ...], run: Callable[[Tile], object]) -> None:
    """Call ``run`` for tiles that cover an array once; each must write only what is inside its own.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the array.
    run : callable
        Takes a tile; releases the interpreter while it works.
    """
    rows, cols = shape
    tiles = [
        (top, min(top + ROWS, rows), left, min(left + COLS, cols))
        for top in range(0, rows, ROWS)
        for left in range(0, cols, COLS)
    ]
    engine = Threads(cores()) if cores() > 1 and len(tiles) > 1 else Serial()
    deque(engine.map(run, tiles), maxlen=0)
