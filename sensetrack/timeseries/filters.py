"""Filters along time for series at uneven dates: running mean and median, and spikes."""

from __future__ import annotations

import numpy as np

from sensetrack.errors import ParameterError
from sensetrack.types import DoubleArray, FloatArray, Mask

SIGMA_OF_MAD = 1.4826
"""Standard deviation of normal values in units of their median distance from the median."""


def running_mean(
    values: FloatArray, errors: FloatArray, times: DoubleArray, window: float
) -> tuple[FloatArray, FloatArray]:
    """Return weighted means over a window around each time, and their errors.

    Parameters
    ----------
    values, errors : ndarray, shape (time, ...)
        Standard deviations are those of independent errors; for velocities of an inversion, whose neighbours share a
        date, set `SeriesParams.window` instead, which knows their covariance.
    times : ndarray, shape (time,)
    window : float
        Full length, in the unit of ``times``.

    Raises
    ------
    ParameterError
        The window is not positive.
    """
    _check(window)
    means, spreads = np.full_like(values, np.nan), np.full_like(errors, np.nan)
    for k, time in enumerate(times):
        near = np.abs(times - time) <= window / 2
        with np.errstate(invalid="ignore", divide="ignore"):
            known = np.isfinite(values[near]) & (errors[near] > 0)
            weights = np.where(known, 1.0 / errors[near].astype(np.float64) ** 2, 0.0)
            total = weights.sum(axis=0)
            means[k] = (weights * np.where(known, values[near], 0.0)).sum(axis=0) / total
            spreads[k] = 1.0 / np.sqrt(total)
        spreads[k][~np.isfinite(means[k])] = np.nan
    return means, spreads


def running_median(values: FloatArray, times: DoubleArray, window: float) -> FloatArray:
    """Return medians over a window around each time, missing values left out.

    Parameters
    ----------
    values : ndarray, shape (time, ...)
    times : ndarray, shape (time,)
    window : float
        Full length, in the unit of ``times``.

    Raises
    ------
    ParameterError
        The window is not positive.
    """
    _check(window)
    found = np.full_like(values, np.nan)
    for k, time in enumerate(times):
        near = values[np.abs(times - time) <= window / 2]
        some = np.isfinite(near).any(axis=0)
        found[k] = np.where(some, _median(np.where(some, near, 0.0)), np.nan)
    return found


def is_spike(values: FloatArray, times: DoubleArray, window: float, limit: float = 4.0) -> Mask:
    """Return where values lie far from the median of their neighbours in time (Hampel's identifier).

    Parameters
    ----------
    values : ndarray, shape (time, ...)
    times : ndarray, shape (time,)
    window : float
        Full length, in the unit of ``times``.
    limit : float
        In robust standard deviations of the window.

    Raises
    ------
    ParameterError
        The window is not positive.
    """
    middle = running_median(values, times, window)
    spread = SIGMA_OF_MAD * running_median(np.abs(values - middle), times, window)
    with np.errstate(invalid="ignore"):
        found: Mask = np.abs(values - middle) > limit * spread
    return found


def _median(values: FloatArray) -> FloatArray:
    return np.asarray(np.nanmedian(values, axis=0), np.float32)


def _check(window: float) -> None:
    if not window > 0:
        raise ParameterError(f"window = {window:g}: the time of a filter must be above 0")
