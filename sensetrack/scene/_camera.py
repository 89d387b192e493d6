"""Takes two pictures of a landscape: motion, sun, cast shadows, optics, clouds, noise and gaps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sensetrack.scene._landscape import OVERSAMPLING, Frame, Landscape
from sensetrack.scene._noise import NoiseSource, smoothstep
from sensetrack.types import DoubleArray, FloatArray, Mask

POINT_SPREAD = 0.6
"""Standard deviation of the point spread, in pixels; close to that of Sentinel-2's 10 m bands."""

SPLINE: Final = 5
"""Order of all interpolation of ground and image; quintic, so that its error stays far below the noise."""

_PATH_RADIANCE = 0.03
_SKY = 0.18


@dataclass(frozen=True)
class Sun:
    """Where the sun stands.

    Attributes
    ----------
    azimuth, elevation : float
        Degrees; clockwise from north, and above the horizon.
    """

    azimuth: float
    elevation: float

    @property
    def towards(self) -> tuple[float, float]:
        """Unit vector towards the sun on the map, ``(row, col)``."""
        angle = math.radians(self.azimuth)
        return -math.cos(angle), math.sin(angle)


def carry(radiance: FloatArray, landscape: Landscape, frame: Frame) -> FloatArray:
    """Return ground samples in the geometry of the second date: each shows what came from its origin.

    The light is carried along with the ground; that shading and shadows stay behind a little where the ground moves
    through them is left out, so that the truth is exact.
    """
    where = np.nonzero(landscape.moving)
    rows, cols = frame.fine()
    index = frame.to_fine(*landscape.motion.origin(rows[where[0], 0], cols[0, where[1]]))
    carried = radiance.copy()
    carried[where] = ndimage.map_coordinates(radiance, index, order=SPLINE, output=np.float32, mode="mirror")
    return carried


def illuminate(height: FloatArray, albedo: FloatArray, sun: Sun) -> FloatArray:
    """Return the reflectance that a satellite sees: sun, sky light, haze, and shadows cast by the terrain.

    Parameters
    ----------
    height, albedo : ndarray of float32
        At the ground samples.
    sun : Sun
    """
    slope_row, slope_col = (g * OVERSAMPLING for g in np.gradient(height))
    toward_row, toward_col = sun.towards
    tangent = math.tan(math.radians(sun.elevation))
    # Lambert's cosine relative to flat ground: 1 - (gradient . direction to the sun) / tan(elevation).
    direct = 1 - (slope_row * toward_row + slope_col * toward_col) / tangent
    direct = np.maximum(direct, 0) / np.sqrt(1 + slope_row**2 + slope_col**2)
    direct *= sunlit(height, sun)
    return np.asarray(albedo * ((1 - _SKY) * direct + _SKY) + _PATH_RADIANCE, np.float32)


