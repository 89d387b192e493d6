"""An image made ready for a dense flow: real, bridged, weighted, extended to whole cells of its pyramid."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sensetrack.errors import InputError
from sensetrack.types import DoubleArray, FloatArray, Mask, PixelArray

HALF = 0.5
"""Share of a pixel of half the size that must be valid."""


class Source(NamedTuple):
    """An image made ready for a dense flow.

    Attributes
    ----------
    image : ndarray of float32
        ``(row, col)``, single invalid pixels bridged.
    known, valid : ndarray of bool
        Pixels that were valid, and those with bridged ones.
    weight : ndarray of float32
        0 on what is invalid, rising to 1.
    moments : ndarray of float64
        Of every cell, from `sensetrack.flow.brightness.moments`.
    texture : ndarray of float64
        For every cell, by how much neighbouring pixels differ, relative to their level.
    """

    image: FloatArray
    known: Mask
    valid: Mask
    weight: FloatArray
    moments: DoubleArray
    texture: DoubleArray


def prepare(pixels: PixelArray, known: Mask, alignment: int, side: int) -> Source:
    """Make an image ready.

    Parameters
    ----------
    pixels : ndarray
        Real, or complex with its amplitude to be followed.
    known : ndarray of bool
    alignment : int
        Zeros are appended until both sides are multiples of this.
    side : int
        Cells along the window over which texture is judged.

    Raises
    ------
    InputError
        All that the pixels hold is in their phase.
    """
    from sensetrack.correlation.masks import bridge
    from sensetrack.flow.brightness import moments
    from sensetrack.flow.lattice import window_sums
    from sensetrack.flow.weights import fade

    bridged, filled = bridge(amplitude(pixels), known)
    image, valid, given = (_extend(array, alignment) for array in (bridged, filled, known))
    sums = moments(image, valid)
    level, change = window_sums(sums[2:], side)
    texture = np.sqrt(np.divide(change, level, out=np.zeros_like(level), where=level > 0))
    return Source(image, given, valid, fade(valid), sums, texture)


def halved(pixels: PixelArray, known: Mask) -> tuple[FloatArray, Mask]:
    """Return an image and which of its pixels are valid at half the size; half of each must have been.

    Parameters
    ----------
    pixels, known
        As for `prepare`.
    """
    from sensetrack.flow.pyramid import halve_weighted

    image, weight = _extend(amplitude(pixels), 2), _extend(known, 2).astype(np.float32)
    smaller, share = halve_weighted(image, weight, HALF)
    return smaller, share > 0


def moderate(image: FloatArray, valid: Mask) -> FloatArray:
    """Return an image of zero mean and of moderate range, times a power of two: no sum overflows, no digit is lost.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``.
    valid : ndarray of bool
        What is not becomes 0.
    """
    known = image[valid]
    if known.size == 0:
        return image
    level = np.float32(known.mean(dtype=np.float64))
    spread = float(np.abs(known - level).max())
    scale = np.float32(2.0 ** -math.frexp(spread)[1]) if spread > 0 else np.float32(1)
    return np.asarray(np.where(valid, (image - level) * scale, 0), np.float32)


def _extend(array: NDArray[Any], alignment: int) -> NDArray[Any]:
    """Append zeros until both sides are multiples of ``alignment``."""
    out = np.zeros([size + -size % alignment for size in array.shape], array.dtype)
    out[: array.shape[0], : array.shape[1]] = array
    return out


def amplitude(image: PixelArray) -> FloatArray:
    """Return the amplitude of complex pixels, others as they are; float32.

    Raises
    ------
    InputError
        All that the pixels hold is in their phase.
    """
    if not np.iscomplexobj(image):
        return image.astype(np.float32, copy=False)
    length: FloatArray = np.abs(image).astype(np.float32)
    inside = length[length > 0]
    if inside.size and inside.max() - inside.min() < 1e-3 * inside.max() and np.ptp(np.angle(image[length > 0])) > 0:
        raise InputError(
            "all that these complex images hold is in their phase (their amplitude is constant, as in an image of "
            "orientations), which a dense flow does not see; use pcc or ncc"
        )
    return length
