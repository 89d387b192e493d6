"""Flags matches whose predicted error is above a threshold."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sensetrack.displacement import Field, Flag
from sensetrack.filters._base import Filter
from sensetrack.params import param
from sensetrack.types import DoubleArray, Mask


class Sigma(Filter):
    """Keeps pixels whose error ellipse has a long half axis of at most ``maximum``; raises `Flag.LOW_QUALITY`.

    The half axis is the standard deviation along the worst direction: the root of the larger eigenvalue ``l``
    of the covariance ``[[sx^2, rho sx sy], [rho sx sy, sy^2]]``,

    ``l = (sx^2 + sy^2) / 2 + sqrt(((sx^2 - sy^2) / 2)^2 + (rho sx sy)^2)``.

    It does not depend on the direction of the axes, so a match that slides along an edge is found wherever the edge
    points. A missing ``rho`` counts as 0; a pixel without a finite sigma is not kept.

    Not for: finding blunders. Sigma says how sharp the peak is, and a wrong peak may be as sharp as the right one;
    combine with `median-test` or `ndc`.
    """

    flag: ClassVar[Flag] = Flag.LOW_QUALITY

    maximum: float = param(
        0.5, "Largest predicted standard deviation that is kept, in the worst direction", unit="px", gt=0
    )

    @property
    def margin(self) -> int:
        """Output pixels around an area that influence its result: none."""
        return 0

    def keep(self, field: Field) -> Mask:
        """Return where the predicted error is small enough."""
        good: Mask = worst_sigma(field) <= self.maximum
        return good


def worst_sigma(field: Field) -> DoubleArray:
    """Return the long half axis of every pixel's error ellipse in input pixels, ``(row, col)``."""
    xx = field.sigma_dx.astype(np.float64) ** 2
    yy = field.sigma_dy.astype(np.float64) ** 2
    rho = np.nan_to_num(field.rho.astype(np.float64))
    # A peak without curvature has an infinite sigma: its difference from another is NaN, which is not kept.
    with np.errstate(invalid="ignore"):
        axis: DoubleArray = np.sqrt((xx + yy) / 2 + np.hypot((xx - yy) / 2, rho * np.sqrt(xx * yy)))
    return axis
