"""Layers of a series: velocities, positions, mean, trend, yearly cycle, alerts, each with its error."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensetrack.timeseries.alerts import find_alerts
from sensetrack.timeseries.invert import DAYS_PER_YEAR, PARAMETERS, Inversion
from sensetrack.timeseries.params import SeriesParams
from sensetrack.types import FloatArray

VELOCITIES = ("vx", "vy", "v", "vx_error", "vy_error", "v_error", "rho")
"""Layers with a time axis of velocities."""

POSITIONS = ("displacement_x", "displacement_y", "displacement_x_error", "displacement_y_error")
"""Layers with a time axis of dates."""

MAPS = (
    "vx_mean",
    "vy_mean",
    "v_mean",
    "vx_mean_error",
    "vy_mean_error",
    "v_mean_error",
    "acceleration_x",
    "acceleration_y",
    "acceleration_x_error",
    "acceleration_y_error",
    "seasonal_amplitude",
    "seasonal_amplitude_error",
    "seasonal_day",
    "recent_acceleration",
    "recent_acceleration_error",
    "failure_days",
    "failure_days_error",
    "pairs_used",
    "error_scale",
    "parts",
)
"""Layers without a time axis; ``alert`` follows."""


def products(found: Inversion, first: datetime, params: SeriesParams) -> dict[str, NDArray[Any]]:
    """Return all layers of a block.

    Parameters
    ----------
    found : Inversion
    first : datetime
        First date.
    params : SeriesParams

    Returns
    -------
    dict of str to ndarray
        `VELOCITIES`, `POSITIONS`, `MAPS` as float32 and ``alert`` as uint8.
    """
    layers: dict[str, NDArray[Any]] = dict(zip(VELOCITIES, speed_layers(found.velocities, 1), strict=True))
    positions = found.positions
    layers |= {"displacement_x": positions[:, 0], "displacement_y": positions[:, 1]}
    layers |= {"displacement_x_error": _root(positions[:, 2]), "displacement_y_error": _root(positions[:, 3])}
    mean = found.mean
    names = ("vx_mean", "vy_mean", "v_mean", "vx_mean_error", "vy_mean_error", "v_mean_error")
    layers |= dict(zip(names, speed_layers(mean, 0)[:6], strict=True))
    trend = found.parameters[PARAMETERS.index("acceleration")]
    layers |= {"acceleration_x": trend[0], "acceleration_y": trend[1]}
    layers |= {"acceleration_x_error": _root(trend[2]), "acceleration_y_error": _root(trend[3])}
    along = _direction(mean)
    layers |= _cycle(found, along, first)
    layers |= _alerts(found, along, params)
    layers |= {"pairs_used": found.used, "error_scale": found.scale, "parts": found.parts}
    return {name: array if array.dtype == np.uint8 else array.astype(np.float32) for name, array in layers.items()}


def speed_layers(vectors: FloatArray, axis: int) -> tuple[FloatArray, ...]:
    """Return x, y, length, their errors, and the correlation of the errors of x and y.

    Parameters
    ----------
    vectors : ndarray
        Components x and y and their covariance xx, yy, xy.
    axis : int
        Where these five are.
    """
    x, y, xx, yy, xy = (np.take(vectors, k, axis=axis).astype(np.float64) for k in range(5))
    length = np.hypot(x, y)
    with np.errstate(invalid="ignore", divide="ignore"):
        along = (x * x * xx + 2 * x * y * xy + y * y * yy) / (length * length)
        along = np.where(length > 0, along, (xx + yy) / 2)
        rho = xy / np.sqrt(xx * yy)
    return tuple(np.asarray(each, np.float32) for each in (x, y, length, _root(xx), _root(yy), _root(along), rho))


def _direction(mean: FloatArray) -> FloatArray:
    """Unit vector of the mean motion."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = mean[:2] / np.hypot(mean[0], mean[1])
    return found


def _cycle(found: Inversion, along: FloatArray, first: datetime) -> dict[str, FloatArray]:
    """Yearly cycle of the velocity along the mean motion: half its range, and its fastest day of the year."""
    parts = []
    for name in ("cosine", "sine"):
        vector = found.parameters[PARAMETERS.index(name)]
        value = along[0] * vector[0] + along[1] * vector[1]
        spread = along[0] ** 2 * vector[2] + along[1] ** 2 * vector[3] + 2 * along[0] * along[1] * vector[4]
        parts.append((value, spread))
    (cosine, of_cosine), (sine, of_sine) = parts
    amplitude = np.hypot(cosine, sine)
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(cosine**2 * of_cosine + sine**2 * of_sine) / amplitude
    start = (first - datetime(first.year, 1, 1, tzinfo=first.tzinfo)) / timedelta(days=1)
    day = np.mod(np.arctan2(sine, cosine) / (2 * np.pi) * DAYS_PER_YEAR + start, DAYS_PER_YEAR)
    return {"seasonal_amplitude": amplitude, "seasonal_amplitude_error": error, "seasonal_day": day}


def _alerts(found: Inversion, along: FloatArray, params: SeriesParams) -> dict[str, NDArray[Any]]:
    v = found.velocities
    speed = along[0] * v[:, 0] + along[1] * v[:, 1]
    spread = along[0] ** 2 * v[:, 2] + along[1] ** 2 * v[:, 3] + 2 * along[0] * along[1] * v[:, 4]
    middles = found.times[found.spans].mean(axis=1)
    alerts = find_alerts(
        speed,
        _root(spread),
        middles,
        float(found.times[-1]),
        window=params.alert_days / DAYS_PER_YEAR,
        sigma=params.alert_sigma,
        least_speed=params.alert_speed,
        horizon=params.alert_horizon / DAYS_PER_YEAR,
    )
    return {
        "alert": alerts.level,
        "recent_acceleration": alerts.acceleration,
        "recent_acceleration_error": alerts.acceleration_error,
        "failure_days": alerts.failure * DAYS_PER_YEAR,
        "failure_days_error": alerts.failure_error * DAYS_PER_YEAR,
    }


def _root(variance: NDArray[Any]) -> FloatArray:
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)), np.float32)
