"""Motion east, north and up from several views of it: ascending and descending radar, optical images."""

from __future__ import annotations

import numpy as np

from sensetrack.errors import InputError
from sensetrack.types import DoubleArray, FloatArray

WORST = 1e8
"""Condition of the equations, each component in units of its own, from which a component is taken to be unseen."""

LENGTHS = 0.01, 100.0
"""Least and largest length of a row of `to_enu`: what a measurement changes by when the ground moves by one."""

STEEPEST, FLATTEST = 5.0, 85.0
"""Local incidence angles in degrees between which a radar sees the ground well: below is layover, above shadow."""


def to_enu(
    measured: FloatArray | DoubleArray,
    covariance: FloatArray | DoubleArray,
    rows: DoubleArray,
    prior: tuple[float, float, float] | None = None,
) -> tuple[FloatArray, FloatArray]:
    r"""Combine measurements of several views into motion towards east, north and up, with covariance.

    Each measurement is :math:`d_k = a_k \cdot u`, where the row :math:`a_k` (east, north, up) says how it changes
    with the motion :math:`u`: the unit vector of the line of sight towards a radar (`look_vector`), (1, 0, 0) and
    (0, 1, 0) for the map components of optical images, and `geocoded_rows` for those of a radar pair that was brought
    onto a map. The best estimate is :math:`(A^T C^{-1} A + P^{-1})^{-1} A^T C^{-1} d`.

    Parameters
    ----------
    measured : ndarray, shape (measurement, ...)
        NaN where a view has no value; the others then serve alone.
    covariance : ndarray, shape (measurement, measurement, ...) or (measurement, ...)
        Of the measurements, or their variances. Those without a positive one are left out.
    rows : ndarray, shape (measurement, 3) or (measurement, 3, ...)
        NaN where a view does not see the ground.
    prior : tuple of float, optional
        Standard deviations that motion towards east, north and up has beforehand, ``inf`` for none: with lines of
        sight of two radar views alone north is not seen, and a finite prior for it says how far it may be from zero.

    Returns
    -------
    enu : ndarray of float32, shape (3, ...)
        NaN where the views and the prior do not determine all three.
    covariance : ndarray of float32, shape (3, 3, ...)

    Raises
    ------
    InputError
        Shapes do not fit, a row is so short or long that it cannot be what it should be, or one that is the same
        everywhere is not finite.
    """
    pixels = measured.shape[1:]
    count = measured.shape[0]
    rows = _checked(np.asarray(rows, np.float64), count)
    rows = np.broadcast_to(rows.reshape(count, 3, *(rows.shape[2:] or (1,) * len(pixels))), (count, 3, *pixels))
    full = _full(np.asarray(covariance, np.float64), count, pixels)

    d = np.moveaxis(np.asarray(measured, np.float64), 0, -1)[..., None]
    design = np.moveaxis(rows, (0, 1), (-2, -1))
    c = np.moveaxis(full, (0, 1), (-2, -1))
    variances = np.diagonal(c, axis1=-2, axis2=-1)
    known = np.isfinite(d[..., 0]) & np.isfinite(variances) & (variances > 0) & np.isfinite(design).all(axis=-1)
    both = known[..., :, None] & known[..., None, :]
    # What is missing gets no row in the design, and a variance that keeps the matrix regular.
    d = np.where(known[..., None], d, 0.0)
    design = np.where(known[..., None], design, 0.0)
    c = np.where(both, c, np.eye(count))
    weighted = np.linalg.solve(c, np.concatenate([design, d], axis=-1))
    normal = np.swapaxes(design, -1, -2) @ weighted[..., :3]
    if prior is not None:
        normal = normal + np.diag(1.0 / np.asarray(prior, np.float64) ** 2)
    right = np.swapaxes(design, -1, -2) @ weighted[..., 3:]
    # In units of each component's own weight, so that a small error beside large ones is not taken for a fault.
    unit = np.sqrt(np.diagonal(normal, axis1=-2, axis2=-1))
    unit = np.where(unit > 0, unit, 1.0)
    normal = normal / (unit[..., :, None] * unit[..., None, :])
    values = np.linalg.eigvalsh(normal)
    seen = values[..., 0] * WORST > values[..., -1]
    normal = np.where(seen[..., None, None], normal, np.eye(3))
    spread = np.linalg.inv(normal) / (unit[..., :, None] * unit[..., None, :])
    found = np.where(seen[..., None], (spread @ right)[..., 0], np.nan)
    spread = np.where(seen[..., None, None], spread, np.nan)
    return np.moveaxis(found, -1, 0).astype(np.float32), np.moveaxis(spread, (-2, -1), (0, 1)).astype(np.float32)


def look_vector(incidence: float, heading: float, right: bool = True) -> DoubleArray:
    """Return the unit vector from the ground towards a radar, as ``(east, north, up)``.

    Parameters
    ----------
    incidence : float
        Degrees from the vertical.
    heading : float
        Direction of flight, degrees clockwise from north.
    right : bool
        Whether the radar looks to the right of its flight.
    """
    away = ground_range(heading, right)
    i = np.radians(incidence)
    return np.array([-away[0] * np.sin(i), -away[1] * np.sin(i), np.cos(i)])


def ground_range(heading: float | DoubleArray, right: bool = True) -> DoubleArray:
    """Return the horizontal unit vector away from a radar, across its flight, as ``(east, north)``, shape (2, ...).

    Parameters
    ----------
    heading : float or ndarray
        Direction of flight, degrees clockwise from north.
    right : bool
        Whether the radar looks to the right of its flight.
    """
    side = np.radians(np.asarray(heading, np.float64) + (90.0 if right else -90.0))
    return np.stack([np.sin(side), np.cos(side)])


