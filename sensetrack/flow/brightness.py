"""Evens out brightness and contrast, so that nothing that follows depends on gain, offset or the type of pixels."""

from __future__ import annotations

import numpy as np

from sensetrack.types import DoubleArray, FloatArray, Mask

FLOOR = 1e-6
"""Least local deviation, relative to the local level: below it there is nothing but the rounding of float32."""


def even_out(image: FloatArray, valid: Mask, size: int) -> FloatArray:
    """Return an image of zero local mean and unit local deviation, 0 where invalid.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``.
    valid : ndarray of bool
        Invalid pixels take no part.
    size : int
        Side of the window, odd.

    Returns
    -------
    ndarray of float32
        Depends on ``size // 2`` pixels around each.
    """
    import cv2

    def total(values: DoubleArray) -> DoubleArray:
        out = cv2.boxFilter(values, -1, (size, size), normalize=False, borderType=cv2.BORDER_CONSTANT)
        return np.asarray(out, np.float64)

    weight = valid.astype(np.float64)
    wide = image.astype(np.float64) * weight
    count = np.maximum(total(weight), 0.5)
    mean = total(wide) / count
    square = total(wide * wide) / count
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    deviation = np.maximum(deviation, FLOOR * np.sqrt(square))
    out = np.zeros_like(image)
    np.divide(wide - mean, deviation, out=out, where=valid & (deviation > 0), casting="same_kind")
    return out
