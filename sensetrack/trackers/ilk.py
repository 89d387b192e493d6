"""Dense flow by iterative Lucas-Kanade, coarse to fine (scikit-image's ILK)."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.trackers._passes import PassesTracker
from sensetrack.types import FloatArray

STILLNESS = 0.1
"""Standard deviation of the pattern that is added to both images, relative to theirs, while guessing."""


class Ilk(PassesTracker):
    """Dense flow by iterative Lucas-Kanade."""

    radius: int = param(
        15, "Pixels from the centre to the edge of the windows that are matched.", unit="px", ge=2, le=64
    )
    num_warp: int = param(4, "Warps of the secondary at each level of the pyramid.", ge=1, le=50)
    gaussian: bool = param(
        True, "Weigh windows with a Gaussian, of a standard deviation of a quarter of their side, instead of equally."
    )
    prefilter: bool = param(False, "Filter the flow with a 3 x 3 median before each warp.")

    @property
    def influence(self) -> int:
        """A window, most of whose weight is in the middle."""
        return self.radius

    @property
    def smallest_image(self) -> int:
        """A window, or a step."""
        return max(self.step, 2 * self.radius + 1)

    @property
    def error_window(self) -> int:
        """The window, or a square with as much weight as its Gaussian."""
        side = 2 * self.radius + 1
        return round(0.886 * side) if self.gaussian else side

    def _find(self, reference: FloatArray, secondary: FloatArray, is_last: bool) -> tuple[FloatArray, FloatArray]:
        from skimage.registration import optical_flow_ilk

        if not is_last:
            pattern = _pattern(reference.shape)
            reference, secondary = reference + pattern, secondary + pattern
        dy, dx = optical_flow_ilk(
            reference,
            secondary,
            radius=self.radius,
            num_warp=self.num_warp,
            gaussian=self.gaussian,
            prefilter=self.prefilter,
        )
        return dx, dy


def _pattern(shape: tuple[int, ...]) -> FloatArray:
    """Return a random pattern, always the same, with as much texture of every size."""
    noise = np.fft.rfft2(np.random.default_rng(0).standard_normal(shape))
    frequency = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1]))
    frequency[0, 0] = np.inf
    pattern = np.fft.irfft2(noise / frequency, shape)
    return np.asarray(pattern * (STILLNESS / pattern.std()), np.float32)
