"""Flags displacements much longer or shorter than their neighbourhood's, or beyond absolute limits."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import model_validator

from sensetrack.displacement import Field
from sensetrack.filters._window import NeighbourFilter
from sensetrack.neighbours import only_usable, window_medians
from sensetrack.params import param
from sensetrack.types import Mask


class Magnitude(NeighbourFilter):
    """Keeps lengths ``L`` with ``M / factor - tolerance <= L <= factor M + tolerance``; ``M`` is the median length.

    The median is that of the usable neighbours in the window, without the pixel itself. The tolerance keeps the noise
    of ground that hardly moves, where any ratio of lengths is meaningless. ``minimum`` and ``maximum`` are absolute
    and need no neighbours; where lengths are known (a glacier that never moves more than 20 px) the maximum is the
    strongest of all tests. A pixel with fewer than ``min_neighbours`` is judged by the absolute limits only, and then
    by ``isolated``.

    The defaults let the length double or halve within half a window, and half a pixel more: wider than a glacier's
    shear margin or a landslide's toe at the usual step. Both sides of a fault have their own majority, so the step
    stays.

    Source: the "maximum velocity" and local velocity limits of feature tracking toolboxes, e.g. Van Wyk de Vries &
    Wickert (2021), The Cryosphere 15, 2115; the median in place of a mean after Westerweel (1994),
    Exp. Fluids 16, 236.

    Not for: outliers with the right length and the wrong direction (`direction`, `median-test`), nor with
    ``minimum`` above 0 where stable ground serves as the reference.
    """

    factor: float | None = param(
        2.0,
        "Largest ratio to the median length of the neighbours, either way; none compares with no neighbours",
        unit="ratio",
        ge=1,
    )
    tolerance: float = param(0.5, "Difference from the allowed range that is kept in any case", unit="px", ge=0)
    minimum: float | None = param(None, "Least length that is kept", unit="px", ge=0)
    maximum: float | None = param(None, "Largest length that is kept", unit="px", gt=0)

    @model_validator(mode="after")
    def _limits_in_order(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum = {self.minimum} px is above maximum = {self.maximum} px; nothing would be kept")
        return self

    @property
    def margin(self) -> int:
        """Output pixels around an area that influence its result: half a window, none without ``factor``."""
        return 0 if self.factor is None else super().margin

    def keep(self, field: Field) -> Mask:
        """Return where the length fits."""
        length = field.length
        good = np.ones(field.shape, np.bool_)
        if self.factor is not None:
            around = window_medians(only_usable(length, field.usable), self.window, centre=False, deviation=False)
            longest = around.median * self.factor + self.tolerance
            shortest = around.median / self.factor - self.tolerance
            good = self.decide((length <= longest) & (length >= shortest), around.count)
        if self.minimum is not None:
            good &= length >= self.minimum
        if self.maximum is not None:
            good &= length <= self.maximum
        return good
