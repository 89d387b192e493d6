"""Lee's improved sigma filter of speckle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from sensetrack.types import FloatArray, Mask

SIGMAS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Shares of the speckle that lie in the ranges of `RANGES`."""

RANGES: dict[str, tuple[tuple[tuple[float, float, float], ...], ...]] = {
    "intensity": (
        ((0.436, 1.920, 0.4057), (0.343, 2.210, 0.4954), (0.254, 2.582, 0.5911), (0.168, 3.094, 0.6966),
         (0.084, 3.941, 0.8191)),
        ((0.582, 1.584, 0.2763), (0.501, 1.755, 0.3388), (0.418, 1.972, 0.4062), (0.327, 2.260, 0.4810),
         (0.221, 2.744, 0.5699)),
        ((0.652, 1.458, 0.2222), (0.580, 1.586, 0.2736), (0.505, 1.751, 0.3280), (0.419, 1.965, 0.3892),
         (0.313, 2.320, 0.4624)),
        ((0.694, 1.385, 0.1921), (0.630, 1.495, 0.2348), (0.560, 1.627, 0.2825), (0.480, 1.804, 0.3354),
         (0.378, 2.094, 0.3991)),
    ),
    "amplitude": (
        ((0.654, 1.400, 0.20835), (0.579, 1.506, 0.25536), (0.497, 1.632, 0.30530), (0.404, 1.795, 0.36108),
         (0.286, 2.043, 0.42638)),
        ((0.760, 1.263, 0.13902), (0.705, 1.332, 0.16978), (0.643, 1.412, 0.20668), (0.568, 1.515, 0.24458),
         (0.467, 1.673, 0.29107)),
        ((0.806, 1.210, 0.10973), (0.760, 1.263, 0.13800), (0.708, 1.327, 0.16369), (0.645, 1.408, 0.19597),
         (0.557, 1.531, 0.23422)),
        ((0.832, 1.179, 0.08942), (0.793, 1.226, 0.11204), (0.747, 1.279, 0.13924), (0.691, 1.347, 0.16777),
         (0.613, 1.452, 0.20104)),
    ),
}  # fmt: skip
"""By unit, looks from 1 and `SIGMAS`: between which multiples of the mean speckle lies, and its spread within."""

AMPLITUDE_SPREAD = 0.5227
"""Standard deviation over mean of the amplitude of one look."""


@dataclass(frozen=True)
class LeeSigma:
    """Lee's improved sigma filter: the mean of those pixels of a window that the speckle of the middle can explain.

    Pixels brighter than 98 % of a tile, of which more than five lie in the target window, are point targets and stay.
    For any other the backscatter is guessed in the target window; pixels of the window that lie within the range of
    speckle about it are averaged, and the pixel is drawn to their mean. It stays where there are none. Where the window
    reaches beyond the image all of its pixels are averaged.

    Attributes
    ----------
    unit : {"intensity", "amplitude"}
    looks : int
        1 to 4.
    sigma : float
        One of `SIGMAS`.
    window, target : int
        Sides of the windows, odd, in pixels.

    References
    ----------
    Lee, J.-S. et al. (2009), Improved sigma filter for speckle filtering of SAR imagery. IEEE TGRS 47(1).
    """

    unit: Literal["intensity", "amplitude"]
    looks: int = 1
    sigma: float = 0.9
    window: int = 7
    target: int = 3

    @property
    def margin(self) -> int:
        """Pixels around an area that influence its result."""
        return max(self.window // 2, 2 * (self.target // 2))

    def __call__(self, pixels: FloatArray, valid: Mask, image: tuple[int, int, int, int]) -> FloatArray:
        """Return one tile, filtered.

        Parameters
        ----------
        pixels : ndarray of float32
            ``(row, col)`` with `margin` more on every side; 0 where invalid.
        valid : ndarray of bool
        image : tuple of int
            First row, row behind the last, first column and column behind the last that lie in the image at all.

        Returns
        -------
        ndarray of float32
            Without the margin; 0 where invalid.
        """
        margin, half = self.margin, self.window // 2
        out = np.zeros((pixels.shape[0] - 2 * margin, pixels.shape[1] - 2 * margin), np.float32)
        near = tuple(slice(margin - half, size - margin + half) for size in pixels.shape)
        values = pixels[near][valid[near]]
        if not len(values):
            return out
        rank = max(int(0.98 * len(values)) - 1, 0)
        limit = np.partition(values, rank)[rank]
        low, high, spread = RANGES[self.unit][self.looks - 1][SIGMAS.index(self.sigma)]
        noise = (AMPLITUDE_SPREAD if self.unit == "amplitude" else 1.0) / self.looks**0.5
        bright = valid & (pixels > limit)
        stays = np.zeros_like(bright)
        _mark_targets(bright, self.target // 2, stays)
        _filter(pixels, valid, stays, image, margin, half, self.target // 2, (low, high), spread, noise, out)
        return out


@njit(cache=True, nogil=True)
def _mark_targets(bright: Mask, reach: int, stays: Mask) -> None:
    """Mark the bright pixels of every window about a bright one in which there are more than five."""
    for row in range(reach, bright.shape[0] - reach):
        for col in range(reach, bright.shape[1] - reach):
            if not bright[row, col]:
                continue
            window = bright[row - reach : row + reach + 1, col - reach : col + reach + 1]
            if window.sum() > 5:
                stays[row - reach : row + reach + 1, col - reach : col + reach + 1] |= window


@njit(cache=True, nogil=True)
def _filter(
    pixels: FloatArray,
    valid: Mask,
    stays: Mask,
    image: tuple[int, int, int, int],
    margin: int,
    half: int,
    target: int,
    limits: tuple[float, float],
    spread: float,
    noise: float,
    out: FloatArray,
) -> None:
    top, bottom, left, right = image
    for i in range(out.shape[0]):
        row = i + margin
        for j in range(out.shape[1]):
            col = j + margin
            if not valid[row, col]:
                continue
            centre = pixels[row, col]
            if stays[row, col]:
                out[i, j] = centre
                continue
            if row - half < top or row + half >= bottom or col - half < left or col + half >= right:
                out[i, j] = _best(pixels, valid, row, col, half, -np.inf, np.inf, noise)
                continue
            guess = _best(pixels, valid, row, col, target, -np.inf, np.inf, noise)
            out[i, j] = _best(pixels, valid, row, col, half, guess * limits[0], guess * limits[1], spread)


@njit(cache=True, nogil=True)
def _best(
    pixels: FloatArray, valid: Mask, row: int, col: int, half: int, low: float, high: float, noise: float
) -> float:
    """Return the estimate of least mean square error from pixels of a window between two values; else the pixel."""
    centre, n, total, squares = np.float64(pixels[row, col]), 0, 0.0, 0.0
    # Sums of differences from the pixel keep their digits where the window is far from 0.
    for i in range(row - half, row + half + 1):
        for j in range(col - half, col + half + 1):
            value = pixels[i, j]
            if valid[i, j] and low <= value <= high:
                n += 1
                total += value - centre
                squares += (value - centre) * (value - centre)
    if n == 0:
        return centre
    offset = total / n
    mean = centre + offset
    variance = max((squares - total * offset) / (n - 1), 0.0) if n > 1 else 0.0
    if variance == 0.0:
        return mean
    ground = max((variance - mean * mean * noise * noise) / (1.0 + noise * noise), 0.0)
    return mean - ground / variance * offset
