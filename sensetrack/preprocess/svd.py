"""Takes out banding that runs along columns or rows: even singular components."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Literal

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._local import TRUNCATE, gaussian_reach
from sensetrack.preprocess._lowrank import leading_components
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block
from sensetrack.types import DoubleArray, FloatArray, Mask, PixelArray

_STRIP = 2**21
"""Pixels of a strip of rows that is held in memory."""

_EVEN = 0.7
"""Share of a component's energy along the stripes that must vary slowly. Stripes have 0.9 and more; valleys and shores
along the columns of real scenes reach 0.6."""

_GROUPS = 8
"""Groups of pixels per `Svd.length` along the stripes; they are averaged, which costs nothing of what varies slowly."""


class Svd(ImageFilter):
    """Subtracts the leading singular components of the image that are nearly constant along its columns or rows.

    Push-broom detectors that differ leave stripes along the track, scan lines across it: banding common to all rows
    (columns), and so of low rank. The image without what is wider than ``width`` across the stripes is decomposed into
    singular components, in strips and for images larger than memory (`sensetrack.preprocess._lowrank`); of the first
    ``components``, those are banding whose strength varies along the stripes over more than ``length``; they are
    smoothed so and subtracted. Ground with a singular component as strong varies faster, and keeps it: on an image
    without stripes nothing is subtracted.

    For images in the geometry of the sensor, where stripes are straight, upright or level; each image of a pair is
    judged by itself. Where an image was turned onto a map use `destripe`; where stripes are gains rather than offsets,
    put `log` before. Roads, field borders and valleys as long as the image and exactly along its rows or columns
    count as stripes. Stripes much fainter than the texture (below some 10 % of its deviation) stay.
    """

    components: int = param(3, "Singular components that are looked at.", ge=1, le=20)
    direction: Literal["columns", "rows"] = param("columns", "What stripes run along.")
    length: float = param(
        100.0, "Standard deviation of the Gaussian over which a stripe's strength is even.", unit="px", ge=5
    )
    width: float = param(
        20.0, "Standard deviation of the Gaussian that takes out what is wider than stripes.", unit="px", ge=1, le=500
    )

    @property
    def margin(self) -> int:
        """0: all is learnt of the whole image before."""
        return 0

    def fit(self, image: Image) -> State:
        """Learn the banding: ``rows`` and ``columns``, each ``(pixel, component)``, whose products are summed."""
        along = 0 if self.direction == "columns" else 1
        group = max(1, int(self.length / _GROUPS))
        shape = [*image.grid.shape]
        shape[along] = -(-shape[along] // group)
        rows, columns = leading_components(
            partial(_strips, image, along, group, self.width), (shape[0], shape[1]), self.components
        )
        strength = np.linalg.norm(rows, axis=0)
        rows = np.divide(rows, strength, out=np.zeros_like(rows), where=strength > 0)
        factors = [rows, columns]
        even = _even_part(factors[along] * strength, self.length / group)
        factors[along] = _spread(even, group, image.grid.shape[along])
        return {name: part.astype(np.float32) for name, part in zip(("rows", "columns"), factors, strict=True)}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        rows, columns = (
            _cut(state[name], start, size)
            for name, start, size in zip(("rows", "columns"), origin, pixels.shape, strict=True)
        )
        out = pixels.copy()
        for number in range(rows.shape[1]):  # not a matrix product, whose rounding depends on the number of threads
            out -= rows[:, number, None] * columns[None, :, number]
        return out, valid


def _strips(image: Image, along: int, group: int, width: float) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
    """Yield the image in strips of rows, without what is wide across the stripes, averaged in groups along them."""
    height, size = image.grid.shape
    reach = 0 if along == 0 else gaussian_reach(width)
    unit = group if along == 0 else 1
    step = max(16, (_STRIP // size - 2 * reach) // unit) * unit
    for row in range(0, height, step):
        inner = Block(row, 0, min(step, height - row), size)
        outer = Block(row - reach, 0, inner.height + 2 * reach, size)
        total, count = (_sum_groups(part, group, along) for part in image.read(outer))
        here = slice(inner.row - outer.row, inner.row - outer.row + -(-inner.height // unit))
        mean = _mean_across(total, count, along, width)
        fine = np.where(count > 0, total / np.maximum(count, 1) - mean, np.float32(0))[here]
        first = row // unit
        yield slice(first, first + len(fine)), fine, count[here] / np.float32(group)


def _mean_across(total: FloatArray, count: FloatArray, along: int, width: float) -> FloatArray:
    """Return the Gaussian mean across the stripes of groups of pixels, from their sums and numbers."""
    import cv2

    side = 2 * gaussian_reach(width) + 1
    size = (side, 1) if along == 0 else (1, side)
    sums, weights = (cv2.GaussianBlur(part, size, width, borderType=cv2.BORDER_CONSTANT) for part in (total, count))
    return np.asarray(sums / np.maximum(weights, 1e-6), np.float32)


def _sum_groups(values: PixelArray | Mask, group: int, axis: int) -> FloatArray:
    """Return the sums of each ``group`` pixels along an axis; the last group may have fewer."""
    return np.add.reduceat(np.asarray(values, np.float32), np.arange(0, values.shape[axis], group), axis=axis)


def _even_part(factors: DoubleArray, length: float) -> DoubleArray:
    """Return what varies slowly of factors along the stripes, 0 for those that vary fast."""
    from scipy.ndimage import gaussian_filter1d

    known = np.any(factors != 0, axis=1).astype(np.float64)[:, None]

    def blurred(values: DoubleArray) -> DoubleArray:
        return np.asarray(gaussian_filter1d(values, length, axis=0, mode="constant", truncate=TRUNCATE), np.float64)

    even = known * blurred(factors) / np.maximum(blurred(known), 1e-12)
    is_even = (even**2).sum(axis=0) > _EVEN * (factors**2).sum(axis=0)
    return np.asarray(even * is_even, np.float64)


def _spread(factors: DoubleArray, group: int, size: int) -> DoubleArray:
    """Return the factors of every pixel from those of groups, linearly between the middles of these."""
    first = np.arange(0, size, group)
    middles = (first + np.minimum(first + group, size) - 1) / 2
    return np.stack([np.interp(np.arange(size), middles, column) for column in factors.T], axis=1)


def _cut(factors: np.ndarray, start: int, size: int) -> FloatArray:
    """Return the factors of some pixels in a row; 0 for those beyond the image."""
    out = np.zeros((size, factors.shape[1]), np.float32)
    first, last = max(start, 0), min(start + size, len(factors))
    if first < last:
        out[first - start : last - start] = factors[first:last]
    return out
