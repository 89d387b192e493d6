"""Means over blocks of pixels."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numba import njit

from sensetrack.types import ComplexArray, FloatArray, Mask, PixelArray

Form = Literal["mean", "amplitude", "decibel", "intensity"]

_FORMS: tuple[Form, ...] = ("mean", "amplitude", "decibel", "intensity")


def multilook(pixels: PixelArray, valid: Mask, azimuth: int, in_range: int, form: Form) -> tuple[PixelArray, Mask]:
    """Return means over blocks of pixels; a block is valid where any of its pixels is, and the mean is over those.

    Parameters
    ----------
    pixels : ndarray
        float32 or complex64 ``(row, col)``; what does not fill a block is left out.
    valid : ndarray of bool
    azimuth, in_range : int
        Rows and columns of a block.
    form : {"mean", "amplitude", "decibel", "intensity"}
        The mean of pixels, real or complex; the root of the mean of their squares; the decibel of the mean of the
        linear quantity; or, of complex pixels, the mean of their power.

    Returns
    -------
    means : ndarray
        float32, or complex64 for the mean of complex pixels; 0 where invalid.
    valid : ndarray of bool
    """
    shape = pixels.shape[0] // azimuth, pixels.shape[1] // in_range
    known = np.zeros(shape, np.bool_)
    if np.iscomplexobj(pixels) and form == "mean":
        means = np.zeros(shape, np.complex64)
        _complex_means(pixels, valid, azimuth, in_range, means, known)
        return means, known
    found = np.zeros(shape, np.float32)
    if np.iscomplexobj(pixels):
        _powers(pixels, valid, azimuth, in_range, found, known)
    else:
        _means(pixels, valid, azimuth, in_range, _FORMS.index(form), found, known)
    return found, known


@njit(cache=True, nogil=True)
def _means(
    pixels: FloatArray, valid: Mask, azimuth: int, in_range: int, form: int, out: FloatArray, known: Mask
) -> None:
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            total, n = 0.0, 0
            for i in range(row * azimuth, (row + 1) * azimuth):
                for j in range(col * in_range, (col + 1) * in_range):
                    if valid[i, j]:
                        value = np.float64(pixels[i, j])
                        if form == 1:
                            value *= value
                        elif form == 2:
                            value = 10.0 ** (value / 10.0)
                        total += value
                        n += 1
            if n:
                mean = total / n
                if form == 1:
                    mean = np.sqrt(mean)
                elif form == 2:
                    mean = 10.0 * np.log10(mean)
                out[row, col], known[row, col] = mean, True


@njit(cache=True, nogil=True)
def _complex_means(
    pixels: ComplexArray, valid: Mask, azimuth: int, in_range: int, out: ComplexArray, known: Mask
) -> None:
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            total, n = 0j, 0
            for i in range(row * azimuth, (row + 1) * azimuth):
                for j in range(col * in_range, (col + 1) * in_range):
                    if valid[i, j]:
                        total += np.complex128(pixels[i, j])
                        n += 1
            if n:
                out[row, col], known[row, col] = total / n, True


@njit(cache=True, nogil=True)
def _powers(pixels: ComplexArray, valid: Mask, azimuth: int, in_range: int, out: FloatArray, known: Mask) -> None:
    for row in range(out.shape[0]):
        for col in range(out.shape[1]):
            total, n = 0.0, 0
            for i in range(row * azimuth, (row + 1) * azimuth):
                for j in range(col * in_range, (col + 1) * in_range):
                    if valid[i, j]:
                        real, imaginary = np.float64(pixels[i, j].real), np.float64(pixels[i, j].imag)
                        total += real * real + imaginary * imaginary
                        n += 1
            if n:
                out[row, col], known[row, col] = total / n, True
