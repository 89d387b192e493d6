"""Change and acceleration: slopes of velocity in the latest time, and failure predicted by inverse velocity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensetrack.types import DoubleArray, FloatArray

QUIET, ACCELERATING, FAILING, DECELERATING = 0, 1, 2, 3
"""What an alert says; failing includes accelerating."""

LEAST = 3
"""Velocities that a slope takes."""

ROUNDS = 4
"""In which the errors of inverse velocities settle."""

LEAST_RATIO = 2.0
"""Velocity in units of its error from which its inverse means anything."""


@dataclass(frozen=True, eq=False)
class Alerts:
    """What the latest velocities say, per pixel.

    Attributes
    ----------
    level : ndarray of uint8
        `QUIET`, `ACCELERATING`, `FAILING` or `DECELERATING`.
    acceleration, acceleration_error : ndarray of float32
        Slope of the velocity along the motion, per unit of time squared; NaN where there are too few values.
    failure, failure_error : ndarray of float32
        Time from the last date to the predicted failure; NaN where none is predicted.
    """

    level: np.ndarray
    acceleration: FloatArray
    acceleration_error: FloatArray
    failure: FloatArray
    failure_error: FloatArray


def find_alerts(
    speed: FloatArray,
    error: FloatArray,
    times: DoubleArray,
    last: float,
    *,
    window: float,
    sigma: float = 3.0,
    least_speed: float = 0.0,
    horizon: float = np.inf,
) -> Alerts:
    """Judge the latest velocities.

    Acceleration is the slope of a weighted line through velocities over time. Before many slopes fail, the inverse of
    their velocity falls linearly and meets zero at the failure (Fukuzono 1985; Voight 1988, Nature 332, 125, with an
    exponent of 2): a weighted line through the inverse gives that time and its error.

    Parameters
    ----------
    speed, error : ndarray, shape (time, ...)
        Velocity along the motion, positive forward, and its standard deviation.
    times : ndarray, shape (time,)
        Middle of each velocity.
    last : float
        Time of the last image, in the unit of ``times``.
    window : float
        Only velocities whose middle lies at most this long before ``last`` count.
    sigma : float
        Slope in units of its error that makes an alert.
    least_speed : float
        Mean velocity in the window below which there is none.
    horizon : float
        Longest time ahead for which failure is predicted.

    Returns
    -------
    Alerts

    Notes
    -----
    Not a forecast by itself: inverse velocity holds for brittle slopes in their last stage, and displacement from
    images far apart in time may miss it altogether.
    """
    recent = times >= last - window
    v, e, t = speed[recent].astype(np.float64), error[recent].astype(np.float64), times[recent] - last
    slope, slope_error, _, _, _ = _line(v, e, t)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(np.isfinite(v) & (e > 0), 1.0 / e**2, 0.0)
        typical = (weight * np.nan_to_num(v)).sum(axis=0) / weight.sum(axis=0)
        moving = typical > least_speed
        rising = (slope > sigma * slope_error) & moving
        falling = (slope < -sigma * slope_error) & moving
        clear = v > LEAST_RATIO * e
        inverse = np.where(clear, 1.0 / v, np.nan)
        spread = np.where(clear, e * np.nanmedian(np.where(clear.any(axis=0), inverse, 1.0), axis=0) ** 2, np.nan)
        for _ in range(ROUNDS):
            falls, falls_error, level, level_error, cross = _line(inverse, spread, t)
            fitted = level + falls * t.reshape(-1, *(1,) * (v.ndim - 1))
            # The error of an inverse follows from the line: from the value itself, high ones would weigh too much.
            spread = np.where(clear, e * np.clip(fitted, inverse / 3, inverse * 3) ** 2, np.nan)
        ahead = -level / falls
        ahead_error = np.sqrt(np.maximum(level_error**2 + ahead**2 * falls_error**2 + 2 * ahead * cross, 0)) / np.abs(
            falls
        )
        failing = rising & (falls < -sigma * falls_error) & (level > 0) & (ahead <= horizon)
    found = np.where(failing, FAILING, np.where(rising, ACCELERATING, np.where(falling, DECELERATING, QUIET)))
    return Alerts(
        level=found.astype(np.uint8),
        acceleration=slope.astype(np.float32),
        acceleration_error=slope_error.astype(np.float32),
        failure=np.where(failing, ahead, np.nan).astype(np.float32),
        failure_error=np.where(failing, ahead_error, np.nan).astype(np.float32),
    )


def _line(
    values: DoubleArray, errors: DoubleArray, times: DoubleArray
) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Fit a weighted line: slope, its error, value at time zero, its error, and their covariance."""
    t = times.reshape(-1, *(1,) * (values.ndim - 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        known = np.isfinite(values) & (errors > 0)
        w = np.where(known, 1.0 / errors**2, 0.0)
        y = np.where(known, values, 0.0)
        s, st, stt = w.sum(axis=0), (w * t).sum(axis=0), (w * t * t).sum(axis=0)
        sy, sty = (w * y).sum(axis=0), (w * t * y).sum(axis=0)
        determinant = s * stt - st**2
        enough = (known.sum(axis=0) >= LEAST) & (determinant > 1e-12 * s * stt)
        determinant = np.where(enough, determinant, np.nan)
        slope, level = (s * sty - st * sy) / determinant, (stt * sy - st * sty) / determinant
        squares = (w * (y - level - slope * t) ** 2).sum(axis=0)
        scale = np.maximum(1.0, squares / np.maximum(1, known.sum(axis=0) - 2))
        return (
            slope,
            np.sqrt(scale * s / determinant),
            level,
            np.sqrt(scale * stt / determinant),
            -scale * st / determinant,
        )
