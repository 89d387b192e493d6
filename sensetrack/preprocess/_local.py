"""Local means and deviations in which invalid pixels take no part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sensetrack.types import Mask, PixelArray

TRUNCATE = 3.0
"""Standard deviations after which a Gaussian is cut."""


def gaussian_reach(sigma: float) -> int:
    """Return the pixels that a Gaussian reaches to each side."""
    return int(np.ceil(TRUNCATE * sigma))


def gaussian(pixels: PixelArray, sigma: float) -> PixelArray:
    """Return the convolution with a Gaussian; 0 beyond the array."""
    import cv2

    size = 2 * gaussian_reach(sigma) + 1
    return _each_part(lambda part: cv2.GaussianBlur(part, (size, size), sigma, borderType=cv2.BORDER_CONSTANT), pixels)


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
    return _ratio(gaussian(pixels, sigma), gaussian(valid.astype(np.float32), sigma))


def masked_box(pixels: PixelArray, valid: Mask, size: int) -> PixelArray:
    """Return the mean of the valid pixels of the ``size`` x ``size`` around each pixel, 0 where there are none."""
    return _ratio(box(pixels, size), box(valid.astype(np.float32), size))


def _ratio(total: PixelArray, weight: PixelArray) -> PixelArray:
    known = weight > 1e-6
    out: PixelArray = np.zeros_like(total)
    np.divide(total, weight, out=out, where=known)
    return out


def _each_part(convolve: Callable[[Any], Any], pixels: PixelArray) -> PixelArray:
    if np.iscomplexobj(pixels):
        real, imag = (np.ascontiguousarray(part, np.float32) for part in (pixels.real, pixels.imag))
        both: PixelArray = (convolve(real) + 1j * convolve(imag)).astype(np.complex64)
        return both
    out: PixelArray = np.asarray(convolve(np.ascontiguousarray(pixels, np.float32)), np.float32)
    return out
