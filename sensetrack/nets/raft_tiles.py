"""Tiles to train RAFT on: parts of real pairs, their outline mask, and the flow of a classical method as label.

After Tlhomole, Hughes & Piggott (2023), *Deep glacier image velocimetry*, section 2.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.raster.tiles import Block
from sensetrack.raster.write import atomic
from sensetrack.types import FloatArray, Mask

SIDE = 256
"""Of a tile in pixels."""


class Tile(NamedTuple):
    """A part of a pair.

    Attributes
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``, 0 where invalid.
    dx, dy : ndarray of float32
        The label in pixels, 0 where there is none.
    inside : ndarray of bool
        Where both images are valid, within the outline, and labelled.
    """

    reference: FloatArray
    secondary: FloatArray
    dx: FloatArray
    dy: FloatArray
    inside: Mask

    def each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Tile:
        """Return it with every layer passed through a function that keeps its type."""
        return Tile(*[change(layer) for layer in self])


def tile_blocks(shape: tuple[int, int], side: int, stride: int) -> Iterator[Block]:
    """Yield overlapping tiles of a raster; the last one of a row or column ends with it.

    Parameters
    ----------
    shape : tuple of int
        ``(row, col)``.
    side, stride : int
        Pixels.

    Raises
    ------
    InputError
        The raster is smaller than a tile.
    """
    rows, cols = shape
    if min(rows, cols) < side:
        raise InputError(f"a pair of {rows} x {cols} pixels is smaller than a tile of {side}; use smaller tiles")
    for top in _starts(rows, side, stride):
        for left in _starts(cols, side, stride):
            yield Block(top, left, side, side)


def _starts(length: int, side: int, stride: int) -> list[int]:
    return sorted({*range(0, length - side, stride), length - side})


def write_tile(tile: Tile, path: Path) -> None:
    """Write a tile as a compressed NumPy archive."""
    with atomic(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **tile._asdict())


def read_tile(path: Path) -> Tile:
    """Read a tile.

    Raises
    ------
    InputError
        The file is no tile.
    """
    try:
        with np.load(path) as held:
            tile = Tile(**{name: held[name] for name in Tile._fields})
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not a tile of `sensetrack train raft-tiles` ({error})") from error
    if len({layer.shape for layer in tile}) != 1 or tile.reference.ndim != 2:
        raise InputError(f"{path}: the layers of this tile differ in shape; make it again")
    return tile


def tile_name(pair: str, block: Block) -> str:
    """Return the name of the file of a tile of a pair."""
    return f"{pair}_{block.row:05d}_{block.col:05d}.npz"


def pair_of(path: Path) -> str:
    """Return the pair that a tile is of, as far as its name says."""
    return path.stem.rsplit("_", 2)[0]


def tiles_in(folder: Path) -> list[Path]:
    """Return the tiles of a folder, by name.

    Raises
    ------
    InputError
        There are none.
    """
    found = sorted(folder.glob("*.npz")) if folder.is_dir() else []
    if not found:
        raise InputError(f"{folder}: no tiles; make some with `sensetrack train raft-tiles`")
    return found
