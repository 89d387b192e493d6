"""Dense flow by inverse search of small patches and variational refinement (OpenCV's DIS).

From coarse to fine, small patches of the reference are matched to the secondary by gradient descent with a Hessian that
is computed once, from the best of their neighbours' displacements; the patches' displacements are averaged into a
dense flow, and that is refined by minimising brightness and gradient differences together with the flow's own
roughness (Kroeger, Timofte, Dai & Van Gool 2016, *Fast optical flow using dense inverse search*, eq. 1 to 5).

The library's presets stop at a half or a quarter of the resolution: fast, but on textures of satellite images they
move content that is displaced by fractions of a pixel by 0.05 to 0.1 px too little or too much, without any noise. The
preset `full` goes on to full resolution, with four times the smoothness. The library wants 8 bit: one grey level is
1/32 of the local standard deviation, a noise 41 dB below the texture, which changes the flow by less than 0.002 px;
what lies beyond 4 standard deviations is cut.

Quality is the correlation of the reference with the secondary moved back, lowered where the way back misses the start.
The covariance is that of a match of windows of 16 px from the misfit that is left, plus the roughness of the flow
itself. Where the flow is constant the refinement averages over more, and less of the misfit counts.

When not to use it: where texture is weak beside noise, because the patches are small; where errors must be known best,
as those of a refined flow depend on the flow itself; for the outermost pixels of an image, where the size of blocks
may change the flow by up to some hundredths of a pixel.
"""

from __future__ import annotations

import math
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from sensetrack.flow.assess import Calibration
from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker
from sensetrack.types import FloatArray

LEVELS = 32.0
"""Grey levels that one local standard deviation is given."""

MIDDLE = 128
"""Grey level of the local mean."""

BAND = 1024
"""Rows that the library is given at a time where it propagates displacements."""

PRESETS: dict[str, dict[str, Any]] = {
    "ultrafast": {
        "finest_scale": 2,
        "gradient_descent_iterations": 12,
        "variational_refinement_iterations": 0,
        "variational_refinement_alpha": 20.0,
    },
    "fast": {
        "finest_scale": 2,
        "gradient_descent_iterations": 16,
        "variational_refinement_iterations": 5,
        "variational_refinement_alpha": 20.0,
    },
    "medium": {
        "finest_scale": 1,
        "gradient_descent_iterations": 25,
        "variational_refinement_iterations": 5,
        "variational_refinement_alpha": 20.0,
    },
    "full": {
        "finest_scale": 0,
        "gradient_descent_iterations": 25,
        "variational_refinement_iterations": 5,
        "variational_refinement_alpha": 80.0,
    },
}
"""What each preset sets; the first three as in the library."""

FLOORS = 0.01, 0.08, 0.12
"""Errors in px that are there without noise, by the finest scale; measured on constant displacements."""


