"""Self-affine noise by spectral synthesis."""

from __future__ import annotations

import numpy as np

from sensetrack.types import DoubleArray, FloatArray


def fractal(shape: tuple[int, int], beta: float, rng: np.random.Generator, shortest: float = 0.0) -> FloatArray:
    """Return periodic noise whose power falls with wavenumber to the power of ``-beta``.

    Parameters
    ----------
    shape : tuple of int
        ``(row, col)``.
    beta : float
        0 is white noise; ``2 * hurst + 2`` a self-affine surface.
    rng : Generator
    shortest : float
        Standard deviation in pixels of a Gaussian that smooths it; 0 for none.

    Returns
    -------
    ndarray of float32
        Zero mean, unit standard deviation.
    """
    rows, cols = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None]
    square = np.asarray(rows * rows + cols * cols)
    square[0, 0] = 1.0
    amplitude = square ** (-beta / 4) * np.exp(-2 * (np.pi * shortest) ** 2 * square)
    amplitude[0, 0] = 0.0
    phases = rng.standard_normal(amplitude.shape) + 1j * rng.standard_normal(amplitude.shape)
    noise = np.fft.irfft2(phases * amplitude, shape)
    return np.asarray(noise / noise.std(), np.float32)


def profile(size: int, hurst: float, rng: np.random.Generator) -> DoubleArray:
    """Return one self-affine line, not periodic, of zero mean and unit standard deviation.

    Parameters
    ----------
    size : int
        Samples.
    hurst : float
        Its power falls with wavenumber to the power of ``-(2 * hurst + 1)``.
    rng : Generator
    """
    wavenumber = np.fft.rfftfreq(2 * size)
    wavenumber[0] = np.inf
    phases = rng.standard_normal(size + 1) + 1j * rng.standard_normal(size + 1)
    line = np.fft.irfft(phases * wavenumber ** -(hurst + 0.5), 2 * size)[:size]
    line -= line.mean()
    return np.asarray(line / line.std(), np.float64)
