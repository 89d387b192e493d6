"""Says how far a dense flow can be trusted: how well the images agree after it, and the errors of what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from sensetrack.correlation.sandwich import sandwich
from sensetrack.flow.compare import SUMS
from sensetrack.flow.lattice import CELL, window_sums
from sensetrack.types import DoubleArray, FloatArray

_FLOW = slice(SUMS.index("dx"), SUMS.index("dy") + 1)
_PULLS = slice(SUMS.index("pull x"), SUMS.index("pull y") + 1)
_TEXTURES = SUMS.index("texture xx")

LARGEST_VARIANCE = 1e4
"""Variance in px^2 that stands for all larger ones, and for none at all."""

LEAST_WEIGHT = 1e-6
"""Weight of a window that is none: what rounding leaves of its sum. A single pixel that counts weighs more."""

BROAD = 8
"""Side in cells, at least, of the window in which correlation and the strain of the flow are found: 32 pixels."""

LITTLE_STRAIN = 0.005
"""Strain at which `Calibration.noise` is half way from its value for constant flows to that for all others."""


@dataclass(frozen=True)
class Calibration:
    """How the errors of one kind of flow follow from what can be seen; measured on flows whose truth is known.

    Attributes
    ----------
    noise : float
        Factor of the variance that the misfit of the images would give a least-squares match of the window.
    noise_still : float or None
        The same where the flow is constant, so that a smoothness term averages over more; None: the same.
    roughness : float
        Factor of the squared difference between the flow and its mean over the window. Neighbouring errors differ,
        and where the flow is curved, averaging it once more does to it what averaging has done already.
    floor : float
        Standard deviation in pixels that is always there: what interpolation and rounding leave without any noise.
    way_back : float
        Factor of the squared miss of the way there and back. Were the errors of both ways independent, half of it would
        be that of one; they are partly the same.
    """

    noise: float = 0.3
    noise_still: float | None = None
    roughness: float = 2.0
    floor: float = 0.01
    way_back: float = 0.25


@dataclass(frozen=True, eq=False)
class Assessment:
    """What is known of a flow, all float64 ``(row, col)`` of cells.

    Attributes
    ----------
    share : ndarray
        Share of the window that is valid in both images, 0..1.
    correlation : ndarray
        Correlation coefficient of the reference and the secondary moved back by the flow, -1..1.
    chance : ndarray
        Standard deviation of that of unrelated images of the same texture.
    rest : ndarray
        Length in pixels of the Lucas-Kanade step that what is left in the window asks for.
    variance_dx, variance_dy, covariance : ndarray
        Of the flow's error, px^2.
    """

    share: DoubleArray
    correlation: DoubleArray
    chance: DoubleArray
    rest: DoubleArray
    variance_dx: DoubleArray
    variance_dy: DoubleArray
    covariance: DoubleArray

    def with_more(self, variance_dx: FloatArray, variance_dy: FloatArray) -> Assessment:
        """Return it with a variance added that is known for every pixel of whole cells, px^2."""
        rows, cols = self.share.shape
        more_x, more_y = (
            part.reshape(rows, CELL, cols, CELL).mean(axis=(1, 3), dtype=np.float64)
            for part in (variance_dx, variance_dy)
        )
        return replace(self, variance_dx=self.variance_dx + more_x, variance_dy=self.variance_dy + more_y)


def assess(sums: DoubleArray, side: int, calibration: Calibration, broad: DoubleArray | None = None) -> Assessment:
    """Judge a flow from what is left after it.

    The covariance has four parts. The first is that of a least-squares match of the window: the sandwich
    ``H^-1 (sum p p^T) H^-1`` with the sum ``H`` of products of gradients and the pulls ``p`` of the misfit, gradient
    times difference summed over cells, which may hang together within a cell (White 1980, eq. 1, in the clustered
    form of Liang & Zeger 1986); a library's flow is none, hence a factor. Then the roughness of the flow, the way back,
    and a constant; see `Calibration`. A flow that is smoothly wrong without a trace in the images, at a
    step of the true displacement say, is not seen by any of them.

    Parameters
    ----------
    sums : ndarray of float64
        From `sensetrack.flow.compare.compare`.
    side : int
        Side of the window in cells over which errors hang together.
    calibration : Calibration
    broad : ndarray of float64, optional
        From `broad_sums`, for those who judge in several windows.

    Returns
    -------
    Assessment
    """
    pulls = sums[_PULLS]
    products = np.stack([pulls[0] ** 2, pulls[1] ** 2, pulls[0] * pulls[1]])
    around = window_sums(np.concatenate([sums, products]), side)
    if side >= BROAD:
        broad = around[:_TEXTURES]
    elif broad is None:
        broad = broad_sums(sums)
    weight, flow = sums[0], sums[_FLOW] / np.maximum(sums[0], 1e-9)
    bend = np.where(weight > 0, around[_FLOW] / np.maximum(around[0], 1e-9) - flow, 0.0)
    bends = window_sums(weight * np.stack([bend[0] ** 2, bend[1] ** 2, bend[0] * bend[1]]), side)
    still = calibration.noise if calibration.noise_still is None else calibration.noise_still
    strain = _strain(broad[_FLOW] / np.maximum(broad[0], 1e-9))
    noise = still + (calibration.noise - still) * strain / (strain + LITTLE_STRAIN)
    out = np.zeros((7, *weight.shape))
    _correlate(broad, out)
    shares = calibration.roughness, calibration.way_back, calibration.floor
    _judge(around, bends, noise, float((side * CELL) ** 2), shares, out)
    return Assessment(*out)


def broad_sums(sums: DoubleArray) -> DoubleArray:
    """Return what correlation and strain are found from, summed over windows of `BROAD` cells."""
    return window_sums(sums[:_TEXTURES], BROAD)


def _strain(flow: DoubleArray) -> DoubleArray:
    """Return the root of the summed squares of a flow's derivatives, pixels per pixel."""
    total = np.zeros(flow.shape[1:])
    for component in flow:
        for axis in (0, 1):
            if component.shape[axis] > 1:
                total += (np.gradient(component, axis=axis) / CELL) ** 2
    return np.asarray(np.sqrt(total))