class Dis(DenseTracker):
    """Dense flow by inverse search of patches and variational refinement."""

    preset: Literal["ultrafast", "fast", "medium", "full"] = param(
        "full", "The library's presets, or full for full resolution; it sets what is not set itself."
    )
    finest_scale: int | None = param(
        None, "Scale to which the flow is computed, 2^n times coarser than the image; 0 is all of it.", ge=0, le=4
    )
    coarsest_scale: int = param(5, "Scale from which the search starts, 2^n times coarser than the image.", ge=0, le=7)
    patch_size: int = param(8, "Side of the patches, at every scale.", unit="px", ge=4, le=64)
    patch_stride: int = param(4, "Distance between patches, at every scale; a power of two.", unit="px", ge=1, le=32)
    gradient_descent_iterations: int | None = param(None, "Steps of the search of each patch, at most.", ge=2, le=1000)
    variational_refinement_iterations: int | None = param(
        None, "Rounds of the refinement at each scale; 0 leaves the average of the patches.", ge=0, le=1000
    )
    variational_refinement_alpha: float | None = param(
        None, "Weight of the smoothness of the flow in the refinement.", gt=0, le=1e5
    )
    variational_refinement_delta: float = param(5.0, "Weight of equal brightness in the refinement.", ge=0, le=1e5)
    variational_refinement_gamma: float = param(10.0, "Weight of equal gradients in the refinement.", ge=0, le=1e5)
    use_mean_normalization: bool = param(True, "Compare patches after taking out their mean brightness.")
    use_spatial_propagation: bool = param(
        True, "Try the displacements of neighbouring patches as starts, at all scales but the finest."
    )

    @model_validator(mode="after")
    def _check_patches(self) -> Self:
        if self.patch_stride & (self.patch_stride - 1):
            raise ValueError(
                f"patch_stride = {self.patch_stride} lays patches differently in every block, with seams of up to "
                "0.08 px; use 1, 2, 4, 8, 16 or 32"
            )
        if self.patch_stride > self.patch_size:
            raise ValueError(
                f"patch_stride = {self.patch_stride} leaves gaps between patches of {self.patch_size}, with which the "
                f"library fails; use a stride of at most {self.patch_size}"
            )
        if self._finest > self.coarsest_scale:
            raise ValueError(
                f"coarsest_scale = {self.coarsest_scale} is finer than the finest scale, "
                f"{self._finest}; raise it, or lower finest_scale"
            )
        if self.patch_size << self.coarsest_scale > BAND:
            raise ValueError(
                f"coarsest_scale = {self.coarsest_scale} with patch_size = {self.patch_size} makes patches span "
                f"{self.patch_size << self.coarsest_scale} px of the image, for which the library would start at a "
                f"finer scale; use coarsest_scale = {int(math.log2(BAND // self.patch_size))} or less"
            )
        has_images = self.variational_refinement_delta > 0 or self.variational_refinement_gamma > 0
        if not has_images and self._setting("variational_refinement_iterations"):
            raise ValueError(
                "variational_refinement_delta = variational_refinement_gamma = 0 leaves the refinement without images; "
                "give one of them a weight, or variational_refinement_iterations = 0"
            )
        return self

    def _setting(self, name: str) -> Any:
        """Return a parameter, or what the preset says of it."""
        value = getattr(self, name)
        return PRESETS[self.preset][name] if value is None else value

    @property
    def _finest(self) -> int:
        return int(self._setting("finest_scale"))

    @property
    def alignment(self) -> int:
        """What keeps bands and patches in place in every block."""
        return min(512, max(BAND // 8, self.patch_stride << self.coarsest_scale))

    @property
    def reach(self) -> int:
        """Measured: seams do not shrink any further with more context."""
        return 48

    @property
    def error_window(self) -> int:
        """Patches, and what the refinement joins."""
        return (self.patch_size + 8) << self._finest

    @property
    def ignores_weights(self) -> bool:
        """The library knows nothing of holes."""
        return True

    @property
    def calibration(self) -> Calibration:
        """Measured on textures with 10 and 20 dB of noise, constant and smoothly varying displacement."""
        return Calibration(noise=0.5, noise_still=0.1, roughness=1.85, floor=FLOORS[min(self._finest, 2)])

    def _flow(
        self, reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        # At the coarsest scale there must be room for a patch.
        least = (self.patch_size + self.patch_stride) << self.coarsest_scale
        rows, cols = (max(size, least) for size in reference.shape)
        coarsest = self.coarsest_scale
        in_bands = self.use_spatial_propagation and coarsest > self._finest
        cols = max(cols, self._width(BAND if in_bands else rows, coarsest), self._width(rows, self._finest))
        first, second = _to_bytes(reference, (rows, cols)), _to_bytes(secondary, (rows, cols))
        flow = np.zeros((rows, cols, 2), np.float32)
        if in_bands:
            flow = _in_bands(self._method(coarsest, self._finest + 1, True), first, second)
            coarsest = self._finest
        flow = np.asarray(self._method(coarsest, self._finest, False).calc(first, second, flow), np.float32)
        flow = flow[: reference.shape[0], : reference.shape[1]]
        return flow[..., 0].copy(), flow[..., 1].copy()

    def _width(self, rows: int, scale: int) -> int:
        """Return the columns without which the library would start at a finer scale than it is told."""
        longer = math.ceil(self.patch_size * 2 ** (scale + 1.5))
        return 0 if rows >= longer else longer

    def _method(self, coarsest: int, finest: int, propagates: bool) -> Any:
        """Return the library's method for a range of scales."""
        import cv2

        method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        method.setCoarsestScale(coarsest)
        method.setFinestScale(finest)
        method.setPatchSize(self.patch_size)
        method.setPatchStride(self.patch_stride)
        method.setGradientDescentIterations(self._setting("gradient_descent_iterations"))
        method.setVariationalRefinementIterations(self._setting("variational_refinement_iterations"))
        method.setVariationalRefinementAlpha(self._setting("variational_refinement_alpha"))
        method.setVariationalRefinementDelta(self.variational_refinement_delta)
        method.setVariationalRefinementGamma(self.variational_refinement_gamma)
        method.setUseMeanNormalization(self.use_mean_normalization)
        method.setUseSpatialPropagation(propagates)
        return method


def _in_bands(method: Any, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> FloatArray:
    """Return the flow, computed in bands of rows that overlap by half.

    The library propagates displacements within eighths of the height of what it is given. Bands of one height, which
    start at multiples of an eighth of it, make these the same rows of the image in every block.
    """
    rows, cols = first.shape
    out = np.zeros((rows, cols, 2), np.float32)
    for top in range(0, max(rows - BAND // 2, 1), BAND // 2):
        count = min(BAND, rows - top)
        band = np.full((2, BAND, cols), MIDDLE, np.uint8)
        band[0, :count], band[1, :count] = first[top : top + count], second[top : top + count]
        flow = method.calc(band[0], band[1], np.zeros((BAND, cols, 2), np.float32))
        skipped = BAND // 4 if top else 0
        out[top + skipped : top + count] = flow[skipped:count]
    return out


def _to_bytes(image: FloatArray, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return an image of zero mean and unit deviation in 8 bit, in the upper left corner of a grey one."""
    out = np.full(shape, MIDDLE, np.uint8)
    levels = np.rint(image * np.float32(LEVELS))
    levels += MIDDLE
    np.clip(levels, 0, 255, out=levels)
    out[: image.shape[0], : image.shape[1]] = levels
    return out
