"""The kernel: displacement and its covariance in pixels become velocity and its errors, on bare arrays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sensetrack.displacement import Field
from sensetrack.errors import ParameterError
from sensetrack.types import DoubleArray, FloatArray, Mask
from sensetrack.velocity.params import DAYS_PER_YEAR, VelocityParams
from sensetrack.velocity.scale import Metres
from sensetrack.velocity.stable import StableShift

VALUES = ("vx", "vy", "v", "vx_error", "vy_error", "v_error")
"""Float layers of a velocity file, in order; ``flags`` follow."""


def rate(params: VelocityParams, days: float) -> float:
    """Return units of velocity per metre of displacement."""
    return (DAYS_PER_YEAR if params.units == "m/yr" else 1.0) / days


def convert(
    field: Field, metres: Metres, factor: float, stable: StableShift, params: VelocityParams
) -> dict[str, NDArray[Any]]:
    """Return the layers of a velocity file for one block.

    With ``J`` the 2 x 2 matrix of metres per pixel, ``s`` the stable shift and ``f`` the units per metre::

        (vx, vy) = f J ((dx, dy) - s)
        C        = f^2 J (D + S) J^T
        v        = |(vx, vy)|,   v_error^2 = u^T C u   with   u = (vx, vy) / v

    where ``D`` is the covariance of one displacement and ``S`` that of the shift. At ``v = 0`` no direction is
    known, and ``v_error^2`` is the mean over all directions, half the trace of ``C``. A speed is never negative, so
    where ``v`` is not well above ``v_error`` it is too large on average.

    Parameters
    ----------
    field : Field
    metres : Metres
        Over the pixels of ``field``.
    factor : float
        As from `rate`.
    stable : StableShift
    params : VelocityParams

    Returns
    -------
    dict of str to ndarray
        `VALUES` as float32, NaN where the field is not usable, and ``flags``.
    """
    dx, dy, xx, yy, xy = _displacement(field, stable, params)
    vx = factor * (metres.x_dx * dx + metres.x_dy * dy)
    vy = factor * (metres.y_dx * dx + metres.y_dy * dy)
    square = factor * factor
    cxx = square * (metres.x_dx**2 * xx + 2 * metres.x_dx * metres.x_dy * xy + metres.x_dy**2 * yy)
    cyy = square * (metres.y_dx**2 * xx + 2 * metres.y_dx * metres.y_dy * xy + metres.y_dy**2 * yy)
    cross = metres.x_dx * metres.y_dy + metres.x_dy * metres.y_dx
    cxy = square * (metres.x_dx * metres.y_dx * xx + cross * xy + metres.x_dy * metres.y_dy * yy)
    v = np.hypot(vx, vy)
    with np.errstate(invalid="ignore", divide="ignore"):
        along = (vx * vx * cxx + 2 * vx * vy * cxy + vy * vy * cyy) / (v * v)
    along = np.where(v > 0, along, (cxx + cyy) / 2)
    usable = field.usable
    values = (vx, vy, v, np.sqrt(cxx), np.sqrt(cyy), np.sqrt(np.maximum(along, 0.0)))
    layers: dict[str, NDArray[Any]] = {name: _float(value, usable) for name, value in zip(VALUES, values, strict=True)}
    return layers | {"flags": field.flags}


def _displacement(
    field: Field, stable: StableShift, params: VelocityParams
) -> tuple[DoubleArray, DoubleArray, DoubleArray, DoubleArray, DoubleArray]:
    """Shifted displacement and its covariance (xx, yy, xy) in pixels."""
    dx, dy = field.dx.astype(np.float64), field.dy.astype(np.float64)
    sigma_dx = _sigma(field.sigma_dx, stable.sigma_dx, stable.inflation_dx, params)
    sigma_dy = _sigma(field.sigma_dy, stable.sigma_dy, stable.inflation_dy, params)
    rho = 0.0 if params.error_from == "stable" else np.nan_to_num(field.rho.astype(np.float64))
    xx, yy, xy = sigma_dx**2, sigma_dy**2, rho * sigma_dx * sigma_dy
    if params.subtract_shift and stable.method != "none":
        dx, dy = dx - stable.dx, dy - stable.dy
        xx, yy = xx + stable.dx_error**2, yy + stable.dy_error**2
    return dx, dy, xx, yy, xy


def _sigma(stated: FloatArray, spread: float, inflation: float, params: VelocityParams) -> DoubleArray:
    """Standard deviation of one component in pixels, by the error model that was asked for."""
    sigma = stated.astype(np.float64)
    if params.error_from == "covariance":
        return sigma
    if params.error_from == "stable":
        if math.isnan(spread):
            raise ParameterError(
                "error_from = 'stable' needs stable ground; give a mask (--stable) or pass --stable-from slow"
            )
        return np.full(sigma.shape, spread)
    # A tracker that states no error for a point is taken to be as good there as on stable ground.
    return np.where(np.isfinite(sigma), sigma * max(1.0, inflation), spread)


def _float(values: Any, usable: Mask) -> FloatArray:
    return np.asarray(np.where(usable, values, np.nan), np.float32)


def sample_field(layers: Mapping[str, FloatArray]) -> Field:
    """Return sampled points as a field of one row, all measured, so that they can be converted."""
    row = {name: values[None, :] for name, values in layers.items()}
    shape = row["dx"].shape
    return Field.from_layers(row | {"quality": np.ones(shape, np.float32), "flags": np.zeros(shape, np.uint8)})
