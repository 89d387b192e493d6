"""Local means and deviations in which invalid pixels take no part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sensetrack.types import DoubleArray, FloatArray, Mask, PixelArray

TRUNCATE = 3.0
"""Standard deviations after which a Gaussian is cut."""

ROUNDING = 2.0**-17
"""Share of a pixel's own value below which its difference from a mean is rounding of float32 sums, not texture."""


def gaussian_reach(sigma: float) -> int:
    """Return the pixels that a Gaussian reaches to each side."""
    return int(np.ceil(TRUNCATE * sigma))


def gaussian_weights(sigma: float) -> DoubleArray:
    """Return the weights of a Gaussian at 0, 1, ... pixels from its centre; both sides sum to 1."""
    weights = np.exp(-0.5 * (np.arange(gaussian_reach(sigma) + 1) / sigma) ** 2)
    scaled: DoubleArray = weights / (2 * weights.sum() - weights[0])
    return scaled


def gaussian(pixels: PixelArray, sigma: float) -> PixelArray:
    """Return the convolution with a Gaussian; 0 beyond the array."""
    import cv2

    half = gaussian_weights(sigma)
    kernel = np.concatenate([half[:0:-1], half])
    return _each_part(lambda part: cv2.sepFilter2D(part, -1, kernel, kernel, borderType=cv2.BORDER_CONSTANT), pixels)


def box(pixels: PixelArray, size: int) -> PixelArray:
    """Return the mean over ``size`` x ``size`` pixels, odd; 0 beyond the array."""
    import cv2

    return _each_part(lambda part: cv2.blur(part, (size, size), borderType=cv2.BORDER_CONSTANT), pixels)


def masked_gaussian(pixels: PixelArray, valid: Mask, sigma: float) -> PixelArray:
    """Return the Gaussian mean of the valid pixels around each pixel, 0 where there are none.

    Normalised convolution (Knutsson & Westin 1993): the mean of ``pixels x valid`` over that of ``valid``.

    Parameters
    ----------
    pixels : ndarray
        float32 or complex64, 0 where invalid.
    valid : ndarray of bool
    sigma : float
        Pixels.
    """
    return _ratio(gaussian(pixels, sigma), _weight(valid, lambda ones: gaussian(ones, sigma)))


def masked_box(pixels: PixelArray, valid: Mask, size: int) -> PixelArray:
    """Return the mean of the valid pixels of the ``size`` x ``size`` around each pixel, 0 where there are none."""
    return _ratio(box(pixels, size), _weight(valid, lambda ones: box(ones, size)))


def box_moments(pixels: PixelArray, valid: Mask, size: int) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of the valid pixels of the ``size`` x ``size`` around each pixel.

    Parameters
    ----------
    pixels : ndarray
        Real; 0 where invalid.
    valid : ndarray of bool
    size : int
        Odd.

    Returns
    -------
    mean, deviation : ndarray of float32
        Of the population; 0 where no pixel is valid. Deviations below `ROUNDING` of the mean square are 0. Sums are of
        double precision, so that a large offset costs nothing.
    """
    import cv2

    def total(add: Callable[..., Any], values: PixelArray) -> Any:
        return add(values, cv2.CV_64F, (size, size), normalize=False, borderType=cv2.BORDER_CONSTANT)

    count = np.maximum(total(cv2.boxFilter, valid.astype(np.float32)), 1)
    mean = total(cv2.boxFilter, pixels) / count
    square = total(cv2.sqrBoxFilter, pixels) / count
    variance = square - mean * mean
    variance[variance < ROUNDING**2 * square] = 0
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def difference(pixels: PixelArray, mean: PixelArray) -> PixelArray:
    """Return ``pixels - mean``, and exactly 0 where that is only rounding, so that flat ground stays flat."""
    out: PixelArray = pixels - mean
    out[np.abs(out) <= ROUNDING * np.abs(pixels)] = 0
    return out


def _weight(valid: Mask, mean: Callable[[PixelArray], PixelArray]) -> PixelArray:
    """Return the mean of a mask; that of one without holes only lacks what is beyond the array, along each axis."""
    if not valid.all():
        return mean(valid.astype(np.float32))
    rows, cols = valid.shape
    weight: PixelArray = _profile(mean, rows)[:, None] * _profile(mean, cols)
    return weight


def _profile(mean: Callable[[PixelArray], PixelArray], size: int) -> PixelArray:
    """Return the share of a separable kernel that lies inside an axis of ``size`` pixels, at each of them."""
    line = mean(np.ones((1, size), np.float32))[0]
    single: PixelArray = mean(np.ones((1, 1), np.float32))[0]
    scaled: PixelArray = line / single * np.sqrt(single)
    return scaled


def _ratio(total: PixelArray, weight: PixelArray) -> PixelArray:
    out: PixelArray = np.zeros_like(total)
    np.divide(total, weight, out=out, where=weight > 0)
    return out


def _each_part(convolve: Callable[[Any], Any], pixels: PixelArray) -> PixelArray:
    if np.iscomplexobj(pixels):
        real, imag = (np.ascontiguousarray(part, np.float32) for part in (pixels.real, pixels.imag))
        both: PixelArray = (convolve(real) + 1j * convolve(imag)).astype(np.complex64)
        return both
    out: PixelArray = np.asarray(convolve(np.ascontiguousarray(pixels, np.float32)), np.float32)
    return out
