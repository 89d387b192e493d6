"""Slopes and smoothed values by fitting planes, and second differences, in which invalid pixels take no part.

Sobel's gradient is the slope of the plane that fits the 3 x 3 pixels best, with the weights 1-2-1 along each axis; that
of a Gaussian's derivative likewise with Gaussian weights. So next to invalid pixels the same plane is fitted to what
is valid (Farneback 2002, Polynomial Expansion, sect. 3.4, calls it normalised differential convolution): a slope
across the edge of a hole is measured, and the hole is not.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from sensetrack.types import ComplexArray, DoubleArray, FloatArray, Mask, PixelArray

LEAST_SPREAD = 0.25
"""Least spread of the valid pixels of a window along every direction, in that of the whole window: 0 when they lie on
one line, about 0.4 along a straight edge."""


def fit_planes(
    pixels: PixelArray, valid: Mask, smooth: DoubleArray, slope: DoubleArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray, Mask]:
    """Fit a plane to the window around each pixel, by weighted least squares.

    Parameters
    ----------
    pixels : ndarray
        Real ``(row, col)``.
    valid : ndarray of bool
    smooth : ndarray of float64
        Weights at 0, 1, ... pixels from the middle, alike along rows and columns; both sides sum to 1.
    slope : ndarray of float64, optional
        Weights of the differences of the pixels at 1, 2, ... pixels to both sides, for windows without invalid pixels;
        default: those of the fit.

    Returns
    -------
    value, slope_x, slope_y : ndarray of float32
        Of the plane, at the pixel: its value, and its rise per column and per row; exactly 0 on flat ground.
    good : ndarray of bool
        Valid pixels whose window has enough valid pixels around them; the rest of the layers is 0.
    """
    import cv2

    distance = np.arange(smooth.size, dtype=np.float64)
    spread = float(2 * np.sum(smooth * distance**2))
    differences = (smooth * distance / spread)[1:] if slope is None else slope
    side = 2 * smooth.size - 1
    full = cv2.erode(
        valid.astype(np.uint8), np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    ).astype(np.bool_)
    values = np.ascontiguousarray(pixels, np.float32)
    value, slope_x, slope_y = _separable(values, smooth, differences)
    valid = np.ascontiguousarray(valid)
    good = valid.copy()
    _fit_partial(values, valid, full, smooth, LEAST_SPREAD * spread, value, slope_x, slope_y, good)
    return value, slope_x, slope_y, good


@njit(cache=True, nogil=True)
def _separable(
    pixels: FloatArray, smooth: DoubleArray, differences: DoubleArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return value and slopes where the window lies inside the array; 0 elsewhere."""
    height, width = pixels.shape
    reach = smooth.size - 1
    shape = (height, width)
    value, slope_x, slope_y = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    if height <= 2 * reach or width <= 2 * reach:
        return value, slope_x, slope_y
    inner = width - 2 * reach
    # Rings of rows that are done along the columns; double precision, so that an offset costs nothing.
    rows, steps = np.zeros((2 * reach + 1, inner)), np.zeros((2 * reach + 1, inner))
    first, second, third = np.zeros(inner), np.zeros(inner), np.zeros(inner)
    for r in range(height):
        row, step = rows[r % (2 * reach + 1)], steps[r % (2 * reach + 1)]
        line = pixels[r]
        for c in range(inner):
            row[c] = smooth[0] * line[c + reach]
            step[c] = 0.0
        for k in range(1, reach + 1):
            for c in range(inner):
                before, after = np.float64(line[c + reach - k]), np.float64(line[c + reach + k])
                row[c] += smooth[k] * (before + after)
                step[c] += differences[k - 1] * (after - before)
        middle = r - reach
        if middle < reach:
            continue
        row, step = rows[middle % (2 * reach + 1)], steps[middle % (2 * reach + 1)]
        for c in range(inner):
            first[c] = smooth[0] * row[c]
            second[c] = smooth[0] * step[c]
            third[c] = 0.0
        for k in range(1, reach + 1):
            above, below = rows[(middle - k) % (2 * reach + 1)], rows[(middle + k) % (2 * reach + 1)]
            left, right = steps[(middle - k) % (2 * reach + 1)], steps[(middle + k) % (2 * reach + 1)]
            for c in range(inner):
                first[c] += smooth[k] * (above[c] + below[c])
                second[c] += smooth[k] * (left[c] + right[c])
                third[c] += differences[k - 1] * (below[c] - above[c])
        for c in range(inner):
            value[middle, c + reach] = first[c]
            slope_x[middle, c + reach] = second[c]
            slope_y[middle, c + reach] = third[c]
    return value, slope_x, slope_y


