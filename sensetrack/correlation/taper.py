"""The taper that makes a window periodic, and what it does to peaks.

Without a taper, the jump between opposite edges is a cross in the spectrum that both images share, and that pulls
every peak towards zero displacement.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import FloatArray


def taper_curvature(size: int, share: float) -> float:
    """Return the curvature, at lag 0 and in 1/px^2, of a taper's own autocorrelation along one axis.

    Where both windows are tapered at the same place, the correlation of content that moved by ``d`` is its own
    correlation times that autocorrelation, which pulls the peak towards 0; knowing the curvature, the pull is
    removed.

    Parameters
    ----------
    size : int
        Side of the window in pixels.
    share : float
        Part of each axis that is tapered, 0 (none) to 1 (Hann).
    """
    axis = np.empty(size, np.float32)
    taper_axis(share, 0.0, axis)
    axis = axis.astype(np.float64)
    return float((np.gradient(axis) ** 2).sum() / (axis**2).sum())


@njit(cache=True, nogil=True)
def taper_axis(share: float, shift: float, out: FloatArray) -> None:
    """Write the taper along one axis, moved by ``shift`` pixels, sampled at pixel centres (Harris 1978, eq. 38).

    Parameters
    ----------
    share : float
        Tapered part, 0..1.
    shift : float
        Displacement of the taper in pixels.
    out : ndarray of float32
        ``(size,)``, written.
    """
    size = out.size
    for i in range(size):
        position = (i + 0.5 - shift) / size
        distance = max(0.0, min(position, 1 - position))
        out[i] = 0.5 * (1 - np.cos(2 * np.pi * distance / share)) if distance < share / 2 else 1.0
