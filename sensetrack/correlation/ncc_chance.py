"""How probable it is that two chips that show different ground correlate as highly as those found."""

from __future__ import annotations

import numpy as np
from numba import njit

from sensetrack.types import DoubleArray, FloatArray

_LAGS = np.array([1, 2, 4, 8, 16, 32])
"""Lags at which a chip is correlated with itself; between them the squares are taken to change linearly."""

_SHARES = np.array([1.0, 1.5, 3.0, 6.0, 12.0, 24.0])
"""Lags that each of these stands for, so that their weighted sum is that over all lags."""

FEWEST = 4.0
"""Independent samples of a chip below which nothing can be told from a correlation."""


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def independent_samples(region: FloatArray, row: int, col: int, size: int, means: DoubleArray) -> float:
    """Return how many independent samples a whole chip amounts to, for its correlation with unrelated chips like it.

    The variance of the correlation coefficient of unrelated textures is ``sum_k rho(k)^2 / n`` over all lags ``k``
    (Bartlett 1935), with their autocorrelation ``rho``, taken here as the product of its profiles along rows and
    columns.

    Parameters
    ----------
    region : ndarray of float32
        ``(>= plane, row, col)``, 0 where invalid.
    row, col, size : int
        Upper left pixel of the chip in the region, and its side.
    means : ndarray of float64
        Mean of each plane over the valid pixels; it counts for nothing where pixels are invalid.
    """
    count = len(means)
    power = 0.0
    centred = np.empty((count, size, size), np.float32)
    for p in range(count):
        mean = np.float32(means[p])
        for r in range(size):
            source, target = region[p, row + r, col : col + size], centred[p, r]
            line = np.float32(0)
            for c in range(size):
                target[c] = source[c] - mean if source[c] != 0 else np.float32(0)
                line += target[c] * target[c]
            power += float(line)
    if power <= 0:
        return 0.0
    along_rows = along_cols = 1.0
    for k in range(len(_LAGS)):
        lag = _LAGS[k]
        if 2 * lag > size:
            break
        below = right = 0.0
        for p in range(count):
            for r in range(size):
                here = centred[p, r]
                if r + lag < size:
                    other = centred[p, r + lag]
                    line = np.float32(0)
                    for c in range(size):
                        line += here[c] * other[c]
                    below += float(line)
                line = np.float32(0)
                shifted = here[lag:]
                for c in range(size - lag):
                    line += here[c] * shifted[c]
                right += float(line)
        # The overlap shrinks with the lag, in both the sums and the number of pairs (Bartlett's weights).
        along_rows += 2 * _SHARES[k] * (below / power) ** 2 * size / (size - lag)
        along_cols += 2 * _SHARES[k] * (right / power) ** 2 * size / (size - lag)
    samples: float = size * size / (along_rows * along_cols)
    return samples


@njit(cache=True, nogil=True)
def significance(correlation: float, samples: float, is_complex: bool, is_free: bool) -> float:
    """Return how many standard deviations a correlation of independent samples lies above chance.

    By Fisher's transform ``artanh r`` is Gaussian with variance ``1 / (n - 3)``; a complex sample counts as two real
    ones. Magnitudes of complex correlations exceed ``r`` with the chance ``(1 - r^2)^(n - 1)``, which is turned into
    that of a Gaussian.

    Parameters
    ----------
    correlation : float
        Correlation coefficient, or its magnitude where ``is_free``.
    samples : float
        As from `independent_samples`.
    is_complex, is_free : bool
        Whether pixels are complex, and whether the magnitude of their correlation was taken.
    """
    bounded = min(correlation, 1 - 1e-7)
    if samples <= FEWEST or bounded <= -1:
        return 0.0
    if is_free:
        exponent = -2 * (samples - 1) * np.log(1 - bounded * bounded)
        return float(np.sqrt(max(exponent - 2 * np.log(max(1.0, np.sqrt(2 * np.pi * exponent))), 0.0)))
    return float(np.arctanh(bounded) * np.sqrt((2 * samples if is_complex else samples) - 3))
