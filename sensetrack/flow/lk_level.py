"""One level of the pyramid, made ready for Gauss-Newton steps: gradients, weights, and the spline of the secondary."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from sensetrack.flow.compare import bilinear
from sensetrack.flow.lk_prepare import Views
from sensetrack.flow.lk_sums import window_sums
from sensetrack.flow.spline import coefficients
from sensetrack.flow.tiling import over_rows
from sensetrack.types import FloatArray

BORDER = 2
"""Pixels by which the spline reaches beyond the image on every side."""

FLOOR = 1e-5
"""Share of the mean tensor of a level that is always there: more than rounding leaves of what windows have passed."""

Flow = tuple[FloatArray, FloatArray]
"""dx and dy at every pixel of the reference, in pixels of the level."""


@dataclass(eq=False)
class Level:
    """Two images of one size and what is made of them.

    Attributes
    ----------
    reference : ndarray of float32
        ``(row, col)``, without its local mean, with the contrast of the secondary.
    spline : ndarray of float32
        Coefficients of the secondary, `BORDER` pixels larger on every side.
    slope_x, slope_y : ndarray of float32
        Gradient of the reference per pixel.
    weight : ndarray of float32
        What each pixel of the reference counts in the sums: valid, and its content valid in the secondary.
    tensor : ndarray of float32
        ``(4, row, col)``: products xx, xy, yy of the slopes, weighted, and the weight.
    """

    reference: FloatArray
    spline: FloatArray
    slope_x: FloatArray
    slope_y: FloatArray
    weight: FloatArray
    tensor: FloatArray
    _sums: dict[int, FloatArray] = field(default_factory=dict)

    def tensor_sums(self, radius: int) -> FloatArray:
        """Return the structure tensor and the weights summed over windows, never quite nothing."""
        if radius not in self._sums:
            sums = window_sums(self.tensor, radius)
            least = np.float32(FLOOR * (2 * radius + 1) ** 2) * (self.tensor[0].mean() + self.tensor[2].mean())
            for k in (0, 2):
                np.maximum(sums[k], 0, out=sums[k])
                sums[k] += least + np.float32(1e-15)
            self._sums[radius] = sums
        return self._sums[radius]


def prepare(view: Views, flow: Flow) -> Level:
    """Return a level whose pixels count by what is valid in both images along a flow.

    The reference is given the contrast that the secondary has where the flow leads. Neither is divided by its own
    deviation: that would let noise count where there is nothing else.
    """
    shape = view.reference.shape
    reference, weight = np.empty_like(view.reference), np.empty_like(view.reference)
    slopes, tensor = (np.empty_like(reference), np.empty_like(reference)), np.empty((4, *shape), np.float32)
    over_rows(shape[0], lambda top, bottom: _equalise(view, flow, top, bottom, reference, weight))
    over_rows(shape[0], lambda top, bottom: _slopes(reference, top, bottom, *slopes))
    over_rows(shape[0], lambda top, bottom: _products(*slopes, weight, top, bottom, tensor))
    spline = coefficients(np.pad(view.secondary, BORDER, mode="edge"))
    return Level(reference, spline, *slopes, weight, tensor)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _slopes(image: FloatArray, top: int, bottom: int, slope_x: FloatArray, slope_y: FloatArray) -> None:
    """Central differences of fourth order, of second order beside the border."""
    height, width = image.shape
    near, far = np.float32(8 / 12), np.float32(1 / 12)
    half = np.float32(0.5)
    for r in range(top, bottom):
        here, above, below = image[r], image[max(r - 1, 0)], image[min(r + 1, height - 1)]
        higher, lower = image[max(r - 2, 0)], image[min(r + 2, height - 1)]
        x, y = slope_x[r], slope_y[r]
        for c in range(width):
            y[c] = near * (below[c] - above[c]) - far * (lower[c] - higher[c])
        for c in range(2, width - 2):
            x[c] = near * (here[c + 1] - here[c - 1]) - far * (here[c + 2] - here[c - 2])
        for c in (0, 1, width - 2, width - 1):
            x[c] = half * (here[min(c + 1, width - 1)] - here[max(c - 1, 0)])


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _products(
    slope_x: FloatArray, slope_y: FloatArray, weight: FloatArray, top: int, bottom: int, out: FloatArray
) -> None:
    for r in range(top, bottom):
        for c in range(weight.shape[1]):
            x, y, w = slope_x[r, c], slope_y[r, c], weight[r, c]
            out[0, r, c] = w * x * x
            out[1, r, c] = w * x * y
            out[2, r, c] = w * y * y
            out[3, r, c] = w


@njit(cache=True, nogil=True)
def _equalise(view: Views, flow: Flow, top: int, bottom: int, reference: FloatArray, weight: FloatArray) -> None:
    """Write the reference with the secondary's contrast, and the lesser weight of the two, 0 beyond the border."""
    image, _, first, second, power, other = view
    height, width = first.shape
    dx, dy = flow
    for r in range(top, bottom):
        for c in range(width):
            y, x = r + dy[r, c], c + dx[r, c]
            reference[r, c], weight[r, c] = image[r, c], 0
            if first[r, c] > 0 and 0 <= y <= height - 1 and 0 <= x <= width - 1:
                weight[r, c] = min(first[r, c], bilinear(second, y, x))
                theirs = other[int(y + 0.5), int(x + 0.5)]
                if power[r, c] > 0 and theirs > 0:
                    reference[r, c] = image[r, c] * np.sqrt(theirs / power[r, c])
