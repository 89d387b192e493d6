"""Pyramids of two images without their slow changes of brightness, and what their contrast is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensetrack.flow.lk_sums import window_sums
from sensetrack.flow.pyramid import halve
from sensetrack.flow.weights import FADE
from sensetrack.types import FloatArray

COARSE = 7
"""Half the side of the window whose mean is taken out, at all levels but the finest."""

LEAST = 0.25
"""Share of valid ground below which a coarse pixel is none."""

TOUCH = 2
"""Pixels over which a cubic spline looks to either side."""

FEWEST = 0.5
"""Valid pixels in a window below which it has no contrast."""


class Views(NamedTuple):
    """Two images of one size.

    Attributes
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``, without their local mean, 0 where invalid.
    reference_weight, secondary_weight : ndarray of float32
        0..1, 0 where invalid.
    reference_power, secondary_power : ndarray of float32
        Mean square over wide windows; 0 where there is none.
    """

    reference: FloatArray
    secondary: FloatArray
    reference_weight: FloatArray
    secondary_weight: FloatArray
    reference_power: FloatArray
    secondary_power: FloatArray

    @property
    def swapped(self) -> Views:
        """The secondary in place of the reference."""
        return Views(self[1], self[0], self[3], self[2], self[5], self[4])


def views(
    reference: FloatArray,
    secondary: FloatArray,
    reference_weight: FloatArray,
    secondary_weight: FloatArray,
    levels: int,
    highpass: int,
) -> list[Views]:
    """Return both images at every level of a pyramid, the finest first.

    Parameters
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``; sides are multiples of ``2 ** (levels - 1)``; any range whose fourth powers do not overflow.
    reference_weight, secondary_weight : ndarray of float32
        0..1, 0 where invalid.
    levels : int
    highpass : int
        Half the side of the window whose mean is taken out at the finest level.
    """
    images = zip(
        _pyramid(reference, reference_weight, levels), _pyramid(secondary, secondary_weight, levels), strict=True
    )
    out = []
    for number, ((first, first_weight), (second, second_weight)) in enumerate(images):
        radius = COARSE if number else highpass
        first, first_share = without_mean(first, first_weight, radius)
        second, second_share = without_mean(second, second_weight, radius)
        powers = [power(*each, (5 * radius) // 2) for each in ((first, first_weight), (second, second_weight))]
        if number == 0:
            first_weight, second_weight = _inner(first_weight), _inner(second_weight)
        out.append(Views(first, second, first_weight * first_share, second_weight * second_share, *powers))
    return out


def _pyramid(image: FloatArray, weight: FloatArray, levels: int) -> list[tuple[FloatArray, FloatArray]]:
    out = [(image, weight)]
    for _ in range(1, levels):
        share = halve(weight)
        image = np.asarray(halve(image * weight) / np.maximum(share, np.float32(1e-6)), np.float32)
        weight = np.where(share < LEAST, np.float32(0), share)
        out.append((image, weight))
    return out


def _inner(weight: FloatArray) -> FloatArray:
    """Return weights that are 0 where a spline between the pixels would see what is invalid, `TOUCH` pixels away."""
    least = np.float32(TOUCH / (FADE + 1))
    return np.asarray(np.maximum(weight - least, np.float32(0)) / (np.float32(1) - least), np.float32)


def without_mean(image: FloatArray, weight: FloatArray, radius: int) -> tuple[FloatArray, FloatArray]:
    """Return an image less its mean over windows of valid pixels, and the fourth power of each window's valid share.

    The mean of a cut window is that of other ground, and moves with the edge, not with the ground.
    """
    sums = window_sums(np.stack([image * weight, weight]), radius)
    mean = sums[0] / np.maximum(sums[1], np.float32(1e-6))
    share = np.minimum(sums[1] / np.float32((2 * radius + 1) ** 2), np.float32(1))
    return np.where(weight > 0, image - mean, np.float32(0)), np.asarray(share**4, np.float32)


def power(image: FloatArray, weight: FloatArray, radius: int) -> FloatArray:
    """Return the mean square of an image over windows of valid pixels; 0 where there are none."""
    sums = window_sums(np.stack([image * image * weight, weight]), radius)
    mean: FloatArray = np.divide(sums[0], sums[1], out=np.zeros_like(image), where=sums[1] > FEWEST)
    return mean


def without(pyramid: list[Views], kept: FloatArray) -> list[Views]:
    """Return a pyramid in which pixels of the reference count only as far as they are ``kept``, 0..1."""
    out = []
    for number, view in enumerate(pyramid):
        if number:
            kept = halve(kept)
        share = np.maximum(2 * kept - 1, 0) if number else kept
        out.append(view._replace(reference_weight=view.reference_weight * share))
    return out
