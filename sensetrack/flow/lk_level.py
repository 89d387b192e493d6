"""One level of the pyramid, made ready for Gauss-Newton steps: gradients, weights, and the spline of the secondary."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numba import njit

from sensetrack.flow.boxes import across
from sensetrack.flow.lk_prepare import Views
from sensetrack.flow.lk_sums import begin, enter, window_sums
from sensetrack.flow.spline import bilinear_row, coefficients
from sensetrack.flow.tiling import STRIP, over_rows
from sensetrack.types import DoubleArray, FloatArray

FLOOR = 1e-5
"""Share of the mean tensor of a level that is always there: more than rounding leaves of what windows have passed."""

LEAST_RIDGE = 1e-3
"""Share of a window's tensor that always draws to the prior, so that one direction without texture stays put."""

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
        Coefficients of the secondary, from `sensetrack.flow.spline.coefficients`.
    slope_x, slope_y : ndarray of float32
        Gradient of the reference per pixel.
    weight : ndarray of float32
        What each pixel of the reference counts in the sums: valid, and its content valid in the secondary.
    tensor : ndarray of float32
        ``(3, row, col)``: products xx, xy, yy of the slopes, weighted.
    mean_texture : float
        Mean of xx + yy.
    """

    reference: FloatArray
    spline: FloatArray
    slope_x: FloatArray
    slope_y: FloatArray
    weight: FloatArray
    tensor: FloatArray
    mean_texture: float
    _sums: dict[int, FloatArray] = field(default_factory=dict)
    _counts: dict[int, FloatArray] = field(default_factory=dict)

    def tensor_sums(self, radius: int) -> FloatArray:
        """Return the structure tensor summed over windows, never quite nothing; ``(3, row, col)``."""
        if radius not in self._sums:
            least = np.float32(FLOOR * (2 * radius + 1) ** 2 * self.mean_texture + 1e-15)
            sums = np.empty_like(self.tensor)
            over_rows(len(self.weight), lambda top, bottom: _tensor_sums(self.tensor, radius, least, top, bottom, sums))
            self._sums[radius] = sums
        return self._sums[radius]

    def counts(self, radius: int) -> FloatArray:
        """Return what the pixels of windows count together."""
        if radius not in self._counts:
            self._counts[radius] = window_sums(self.weight[None], radius)[0]
        return self._counts[radius]


def prepare(view: Views, flow: Flow) -> Level:
    """Return a level whose pixels count by what is valid in both images along a flow.

    The reference is given the contrast that the secondary has where the flow leads. Neither is divided by its own
    deviation: that would let noise count where there is nothing else.
    """
    shape = view.reference.shape
    reference, weight = np.empty_like(view.reference), np.empty_like(view.reference)
    slopes, tensor = (np.empty_like(reference), np.empty_like(reference)), np.empty((3, *shape), np.float32)
    totals = np.zeros(-(-shape[0] // STRIP))
    over_rows(shape[0], lambda top, bottom: _equalise(view, flow, top, bottom, reference, weight))
    over_rows(shape[0], lambda top, bottom: _slopes(reference, top, bottom, *slopes))
    over_rows(shape[0], lambda top, bottom: _products(*slopes, weight, top, bottom, tensor, totals))
    mean = float(totals.sum()) / reference.size
    return Level(reference, coefficients(view.secondary), *slopes, weight, tensor, mean)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _tensor_sums(tensor: FloatArray, radius: int, least: np.float32, top: int, bottom: int, out: FloatArray) -> None:
    width = tensor.shape[2]
    line, scratch = np.empty((3, width + 2 * radius), np.float32), np.empty((2, width + 2 * radius), np.float32)
    begin(tensor, top, radius, line)
    for row in range(top, bottom):
        enter(tensor, row, radius, line)
        for k in range(3):
            target = out[k, row]
            across(line[k], 2 * radius + 1, scratch, target)
            if k != 1:
                for c in range(width):
                    target[c] = max(target[c], np.float32(0)) + least


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
    slope_x: FloatArray,
    slope_y: FloatArray,
    weight: FloatArray,
    top: int,
    bottom: int,
    out: FloatArray,
    totals: DoubleArray,
) -> None:
    """Write the weighted products, and the sum of xx + yy over the strip."""
    total = 0.0
    for r in range(top, bottom):
        x, y, w = slope_x[r], slope_y[r], weight[r]
        xx, xy, yy = out[0, r], out[1, r], out[2, r]
        line: np.float32 = np.float32(0)
        for c in range(w.size):
            xx[c] = w[c] * x[c] * x[c]
            xy[c] = w[c] * x[c] * y[c]
            yy[c] = w[c] * y[c] * y[c]
            line += xx[c] + yy[c]
        total += float(line)
    totals[top // STRIP] = total


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def _equalise(view: Views, flow: Flow, top: int, bottom: int, reference: FloatArray, weight: FloatArray) -> None:
    """Write the reference with the secondary's contrast, and the lesser weight of the two, 0 beyond the border."""
    image, _, first, second, power, other = view
    height, width = first.shape
    last_row, last_col = np.float32(height - 1), np.float32(width - 1)
    zero, half = np.float32(0), np.float32(0.5)
    theirs = np.empty(width, np.float32)
    for r in range(top, bottom):
        dx, dy, mine, here, w, target = flow[0][r], flow[1][r], first[r], image[r], weight[r], reference[r]
        bilinear_row(second, r, 0, dx, dy, np.float32(-1), w)
        for c in range(width):
            y = min(max(np.float32(r) + dy[c], zero), last_row)
            x = min(max(np.float32(c) + dx[c], zero), last_col)
            theirs[c] = other[np.int32(y + half), np.int32(x + half)]
        own = power[r]
        for c in range(width):
            is_known = (w[c] >= zero) & (mine[c] > zero) & (own[c] > zero) & (theirs[c] > zero)
            ratio = theirs[c] / own[c] if is_known else np.float32(1)
            w[c] = max(min(mine[c], w[c]), zero)
            target[c] = here[c] * np.sqrt(ratio)
