"""Filters of speckle that look at a window around each pixel.

All take ``pixels`` and ``valid`` with a margin of half a window on every side, which is cut off in what they return:
float32 ``(row, col)``, 0 where the pixel in the middle is invalid. Windows shrink where pixels are invalid or beyond
the image. Variances are over n - 1. Of amplitudes and intensities; not of decibel, whose speckle adds and does not
multiply.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sensetrack.radar import _windows
from sensetrack.types import DoubleArray, FloatArray, Mask

Size = tuple[int, int]
"""Rows and columns of a window, both odd."""

_FAST_MEDIANS = ((3, 3), (5, 5))
"""Windows of which OpenCV has the median of float32."""


def boxcar(pixels: FloatArray, valid: Mask, size: Size) -> FloatArray:
    """Return the mean of each window."""
    return _masked(_moments(pixels, valid, size)[0], valid, size)


def median(pixels: FloatArray, valid: Mask, size: Size) -> FloatArray:
    """Return element ``n // 2`` of the n sorted pixels of each window."""
    shape = _inner(pixels, size)
    out, wanted = np.zeros(shape, np.float32), np.ones(shape, np.bool_)
    if size in _FAST_MEDIANS:
        import cv2

        # OpenCV's is many times faster and takes windows that are complete alone.
        out[:] = _inside(cv2.medianBlur(pixels, size[0]), size)
        complete = cv2.erode(valid.astype(np.uint8), np.ones(size, np.uint8), borderValue=0)
        wanted = _inside(complete, size) == 0
    _windows.medians(pixels, valid, *size, wanted, out)
    return _masked(out, valid, size)


def lee(pixels: FloatArray, valid: Mask, size: Size, looks: float) -> FloatArray:
    """Return the mean where a window is as uniform as speckle alone, else the pixel drawn towards it.

    With ``c`` for standard deviation over mean, and ``1 / looks`` for its square of speckle, the pixel has the weight
    ``1 - 1 / (looks c^2)``, not below 0.

    References
    ----------
    Lee, J.-S. (1980), Digital image enhancement and noise filtering by use of local statistics. IEEE PAMI 2(2).
    """
    mean, variance = _moments(pixels, valid, size)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.maximum(1 - mean**2 / (looks * variance), 0.0)
    weight[~(variance > 0)] = 0.0
    return _masked(mean + weight * (_inside(pixels, size) - mean), valid, size)


def gamma_map(pixels: FloatArray, valid: Mask, size: Size, looks: float) -> FloatArray:
    """Return the most probable backscatter where both it and the speckle are gamma distributed.

    The mean where a window is as uniform as speckle alone; the pixel itself where its variation is sqrt(2) times as
    strong.

    References
    ----------
    Lopes, A. et al. (1990), Maximum a posteriori speckle filtering and first order texture models in SAR images.
    IGARSS '90.
    """
    mean, variance = _moments(pixels, valid, size)
    centre = _inside(pixels, size).astype(np.float64)
    speckle = 1 / looks
    with np.errstate(divide="ignore", invalid="ignore"):
        variation = variance / mean**2
        alpha = (1 + speckle) / (variation - speckle)
        b = alpha - looks - 1
        root = np.sqrt(np.maximum((mean * b) ** 2 + 4 * alpha * looks * mean * centre, 0.0))
        mixed = (b * mean + root) / (2 * alpha)
    mixed = np.where(variation >= 2 * speckle, centre, mixed)
    return _masked(np.where(~(variation > speckle), mean, mixed), valid, size)


def frost(pixels: FloatArray, valid: Mask, size: Size, damping: float) -> FloatArray:
    """Return means whose weights fall off with the distance, the faster the more a window varies.

    Weights are ``exp(-damping * variance / mean^2 * d)``, ``d`` the larger of the distances along rows and columns.

    References
    ----------
    Frost, V. S. et al. (1982), A model for radar images and its application to adaptive digital filtering of
    multiplicative noise. IEEE PAMI 4(2).
    """
    mean, variance = _moments(pixels, valid, size)
    out = np.zeros(mean.shape, np.float32)
    _windows.frost(pixels, valid, *size, damping, mean, variance, out)
    return _masked(out, valid, size)


def number_of_looks(intensity: FloatArray, valid: Mask) -> float:
    """Return mean squared over variance of all valid pixels, infinite where they do not vary; 1 where there are none.

    Too low wherever the area is not uniform.
    """
    values = intensity[valid].astype(np.float64)
    if not len(values):
        return 1.0
    variance = float(values.var())
    return float(values.mean()) ** 2 / variance if variance > 0 else math.inf


def _inner(pixels: FloatArray, size: Size) -> Size:
    return pixels.shape[0] - size[0] + 1, pixels.shape[1] - size[1] + 1


def _moments(pixels: FloatArray, valid: Mask, size: Size) -> tuple[DoubleArray, DoubleArray]:
    mean, variance = np.empty(_inner(pixels, size)), np.empty(_inner(pixels, size))
    _windows.moments(pixels, valid, *size, mean, variance)
    return mean, variance


def _inside(values: Any, size: Size) -> Any:
    """Return an array without the margin of a window."""
    rows, cols = size[0] // 2, size[1] // 2
    return values[rows : values.shape[0] - rows, cols : values.shape[1] - cols]


def _masked(found: npt.NDArray[np.floating], valid: Mask, size: Size) -> FloatArray:
    return np.where(_inside(valid, size), found, 0.0).astype(np.float32)
