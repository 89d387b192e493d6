"""Pyramids of two images without their slow changes of brightness, and what their contrast is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from sensetrack.flow.boxes import across
from sensetrack.flow.pyramid import halve, halve_weighted
from sensetrack.flow.tiling import over_rows
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
    out = []
    images = (reference, reference_weight), (secondary, secondary_weight)
    for number in range(levels):
        radius, touch = (COARSE, 0) if number else (highpass, TOUCH)
        if number:
            first, second = (halve_weighted(*image, LEAST) for image in images)
            images = first, second
        centred = [without_mean(*image, radius, touch) for image in images]
        flat, counts = zip(*centred, strict=True)
        powers = (power(each, image[1], (5 * radius) // 2) for each, image in zip(flat, images, strict=True))
        out.append(Views(*flat, *counts, *powers))
    return out


def without_mean(image: FloatArray, weight: FloatArray, radius: int, touch: int) -> tuple[FloatArray, FloatArray]:
    """Return an image less its mean over windows of valid pixels, and what its pixels count.

    The mean of a cut window is that of other ground, and moves with the edge, not with the ground: pixels count by the
    fourth power of the window's valid share.

    Parameters
    ----------
    image, weight : ndarray of float32
        ``(row, col)``; the weight 0..1, 0 where invalid.
    radius : int
        Half the side of the window.
    touch : int
        Weights are 0 this near to what is invalid, where a spline between the pixels would see it.
    """
    out, counts = np.empty_like(image), np.empty_like(weight)
    least = np.float32(touch / (FADE + 1))
    over_rows(len(image), lambda top, bottom: _without_mean(image, weight, radius, least, top, bottom, out, counts))
    return out, counts


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _without_mean(
    image: FloatArray,
    weight: FloatArray,
    radius: int,
    least: np.float32,
    top: int,
    bottom: int,
    out: FloatArray,
    counts: FloatArray,
) -> None:
    height, width = image.shape
    line, scratch = np.zeros((2, width + 2 * radius), np.float32), np.empty((2, width + 2 * radius), np.float32)
    sums, whole = np.empty((2, width), np.float32), np.float32(1 / (2 * radius + 1) ** 2)
    one, zero, tiny = np.float32(1), np.float32(0), np.float32(1e-6)
    inner = line[:, radius : radius + width]
    for r in range(max(top - 1 - radius, 0), min(top + radius, height)):
        _count_in(image[r], weight[r], one, inner)
    for r in range(top, bottom):
        if r + radius < height:
            _count_in(image[r + radius], weight[r + radius], one, inner)
        if r - radius - 1 >= 0:
            _count_in(image[r - radius - 1], weight[r - radius - 1], -one, inner)
        for k in range(2):
            across(line[k], 2 * radius + 1, scratch, sums[k])
        total, number, here, w, target, count = sums[0], sums[1], image[r], weight[r], out[r], counts[r]
        for c in range(width):
            target[c] = here[c] - total[c] / max(number[c], tiny) if w[c] > zero else zero
            share = min(number[c] * whole, one)
            count[c] = max(w[c] - least, zero) / (one - least) * share * share * share * share


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _count_in(image: FloatArray, weight: FloatArray, sign: np.float32, line: FloatArray) -> None:
    """Add a row's weighted values and weights to sums down the columns. In place."""
    total, number = line[0], line[1]
    for c in range(image.size):
        w = sign * weight[c]
        total[c] += w * image[c]
        number[c] += w


def power(image: FloatArray, weight: FloatArray, radius: int) -> FloatArray:
    """Return the mean square of an image over windows of valid pixels; 0 where there are none."""
    out = np.empty_like(image)
    over_rows(len(image), lambda top, bottom: _power(image, weight, radius, top, bottom, out))
    return out


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _power(image: FloatArray, weight: FloatArray, radius: int, top: int, bottom: int, out: FloatArray) -> None:
    height, width = image.shape
    line, scratch = np.zeros((2, width + 2 * radius), np.float32), np.empty((2, width + 2 * radius), np.float32)
    sums = np.empty((2, width), np.float32)
    one, zero, few = np.float32(1), np.float32(0), np.float32(FEWEST)
    inner = line[:, radius : radius + width]
    for r in range(max(top - 1 - radius, 0), min(top + radius, height)):
        _count_squares_in(image[r], weight[r], one, inner)
    for r in range(top, bottom):
        if r + radius < height:
            _count_squares_in(image[r + radius], weight[r + radius], one, inner)
        if r - radius - 1 >= 0:
            _count_squares_in(image[r - radius - 1], weight[r - radius - 1], -one, inner)
        for k in range(2):
            across(line[k], 2 * radius + 1, scratch, sums[k])
        total, number, target = sums[0], sums[1], out[r]
        for c in range(width):
            target[c] = max(total[c], zero) / number[c] if number[c] > few else zero


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _count_squares_in(image: FloatArray, weight: FloatArray, sign: np.float32, line: FloatArray) -> None:
    """Add a row's weighted squares and weights to sums down the columns. In place."""
    total, number = line[0], line[1]
    for c in range(image.size):
        w = sign * weight[c]
        total[c] += w * image[c] * image[c]
        number[c] += w


def without(pyramid: list[Views], kept: FloatArray, also: FloatArray, highpass: int) -> list[Views]:
    """Return a pyramid in which pixels of the reference count only as far as they are ``kept``, 0..1.

    Contrast is found from what is kept in both, so that what has changed does not lend its own to the ground beside it.

    Parameters
    ----------
    pyramid : list of Views
        From `views`.
    kept, also : ndarray of float32
        At pixels of the reference, and at those of the secondary that show the same ground.
    highpass : int
        As it was for `views`.
    """
    out = []
    for number, view in enumerate(pyramid):
        if number:
            kept, also = halve(kept), halve(also)
        shares = [np.maximum(2 * each - 1, 0) if number else each for each in (kept, also)]
        weights = [weight * share for weight, share in zip(view[2:4], shares, strict=True)]
        radius = (5 * (COARSE if number else highpass)) // 2
        powers = [power(image, weight, radius) for image, weight in zip(view[:2], weights, strict=True)]
        out.append(Views(view[0], view[1], weights[0], view[3], *powers))
    return out
