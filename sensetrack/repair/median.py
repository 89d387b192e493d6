"""The running median: smooths noise and removes single outliers, keeps straight edges."""

from __future__ import annotations

import dataclasses

import numpy as np

from sensetrack.displacement import Field
from sensetrack.errors import ParameterError
from sensetrack.neighbours import only_usable, window_medians
from sensetrack.types import FloatArray


def median_smooth(field: Field, size: int) -> Field:
    """Replace dx and dy by the median of the usable pixels in the window around each usable pixel.

    A median keeps straight edges such as fault steps and removes single outliers, but cuts corners and strips
    narrower than half a window. Neighbours of the result share most of their evidence: their errors are correlated
    over ``size`` output pixels.

    Parameters
    ----------
    field : Field
    size : int
        Side of the window in output pixels, odd, at least 3.

    Returns
    -------
    Field
        Same flags; sigma, rho and quality stay those of the match itself, and so are an upper bound. Pixels that are
        not usable are neither evidence nor changed.

    Raises
    ------
    ParameterError
        The size is even or below 3.
    """
    check_smooth(size)
    usable = field.usable

    def smooth(values: FloatArray) -> FloatArray:
        median = window_medians(only_usable(values, usable), size, centre=True, deviation=False).median
        return np.where(usable, median.astype(np.float32), values)

    return dataclasses.replace(field, dx=smooth(field.dx), dy=smooth(field.dy))


def check_smooth(size: int) -> None:
    """Raise when ``size`` is no window of `median_smooth`.

    Raises
    ------
    ParameterError
    """
    if size < 3 or size % 2 == 0:
        raise ParameterError(f"smooth = {size}: the window's side must be odd and at least 3 output pixels")
