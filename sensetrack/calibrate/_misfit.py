"""What two images differ by once the motion is taken out, and noise that looks like it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn, fft2, idctn, ifft2
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates, minimum_filter

from sensetrack.displacement import Field
from sensetrack.types import DoubleArray, Mask, PixelArray

EVEN = 16.0
"""Standard deviation in pixels of the window in which brightness and contrast of both images are made alike."""

LOCAL = 8.0
"""The same for the local strength of the misfit."""

_ORDER: Final = 5
"""Of the spline; cubic ones displace waves of 4 px by up to 0.007 px, quintic ones by up to 0.0014 px."""

_FOOTPRINT = 4
"""Pixels around a position that have to be valid, along rows and columns."""

_FEW = 64
"""Pixels of misfit below which nothing can be said of it."""


def sample_quintic(pixels: PixelArray, valid: Mask, row: DoubleArray, col: DoubleArray) -> tuple[PixelArray, Mask]:
    """Interpolate an image with a quintic spline; a position is valid where the 4 x 4 pixels around it are.

    Parameters
    ----------
    pixels : ndarray of float32 or complex64
    valid : ndarray of bool
        Invalid pixels take the value of the nearest valid one, never their own.
    row, col : ndarray of float64

    Returns
    -------
    samples : ndarray
        0 where invalid.
    valid : ndarray of bool
    """
    if not valid.any():
        return np.zeros(row.shape, pixels.dtype), np.zeros(row.shape, np.bool_)
    filled: NDArray[Any] = _nearest(pixels, valid)
    found = map_coordinates(filled, np.stack([row, col]), order=_ORDER, mode="mirror")
    # Cell (i, j) has the pixels i - 1 to i + 2, whose minimum SciPy writes at their second middle.
    around = minimum_filter(valid, _FOOTPRINT, mode="constant", cval=False)
    top, left = np.floor(row).astype(np.intp) + 1, np.floor(col).astype(np.intp) + 1
    inside = (top >= 0) & (top < valid.shape[0]) & (left >= 0) & (left < valid.shape[1])
    good = inside & around[np.where(inside, top, 0), np.where(inside, left, 0)]
    return np.where(good, found, 0).astype(pixels.dtype), good


def dense_flow(field: Field, shape: tuple[int, int], spacing: int, first: float) -> DoubleArray:
    """Return dy and dx, ``(2, row, col)``, at every pixel of an image: bilinear between measurements, else the nearest.

    Parameters
    ----------
    field : Field
        With at least one measurement.
    shape : tuple of int
        Of the image.
    spacing : int
        Pixels per output pixel.
    first : float
        Row, and column, of the first output pixel in the image.
    """
    known = field.measured
    place = [(np.arange(size) - first) / spacing for size in shape]
    index = np.stack(np.meshgrid(*place, indexing="ij"))
    return np.stack(
        [
            map_coordinates(_nearest(part, known), index, order=1, output=np.float64, mode="nearest")
            for part in (field.dy, field.dx)
        ]
    )


def _nearest(values: NDArray[np.inexact], known: Mask) -> NDArray[np.inexact]:
    """Return values in which those that are not known are taken from the nearest that is."""
    if known.all() or not known.any():
        return values
    index = distance_transform_edt(~known, return_distances=False, return_indices=True)
    filled: NDArray[np.inexact] = values[tuple(index)]
    return filled


def misfit_of(
    images: tuple[PixelArray, PixelArray, Mask, Mask], dy: DoubleArray, dx: DoubleArray
) -> tuple[PixelArray, Mask]:
    """Return the reference minus the secondary moved back, after brightness and contrast were made alike nearby.

    Contrast is the ratio of both local standard deviations, which noise in either image does not draw down as it
    does a regression; of complex images also the local phase.

    Parameters
    ----------
    images : tuple of ndarray
        Reference, secondary, and where each is valid.
    dy, dx : ndarray of float64
        Displacement at every pixel of the reference.

    Returns
    -------
    misfit : ndarray
        In units of the reference; 0 where it is not known.
    known : ndarray of bool
    """
    reference, secondary, reference_valid, secondary_valid = images
    rows, cols = np.indices(reference.shape, np.float64)
    moved, known = sample_quintic(secondary, secondary_valid, rows + dy, cols + dx)
    known &= reference_valid
    weight = np.maximum(_smooth(known.astype(np.float64), EVEN), 1e-9)

    def mean(values: NDArray[np.inexact]) -> NDArray[np.inexact]:
        return np.asarray(_smooth(np.where(known, values, 0), EVEN) / weight)

    first, second = reference - mean(reference), moved - mean(moved)
    powers = [np.maximum(np.real(mean(np.abs(part) ** 2)), 0.0) for part in (first, second)]
    gain = np.sqrt(powers[0] / np.where(powers[1] > 0, powers[1], np.inf))
    if np.iscomplexobj(reference):
        together = mean(first * np.conj(second))
        gain = gain * np.exp(1j * np.angle(together))
    return np.where(known, first - gain * second, 0).astype(reference.dtype), known


@dataclass(frozen=True, eq=False)
class Noise:
    """Gaussian noise of the local variance and of the spectrum of a misfit.

    Attributes
    ----------
    strength : ndarray of float64
        Local standard deviation, ``(row, col)``.
    spectrum : ndarray of float64
        Amplitude of noise of even strength, as the Fourier transform orders frequencies.
    is_complex : bool
    """

    strength: DoubleArray
    spectrum: DoubleArray
    is_complex: bool

    @classmethod
    def of(cls, misfit: PixelArray, known: Mask) -> Noise:
        """Describe a misfit; where it is not known its strength nearby goes on, and where it is nowhere there is none.

        Parameters
        ----------
        misfit : ndarray of float32 or complex64
        known : ndarray of bool
        """
        is_complex = np.iscomplexobj(misfit)
        if np.count_nonzero(known) < _FEW:
            return cls(np.zeros(misfit.shape), np.zeros(misfit.shape), is_complex)
        weight = np.maximum(_smooth(known.astype(np.float64), LOCAL), 1e-9)
        power = _smooth(np.where(known, np.abs(misfit) ** 2, 0), LOCAL) / weight
        strength = np.sqrt(_nearest(power, known))
        even = np.where(known & (strength > 0), misfit / np.where(strength > 0, strength, 1), 0)
        width = [size / 64 for size in misfit.shape]
        spectrum = np.sqrt(gaussian_filter(np.abs(fft2(even)) ** 2, width, mode="wrap"))
        spread = np.sqrt(np.mean(spectrum**2))
        return cls(strength, spectrum / spread if spread > 0 else spectrum, is_complex)

    def draw(self, rng: np.random.Generator, share: float = 1.0) -> PixelArray:
        """Return a sample with a share of the variance."""
        shape = self.strength.shape
        white = rng.standard_normal(shape)
        if self.is_complex:
            both = (white + 1j * rng.standard_normal(shape)) / np.sqrt(2)
            drawn: NDArray[np.inexact] = ifft2(fft2(both) * self.spectrum)
        else:
            drawn = ifft2(fft2(white) * self.spectrum).real
        return np.asarray(np.sqrt(share) * self.strength * drawn, np.complex64 if self.is_complex else np.float32)


def without_noise(pixels: PixelArray, valid: Mask, noise: PixelArray) -> PixelArray:
    """Return an image whose power at every frequency is what a part of it, noise, leaves.

    So the image plus noise of that kind has the spectrum of the image itself. The gain is the root of one minus the
    share of the noise; a Wiener filter would leave too little of fine detail, and make it harder to track than it is.

    Parameters
    ----------
    pixels, valid : ndarray
        Invalid pixels are as the nearest valid one.
    noise : ndarray
        A sample of the noise in it, of the same shape.
    """
    if not valid.any():
        return pixels
    filled = _nearest(pixels, valid)
    parts = (np.real, np.imag) if np.iscomplexobj(pixels) else (np.real,)
    # Cosine transforms mirror the image at its borders, where a periodic one would see steps.
    spectra = [dctn(part(filled), norm="ortho") for part in parts]
    width = [size / 32 for size in pixels.shape]
    power, lost = (
        gaussian_filter(sum(spectrum**2 for spectrum in each), width, mode="nearest")
        for each in (spectra, [dctn(part(noise), norm="ortho") for part in parts])
    )
    gain = np.sqrt(np.clip(1 - lost / np.where(power > 0, power, np.inf), 0, 1))
    clean = [idctn(gain * spectrum, norm="ortho") for spectrum in spectra]
    out = clean[0] if len(clean) == 1 else clean[0] + 1j * clean[1]
    return np.where(valid, out, 0).astype(pixels.dtype)


def _smooth(values: NDArray[np.inexact], sigma: float) -> NDArray[np.inexact]:
    return np.asarray(gaussian_filter(values, sigma, mode="constant", truncate=3))
