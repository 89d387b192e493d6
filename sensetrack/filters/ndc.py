"""Flags matches that too few neighbours agree with (normalised displacement coherence)."""

from __future__ import annotations

from sensetrack.displacement import Field
from sensetrack.filters._window import WindowFilter
from sensetrack.neighbours import agreeing, only_usable
from sensetrack.params import param
from sensetrack.types import Mask


class Ndc(WindowFilter):
    """Keeps pixels with which a share of at least ``min_share`` of their window agrees.

    A pixel agrees when its dx and its dy both differ by at most ``tolerance`` from the centre's; the centre counts
    as well, and the share is that of the whole window, ``n / window^2``, also where the window has gaps or is cut by
    the edge. So a match needs company: single ones and small islands go, which no median can do. Under the defaults a
    match needs 8 of 25, itself included.

    This is the normalised displacement coherence of Gardner et al. (2018), The Cryosphere 12, 521, and autoRIFT (Lei
    et al. 2021, Remote Sensing 13, 749). There the tolerance is 0.2 of the search distance, which a field
    does not know: set ``tolerance`` to that when the tracker searches far. There the components are counted one by
    one; here a pixel that agrees by chance in one component alone does not count.

    The default tolerance suits fields that change by up to 0.5 px from one output pixel to the next. Half of the window
    on each side of a fault is more than the share, so the step stays.

    Not for: strain so strong that good neighbours differ by more than the tolerance (glacier shear margins at a large
    step: raise it), nor sparse fields, of which it keeps nothing.
    """

    tolerance: float = param(1.0, "Largest difference in dx and in dy that still agrees", unit="px", gt=0)
    min_share: float = param(
        0.32, "Least part of the window, itself included, that must agree", unit="0..1", gt=0, le=1
    )

    def keep(self, field: Field) -> Mask:
        """Return where enough of the window agrees."""
        usable = field.usable
        count = agreeing(only_usable(field.dx, usable), only_usable(field.dy, usable), self.window, self.tolerance)
        # The product is rounded: 0.07 * 100 is above 7.
        enough: Mask = count >= self.min_share * self.window**2 - 1e-9
        return enough
