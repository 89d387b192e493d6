"""Random textures with a known spectrum, the raw material of synthetic ground."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from sensetrack.types import FloatArray

Real = TypeVar("Real", np.float32, np.float64)


class NoiseSource:
    """Band-limited Gaussian noise on one grid, all from one seed.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of every field it makes.
    seed : sequence of int
        Seed of the whole source; each call of `band` or `fractal` draws on.
    """

    def __init__(self, shape: tuple[int, int], seed: tuple[int, ...]) -> None:
        self.shape = shape
        self._rng = np.random.default_rng(seed)
        # Periodic noise would repeat at opposite borders, so each field is cut from a larger one.
        self._size = tuple(fft.next_fast_len(side + side // 32, real=True) for side in shape)
        rows = np.fft.fftfreq(self._size[0]).astype(np.float32)[:, None]
        cols = np.fft.rfftfreq(self._size[1]).astype(np.float32)[None, :]
        self._frequency = np.hypot(rows, cols)

    def band(self, wavelength: float, octaves: float = 1.0) -> FloatArray:
        """Return noise around one wavelength (in samples), zero mean and unit variance.

        Parameters
        ----------
        wavelength : float
            Centre of the band, in samples.
        octaves : float
            Standard deviation of the band's log-normal profile, in octaves.
        """
        with np.errstate(divide="ignore"):
            distance = np.log2(self._frequency * wavelength) / octaves
        return self._shaped(np.exp(-0.5 * distance**2))

    def fractal(self, slope: float, longest: float) -> FloatArray:
        """Return noise whose amplitude spectrum falls as ``frequency ** -slope``, zero mean and unit variance.

        Parameters
        ----------
        slope : float
            0 is white; 1 looks like clouds or soil; 2 like smooth hills.
        longest : float
            Wavelength in samples above which the spectrum is flat.
        """
        return self._shaped(np.maximum(self._frequency, 1.0 / longest) ** -slope)

    def branch(self) -> tuple[int, ...]:
        """Return a seed for another source, drawn from this one."""
        return tuple(int(word) for word in self._rng.integers(0, 2**32, 2))

    def white(self) -> FloatArray:
        """Return independent samples of zero mean and unit variance."""
        return self._rng.standard_normal(self.shape, dtype=np.float32)

    def _shaped(self, amplitude: NDArray[np.floating]) -> FloatArray:
        spectrum = fft.rfft2(self._rng.standard_normal(self._size, dtype=np.float32))
        spectrum *= amplitude
        spectrum[0, 0] = 0
        field: FloatArray = fft.irfft2(spectrum, s=self._size)[: self.shape[0], : self.shape[1]]
        field = np.ascontiguousarray(field - field.mean(), np.float32)
        field /= field.std()
        return field


def smoothstep(values: NDArray[Real]) -> NDArray[Real]:
    """Return 0 below 0, 1 above 1, and a rise with continuous slope and curvature between them."""
    t = np.clip(values, 0, 1)
    return np.asarray(t * t * t * (t * (6 * t - 15) + 10), dtype=values.dtype)


def sigmoid(values: NDArray[Real]) -> NDArray[Real]:
    """Return the logistic function, a soft threshold at 0."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), dtype=values.dtype)
