"""Lazy pixels of operators: computed from the images before them when a block is read."""

from __future__ import annotations

import dataclasses
import os
import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.source import Source
from sensetrack.raster.tiles import TILE, Block, tiles_under
from sensetrack.types import Mask, PixelArray


class Derived(ABC):
    """Computes a block of pixels from blocks of other images; a subclass pickles and many threads may use it."""

    @abstractmethod
    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return the pixels of a window inside the image and where they are valid, 0 where they are not."""

    def read(self, block: Block, shape: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Return a window, or every so many of its pixels where ``shape`` is smaller than the window."""
        pixels, valid = self.compute(block)
        if shape == block.shape:
            return pixels, valid
        rows, cols = ((np.arange(count) * length // count) for count, length in zip(shape, block.shape, strict=True))
        chosen = np.ix_(rows, cols)
        return pixels[chosen], valid[chosen]


def derived(
    image: Image,
    source: Source,
    *,
    grid: Grid | None = None,
    dtype: str = "float32",
    metadata: Mapping[str, str] | None = None,
) -> Image:
    """Return an image with the pixels of a source, and with the place and the metadata of another one.

    Parameters
    ----------
    image : Image
        Whose path, acquisition time and metadata are kept.
    source : Source
    grid : Grid, optional
        Default: that of ``image``.
    dtype : str
        ``complex64`` where the pixels are complex.
    metadata : mapping, optional
        More tags.
    """
    return Image(
        grid=grid or image.grid,
        path=image.path,
        band_names=("",),
        dtype=dtype,
        acquired=image.acquired,
        metadata={**image.metadata, **(metadata or {})},
        driver=image.driver,
        source=source,
    )


CACHE_BYTES = 512 * 2**20
"""What the tiles of all caches of a process may hold together."""


@dataclass(frozen=True, eq=False)
class Cached(Derived):
    """Keeps the tiles of a source that were computed last, for operators that read overlapping windows.

    Tiles are 512 x 512. Copies that are sent to other processes start empty.

    Attributes
    ----------
    inner : Source
    shape : tuple of int
        Of the whole image.
    """

    inner: Source
    shape: tuple[int, int]
    _key: object = field(default_factory=object, repr=False)

    def compute(self, block: Block) -> tuple[PixelArray, Mask]:
        """Return a window put together from tiles."""
        found: tuple[PixelArray, Mask] | None = None
        for tile in tiles_under(block, self.shape):
            pixels, valid = _TILES.get((self._key, tile), lambda tile=tile: self.inner.read(tile, tile.shape))
            if found is None:
                found = np.zeros(block.shape, pixels.dtype), np.zeros(block.shape, np.bool_)
            part = block.intersection(tile)
            to, source = part.within(block), part.within(tile)
            found[0][to], found[1][to] = pixels[source], valid[source]
        assert found is not None
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle without what is kept."""
        return type(self), (self.inner, self.shape)


class _Tiles:
    """The tiles that were used last, up to a number of bytes; a tile is computed by one thread at a time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._tiles: OrderedDict[Any, tuple[PixelArray, Mask]] = OrderedDict()
        self._busy: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: Any, compute: Any) -> tuple[PixelArray, Mask]:
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
                return self._tiles[key]
            busy = self._busy.setdefault(key, threading.Lock())
        with busy:
            with self._lock:
                if key in self._tiles:
                    return self._tiles[key]
            found: tuple[PixelArray, Mask] = compute()
            with self._lock:
                self._busy.pop(key, None)
                self._tiles[key] = found
                self._held += _size(found)
                while self._held > self._limit and len(self._tiles) > 1:
                    self._held -= _size(self._tiles.popitem(last=False)[1])
        return found


_TILES = _Tiles(CACHE_BYTES)
# What the bands of a block share is of no use behind it: room for one block of 1024 x 1024 pixels per thread.
_SHARED = _Tiles(2**25 * max(2, os.cpu_count() or 1))


def _size(tile: tuple[PixelArray, Mask]) -> int:
    return tile[0].nbytes + tile[1].nbytes


def remembered(key: Any, compute: Callable[[], tuple[PixelArray, Mask]]) -> tuple[PixelArray, Mask]:
    """Return what was computed last under a key, or compute it: for what the blocks of several bands share.

    Parameters
    ----------
    key : hashable
        Holds an object of the caller, so that no other has the same.
    compute : callable
        Arrays that nobody changes afterwards.
    """
    return _SHARED.get(key, compute)


def cached(image: Image) -> Image:
    """Return an image whose tiles are kept for a while once they are computed; see `Cached`."""
    if image.source is None or isinstance(image.source, Cached):
        return image
    return dataclasses.replace(image, source=Cached(image.source, image.grid.shape))


__all__ = ["CACHE_BYTES", "TILE", "Cached", "Derived", "cached", "derived", "remembered"]
