"""Stripes of one direction in windows of an image, told from its texture by their spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sensetrack.types import DoubleArray, FloatArray, Mask

_ROUNDS = 6
"""Times that holes are filled anew with the stripes found so far (Papoulis 1975; Gerchberg 1974)."""

_EXCESS = 4.0
"""Times that stripes exceed the power of texture of the same scale; of texture alone, 2 % of the coefficients do."""

_FROM_LOG_MEAN = float(np.exp(np.euler_gamma))
"""Mean over geometric mean of the power of noise, which is distributed exponentially."""

_LOWEST = 8
"""Periods per window below which the spectrum is that of slopes and of the window rather than of stripes."""

_LINE = 0.7
"""Standard deviation of the line along which the spectrum is averaged, in periods per window."""

_ANGLE_STEP = 0.5
"""Degrees between directions that are tried: half of what a window of 256 pixels tells apart."""

_CLEAR = 6.0
"""Robust deviations by which the best direction must stand out; texture without stripes reaches 4."""

_CHUNK = 16
"""Windows that are transformed together: they fit into the processor's cache."""


@dataclass(frozen=True)
class Comb:
    """Where stripes of one direction lie in the spectrum of a window.

    Attributes
    ----------
    size : int
        Side of the window in pixels, even.
    angle : float
        Direction of the stripes in degrees from the rows' own, clockwise as rows run down.
    tolerance : float
        Degrees.
    """

    size: int
    angle: float
    tolerance: float

    @cached_property
    def taper(self) -> FloatArray:
        """Weights of a window, whose squares add up to 1 where windows overlap by half."""
        side = np.sin(np.pi * (np.arange(self.size) + 0.5) / self.size)
        return np.outer(side, side).astype(np.float32)

    @cached_property
    def share(self) -> FloatArray:
        """What of each frequency runs in the direction of the stripes, 0 to 1."""
        return line_through(self.size, self.angle, 1 / self.size, self.tolerance).astype(np.float32)

    @cached_property
    def rings(self) -> NDArray[np.intp]:
        """Scale of each frequency: whole periods per window."""
        return rings_of(self.size)

    def stripes(self, windows: FloatArray, valid: Mask) -> FloatArray:
        """Return the stripes in windows, weighted by `taper` twice, so that overlapping windows can be summed.

        Of each frequency in the direction of the stripes that part is taken which exceeds the power of the others of
        its scale; so texture keeps what it has there.

        Parameters
        ----------
        windows : ndarray of float32
            ``(window, row, col)``, of zero mean and 0 where invalid.
        valid : ndarray of bool
            Of the same shape.
        """
        found: FloatArray = np.empty_like(windows)
        for start in range(0, len(windows), _CHUNK):
            part = slice(start, start + _CHUNK)
            tapered = windows[part] * self.taper
            hole = ~valid[part]
            stripes = self._filtered(tapered)
            torn = np.flatnonzero(hole.any(axis=(1, 2)))
            for _ in range(_ROUNDS if torn.size else 0):
                stripes[torn] = self._filtered(np.where(hole[torn], stripes[torn], tapered[torn]))
            found[part] = stripes * self.taper
        return found

    def _filtered(self, windows: FloatArray) -> FloatArray:
        from scipy.fft import irfft2, rfft2

        spectrum = rfft2(windows)
        power = spectrum.real**2 + spectrum.imag**2
        level = ring_levels(power, self.rings, 1 - self.share)
        gain = self.share * np.maximum(1 - _EXCESS * level / np.maximum(power, np.float32(1e-30)), 0)
        out: FloatArray = irfft2(spectrum * gain, s=windows.shape[1:])
        return out


def line_through(size: int, angle: float, spread: float, tolerance: float = 0.0) -> DoubleArray:
    """Return how near each frequency of a window's half spectrum lies to those of stripes of a direction, 0 to 1.

    Stripes that run along ``angle`` lie on the line through the origin across it; the line is a Gaussian of standard
    deviation ``spread`` (cycles per pixel), widening outwards by ``tolerance`` (degrees).
    """
    row, col = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    turn = np.radians(angle)
    along = col * np.cos(turn) + row * np.sin(turn)
    across = row * np.cos(turn) - col * np.sin(turn)
    near: DoubleArray = np.exp(-0.5 * (along / np.hypot(spread, across * np.tan(np.radians(tolerance)))) ** 2)
    return near


def rings_of(size: int) -> NDArray[np.intp]:
    """Return the scale of each frequency of a window's half spectrum: whole periods per window."""
    row, col = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    rings: NDArray[np.intp] = np.rint(np.hypot(row, col) * size).astype(np.intp)
    return rings


def ring_levels(power: FloatArray, rings: NDArray[np.intp], weight: FloatArray) -> FloatArray:
    """Return the typical power at the scale of each frequency: the geometric mean, which single peaks do not raise.

    Parameters
    ----------
    power : ndarray
        ``(window, row, col)``.
    rings : ndarray of int
        ``(row, col)``.
    weight : ndarray
        ``(row, col)``; what counts of each frequency.
    """
    flat, scale = rings.ravel(), np.log(np.maximum(power, np.float32(1e-30)))
    total = np.maximum(np.bincount(flat, weight.ravel()), 1e-6)
    levels = [np.bincount(flat, (weight * one).ravel()) / total for one in scale]
    return (_FROM_LOG_MEAN * np.exp(np.stack(levels))[:, rings]).astype(np.float32)


def common_angle(windows: FloatArray) -> float:
    """Return the direction of the stripes that windows have in common, in degrees from 0 to 180; NaN without any.

    Along the line through the origin of the spectrum on which stripes of one direction lie, the mean logarithm of the
    power above that of the same scale is largest; there are stripes where it stands out among all directions.
    Logarithms are averaged over the windows too, so that an edge that crosses a few of them does not count as stripes.

    Parameters
    ----------
    windows : ndarray of float32
        ``(window, row, col)``, square, of zero mean and 0 where invalid.
    """
    from scipy.fft import rfft2

    size = windows.shape[1]
    comb = Comb(size, 0.0, 0.0)
    even = np.ones_like(comb.share)
    height: DoubleArray = np.zeros(even.shape)
    for window in windows:
        spectrum = rfft2(window * comb.taper)
        power = np.maximum(spectrum.real**2 + spectrum.imag**2, np.float32(1e-30))[None]
        height += np.log(power[0] / ring_levels(power, comb.rings, even)[0]) / len(windows)
    usable = (comb.rings >= _LOWEST) & (comb.rings < size // 2)
    angles = np.arange(0, 180, _ANGLE_STEP)
    weights = (usable * line_through(size, angle, _LINE / size) for angle in angles)
    means = np.array([(weight * height).sum() / weight.sum() for weight in weights])
    usual = np.median(means)
    scatter = 1.4826 * np.median(np.abs(means - usual))
    best = int(means.argmax())
    return float(angles[best]) if means[best] - usual > _CLEAR * scatter else float("nan")
