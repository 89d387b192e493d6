"""Flags displacements that point away from the mean direction of their neighbourhood."""

from __future__ import annotations

import numpy as np

from sensetrack.displacement import Field
from sensetrack.filters._window import NeighbourFilter
from sensetrack.neighbours import window_sum
from sensetrack.params import param
from sensetrack.types import Mask

_SCALE = 2.0**30
"""Unit vectors become integers of this length: to 1e-9, and sums of integers are the same in every order."""


class Direction(NeighbourFilter):
    """Keeps pixels whose direction differs by at most ``max_angle`` from the circular mean of their neighbours'.

    With the unit vectors ``u_i`` of the ``n`` usable neighbours that move at least ``min_length`` (the pixel itself
    is not among them), the mean direction is that of ``S = sum(u_i)`` and its coherence is ``R = |S| / n``
    (Mardia & Jupp 2000, Directional Statistics, sect. 2.2). A pixel is judged only where a direction means
    something: it moves at least ``min_length``, enough neighbours do, and ``R`` reaches ``min_coherence``. So ground at
    rest, where the direction is that of the noise, and the two sides of a strike-slip fault, where neighbours point
    both ways, are kept.

    The defaults ask for motion of five times a typical noise of 0.1 px, at which noise turns a vector by about 10
    degrees, and allow the flow to turn by 45 degrees between a pixel and its surroundings.

    Not for: rotating landslide blocks or confluences sampled so coarsely that the flow turns within a window.
    """

    max_angle: float = param(
        45.0, "Largest angle to the mean direction of the neighbours", unit="degrees", gt=0, le=180
    )
    min_length: float = param(0.5, "Least displacement whose direction means something", unit="px", gt=0)
    min_coherence: float = param(
        0.5,
        "Least agreement of the neighbours, 0 (all ways) to 1 (all the same), that gives a direction",
        unit="0..1",
        ge=0,
        le=1,
    )

    def keep(self, field: Field) -> Mask:
        """Return where the direction fits or cannot be judged."""
        length = np.hypot(field.dx.astype(np.float64), field.dy)
        moving = field.usable & (length >= self.min_length)
        safe = np.where(moving, length, 1.0)
        x, y = (
            np.rint(np.where(moving, component, 0.0) / safe * _SCALE).astype(np.int64)
            for component in (field.dx, field.dy)
        )
        count = (window_sum(moving.astype(np.int64), self.window) - moving).astype(np.int32)
        sum_x, sum_y = (window_sum(unit, self.window) - unit for unit in (x, y))
        resultant = np.hypot(sum_x, sum_y)
        along = x * (sum_x / _SCALE) + y * (sum_y / _SCALE)
        across = x * (sum_y / _SCALE) - y * (sum_x / _SCALE)
        angle = np.degrees(np.arctan2(np.abs(across), along))
        coherent = resultant >= self.min_coherence * _SCALE * np.maximum(count, 1)
        good = (angle <= self.max_angle) | ~coherent
        return self.decide(good, count) | ~moving