def sunlit(height: FloatArray, sun: Sun) -> FloatArray:
    """Return the share of the sun's disc that the terrain does not hide, 0..1 with soft edges.

    The line of sight to the sun is followed over half-resolution terrain until it clears the highest summit.
    """
    step = 2 * OVERSAMPLING
    rows, cols = (size - size % step for size in height.shape)
    low = height[:rows, :cols].reshape(rows // step, step, cols // step, step).mean(axis=(1, 3))
    low_size = step / OVERSAMPLING
    toward_row, toward_col = sun.towards
    rise = math.tan(math.radians(sun.elevation)) * low_size
    reach = int((low.max() - low.min()) / rise) + 1
    blocked = np.full(low.shape, -np.inf, np.float32)
    for distance in range(1, reach):
        shift = (-distance * toward_row, -distance * toward_col)
        ahead = _shifted(low, round(shift[0]), round(shift[1]))
        np.maximum(blocked, ahead - low - distance * rise, out=blocked)
    light = smoothstep(0.5 - blocked / 1.5)
    light = ndimage.gaussian_filter(light, 0.7)
    zoomed = ndimage.zoom(light, step, order=1, grid_mode=True, mode="nearest")
    return np.pad(zoomed, [(0, size - got) for size, got in zip(height.shape, zoomed.shape, strict=True)], mode="edge")


def expose(radiance: FloatArray, frame: Frame, shift: tuple[float, float]) -> FloatArray:
    """Return the image: the ground seen through the point spread, sampled at its pixels.

    Parameters
    ----------
    radiance : ndarray of float32
        At the ground samples.
    frame : Frame
    shift : tuple of float
        ``(dy, dx)`` by which the content of this image lies too far down and right, in pixels.
    """
    blurred = ndimage.gaussian_filter(radiance, POINT_SPREAD * OVERSAMPLING, truncate=5)
    rows, cols = (np.arange(size, dtype=np.float64) for size in frame.shape)
    origin = frame.to_fine(rows[:1] - shift[0], cols[:1] - shift[1])
    return ndimage.affine_transform(
        blurred,
        np.array([OVERSAMPLING, OVERSAMPLING], np.float64),
        offset=origin.ravel(),
        output_shape=frame.shape,
        output=np.float32,
        order=SPLINE,
        mode="mirror",
    )


@dataclass(frozen=True)
class Cloud:
    """One cloud: centre ``(row, col)`` and radius as fractions of the image, whether a mask found it."""

    row: float
    col: float
    radius: float
    masked: bool = False
    opacity: float = 1.0


def add_clouds(
    image: FloatArray, clouds: tuple[Cloud, ...], sun: Sun, noise: NoiseSource
) -> tuple[FloatArray, Mask, Mask]:
    """Return the image with clouds and their shadows, where they hide the ground, and where a mask knows of it."""
    rows, cols = image.shape
    row, col = np.ogrid[:rows, :cols]
    shape_noise = noise.fractal(1.6, rows / 3)
    brightness = 0.62 + 0.06 * noise.fractal(1.4, rows / 8)
    hidden = np.zeros(image.shape, np.bool_)
    masked = np.zeros(image.shape, np.bool_)
    for cloud in clouds:
        radius = cloud.radius * rows
        distance = np.hypot(row - cloud.row * rows, col - cloud.col * cols) / radius
        cover = smoothstep(1.3 - 1.5 * distance + 0.55 * shape_noise) * np.float32(cloud.opacity)
        offset = (-s * 0.055 * rows / math.tan(math.radians(sun.elevation)) for s in sun.towards)
        shadow = _shifted(cover, *(round(o) for o in offset))
        image = image * (1 - 0.6 * ndimage.gaussian_filter(shadow, 1.5))
        image = image * (1 - cover) + brightness * cover
        affected = (cover > 0.08) | (shadow > 0.08)
        hidden |= affected
        if cloud.masked:
            masked |= ndimage.binary_dilation(affected, iterations=3)
    return image, hidden, masked


def digitise(image: FloatArray, noise: NoiseSource | None) -> NDArray[np.uint16]:
    """Return reflectance x 10 000 as uint16, with sensor noise if any; at least 1, because 0 means nodata."""
    counts = image * 10_000
    if noise is not None:
        counts = counts + (8 + 0.004 * counts) * noise.white()
    return np.clip(np.rint(counts), 1, 65_535).astype(np.uint16)


def beyond_swath(shape: tuple[int, int], top: float, bottom: float) -> Mask:
    """Return the pixels left of the slanted edge of the swath, given as column fractions at the top and bottom."""
    rows, cols = shape
    edge = np.linspace(top, bottom, rows)[:, None] * cols
    return np.arange(cols)[None, :] < edge


def look_up(mask: Mask, row: DoubleArray, col: DoubleArray) -> Mask:
    """Return the nearest mask value at image coordinates; True outside."""
    index = np.stack([row, col])
    return ndimage.map_coordinates(mask.astype(np.uint8), index, order=0, mode="constant", cval=1) > 0


def _shifted(values: FloatArray, rows: int, cols: int) -> FloatArray:
    """Return the array moved down and right by whole samples; what comes in repeats the edge."""
    index_rows = np.clip(np.arange(values.shape[0]) - rows, 0, values.shape[0] - 1)
    index_cols = np.clip(np.arange(values.shape[1]) - cols, 0, values.shape[1] - 1)
    return values[index_rows[:, None], index_cols[None, :]]
