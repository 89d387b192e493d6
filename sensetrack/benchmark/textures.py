"""Ground to look at: a carved landscape, gravel, the Moon, radar backscatter; sampled finer than the images.

`gravel` and `moon` are pictures that come with scikit-image; the others are made from a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

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
        Brightness under even light; positive.
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


def gravel(size: int, seed: int) -> Ground:
    """Return a picture of gravel, mirrored where the image is larger; the seed does not matter."""
    from skimage import data

    return _from_picture(data.gravel(), size)


def moon(size: int, seed: int) -> Ground:
    """Return a picture of the Moon, of little texture, mirrored where the image is larger."""
    from skimage import data

    return _from_picture(data.moon(), size)


def _from_picture(picture: NDArray[np.uint8], size: int) -> Ground:
    """Lay a picture out so that its middle is that of the image, at one picture pixel per image pixel."""
    first = [0.5 * (side - size) - PAD for side in picture.shape]
    place = [start + np.arange(side) / OVERSAMPLING for start, side in zip(first, _fine_shape(size), strict=True)]
    index = np.stack(np.meshgrid(*place, indexing="ij"))
    fine: FloatArray = ndimage.map_coordinates(picture, index, order=_SPLINE, output=np.float32, mode="mirror")
    return Ground(np.maximum(fine, np.float32(1.0)))


def _fine_shape(size: int) -> tuple[int, int]:
    side = OVERSAMPLING * (size + 2 * PAD)
    return side, side


TEXTURES: dict[str, Callable[[int, int], Ground]] = {
    "terrain": terrain,
    "gravel": gravel,
    "moon": moon,
    "radar": radar,
}
"""Functions of size and seed that make the ground, by name."""
