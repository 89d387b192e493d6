"""Motion east, north and up from several views of it: ascending and descending radar, optical images."""

from __future__ import annotations

import numpy as np

from sensetrack.errors import InputError
from sensetrack.types import DoubleArray, FloatArray

WORST = 1e8
"""Condition of the equations from which a component is taken to be unseen."""


def to_enu(
    measured: FloatArray,
    covariance: FloatArray,
    looks: DoubleArray,
    prior: tuple[float, float, float] | None = None,
) -> tuple[FloatArray, FloatArray]:
    r"""Combine measurements along several directions into east, north and up, with covariance.

    Each measurement is :math:`d_k = l_k \cdot u` with the unit vector :math:`l_k` (east, north, up) along which motion
    counts as positive: the line of sight towards a radar, the azimuth direction of its track, or (1, 0, 0) and
    (0, 1, 0) for the map components of optical images. The best estimate is
    :math:`(L^T C^{-1} L + P^{-1})^{-1} L^T C^{-1} d`.

    Parameters
    ----------
    measured : ndarray, shape (look, ...)
        NaN where a view has no value; the others then serve alone.
    covariance : ndarray, shape (look, look, ...) or (look, ...)
        Of the measurements, or their variances.
    looks : ndarray, shape (look, 3) or (look, 3, ...)
        Unit vectors.
    prior : tuple of float, optional
        Standard deviations that motion towards east, north and up has beforehand, ``inf`` for none: with two radar
        views alone north is not seen, and a finite prior for it says how far it may be from zero.

    Returns
    -------
    enu : ndarray of float32, shape (3, ...)
        NaN where the views and the prior do not determine all three.
    covariance : ndarray of float32, shape (3, 3, ...)

    Raises
    ------
    InputError
        Shapes do not fit, or a look is no unit vector.
    """
    pixels = measured.shape[1:]
    count = measured.shape[0]
    looks = np.asarray(looks, np.float64)
    if looks.shape[:2] != (count, 3):
        raise InputError(f"looks has shape {looks.shape}; {count} measurements need ({count}, 3)")
    lengths = np.linalg.norm(looks, axis=1)
    if np.nanmax(np.abs(lengths - 1.0)) > 1e-3:
        raise InputError(
            f"looks must be unit vectors; one has length {lengths.flat[np.nanargmax(abs(lengths - 1))]:.3g}"
        )
    looks = np.broadcast_to(looks.reshape(count, 3, *(looks.shape[2:] or (1,) * len(pixels))), (count, 3, *pixels))
    full = _full(np.asarray(covariance, np.float64), count, pixels)

    d = np.moveaxis(np.asarray(measured, np.float64), 0, -1)[..., None]
    design = np.moveaxis(looks, (0, 1), (-2, -1))
    c = np.moveaxis(full, (0, 1), (-2, -1))
    known = np.isfinite(d[..., 0]) & np.isfinite(np.diagonal(c, axis1=-2, axis2=-1)) & np.isfinite(design).all(axis=-1)
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
    values = np.linalg.eigvalsh(normal)
    seen = values[..., 0] * WORST > values[..., -1]
    normal = np.where(seen[..., None, None], normal, np.eye(3))
    spread = np.linalg.inv(normal)
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
    side = np.radians(heading + (90.0 if right else -90.0))
    i = np.radians(incidence)
    return np.array([-np.sin(side) * np.sin(i), -np.cos(side) * np.sin(i), np.cos(i)])


def _full(covariance: DoubleArray, count: int, pixels: tuple[int, ...]) -> DoubleArray:
    if covariance.shape == (count, count, *pixels):
        return covariance
    if covariance.shape != (count, *pixels):
        raise InputError(f"covariance has shape {covariance.shape}; give ({count}, ...) or ({count}, {count}, ...)")
    found = np.zeros((count, count, *pixels))
    found[np.arange(count), np.arange(count)] = covariance
    return found
