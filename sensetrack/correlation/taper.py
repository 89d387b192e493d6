"""The taper that makes a window periodic, and what it does to peaks and to their errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray


@dataclass(frozen=True)
class Taper:
    """What a separable Tukey (tapered cosine) window does to correlation peaks.

    Attributes
    ----------
    share : float
        Part of each axis that is tapered, 0 (none) to 1 (Hann).
    curvature : float
        Curvature, at lag 0 and in 1/px^2, of the taper's own autocorrelation along one axis. Where both windows
        are tapered at the same place, the correlation of content that moved by ``d`` is its own correlation times
        that autocorrelation, which pulls the peak towards 0; knowing the curvature, the pull is removed.
    leakage : float
        How far the taper correlates neighbouring frequencies: the variance of a sum over frequencies is this
        many times that of independent ones (both axes together, 1 without taper).
    """

    share: float
    curvature: float
    leakage: float


def tukey(size: int, share: float) -> Taper:
    """Describe the taper of a window of ``size`` x ``size`` pixels.

    Notes
    -----
    Without a taper, the jump between opposite edges is a cross in the spectrum that both images share, and that
    pulls every peak towards zero displacement.
    """
    axis = np.empty(size)
    taper_axis(share, 0.0, axis)
    curvature = float((np.gradient(axis) ** 2).sum() / (axis**2).sum())
    leakage = float(size * (axis**4).sum() / (axis**2).sum() ** 2)
    return Taper(share, curvature, leakage**2)


@njit(cache=True, nogil=True)
def taper_axis(share: float, shift: float, out: DoubleArray) -> None:
    """Write the taper along one axis, moved by ``shift`` pixels, sampled at pixel centres (Harris 1978, eq. 38).

    Parameters
    ----------
    share : float
        Tapered part, 0..1.
    shift : float
        Displacement of the taper in pixels.
    out : ndarray of float64
        ``(size,)``, written.
    """
    size = out.size
    for i in range(size):
        position = (i + 0.5 - shift) / size
        distance = max(0.0, min(position, 1 - position))
        out[i] = 0.5 * (1 - np.cos(2 * np.pi * distance / share)) if distance < share / 2 else 1.0
