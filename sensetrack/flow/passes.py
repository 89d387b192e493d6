"""Finds a flow in passes: each moves the secondary back by what is known already, smoothed, and seeks the rest."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numba import njit

from sensetrack.flow.spline import coefficients, value_at
from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.types import FloatArray

Flow = tuple[FloatArray, FloatArray]

Find = Callable[[FloatArray, FloatArray, bool], Flow]
"""Returns the flow between two images; the last argument says whether it is the last pass."""

REACH = 3
"""Standard deviations of the smoothing after which its Gaussian is cut off."""


def in_passes(
    find: Find,
    reference: FloatArray,
    secondary: FloatArray,
    reference_weight: FloatArray,
    secondary_weight: FloatArray,
    *,
    passes: int,
    smoothing: float,
    longest: float,
) -> Flow:
    """Return the flow between two images, found in passes.

    A window, or a prior for smoothness, flattens the flow where it is curved. What a second pass finds between the
    reference and the secondary moved back by the first pass's flow is what was lost, and is flattened in turn
    ("twicing", Tukey 1977, *Exploratory data analysis*). The flow between passes is smoothed so that its noise does not
    return. As the rest is small, it depends on little but the pixels around: flows that started differently end alike.

    Moving is done by cubic B-splines, and both images fade towards what is invalid in either, so that the edge of a
    hole is the same in both and holds nothing back.

    Parameters
    ----------
    find : callable
        Takes the reference, the secondary and whether it is the last pass; returns dx and dy, which may be NaN.
    reference, secondary : ndarray of float32
        ``(row, col)``, faded to 0 towards what is invalid.
    reference_weight, secondary_weight : ndarray of float32
        0..1, 0 where invalid.
    passes : int
        How often; 1 is ``find`` alone.
    smoothing : float
        Standard deviation in pixels of the Gaussian that smooths the flow between passes.
    longest : float
        Pixels; longer vectors are mistakes that take no part in the smoothing.

    Returns
    -------
    dx, dy : ndarray of float32
    """
    dx, dy = find(reference, secondary, passes == 1)
    if passes == 1:
        return dx, dy
    spline = coefficients(secondary)
    for number in range(2, passes + 1):
        guess_x, guess_y = smooth((dx, dy), reference_weight, smoothing, longest)
        moved, target = secondary, secondary_weight
        if guess_x.any() or guess_y.any():  # else the rounding of splines would move what has not moved
            moved, target = move(spline, secondary_weight, (guess_x, guess_y))
        dx, dy = find(reference * target, moved * reference_weight, number == passes)
        dx += guess_x
        dy += guess_y
    return dx, dy


def smooth(flow: Flow, weight: FloatArray, deviation: float, longest: float) -> Flow:
    """Return the weighted mean of a flow under a Gaussian.

    Parameters
    ----------
    flow : tuple of ndarray of float32
        dx and dy; NaN takes no part.
    weight : ndarray of float32
        0..1.
    deviation : float
        Standard deviation of the Gaussian, in pixels.
    longest : float
        Pixels; longer vectors take no part.

    Returns
    -------
    tuple of ndarray of float32
        0 where nothing is near that counts.
    """
    import cv2

    side = 2 * math.ceil(REACH * deviation) + 1

    def blur(values: FloatArray) -> FloatArray:
        out = cv2.GaussianBlur(values, (side, side), deviation, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(out, np.float32)

    counts = np.hypot(*flow) <= longest
    total = blur(np.where(counts, weight, np.float32(0)))
    near = total > 1e-3
    dx, dy = (
        np.divide(blur(np.where(counts, weight * part, np.float32(0))), total, out=np.zeros_like(total), where=near)
        for part in flow
    )
    return dx, dy


def move(spline: FloatArray, weight: FloatArray, flow: Flow) -> tuple[FloatArray, FloatArray]:
    """Return an image and its weights moved back by a flow.

    Parameters
    ----------
    spline : ndarray of float32
        ``(row, col)``, from `sensetrack.flow.spline.coefficients` of the image.
    weight : ndarray of float32
        0..1, of the image's own shape.
    flow : tuple of ndarray of float32
        dx and dy, finite.

    Returns
    -------
    image, weight : ndarray of float32
        What is at ``(row + dy, col + dx)``; the weight is 0 beyond the border.
    """
    image, moved = np.empty_like(weight), np.empty_like(weight)
    over_tiles(weight.shape, lambda tile: _move(spline, weight, flow[0], flow[1], tile, image, moved))
    return image, moved


@njit(cache=True, nogil=True)
def _move(
    spline: FloatArray,
    weight: FloatArray,
    dx: FloatArray,
    dy: FloatArray,
    tile: Tile,
    image: FloatArray,
    moved: FloatArray,
) -> None:
    top, bottom, left, right = tile
    height, width = weight.shape
    for r in range(top, bottom):
        for c in range(left, right):
            y, x = r + dy[r, c], c + dx[r, c]
            image[r, c] = value_at(spline, y, x)
            moved[r, c] = 0
            if 0 <= y <= height - 1 and 0 <= x <= width - 1:
                i, j = min(int(y), height - 2), min(int(x), width - 2)
                t, u = np.float32(y - i), np.float32(x - j)
                upper = weight[i, j] + u * (weight[i, j + 1] - weight[i, j])
                lower = weight[i + 1, j] + u * (weight[i + 1, j + 1] - weight[i + 1, j])
                moved[r, c] = upper + t * (lower - upper)