def local_incidence(
    incidence: float | DoubleArray, heading: float | DoubleArray, slope: DoubleArray, right: bool = True
) -> DoubleArray:
    """Return the angle between a radar's ray and the normal of the ground, both in the plane of range, in degrees.

    It is smaller than the incidence angle where the ground rises away from the radar. Ground that turns away from the
    ray (above 90 degrees) is in its own shadow, and what is below 0 is in layover; shadow that other ground casts does
    not show in it.

    Parameters
    ----------
    incidence, heading, slope, right
        As `geocoded_rows`.
    """
    away = ground_range(heading, right)
    slope = np.asarray(slope, np.float64)
    rise = np.degrees(np.arctan(away[0] * slope[0] + away[1] * slope[1]))
    return np.asarray(np.asarray(incidence, np.float64) - rise)


def geocoded_rows(
    incidence: float | DoubleArray,
    heading: float | DoubleArray,
    slope: DoubleArray | tuple[float, float] = (0.0, 0.0),
    right: bool = True,
) -> DoubleArray:
    r"""Return how the apparent map motion of a terrain-corrected radar pair changes with motion east, north and up.

    Terrain correction puts a target at the point of the elevation model that has its slant range and its zero-Doppler
    time. Let :math:`g` be the horizontal unit vector of ground range, away from the radar, :math:`i` the incidence
    angle, :math:`s` the slope of the ground and :math:`s_g = s \cdot g`. The target moves by :math:`u = (u_h, u_z)`,
    and the point that stands for it by :math:`a`, up and down with the model: by :math:`(a, s \cdot a)`. Times stay
    alike, so that :math:`a = u_h + \delta g`; and so do slant ranges, which change by :math:`g \cdot u_h \sin i -
    u_z \cos i` and by :math:`g \cdot a \sin i - s \cdot a \cos i`. Hence

    .. math:: a = u_h - g k w, \quad w = u_z - s \cdot u_h, \quad k = \frac{\cos i}{\sin i - s_g \cos i}.

    Motion along the surface is mapped as it is. Only motion off the surface, :math:`w` (what the ground sinks by,
    thaws or grows), shifts along range: on level ground by :math:`w \cot i`, towards the radar where it is upward.

    Parameters
    ----------
    incidence : float or ndarray
        Degrees from the vertical, as above the ellipsoid; not that on the slope.
    heading : float or ndarray
        Direction of flight, degrees clockwise from north.
    slope : ndarray, shape (2,) or (2, ...)
        Height gained per metre towards east and north. Zero for level ground, and for images that were brought onto
        the ellipsoid without an elevation model.
    right : bool
        Whether the radar looks to the right of its flight.

    Returns
    -------
    ndarray of float64, shape (2, 3, ...)
        Rows of the motion towards east and north, for `to_enu`. NaN in layover and shadow: where `local_incidence`
        is below 5 or above 85 degrees.

    Notes
    -----
    Holds for motion that is small against the distance over which the slope changes, and for an elevation model that
    was the same for both images. Not for slant-range products, and not for interferograms: `look_vector` is theirs.
    """
    slope = np.asarray(slope, np.float64)
    away = ground_range(heading, right)
    angle = local_incidence(incidence, heading, slope, right)
    with np.errstate(divide="ignore", invalid="ignore"):
        k = 1.0 / (np.tan(np.radians(np.asarray(incidence, np.float64))) - away[0] * slope[0] - away[1] * slope[1])
    k = np.where((angle >= STEEPEST) & (angle <= FLATTEST), k, np.nan)
    off = slope[0], slope[1], -1.0
    rows = np.stack(
        [
            np.stack(np.broadcast_arrays(*(float(axis == item) + k * away[axis] * off[item] for item in range(3))))
            for axis in range(2)
        ]
    )
    # Where a fault of the elevation model stands like a wall, along the flight too, nothing can be told.
    return np.where((np.linalg.norm(rows, axis=1) <= LENGTHS[1]).all(axis=0), rows, np.nan)


def _checked(rows: DoubleArray, count: int) -> DoubleArray:
    """Return the rows if they can be what they should be."""
    if rows.shape[:2] != (count, 3):
        raise InputError(f"rows has shape {rows.shape}; {count} measurements need ({count}, 3)")
    if rows.ndim == 2 and not np.isfinite(rows).all():
        raise InputError(
            "rows must be finite where they are the same everywhere; a measurement that is not is left out"
        )
    lengths = np.linalg.norm(rows, axis=1)
    wrong = (lengths < LENGTHS[0]) | (lengths > LENGTHS[1])
    if wrong.any():
        raise InputError(
            f"a row of rows has length {lengths[wrong][0]:.3g}; it says what a measurement changes by when the ground "
            f"moves by one, {LENGTHS[0]:g} to {LENGTHS[1]:g}: 1 for a line of sight"
        )
    return rows


def _full(covariance: DoubleArray, count: int, pixels: tuple[int, ...]) -> DoubleArray:
    if covariance.shape == (count, count, *pixels):
        return covariance
    if covariance.shape != (count, *pixels):
        raise InputError(f"covariance has shape {covariance.shape}; give ({count}, ...) or ({count}, {count}, ...)")
    found = np.zeros((count, count, *pixels))
    found[np.arange(count), np.arange(count)] = covariance
    return found
