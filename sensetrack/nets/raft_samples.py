"""Batches to train RAFT on: parts of tiles, turned, mirrored and shifted, and made-up pairs beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from sensetrack.errors import InputError
from sensetrack.nets.faultdeform.stream import RANGES, Sample, Stream, StreamSettings
from sensetrack.nets.raft_input import Even, sobel
from sensetrack.nets.raft_tiles import Tile, read_tile
from sensetrack.nets.settings import RaftTraining
from sensetrack.nets.training import Batch
from sensetrack.types import Mask

SMOOTH = 0.7
"""Share of the made-up pairs that move smoothly: a net that says one vector per 8 px cannot follow faults."""


def turned(tile: Tile, quarters: int, mirror: bool) -> Tile:
    """Return a tile turned by quarters against the clock, then mirrored left to right; its flow turns along."""
    tile = tile.each(lambda layer: np.rot90(layer, quarters))
    for _ in range(quarters % 4):
        tile = tile._replace(dx=tile.dy, dy=-tile.dx)
    if mirror:
        tile = tile.each(lambda layer: layer[:, ::-1])._replace(dx=-tile.dx[:, ::-1])
    return tile.each(np.ascontiguousarray)


def part_of(tile: Tile, side: int, place: tuple[int, int], shift: tuple[int, int]) -> Tile:
    """Return a square part of a tile, the secondary's some pixels beside the reference's: its flow gets shorter by it.

    Parameters
    ----------
    tile : Tile
    side : int
        Pixels.
    place, shift : tuple of int
        Row and column of the reference's upper left pixel, and how far below and right of it the secondary's is.
    """

    def cut(at: tuple[int, int]) -> tuple[slice, slice]:
        return slice(at[0], at[0] + side), slice(at[1], at[1] + side)

    here, there = cut(place), cut((place[0] + shift[0], place[1] + shift[1]))
    own = tile.each(lambda layer: layer[here])
    moved = own._replace(secondary=tile.secondary[there], dx=own.dx - shift[1], dy=own.dy - shift[0])
    return moved.each(np.ascontiguousarray)


def batch_of(tiles: Sequence[Tile], even: Even, masked: Sequence[bool] | None = None) -> Batch:
    """Return tiles as one batch; images are evened out and Sobel-filtered.

    Parameters
    ----------
    tiles : sequence of Tile
    even : callable
        Evens out brightness and contrast as the tracker does.
    masked : sequence of bool, optional
        Whether the images of each show nothing outside of where it counts; else all that is valid. All do by default.
    """
    images, masks = [], []
    for tile, inner in zip(tiles, masked or [True] * len(tiles), strict=True):
        for image in (tile.reference, tile.secondary):
            # In a tile, what is invalid is 0.
            seen: Mask = tile.inside if inner else image != 0
            images.append(even(image, seen))
            masks.append(seen.astype(np.float32))
    shown = sobel(torch.from_numpy(np.stack(images))[:, None], torch.from_numpy(np.stack(masks))[:, None])
    truth = torch.from_numpy(np.stack([np.stack([tile.dx, tile.dy]) for tile in tiles]).astype(np.float32))
    inside = torch.from_numpy(np.stack([tile.inside for tile in tiles]).astype(np.float32))[:, None]
    return Batch(shown[0::2], shown[1::2], truth, inside)


def batches(paths: Sequence[Path], settings: RaftTraining, even: Even) -> Callable[[int], Batch]:
    """Return a function from the number of a step to a batch of tiles, turned and mirrored at random.

    Parameters
    ----------
    paths : sequence of Path
    settings : RaftTraining
    even : callable
        Evens out brightness and contrast as the tracker does.

    Raises
    ------
    InputError
        A part and its shift do not fit into the tiles, or its side is not one for RAFT.
    """
    side = read_tile(paths[0]).reference.shape[0]
    crop = settings.crop or side
    if crop % 8 or crop < 64 or crop + 2 * settings.shift > side:
        raise InputError(
            f"crop = {crop} px and shift = {settings.shift} px do not fit: tiles have {side} px; use a crop that is a "
            f"multiple of 8, from 64 to {side - 2 * settings.shift}"
        )
    stream = Stream(
        StreamSettings(
            seed=settings.seed,
            size=crop,
            scenes=settings.scenes,
            faults=settings.faults,
            smooth=SMOOTH,
            logarithmic=0.5,
        )
    )

    def draw(rng: np.random.Generator) -> tuple[Tile, bool]:
        if rng.random() < settings.made_up:
            number = len(RANGES) * int(rng.integers(1 << 30)) + int(rng.integers(settings.farthest))
            return _tile_of(stream(number)), False
        tile = read_tile(paths[int(rng.integers(len(paths)))])
        shift = tuple(rng.integers(-settings.shift, settings.shift + 1, 2).tolist())
        place = tuple(int(rng.integers(settings.shift, side - crop - settings.shift + 1)) for _ in range(2))
        tile = part_of(tile, crop, (place[0], place[1]), (shift[0], shift[1]))
        return turned(tile, int(rng.integers(4)), bool(rng.integers(2))), rng.random() < settings.masked

    def make(number: int) -> Batch:
        rng = np.random.default_rng((settings.seed, 7, number))
        tiles, masked = zip(*(draw(rng) for _ in range(settings.batch)), strict=True)
        return batch_of(tiles, even, masked)

    return make


def _tile_of(sample: Sample) -> Tile:
    return Tile(sample.reference, sample.secondary, sample.dx, sample.dy, sample.inside)
