"""Makes the edges of what is invalid lie alike in two images, so that they hold nothing back."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.flow.spline import bilinear
from sensetrack.flow.tiling import Tile, over_tiles
from sensetrack.flow.weights import FADE
from sensetrack.types import FloatArray


def has_holes(weight: FloatArray) -> bool:
    """Whether anything is invalid but what lies beyond the array's border."""
    edge = FADE + 1
    return bool((weight[edge:-edge, edge:-edge] < 1).any())


def share_weights(
    reference_weight: FloatArray, secondary_weight: FloatArray, flow: tuple[FloatArray, FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return each image's weights where the flow says that its pixels are in the other one.

    An image that fades towards a hole has an edge there that does not move with the content around it. Once both fade
    towards what is invalid in either, on the same ground, these edges move along.

    Parameters
    ----------
    reference_weight, secondary_weight : ndarray of float32
        ``(row, col)``, 0..1, 0 where invalid.
    flow : tuple of ndarray of float32
        dx and dy from the reference to the secondary. The way back is taken to be its negative at the same pixel, which
        holds for flows that change little over their own length.

    Returns
    -------
    secondary_moved, reference_moved : ndarray of float32
        The secondary's weights at the pixels of the reference, and the other way round; 0 beyond the border.
    """
    moved = np.zeros_like(reference_weight), np.zeros_like(reference_weight)

    def run(tile: Tile) -> None:
        _move(secondary_weight, flow[0], flow[1], np.float32(1), tile, moved[0])
        _move(reference_weight, flow[0], flow[1], np.float32(-1), tile, moved[1])

    over_tiles(reference_weight.shape, run)
    return moved


@njit(cache=True, nogil=True)
def _move(weight: FloatArray, dx: FloatArray, dy: FloatArray, sign: np.float32, tile: Tile, out: FloatArray) -> None:
    height, width = weight.shape
    for r in range(tile[0], tile[1]):
        for c in range(tile[2], tile[3]):
            y, x = r + sign * dy[r, c], c + sign * dx[r, c]
            if 0 <= y <= height - 1 and 0 <= x <= width - 1:
                out[r, c] = bilinear(weight, y, x)
