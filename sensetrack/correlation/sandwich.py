"""The covariance of an estimate from its Hessian and from the scatter of what pulls on it."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def sandwich(hyy: float, hxx: float, hxy: float, vyy: float, vxx: float, vxy: float) -> tuple[float, float, float]:
    """Return ``H^-1 V H^-1`` for symmetric 2 x 2 matrices (Huber 1967), as variances of y and x and their covariance.

    Parameters
    ----------
    hyy, hxx, hxy : float
        The Hessian ``H`` of what is minimised.
    vyy, vxx, vxy : float
        Covariance ``V`` of its gradient.

    Returns
    -------
    tuple of float
        Infinite variances where ``H`` has no minimum.
    """
    det = hyy * hxx - hxy * hxy
    if not (det > 0 and hyy > 0):
        return np.inf, np.inf, 0.0
    # With H^-1 = [[hxx, -hxy], [-hxy, hyy]] / det in (y, x) order, these are the rows of H^-1 V.
    ayy, ayx = (hxx * vyy - hxy * vxy) / det, (hxx * vxy - hxy * vxx) / det
    axy, axx = (hyy * vxy - hxy * vyy) / det, (hyy * vxx - hxy * vxy) / det
    return (ayy * hxx - ayx * hxy) / det, (axx * hyy - axy * hxy) / det, (ayx * hyy - ayy * hxy) / det
