"""The cross-power spectrum of window pairs, whitened as far as the noise allows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from sensetrack.types import ComplexArray, FloatArray


class Frequencies(NamedTuple):
    """Angular frequencies of a window's half-plane (real input) or whole plane (complex input).

    Attributes
    ----------
    row, col : ndarray of float32
        Radians per pixel.
    row_weight, col_weight : ndarray of float32
        Say of each row and column of frequencies: a raised cosine that falls to 0 at the Nyquist frequency. Detail
        near it is aliased: it was folded there when the image was sampled, moves the wrong way, and locks peaks to
        whole pixels.
    times : ndarray of float32
        How many frequencies of the whole plane each column stands for, 1 or 2.
    """

    row: FloatArray
    col: FloatArray
    row_weight: FloatArray
    col_weight: FloatArray
    times: FloatArray


def frequencies(size: int, is_complex: bool) -> Frequencies:
    """Return the frequencies of the FFT of a ``size`` x ``size`` window."""
    row = 2 * np.pi * np.fft.fftfreq(size)
    col = row if is_complex else 2 * np.pi * np.fft.rfftfreq(size)
    row_weight, col_weight = ((1 + np.cos(axis)) / 2 for axis in (row, col))
    times = np.ones(col.size)
    if not is_complex:
        times[1 : (size + 1) // 2] = 2
    return Frequencies(*(axis.astype(np.float32) for axis in (row, col, row_weight, col_weight, times)))


@njit(cache=True, nogil=True, fastmath=True)
def cross_power(
    reference: ComplexArray,
    secondary: ComplexArray,
    row_weight: FloatArray,
    col_weight: FloatArray,
    times: FloatArray,
    damping: float,
    whitened: ComplexArray,
    real: FloatArray,
    imag: FloatArray,
) -> None:
    """Multiply spectra and divide each frequency by its own magnitude plus a share of the mean one. In place.

    With ``R = conj(A) B``, ``S = R / (|R| + damping * mean |R|)``. Frequencies that stand out keep their phase
    only (phase correlation, Kuglin & Hines 1975); those below the mean, where noise dominates, count in proportion
    to their power, which is what maximum likelihood gives them under white noise. ``damping = 0`` is pure phase
    correlation; an infinite one would be plain cross-correlation.

    Parameters
    ----------
    reference, secondary : ndarray of complex64
        Spectra, ``(n, rows, cols)``.
    row_weight, col_weight, times : ndarray of float32
        Of `Frequencies`.
    damping : float
        Negative for plain cross-correlation.
    whitened : ndarray of complex64
        Written: weighted ``S`` of single frequencies, for the inverse FFT.
    real, imag : ndarray of float32
        Written: the same times the number of frequencies each stands for, split for the sums that follow.
    """
    windows, rows, cols = reference.shape
    tiny = np.float32(1e-30)
    for n in range(windows):
        total = 0.0
        for r in range(rows):
            line = np.float32(0)
            for c in range(cols):
                a, b = reference[n, r, c], secondary[n, r, c]
                re = a.real * b.real + a.imag * b.imag
                im = a.real * b.imag - a.imag * b.real
                size = np.sqrt(re * re + im * im)
                real[n, r, c] = re
                imag[n, r, c] = im
                whitened[n, r, c] = complex(size, np.float32(0))
                line += size
            total += float(line)
        mean = np.float32(total / (rows * cols))
        plain = damping < 0
        floor = np.float32(0) if plain else np.float32(damping) * mean
        for r in range(rows):
            for c in range(cols):
                re, im = real[n, r, c], imag[n, r, c]
                size = mean if plain else whitened[n, r, c].real + floor
                share = row_weight[r] * col_weight[c] / (size + tiny)
                whitened[n, r, c] = complex(re * share, im * share)
                real[n, r, c] = re * share * times[c]
                imag[n, r, c] = im * share * times[c]
