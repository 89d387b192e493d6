"""Makes pairs of images whose displacement is known exactly."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from sensetrack.benchmark.conditions import Condition
from sensetrack.benchmark.textures import PAD, SUN, Ground, make_ground, sample
from sensetrack.benchmark.truths import Components, KnownField
from sensetrack.errors import ParameterError
from sensetrack.raster.grid import Grid
from sensetrack.scene._camera import Sun
from sensetrack.trackers import Tracker
from sensetrack.types import DoubleArray, FloatArray

SMALLEST = 64
"""Least side of a pair, in pixels."""


@dataclass(frozen=True, eq=False)
class KnownPair:
    """Two images and the displacement between them.

    Attributes
    ----------
    field : KnownField
    condition : Condition
    texture : str
    seed : int
    reach : float
        Largest component of the displacement, in pixels.
    reference, secondary : ndarray of float32
        Square; content at ``(row, col)`` of the reference is found at ``(row + dy, col + dx)`` of the secondary.
    """

    field: KnownField
    condition: Condition
    texture: str
    seed: int
    reach: float
    reference: FloatArray
    secondary: FloatArray

    @property
    def size(self) -> int:
        """Side in pixels."""
        return len(self.reference)

    @property
    def border(self) -> int:
        """Pixels along each side that are not scored: an eighth of the image, which holds every displacement."""
        return self.size // 8

    def truth(self, row: DoubleArray, col: DoubleArray) -> Components:
        """Return ``(dy, dx)`` at image coordinates."""
        return self.field.at(row, col, self.size)


class PairMaker:
    """Makes pairs of one size from one seed; each pair is the same whichever others are made.

    The secondary shows the ground ``T`` as it is, the reference ``T(x + u(x))``: displaced by quintic spline from
    samples twice as fine, after the point spread, so that the truth is exact at every pixel of the reference.

    Parameters
    ----------
    size : int
        Side of the images in pixels.
    seed : int

    Raises
    ------
    ParameterError
        The size is too small.
    """

    def __init__(self, size: int = 512, seed: int = 0) -> None:
        if size < SMALLEST:
            raise ParameterError(f"size = {size}: at least {SMALLEST} pixels are needed")
        self.size = size
        self.seed = seed
        self._texture = ""
        self._ground: Ground | None = None
        self._seen: dict[Sun, FloatArray] = {}

    def make(self, texture: str, field: KnownField, condition: Condition) -> KnownPair:
        """Make one pair; the ground of the last texture is kept, so make all pairs of one texture in a row.

        Raises
        ------
        ParameterError
            The field does not fit the size, or there is no such texture.
        InputError
            A texture that is an image file cannot be used.
        """
        field.check(self.size)
        pixels = np.arange(self.size, dtype=np.float64)
        row, col = pixels[:, None], pixels[None, :]
        dy, dx = field.at(row, col, self.size)
        reach = max(float(np.abs(part).max()) for part in (dy, dx))
        if reach > PAD - 8:
            raise ParameterError(f"field '{field.name}': displacements of more than {PAD - 8} px leave the ground")
        first, second = self._look(texture, SUN), self._look(texture, condition.sun)
        words = (texture, field.name, condition.name)
        rng = np.random.default_rng((self.seed, *(zlib.crc32(word.encode()) for word in words)))
        reference = condition.expose(sample(first, row + dy, col + dx), rng)
        changed = condition.change(sample(second, row, col), (self.seed, zlib.crc32(texture.encode())))
        secondary = condition.expose(changed, rng)
        return KnownPair(field, condition, texture, self.seed, reach, reference, secondary)

    def _look(self, texture: str, sun: Sun) -> FloatArray:
        """Return the ground as it is seen under a sun."""
        if self._ground is None or self._texture != texture:
            self._texture, self._ground, self._seen = texture, make_ground(texture, self.size, self.seed), {}
        light = sun if self._ground.height is not None else SUN
        if light not in self._seen:
            self._seen[light] = self._ground.radiance(light)
        return self._seen[light]


def centres(tracker: Tracker, size: int) -> tuple[DoubleArray, DoubleArray]:
    """Return the rows and columns, in image coordinates, to which the output pixels of a tracker refer."""
    return centres_of(tracker.output_grid(Grid((size, size))))


def centres_of(grid: Grid) -> tuple[DoubleArray, DoubleArray]:
    """Return the same for an output grid that has no georeference."""
    x, y = grid.xy(*np.mgrid[: grid.height, : grid.width])
    return y - 0.5, x - 0.5
