"""Dense flow by polynomial expansion, coarse to fine (OpenCV's Farneback).

Every neighbourhood of both images is described by a quadratic polynomial; the displacement is the one that turns the
polynomials of the one image into those of the other, averaged over a window (Farnebäck 2003), from the coarsest level
of a pyramid to the finest.
"""

from __future__ import annotations

from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker
from sensetrack.types import FloatArray


class Farneback(DenseTracker):
    """Dense flow by polynomial expansion."""

    pyr_scale: float = param(0.5, "Size of each level of the pyramid relative to the finer one.", gt=0, lt=1)
    levels: int = param(5, "Levels of the pyramid, the image itself included.", ge=1, le=8)
    winsize: int = param(31, "Side of the window over which displacements are averaged.", unit="px", ge=3, le=255)
    iterations: int = param(5, "Iterations at each level.", ge=1, le=100)
    poly_n: int = param(7, "Side of the neighbourhoods that polynomials describe: 5 or 7.", unit="px", ge=5, le=7)
    poly_sigma: float = param(1.5, "Standard deviation of their Gaussian weights.", unit="px", gt=0)
    gaussian: bool = param(True, "Average with Gaussian weights instead of equal ones.")

    @property
    def alignment(self) -> int:
        """Pixels of the coarsest level in pixels of the image."""
        return 1 << (self.levels - 1)

    @property
    def reach(self) -> int:
        """Measured."""
        return 96

    @property
    def error_window(self) -> int:
        """The window that displacements are averaged over."""
        return self.winsize | 1

    def _flow(
        self, reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        import cv2
        import numpy as np

        flow = cv2.calcOpticalFlowFarneback(
            50 * reference,
            50 * secondary,
            np.zeros((*reference.shape, 2), np.float32),
            self.pyr_scale,
            self.levels,
            self.winsize,
            self.iterations,
            self.poly_n,
            self.poly_sigma,
            cv2.OPTFLOW_FARNEBACK_GAUSSIAN if self.gaussian else 0,
        )
        return np.asarray(flow[..., 0], np.float32), np.asarray(flow[..., 1], np.float32)
