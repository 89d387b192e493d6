"""Runs a compiled function over the tiles of an array, in as many threads as the task may use."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from sensetrack.device import available_cores, cores

Item = TypeVar("Item")

ROWS, COLS = 128, 384
"""Size of a tile: with a halo of some tens of pixels it stays in a core's own cache."""

SQUARE = 32
"""Side of a small tile."""

STRIP = 128
"""Rows of a strip; sums that run along columns start anew in each."""

KEEPS_NAN = {"nsz", "arcp", "contract", "afn", "reassoc"}
"""For compiled functions: sums may be reckoned in another order, but NaN stays what it is."""

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
    _share_out(tiles, run)


def over_rows(rows: int, run: Callable[[int, int], object]) -> None:
    """Call ``run`` with the first row and the row after the last of strips that cover an array once.

    Parameters
    ----------
    rows : int
    run : callable
        Releases the interpreter while it works; writes only inside its strip.
    """
    strips = [(top, min(top + STRIP, rows)) for top in range(0, rows, STRIP)]
    _share_out(strips, lambda strip: run(*strip))


def over_squares(shape: tuple[int, ...], run: Callable[[Tile], object]) -> None:
    """Call ``run`` for small square tiles that cover an array once; each must write only what is inside its own.

    As `over_tiles`, for work that many tiles can be spared.
    """
    rows, cols = shape
    bands = [
        [(top, min(top + SQUARE, rows), left, min(left + SQUARE, cols)) for left in range(0, cols, SQUARE)]
        for top in range(0, rows, SQUARE)
    ]
    _share_out(bands, lambda band: [run(tile) for tile in band])


def each_of(count: int, run: Callable[[int], object]) -> None:
    """Call ``run`` with 0 to ``count - 1``, in as many threads as there are cores."""
    _share_out(range(count), run)


def _share_out(items: Iterable[Item], run: Callable[[Item], object]) -> None:
    """Call ``run`` for every item, in this thread and as many more as the task may use; who is free takes the next."""
    left = deque(items)
    helpers = min(cores(), len(left)) - 1

    def work() -> None:
        while True:
            try:
                item = left.popleft()
            except IndexError:
                return
            run(item)

    others = [_pool(os.getpid()).submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        left.clear()
        for other in others:
            other.result()


@lru_cache(maxsize=1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Return the threads of this process: kernels that take a millisecond cannot wait for new ones each time."""
    return ThreadPoolExecutor(available_cores(), thread_name_prefix="flow-tile")
