"""Ground to look at: a carved landscape, gravel, the Moon, radar backscatter; sampled finer than the images.

Some are pictures that come with scikit-image, or that the user has; the others are made from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sensetrack.errors import InputError, ParameterError, did_you_mean
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.scene._camera import POINT_SPREAD, Sun, illuminate
from sensetrack.scene._landscape import OVERSAMPLING
from sensetrack.scene._noise import NoiseSource
from sensetrack.types import DoubleArray, FloatArray

PAD = 40
"""Pixels of ground around the image: more than any displacement, and what a spline needs."""

SUN = Sun(135, 45)
"""Light on the first date."""

_SPLINE: Final = 5


@dataclass(frozen=True, eq=False)
class Ground:
    """Ground samples, `OVERSAMPLING` per pixel and direction; sample ``OVERSAMPLING * (PAD + n)`` is pixel centre n.

    Attributes
    ----------
    albedo : ndarray of float32
        Brightness under even light; positive where it is made up.
    height : ndarray of float32 or None
        In units of the pixel size; None for ground whose look does not depend on the sun.
    """

    albedo: FloatArray
    height: FloatArray | None = None

    @property
    def size(self) -> int:
        """Side of the image, in pixels."""
        return len(self.albedo) // OVERSAMPLING - 2 * PAD

    def radiance(self, sun: Sun = SUN) -> FloatArray:
        """Return what the sensor sees under a sun, through a Gaussian point spread of 0.6 px."""
        seen = self.albedo if self.height is None else illuminate(self.height, self.albedo, sun)
        return ndimage.gaussian_filter(seen, POINT_SPREAD * OVERSAMPLING, truncate=5)


def sample(radiance: FloatArray, row: DoubleArray, col: DoubleArray) -> FloatArray:
    """Return ground samples at image coordinates by quintic spline; arrays that broadcast."""
    index = np.stack(np.broadcast_arrays(*(OVERSAMPLING * (part + PAD) for part in (row, col))))
    image: FloatArray = ndimage.map_coordinates(radiance, index, order=_SPLINE, output=np.float32, mode="mirror")
    return image


def terrain(size: int, seed: int) -> Ground:
    """Return mountains with branching valleys and rough slopes; they cast shadows."""
    from sensetrack.scene._erosion import carve  # compiles; only this ground needs it

    noise = NoiseSource(_fine_shape(size), (seed, 1))
    start = 60 * noise.fractal(1.8, 360)
    height = carve(start, start < np.quantile(start, 0.15), 14, noise) / OVERSAMPLING
    height = 0.7 * height + 0.10 * noise.fractal(1.1, 36)
    albedo = 0.3 * (1 + 0.10 * noise.fractal(1.2, 160) + 0.05 * noise.fractal(0.5, 10))
    return Ground(np.maximum(albedo, 0.02).astype(np.float32), height.astype(np.float32))


def radar(size: int, seed: int) -> Ground:
    """Return the amplitude of a radar image: backscatter, speckle that lasts, and bright points."""
    noise = NoiseSource(_fine_shape(size), (seed, 2))
    rng = np.random.default_rng((seed, 3))
    scatter = np.exp(0.9 * noise.fractal(1.1, 240) + 0.25 * noise.fractal(0.4, 12))
    speckle = rng.gamma(4.0, 0.25, scatter.shape)
    points = 60.0 * rng.pareto(2.5, scatter.shape) * (rng.random(scatter.shape) < 4e-4)
    return Ground(np.sqrt(scatter * speckle + points).astype(np.float32))


def dunes(size: int, seed: int) -> Ground:
    """Return ripples of sand, which repeat at about 12 px, under a film of dust."""
    noise = NoiseSource(_fine_shape(size), (seed, 4))
    ripples = noise.band(12 * OVERSAMPLING, 0.3)
    dust = noise.fractal(0.8, 60 * OVERSAMPLING)
    return Ground(np.maximum(0.3 * (1 + 0.15 * ripples + 0.10 * dust), 0.02).astype(np.float32))


def bundled(name: str, size: int, seed: int) -> Ground:
    """Return a picture that comes with scikit-image, mirrored where the image is larger; the seed does not matter."""
    from skimage import data

    ground = _from_picture(getattr(data, name)(), size)
    return Ground(np.maximum(ground.albedo, np.float32(1.0)))


def from_image(path: str, size: int) -> Ground:
    """Return the middle of an image file.

    Raises
    ------
    InputError
        There is no such file, it is smaller than ``size``, or has invalid pixels in its middle.
    """
    image = Image.open(path)
    if min(image.grid.shape) < size:
        rows, cols = image.grid.shape
        raise InputError(f"{path}: {rows} x {cols} pixels are fewer than the {size} of a pair; choose a smaller size")
    side = [min(have, size + 2 * PAD) for have in image.grid.shape]
    first = [(have - take) // 2 for have, take in zip(image.grid.shape, side, strict=True)]
    pixels, valid = image.read(Block(first[0], first[1], side[0], side[1]))
    if not valid.all():
        raise InputError(f"{path}: its middle {side[0]} x {side[1]} pixels are not all valid; crop the image")
    return _from_picture(np.abs(pixels).astype(np.float32), size)


def _from_picture(picture: NDArray[np.uint8] | FloatArray, size: int) -> Ground:
    """Lay a picture out so that its middle is that of the image, at one picture pixel per image pixel."""
    first = [0.5 * (side - size) - PAD for side in picture.shape]
    place = [start + np.arange(side) / OVERSAMPLING for start, side in zip(first, _fine_shape(size), strict=True)]
    index = np.stack(np.meshgrid(*place, indexing="ij"))
    fine: FloatArray = ndimage.map_coordinates(picture, index, order=_SPLINE, output=np.float32, mode="mirror")
    return Ground(fine)


def _fine_shape(size: int) -> tuple[int, int]:
    side = OVERSAMPLING * (size + 2 * PAD)
    return side, side


TEXTURES: dict[str, Callable[[int, int], Ground]] = {
    "terrain": terrain,
    "gravel": partial(bundled, "gravel"),
    "moon": partial(bundled, "moon"),
    "radar": radar,
}
"""Functions of size and seed that make the ground, by name."""

HELD_OUT: dict[str, Callable[[int, int], Ground]] = {
    "brick": partial(bundled, "brick"),
    "grass": partial(bundled, "grass"),
    "camera": partial(bundled, "camera"),
    "dunes": dunes,
}
"""More of them, on which nothing is tuned."""


def make_ground(name: str, size: int, seed: int) -> Ground:
    """Return the ground of a name in `TEXTURES` or `HELD_OUT`, or of an image file of the user's.

    Raises
    ------
    ParameterError
        It is neither.
    InputError
        As `from_image`.
    """
    known = TEXTURES | HELD_OUT
    if name in known:
        return known[name](size, seed)
    if is_image(name):
        return from_image(name, size)
    raise ParameterError(f"no texture '{name}'{did_you_mean(name, known)}; there are {', '.join(known)}")


def is_image(name: str) -> bool:
    """Whether a texture is an image file of the user's."""
    return name not in TEXTURES | HELD_OUT and Path(name).is_file()
