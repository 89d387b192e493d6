"""Matches batches of windows of two images: one displacement, height, error and fit for each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
import scipy.special
from numpy.typing import NDArray

from sensetrack.correlation.masks import Source, mask_weights
from sensetrack.correlation.misfit import misfit_covariance, misfit_spectrum
from sensetrack.correlation.peak import coarse_peak, refine
from sensetrack.correlation.spectrum import cross_power, frequencies
from sensetrack.correlation.taper import taper_curvature
from sensetrack.correlation.windows import STATISTICS, gather
from sensetrack.device import cores
from sensetrack.engine import Serial, Threads
from sensetrack.types import ComplexArray, DoubleArray, Mask, PixelArray

BATCH_BYTES = 2**19
"""Bytes of one image's windows in a batch, so that the batch and its spectra stay in a core's own cache."""

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class MatchSettings:
    """How windows are matched.

    Attributes
    ----------
    window : int
        Side in pixels.
    search : int
        Largest whole-pixel lag along each axis.
    taper : float
        Tapered share of each axis, 0..1.
    damping : float
        Of the whitening, see `cross_power`.
    tolerance : float or None
        Position tolerance in pixels; None stops at the whole pixel.
    is_aligned : bool
        Whether the windows already show the same ground to about a pixel.
    is_final : bool
        Whether the result counts; else ``nrms`` is 0.
    has_local_errors : bool
        Whether the covariance of a final match also looks at where in the window the misfit lies.
    """

    window: int
    search: int
    taper: float
    damping: float
    tolerance: float | None
    is_aligned: bool = False
    is_final: bool = True
    has_local_errors: bool = True


@dataclass(frozen=True, eq=False)
class Matches:
    """What matching found for each window, all ``(n,)``.

    Attributes
    ----------
    dy, dx : ndarray of float64
        Lag of the secondary window's content, pixels.
    height : ndarray of float64
        Share of the spectrum that is in phase at the peak, 0..1.
    significance : ndarray of float64
        The same in standard deviations of what random phases give, see `_significance`.
    distinctness : ndarray of float64
        1 minus the second highest peak over the highest, 0..1.
    variance_dy, variance_dx, covariance : ndarray of float64
        Of the lag, px^2: what the phases that do not fit say (independent noise, see `refine`), or, where it is
        asked for and larger, what the misfit in the window says (see `misfit_covariance`).
    nrms : ndarray of float64
        Normalised RMS difference of the two windows at the peak, 0..1.
    share : ndarray of float64
        Smaller share of the taper's weight that invalid pixels leave to the two windows.
    spread : ndarray of float64
        Smaller relative standard deviation of the two windows; 0 when one is flat.
    on_edge, converged : ndarray of bool
        Highest lag on the edge of the search range; Newton's method converged.
    """

    dy: DoubleArray
    dx: DoubleArray
    height: DoubleArray
    significance: DoubleArray
    distinctness: DoubleArray
    variance_dy: DoubleArray
    variance_dx: DoubleArray
    covariance: DoubleArray
    nrms: DoubleArray
    share: DoubleArray
    spread: DoubleArray
    on_edge: Mask
    converged: Mask


_FIELDS = (
    "dy",
    "dx",
    "height",
    "significance",
    "distinctness",
    "variance_dy",
    "variance_dx",
    "covariance",
    "nrms",
    "share",
    "spread",
)


def match(
    reference: Source,
    secondary: Source,
    reference_at: tuple[Positions, Positions],
    secondary_at: tuple[Positions, Positions],
    lag: tuple[DoubleArray, DoubleArray],
    settings: MatchSettings,
) -> Matches:
    """Match windows of two images by damped phase correlation.

    Parameters
    ----------
    reference, secondary : Source
        Both real or both complex.
    reference_at, secondary_at : tuple of ndarray of int64
        Rows and columns of the upper left pixels of the windows, ``(n,)`` each.
    lag : tuple of ndarray of float64
        Row and column lag of the content in the secondary's windows as far as it is known, else 0, ``(n,)`` each.
    settings : MatchSettings

    Returns
    -------
    Matches

    Notes
    -----
    Batches run in as many threads as `sensetrack.device.cores` allows; the result does not depend on their number.
    """
    count = reference_at[0].size
    table = np.zeros((len(_FIELDS) + 2, count))
    batch = max(4, BATCH_BYTES // (settings.window**2 * reference.pixels.dtype.itemsize))
    parts = [slice(start, min(start + batch, count)) for start in range(0, count, batch)]
    prepared = _Batch(reference, secondary, settings)

    def run(part: slice) -> None:
        table[:, part] = prepared.match(
            [axis[part] for axis in reference_at],
            [axis[part] for axis in secondary_at],
            np.stack([axis[part] for axis in lag]),
        )

    engine = Threads(cores()) if cores() > 1 else Serial()
    deque(engine.map(run, parts), maxlen=0)
    columns = dict(zip(_FIELDS, table, strict=False))
    return Matches(**columns, on_edge=table[-2] > 0, converged=table[-1] > 0)


class _Batch:
    """Everything that the batches share; `match` gathers, transforms, whitens, finds and refines one of them."""

    def __init__(self, reference: Source, secondary: Source, settings: MatchSettings) -> None:
        self.images = reference.pixels, secondary.pixels
        self.validity = (reference.weights, reference.holes), (secondary.weights, secondary.holes)
        self.settings = settings
        self.is_complex = np.iscomplexobj(reference.pixels)
        self.transform: Callable[..., ComplexArray] = getattr(scipy.fft, "fft2" if self.is_complex else "rfft2")
        self.curvature = taper_curvature(settings.window, settings.taper)
        self.frequencies = frequencies(settings.window, self.is_complex)

    def match(
        self, reference_at: Sequence[Positions], secondary_at: Sequence[Positions], lag: DoubleArray
    ) -> DoubleArray:
        """Return one row for each of `_FIELDS`, then on_edge and converged."""
        settings, count, size = self.settings, lag.shape[1], self.settings.window
        weights = np.empty((2, count, size, size), np.float32)
        partial = np.empty(count, np.bool_)
        mask_weights(*self.validity, *reference_at, *secondary_at, lag, settings.is_aligned, *weights, partial)
        windows, spectra, statistics = [], [], []
        places = ((*reference_at, *np.zeros_like(lag)), (*secondary_at, *lag))
        for image, place, weight in zip(self.images, places, weights, strict=True):
            cut = np.empty((count, size, size), image.dtype)
            numbers = np.empty((count, len(STATISTICS)))
            gather(image, *place, settings.taper, weight, partial, cut, numbers)
            windows.append(cut)
            spectra.append(self.transform(cut))
            statistics.append(numbers.T)
        shares, spreads, leakage = (np.stack(pair) for pair in zip(*statistics, strict=True))

        row, col, row_weight, col_weight, times = self.frequencies
        whitened = np.empty_like(spectra[0])
        real, imag = (np.empty(whitened.shape, np.float32) for _ in range(2))
        cross_power(*spectra, row_weight, col_weight, times, settings.damping, whitened, real, imag)
        surface = self._inverse(whitened)
        peaks, fine = np.empty((count, 5)), np.empty((count, 8))
        coarse_peak(np.abs(surface) if self.is_complex else surface, settings.search, peaks)
        if self.is_complex:
            _turn_to_peak(real, imag, row, col, peaks)
        tolerance = settings.tolerance or np.inf
        lags = np.ascontiguousarray(lag.T)
        refine(real, imag, row, col, tolerance, self.curvature, leakage.max(axis=0), lags, peaks, fine)
        covariance, similarity = fine[:, 3:6], np.ones(count)
        if settings.is_final:
            covariance, similarity = self._misfit(windows[0], spectra[0], spectra[1], fine)
        if settings.tolerance is None:
            fine[:, :2] = np.round(peaks[:, :2])
        height = np.clip(fine[:, 2], 0, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            distinctness = np.clip(1 - np.nan_to_num(peaks[:, 4] / peaks[:, 3], nan=1.0), 0, 1)
        return np.stack(
            [
                fine[:, 0],
                fine[:, 1],
                height,
                _significance(height, fine[:, 7]),
                distinctness,
                *covariance.T,
                np.sqrt(1 - np.clip(similarity, 0, 1) ** 2),
                np.minimum(*shares),
                np.minimum(*spreads),
                peaks[:, 2],
                fine[:, 6],
            ]
        )

    def _inverse(self, spectra: ComplexArray) -> PixelArray:
        size = self.settings.window
        if self.is_complex:
            inverse: PixelArray = scipy.fft.ifft2(spectra, overwrite_x=True)
        else:
            inverse = scipy.fft.irfft2(spectra, s=(size, size), overwrite_x=True)
        return inverse

    def _misfit(
        self, windows: PixelArray, reference: ComplexArray, secondary: ComplexArray, fine: DoubleArray
    ) -> tuple[DoubleArray, DoubleArray]:
        """Return the covariance of each lag, and the correlation coefficients of the windows."""
        row, col, _, _, times = self.frequencies
        rest = np.empty_like(reference)
        fit, local = np.empty((len(fine), 2)), np.empty((len(fine), 3))
        misfit_spectrum(reference, secondary, row, col, times, fine, self.is_complex, rest, fit)
        phases = fine[:, 3:6]
        if not self.settings.has_local_errors:
            return phases, fit[:, 1]
        misfit_covariance(windows, self._inverse(rest), fit, local)
        is_larger = np.isfinite(local[:, 0]) & (local[:, 0] + local[:, 1] > phases[:, 0] + phases[:, 1])
        return np.where(is_larger[:, None], local, phases), fit[:, 1]


def _significance(height: DoubleArray, phases: DoubleArray) -> DoubleArray:
    """Return how improbable a mean of cosines of random phases this high is, as a Gaussian would put it.

    The chance of a mean of ``n`` independent ones above ``h`` falls as ``exp(-n (k h - ln I0(k)))`` with
    ``I1(k) / I0(k) = h`` (Chernoff's bound for the von Mises family); ``k`` by the approximation of Best & Fisher
    (1981). For small ``h`` the exponent is ``h^2``, the Gaussian one.
    """
    h = np.minimum(height, 1 - 1e-6)
    low = 2 * h + h**3 + 5 * h**5 / 6
    middle = -0.4 + 1.39 * h + 0.43 / (1 - h)
    high = 1 / np.maximum(h**3 - 4 * h**2 + 3 * h, 1e-12)
    k = np.where(h < 0.53, low, np.where(h < 0.85, middle, high))
    exponent = np.maximum(k * h - (np.log(scipy.special.i0e(k)) + k), 0)
    significance: DoubleArray = np.sqrt(2 * phases * exponent)
    return significance


def _turn_to_peak(
    real: NDArray[np.float32],
    imag: NDArray[np.float32],
    row: NDArray[np.float32],
    col: NDArray[np.float32],
    peaks: DoubleArray,
) -> None:
    """Turn complex spectra so that their surface is real at the peak (a constant phase between acquisitions)."""
    for n, (dy, dx) in enumerate(peaks[:, :2]):
        spectrum = real[n] + 1j * imag[n]
        value = (spectrum * np.exp(1j * row * dy)[:, None] * np.exp(1j * col * dx)).sum()
        spectrum *= np.conj(value) / max(abs(value), 1e-30)
        real[n], imag[n] = spectrum.real, spectrum.imag