@njit(cache=True, nogil=True)
def _fit_partial(
    pixels: FloatArray,
    valid: Mask,
    full: Mask,
    smooth: DoubleArray,
    least_spread: float,
    value: FloatArray,
    slope_x: FloatArray,
    slope_y: FloatArray,
    good: Mask,
) -> None:
    """Fit the planes of windows with invalid pixels in them, relative to their middle. In place."""
    height, width = pixels.shape
    reach = smooth.size - 1
    for r in range(height):
        for c in range(width):
            if full[r, c]:
                continue
            value[r, c] = slope_x[r, c] = slope_y[r, c] = 0
            if not valid[r, c]:
                continue
            middle = np.float64(pixels[r, c])
            total = sx = sy = sxx = sxy = syy = sf = sxf = syf = 0.0
            for i in range(max(-reach, -r), min(reach, height - 1 - r) + 1):
                for j in range(max(-reach, -c), min(reach, width - 1 - c) + 1):
                    if valid[r + i, c + j]:
                        weight = smooth[abs(i)] * smooth[abs(j)]
                        rise = weight * (pixels[r + i, c + j] - middle)
                        total += weight
                        sx += weight * j
                        sy += weight * i
                        sxx += weight * j * j
                        sxy += weight * i * j
                        syy += weight * i * i
                        sf += rise
                        sxf += rise * j
                        syf += rise * i
            mx, my, mf = sx / total, sy / total, sf / total
            cxx, cyy, cxy = sxx / total - mx * mx, syy / total - my * my, sxy / total - mx * my
            least = 0.5 * (cxx + cyy) - np.sqrt(0.25 * (cxx - cyy) ** 2 + cxy * cxy)
            if least < least_spread:
                good[r, c] = False
                continue
            cxf, cyf = sxf / total - mx * mf, syf / total - my * mf
            determinant = cxx * cyy - cxy * cxy
            gx = (cyy * cxf - cxy * cyf) / determinant
            gy = (cxx * cyf - cxy * cxf) / determinant
            slope_x[r, c] = gx
            slope_y[r, c] = gy
            value[r, c] = middle + mf - gx * mx - gy * my


def second_differences(pixels: PixelArray, valid: Mask) -> tuple[ComplexArray, ComplexArray, NDArray[np.uint8]]:
    """Return the second differences of each pixel along four directions.

    Parameters
    ----------
    pixels : ndarray
        Real ``(row, col)``.
    valid : ndarray of bool

    Returns
    -------
    straight : ndarray of complex64
        Across the rows above and below (real) and the columns left and right (imaginary): ``a + b - 2 middle``; exactly
        0 on flat ground.
    diagonal : ndarray of complex64
        Across the upper right and lower left (real), and the upper left and lower right (imaginary).
    known : ndarray of uint8
        1 where the straight ones are known, plus 2 where the diagonal ones are: all of their four neighbours and the
        pixel itself are valid. The rest is 0.
    """
    straight, diagonal, known = _second_differences(
        np.ascontiguousarray(pixels, np.float32), np.ascontiguousarray(valid)
    )
    return straight, diagonal, known


@njit(cache=True, nogil=True)
def _second_differences(pixels: FloatArray, valid: Mask) -> tuple[ComplexArray, ComplexArray, NDArray[np.uint8]]:
    height, width = pixels.shape
    straight = np.zeros((height, width), np.complex64)
    diagonal = np.zeros((height, width), np.complex64)
    known = np.zeros((height, width), np.uint8)
    for r in range(1, height - 1):
        for c in range(1, width - 1):
            if not valid[r, c]:
                continue
            middle = pixels[r, c]
            if valid[r - 1, c] and valid[r + 1, c] and valid[r, c - 1] and valid[r, c + 1]:
                down = (pixels[r - 1, c] - middle) + (pixels[r + 1, c] - middle)
                across = (pixels[r, c - 1] - middle) + (pixels[r, c + 1] - middle)
                straight[r, c] = complex(down, across)
                known[r, c] = 1
            if valid[r - 1, c - 1] and valid[r + 1, c + 1] and valid[r - 1, c + 1] and valid[r + 1, c - 1]:
                rising = (pixels[r - 1, c + 1] - middle) + (pixels[r + 1, c - 1] - middle)
                falling = (pixels[r - 1, c - 1] - middle) + (pixels[r + 1, c + 1] - middle)
                diagonal[r, c] = complex(rising, falling)
                known[r, c] += np.uint8(2)
    return straight, diagonal, known
