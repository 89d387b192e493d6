"""Finds a flow in overlapping squares that lie alike wherever an array was cut out of an image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sensetrack.types import FloatArray

SIDE = 256
"""Pixels between the centres of squares, which lie on its multiples: on the borders of blocks as well."""

FADE = 16
"""Pixels on either side of the line between two squares over which the one passes into the other."""

Flow = tuple[FloatArray, FloatArray]


def in_squares(find: Callable[..., Flow], images: tuple[FloatArray, ...], context: int, edge: int) -> Flow:
    """Return a flow that was found in one square after another.

    A library that builds its pyramid to fit the size of an array gives one answer for a whole image and another for a
    block of it. Given squares of one size at fixed places it gives the same one for both.

    Parameters
    ----------
    find : callable
        Takes the images, cut out, and returns dx and dy of their shape.
    images : tuple of ndarray of float32
        ``(row, col)``, of one shape; the first row and column lie at a multiple of `SIDE` in their image. The third has
        0 where there is nothing to find.
    context : int
        Pixels around each square that are given to ``find`` as well; at least `FADE`.
    edge : int
        Pixels along every border where no flow is wanted.

    Returns
    -------
    dx, dy : ndarray of float32
        0 where nothing was to be found.
    """
    shape = images[0].shape
    dx, dy = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for row in _centres(shape[0], edge):
        for col in _centres(shape[1], edge):
            rows, cols = _span(row, FADE, shape[0]), _span(col, FADE, shape[1])
            if not images[2][rows, cols].any():
                continue
            around = _span(row, context, shape[0]), _span(col, context, shape[1])
            found = find(*(np.ascontiguousarray(image[around]) for image in images))
            inner = tuple(
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip((rows, cols), around, strict=True)
            )
            share = np.outer(_shares(row, rows), _shares(col, cols)).astype(np.float32)
            dx[rows, cols] += share * found[0][inner]
            dy[rows, cols] += share * found[1][inner]
    return dx, dy


def _centres(size: int, edge: int) -> range:
    """Return the centres of the squares along an axis that hold wanted pixels."""
    first = -(-(edge - SIDE // 2 - FADE + 1) // SIDE)
    last = (size - edge - 1 + SIDE // 2 + FADE) // SIDE
    return range(max(0, first) * SIDE, last * SIDE + 1, SIDE)


def _span(centre: int, more: int, size: int) -> slice:
    """Return a square and ``more`` pixels on either side, as far as there are any."""
    return slice(max(0, centre - SIDE // 2 - more), min(size, centre + SIDE // 2 + more))


def _shares(centre: int, span: slice) -> FloatArray:
    """Return how much of the result comes from one square; those of neighbours add up to 1."""
    distance = np.abs(np.arange(span.start, span.stop) + 0.5 - centre)
    shares: FloatArray = np.clip((SIDE // 2 + FADE - distance) / (2 * FADE), 0, 1).astype(np.float32)
    return shares
