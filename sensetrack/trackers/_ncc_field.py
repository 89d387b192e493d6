"""From matched chips to a displacement field."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sensetrack.correlation import ncc_group as tiles
from sensetrack.correlation.ncc_search import Outcome
from sensetrack.displacement import Field, Flag
from sensetrack.types import DoubleArray, Mask, PixelArray

INTERPOLATION_ERROR = 3e-3
"""Error of a cubic spline between pixels, in pixels; what is stated is never less."""


def is_direction(image: PixelArray) -> bool:
    """Whether the pixels of a complex image are directions: none longer than 1, and not a few about as long.

    Radar amplitudes, whatever their scale, have no such bound: where one in a hundred reaches 0.9, some exceed 1.

    Parameters
    ----------
    image : ndarray of complex64
    """
    length = np.abs(image)
    known = length[length > 0]
    return known.size > 0 and bool(known.max() <= 1.001 and np.mean(known > 0.9) >= 0.01)


def to_field(outcome: Outcome, inner: tuple[slice, slice], missed: Mask | None, extra: tuple[str, ...]) -> Field:
    """Return the field of an outcome.

    Parameters
    ----------
    outcome : Outcome
    inner : tuple of slice
        The part of its lattice that is the output.
    missed : ndarray of bool or None
        Where the way back misses the start.
    extra : tuple of str
        Names of the layers of correlation, snr and chip size.
    """

    def layer(values: DoubleArray) -> NDArray[np.float32]:
        return np.ascontiguousarray(values[inner], dtype=np.float32)

    found, status = outcome.found, outcome.found.status
    with np.errstate(invalid="ignore"):
        variances = np.stack([found.variance_dx, found.variance_dy]) + INTERPOLATION_ERROR**2
        sigma_dx, sigma_dy = np.sqrt(np.where(np.isfinite(variances), variances, np.nan))
        rho = np.clip(np.nan_to_num(found.covariance / (sigma_dx * sigma_dy)), -1, 1)
        correlation = np.clip(found.correlation, 0, 1)
        distinct = np.clip(1 - found.second / np.maximum(correlation, 1e-6), 0, 1)
    low = ~(outcome.strong & outcome.coherent)
    if missed is not None:
        low = low | missed
    flags = np.zeros(status.shape, np.uint8)
    for where, flag in (
        (low, Flag.LOW_QUALITY),
        (status == tiles.ON_EDGE, Flag.SEARCH_EDGE),
        (status == tiles.NOT_FITTED, Flag.NOT_CONVERGED),
    ):
        flags[where] |= np.uint8(flag)
    flags[status == tiles.NO_TEXTURE] = Flag.FLAT
    flags[(status == tiles.NO_DATA) | (status == tiles.UNUSED)] = Flag.NODATA
    values = (found.correlation, found.snr, outcome.size)
    field = Field(
        dx=layer(found.dx),
        dy=layer(found.dy),
        quality=layer(np.sqrt(correlation * distinct)),
        sigma_dx=layer(sigma_dx),
        sigma_dy=layer(sigma_dy),
        rho=layer(rho),
        flags=flags[inner],
        extra={name: layer(value) for name, value in zip(extra, values, strict=True)},
    )
    return field.blank((field.flags & np.uint8(Flag.NODATA | Flag.FLAT)) != 0)