@njit(cache=True, nogil=True)
def _correlate(broad: DoubleArray, out: DoubleArray) -> None:
    """Write the correlation coefficient and its standard deviation by chance."""
    _, rows, cols = broad.shape
    for i in range(rows):
        for j in range(cols):
            s = broad[:, i, j]
            n = s[0]
            out[2, i, j] = 1.0
            if n <= LEAST_WEIGHT:
                continue
            first, second = s[3] / n, s[4] / n
            first_power, second_power = max(s[5] / n - first * first, 0.0), max(s[6] / n - second * second, 0.0)
            power = np.sqrt(first_power * second_power)
            if power > 0:
                out[1, i, j] = (s[7] / n - first * second) / power
            # A Gaussian autocorrelation of length l has the squared gradient 2 / l^2 of its power, and counts as one
            # independent sample on pi l^2 pixels.
            if s[8] > 0:
                samples = n / max(1.0, 2 * np.pi * power * n / s[8])
                out[2, i, j] = 1 / np.sqrt(max(samples, 1.0))


@njit(cache=True, nogil=True)
def _judge(
    around: DoubleArray,
    bends: DoubleArray,
    noise: DoubleArray,
    pixels: float,
    shares: tuple[float, float, float],
    out: DoubleArray,
) -> None:
    """Write the share of valid pixels, the step that is left, and the covariance."""
    _, rows, cols = around.shape
    roughness, way_back, floor = shares
    for i in range(rows):
        for j in range(cols):
            s = around[:, i, j]
            n = s[0]
            out[0, i, j], out[4:6, i, j] = s[17] / pixels, LARGEST_VARIANCE
            if n <= LEAST_WEIGHT:
                continue
            hxx, hyy, hxy, pull_x, pull_y = s[9], s[10], s[11], s[12], s[13]
            det = hxx * hyy - hxy * hxy
            if det > 0 and hyy > 0:
                x, y = (hyy * pull_x - hxy * pull_y) / det, (hxx * pull_y - hxy * pull_x) / det
                out[3, i, j] = np.sqrt(x * x + y * y)
            vyy, vxx, vxy = sandwich(hyy, hxx, hxy, s[19], s[18], s[20])
            rough, missed = roughness / n, way_back / n
            cxx = noise[i, j] * vxx + rough * bends[0, i, j] + missed * s[14] + floor * floor
            cyy = noise[i, j] * vyy + rough * bends[1, i, j] + missed * s[15] + floor * floor
            cxy = noise[i, j] * vxy + rough * bends[2, i, j] + missed * s[16]
            if cxx + cyy < LARGEST_VARIANCE:
                out[4, i, j], out[5, i, j], out[6, i, j] = cxx, cyy, cxy
