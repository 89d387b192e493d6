"""Names, units and meanings of the layers of a series."""

from __future__ import annotations

import numpy as np

from sensetrack.raster.layers import Layer

_YEAR = "meter/year"
_RATE = "meter/year2"


def _standard(name: str) -> dict[str, str]:
    return {"standard_name": name}


_ALL = (
    Layer("vx", "velocity in x direction (east)", _YEAR, attributes=_standard("land_ice_surface_x_velocity")),
    Layer("vy", "velocity in y direction (north)", _YEAR, attributes=_standard("land_ice_surface_y_velocity")),
    Layer("v", "speed", _YEAR, attributes=_standard("land_ice_surface_velocity")),
    Layer("vx_error", "standard error of vx", _YEAR),
    Layer("vy_error", "standard error of vy", _YEAR),
    Layer("v_error", "standard error of v, along the motion", _YEAR),
    Layer("rho", "correlation of the errors of vx and vy"),
    Layer("displacement_x", "displacement in x direction since the first date", "m"),
    Layer("displacement_y", "displacement in y direction since the first date", "m"),
    Layer("displacement_x_error", "standard error of displacement_x", "m"),
    Layer("displacement_y_error", "standard error of displacement_y", "m"),
    Layer("vx_mean", "mean of vx from the first to the last date", _YEAR),
    Layer("vy_mean", "mean of vy from the first to the last date", _YEAR),
    Layer("v_mean", "length of the mean velocity", _YEAR),
    Layer("vx_mean_error", "standard error of vx_mean", _YEAR),
    Layer("vy_mean_error", "standard error of vy_mean", _YEAR),
    Layer("v_mean_error", "standard error of v_mean, along the motion", _YEAR),
    Layer("acceleration_x", "constant acceleration in x direction, fitted with velocity and yearly cycle", _RATE),
    Layer("acceleration_y", "constant acceleration in y direction, fitted with velocity and yearly cycle", _RATE),
    Layer("acceleration_x_error", "standard error of acceleration_x", _RATE),
    Layer("acceleration_y_error", "standard error of acceleration_y", _RATE),
    Layer("seasonal_amplitude", "half the range of the yearly cycle of velocity along the mean motion", _YEAR),
    Layer("seasonal_amplitude_error", "standard error of seasonal_amplitude", _YEAR),
    Layer("seasonal_day", "day of the year, from 0, when the yearly cycle is fastest", "1"),
    Layer("recent_acceleration", "slope of the latest velocities along the mean motion", _RATE),
    Layer("recent_acceleration_error", "standard error of recent_acceleration", _RATE),
    Layer("failure_days", "days from the last date to failure as inverse velocity predicts it", "1"),
    Layer("failure_days_error", "standard error of failure_days", "1"),
    Layer("pairs_used", "pairs that count by more than half"),
    Layer("error_scale", "by how much variances were multiplied because residuals are larger than stated"),
    Layer("parts", "parts of the network of dates that no pair ties together"),
    Layer(
        "alert",
        "what the latest velocities say",
        dtype="uint8",
        attributes={
            "flag_values": np.array([0, 1, 2, 3], np.uint8),
            "flag_meanings": "quiet accelerating failing decelerating",
        },
    ),
)

LAYERS = {layer.name: layer for layer in _ALL}
"""Every layer of a cube by its name."""

PAIR_LAYERS = {
    "pair_weight": ("mean weight of a pair in the robust fit, 0 to 1", "1"),
    "pair_share": ("share of the pixels of the field at which a pair has a value", "1"),
    "pair_closure": ("median misfit of the triplets of a pair, in units of its error; 1.18 where errors hold", "1"),
    "pair_rejected": ("share of the values of a pair that count by less than half", "1"),
}
"""What is known of each pair: meaning and unit."""
