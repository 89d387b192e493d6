"""Flags outliers by the normalised median test of Westerweel and Scarano."""

from __future__ import annotations

import numpy as np

from sensetrack.displacement import Field
from sensetrack.filters._window import NeighbourFilter
from sensetrack.neighbours import only_usable, window_medians
from sensetrack.params import param
from sensetrack.types import DoubleArray, Mask


class MedianTest(NeighbourFilter):
    """Keeps pixels whose normalised residual is at most ``threshold``.

    For each component with value ``U0`` and usable neighbours ``U1..Un`` (the pixel itself is not among them), with
    ``Um = median(Ui)`` and ``rm = median(|Ui - Um|)``, the normalised residual is

    ``r0 = |U0 - Um| / (rm + epsilon)``    (Westerweel & Scarano 2005, Exp. Fluids 39, 1096, eq. 2)

    and the test is on the length of the two, ``sqrt(r0(dx)^2 + r0(dy)^2)``, as in the paper's own program. ``epsilon``
    is the noise that any match has; it keeps a field without noise, where ``rm`` is 0, from losing every pixel that
    differs at all.

    The paper proposes 3 x 3 neighbours, ``epsilon`` 0.1 px and ``threshold`` 2 for vectors whose windows hardly
    overlap. Matches of satellite images overlap by half or more, so that wrong ones come in groups, and their noise is
    often above 0.1 px: hence 5 x 5 and a threshold of 4 here. Measured on smooth fields of Gaussian noise (px), the
    share of good pixels that are flagged (%, ``benchmarks/filters.py``):

    ========= ====== ====== ====== ======
    threshold 0.05   0.1    0.3    1.0
    ========= ====== ====== ====== ======
    2         0.0    0.6    16.6   36.8
    3         0.0    0.0    2.4    12.3
    4         0.0    0.0    0.3    3.3
    5         0.0    0.0    0.0    0.8
    ========= ====== ====== ====== ======

    Not for: outliers in groups that fill half a window. Windows of 32 px every 8 px fail so: of the errors above 1 px
    on synthetic scenes with known motion the test found 41-47 % alone, and 82-94 % with `ndc` in two passes, losing
    0.03 % of the good pixels. Nor for sharp corners or strips of motion narrower than half a window, whose pixels are
    the minority of their neighbourhood. A straight fault is kept: each side is the majority of its own windows.
    """

    threshold: float = param(4.0, "Largest normalised residual that is kept", unit="ratio", gt=0)
    epsilon: float = param(0.1, "Noise level added to the neighbours' median residual", unit="px", gt=0)

    def keep(self, field: Field) -> Mask:
        """Return where the residual is small, or there are too few neighbours to tell and ``isolated`` says keep."""
        usable = field.usable
        squared: DoubleArray = np.zeros(field.shape)
        for component in (field.dx, field.dy):
            around = window_medians(only_usable(component, usable), self.window, centre=False)
            squared += (np.abs(component - around.median) / (around.deviation + self.epsilon)) ** 2
        return self.decide(np.sqrt(squared) <= self.threshold, around.count)
