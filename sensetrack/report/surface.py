"""The zero-mean normalised cross-correlation of a window with all places of a search area, missing pixels left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter
from scipy.signal import fftconvolve

from sensetrack.types import DoubleArray, FloatArray, Mask

LEAST_SHARE = 0.25
"""Of the window's pixels that both images must have for a value of the surface."""

FLAT_RATIO = 1e-7
"""Variance below this fraction of the squared range is rounding noise of the transforms, so there is no texture."""


@dataclass(frozen=True)
class Peak:
    """A maximum of a correlation surface.

    Attributes
    ----------
    dx, dy : float
        Offset in pixels, refined with a parabola through three values along each axis; NaN when there is none.
    value : float
        Correlation at the maximum, -1..1.
    second : float
        Correlation at the next local maximum that is not close by; NaN when there is none.
    at_edge : bool
        Whether it lies at the edge of the surface or beside values that are missing.
    """

    dx: float
    dy: float
    value: float
    second: float
    at_edge: bool


def correlation_surface(
    window: FloatArray, window_valid: Mask, area: FloatArray, area_valid: Mask, least: float = LEAST_SHARE
) -> DoubleArray:
    r"""Correlate a window with every place of an area.

    With the masks :math:`m`, all sums over the pixels that both have at that place,

    .. math:: C = \frac{\sum ab - \sum a \sum b / n}
                  {\sqrt{(\sum a^2 - (\sum a)^2 / n)(\sum b^2 - (\sum b)^2 / n)}}

    (Padfield, D., 2012, Masked object registration in the Fourier domain, IEEE Trans. Image Process. 21(5), 2706,
    equations 4 to 11.)

    Parameters
    ----------
    window, window_valid : ndarray
        ``(rows, cols)``, real, and its valid pixels.
    area, area_valid : ndarray
        Not smaller along any axis.
    least : float
        Share of the window's pixels that must be valid in both.

    Returns
    -------
    ndarray of float64
        ``(area rows - rows + 1, area cols - cols + 1)``, -1..1; NaN where too few pixels are valid or one of the
        two is constant there.
    """
    m1, m2 = window_valid.astype(np.float64)[::-1, ::-1], area_valid.astype(np.float64)
    level = float(window[window_valid].mean()) if window_valid.any() else 0.0
    a = np.where(window_valid, window.astype(np.float64) - level, 0.0)[::-1, ::-1]
    level = float(area[area_valid].mean()) if area_valid.any() else 0.0
    b = np.where(area_valid, area.astype(np.float64) - level, 0.0)

    def over_area(left: DoubleArray, right: DoubleArray) -> DoubleArray:
        return np.asarray(fftconvolve(left, right, mode="valid"), np.float64)

    n = np.round(over_area(m2, m1))
    enough = n >= max(2.0, least * window.size)
    n = np.maximum(n, 1.0)
    sum_a, sum_b = over_area(m2, a), over_area(b, m1)
    spread_a = over_area(m2, a * a) - sum_a**2 / n
    spread_b = over_area(b * b, m1) - sum_b**2 / n
    product = over_area(b, a) - sum_a * sum_b / n
    textured = (spread_a > FLAT_RATIO * n * np.ptp(a) ** 2) & (spread_b > FLAT_RATIO * n * np.ptp(b) ** 2)
    scale = np.sqrt(np.where(textured, spread_a * spread_b, 1.0))
    surface: DoubleArray = np.where(enough & textured, np.clip(product / scale, -1.0, 1.0), np.nan)
    return surface


def find_peak(surface: DoubleArray, centre: tuple[float, float], apart: int) -> Peak:
    """Return the highest peak of a surface.

    Parameters
    ----------
    surface : ndarray of float64
    centre : tuple of float
        ``(dy, dx)`` of the element in the middle of the surface.
    apart : int
        Least distance in pixels of the second peak along rows or columns.
    """
    if not np.isfinite(surface).any():
        return Peak(np.nan, np.nan, np.nan, np.nan, False)
    row, col = (int(i) for i in np.unravel_index(np.nanargmax(surface), surface.shape))
    height, width = surface.shape
    padded = np.pad(surface, 1, constant_values=np.nan)
    down, across = padded[row : row + 3, col + 1], padded[row + 1, col : col + 3]
    at_edge = not (np.isfinite(down).all() and np.isfinite(across).all())
    filled = np.where(np.isfinite(surface), surface, -np.inf)
    others = np.where(filled == maximum_filter(filled, 3), surface, np.nan)
    others[max(0, row - apart) : row + apart + 1, max(0, col - apart) : col + apart + 1] = np.nan
    second = float(np.nanmax(others)) if np.isfinite(others).any() else float("nan")
    return Peak(
        dx=col + _vertex(across) - (width - 1) / 2 + centre[1],
        dy=row + _vertex(down) - (height - 1) / 2 + centre[0],
        value=float(surface[row, col]),
        second=second,
        at_edge=at_edge,
    )


def _vertex(three: DoubleArray) -> float:
    """Offset of the top of the parabola through three values from the middle one, at most half a step."""
    left, middle, right = three
    bend = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if np.isfinite(bend) and bend < 0 else 0.0
