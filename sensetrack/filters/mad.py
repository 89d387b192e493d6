"""Flags displacements far from the local median, in units of the local median absolute deviation."""

from __future__ import annotations

import numpy as np

from sensetrack.displacement import Field
from sensetrack.filters._window import NeighbourFilter
from sensetrack.neighbours import only_usable, window_medians
from sensetrack.params import param
from sensetrack.types import Mask

GAUSSIAN = 1.4826
"""Standard deviation of Gaussian noise over its median absolute deviation."""


class Mad(NeighbourFilter):
    """Keeps pixels with ``|U - median| <= max(threshold * 1.4826 * MAD, floor)`` in dx and in dy.

    Median and median absolute deviation (MAD) are those of the usable pixels in the window, the pixel itself among
    them: the identifier of Hampel (1974), J. Am. Stat. Assoc. 69, 383, in two dimensions. 1.4826 turns the MAD of
    Gaussian noise into a standard deviation, so the threshold counts sigmas. autoRIFT (Lei et al. 2021, Remote Sensing
    13, 749) uses 4 MAD, that is 2.7 sigmas, with a floor of two steps of its sub-pixel search; the wider
    default here loses fewer good pixels. The floor is what any match may be off by, and keeps constant fields, where
    the MAD is 0.

    In a smooth gradient the MAD holds the slope as well, so steep but smooth flow stays. Against `median-test`: the
    components are judged one by one and the floor is a limit, not added; use one of the two.

    Not for: the same as `median-test` (groups of outliers, narrow strips and sharp corners of motion).
    """

    threshold: float = param(4.0, "Largest deviation from the median that is kept", unit="sigma", gt=0)
    floor: float = param(0.1, "Deviation that is kept in any case", unit="px", ge=0)

    def keep(self, field: Field) -> Mask:
        """Return where both components are near the local median, or there is too little to compare with."""
        usable = field.usable
        good = np.ones(field.shape, np.bool_)
        for component in (field.dx, field.dy):
            around = window_medians(only_usable(component, usable), self.window, centre=True)
            limit = np.maximum(self.threshold * GAUSSIAN * around.deviation, self.floor)
            good &= np.abs(component - around.median) <= limit
        return self.decide(good, around.count - 1)
