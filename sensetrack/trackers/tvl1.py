"""Dense flow by total variation and an absolute misfit, coarse to fine (scikit-image's TV-L1)."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.trackers._passes import PassesTracker
from sensetrack.types import FloatArray

CONTRAST = 0.15


class Tvl1(PassesTracker):
    """Dense flow by total variation and an absolute misfit."""

    attachment: float = param(4.0, "Weight of the images against the smoothness of the flow.", gt=0, le=200)
    first_attachment: float = param(40.0, "The same in all passes but the last, which only guess.", gt=0, le=200)
    tightness: float = param(0.1, "How far the smooth flow and that of the images may differ.", gt=0, le=1)
    num_warp: int = param(3, "Warps of the secondary at each level of the pyramid.", ge=1, le=50)
    num_iter: int = param(10, "Iterations after each warp.", ge=1, le=500)
    tol: float = param(0.0, "Mean squared change during a warp below which a level ends.", unit="px^2", ge=0, le=1e-2)
    prefilter: bool = param(False, "Filter the flow with a 3 x 3 median before each warp.")

    @property
    def influence(self) -> int:
        """Measured."""
        return 16

    @property
    def error_window(self) -> int:
        """Measured."""
        return 21

    def _find(self, reference: FloatArray, secondary: FloatArray, is_last: bool) -> tuple[FloatArray, FloatArray]:
        from skimage.registration import optical_flow_tvl1

        dy, dx = optical_flow_tvl1(
            reference * np.float32(CONTRAST),
            secondary * np.float32(CONTRAST),
            attachment=self.attachment if is_last else self.first_attachment,
            tightness=self.tightness,
            num_warp=self.num_warp,
            num_iter=self.num_iter,
            tol=self.tol,
            prefilter=self.prefilter,
        )
        return dx, dy
