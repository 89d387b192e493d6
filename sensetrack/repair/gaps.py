"""Gaps filled by robust local regression, flagged and with errors."""

from __future__ import annotations

import math

import numpy as np

from sensetrack.displacement import Field, Flag
from sensetrack.errors import ParameterError
from sensetrack.neighbours import only_usable
from sensetrack.types import Mask

LARGEST_GAP = 32
"""Largest ``max_distance`` of `fill_gaps` in output pixels; what lies farther from any match is not a gap."""


def fill_gaps(field: Field, max_distance: float, *, leave: Flag = Flag.NODATA | Flag.MASKED) -> Field:
    """Fill pixels that are not usable, near usable ones, by robust local regression.

    A pixel at distance ``d <= max_distance`` from the nearest usable one is given the height of a plane through the
    usable pixels in the disc of radius ``2 d + 2`` around it, weighted ``(1 - (distance / radius)^2)^2`` (local
    regression: Cleveland 1979, J. Am. Stat. Assoc. 74, 829). Only values within three robust sigmas of the disc's
    median take part, in both components, so that a gap across a fault is filled from one side up to the middle and
    from the other beyond it, and the step stays sharp. A value leaves the range of those it comes from by the width
    of that range at most.

    The variance of a filled pixel is the weighted mean of its evidence's variances plus ``d s^2``, where ``s`` is
    the root mean square misfit of the plane and ``d`` counts output pixels: it grows with the distance as fast as
    the field is rough. It does not hold the risk of taking the wrong side of a fault that runs through the gap.
    ``rho`` is 0; quality and the tracker's own layers are NaN, for no match stands behind them.

    The flag `Flag.FILLED` takes the place of the reason for which the pixel was not usable, which makes it usable; a
    filter that later judges it raises its flag beside it. What stood there before remains in the unfilled file.

    Parameters
    ----------
    field : Field
    max_distance : float
        Largest distance to a usable pixel in output pixels, 1 to 32, between pixel centres.
    leave : Flag
        Pixels with any of these flags are never filled. The default leaves what was never imaged and what was
        excluded by a mask.

    Returns
    -------
    Field
        Usable pixels are the same. A pixel with fewer than 5 usable pixels in its disc stays empty.

    Raises
    ------
    ParameterError
        The distance is out of range.
    """
    check_fill(max_distance)
    usable = field.usable
    rows, cols, distance = _gaps(usable, (field.flags & np.uint8(leave)) != 0, max_distance)
    if rows.size == 0:
        return field
    from sensetrack.repair import _kernel

    names = ("dx", "dy", "sigma_dx", "sigma_dy")
    evidence = np.stack([only_usable(getattr(field, name), usable) for name in names])
    filled = np.full((4, rows.size), np.nan)
    _kernel.fill(evidence, rows, cols, distance, _reach(distance), filled)

    done = ~np.isnan(filled[0])
    where = np.zeros(field.shape, np.bool_)
    where[rows[done], cols[done]] = True
    layers = field.blank(where).layers()
    for name, values in zip(names, filled, strict=True):
        layers[name][rows[done], cols[done]] = values[done]
    layers["rho"][where] = 0
    return Field.from_layers(layers | {"flags": np.where(where, np.uint8(Flag.FILLED), field.flags)})


def check_fill(max_distance: float) -> None:
    """Raise when ``max_distance`` is no distance for `fill_gaps`.

    Raises
    ------
    ParameterError
    """
    if not 1 <= max_distance <= LARGEST_GAP:
        raise ParameterError(
            f"fill = {max_distance}: the largest distance to a usable pixel must lie between 1 and {LARGEST_GAP} "
            "output pixels"
        )


def fill_margin(max_distance: float) -> int:
    """Return the output pixels around an area that influence how `fill_gaps` fills it."""
    return math.ceil(2 * max_distance + 2)


def _reach(distance: np.ndarray) -> np.ndarray:
    reach: np.ndarray = 2 * distance + 2
    return reach


def _gaps(usable: Mask, left: Mask, max_distance: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, columns and distances to the nearest usable pixel of what is to be filled."""
    nothing = np.empty(0, np.int64)
    if not usable.any():
        return nothing, nothing, np.empty(0)
    from scipy.ndimage import distance_transform_edt

    distance = distance_transform_edt(~usable)
    rows, cols = np.nonzero(~usable & ~left & (distance <= max_distance))
    return rows, cols, distance[rows, cols]
