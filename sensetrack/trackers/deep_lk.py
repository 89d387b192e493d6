"""Dense displacement by a small net on Lucas-Kanade steps, held by the covariance of adaptive-lk.

A pyramid net with one set of weights for all scales moves the secondary back by what is known and says what is missing;
it sees closed-form Lucas-Kanade steps of two windows as evidence, and has learned on FaultDeform pairs (faults in an
elastic half-space after Montagnon et al. 2024, and smooth motion) whom to believe, and to keep breaks sharp. It is
asked both ways and the mean is taken: images without motion give zero.

With ``mode: refine`` the classical field of `adaptive-lk` is found too. Where that is measured, it stands as it is,
unless its standard deviation is above ``gate``, that of the net is smaller, and the images agree better along the net's
flow. Where it has failed, the net fills in. So good pixels stay as they are. With ``mode: alone`` only the net speaks.

Quality and covariance are those of every dense flow: correlation after moving back; misfit, roughness and the way back.
Their factors are fitted on pairs of the validation split, so that 73 % of the net's errors fall within one stated
standard deviation. A net may be smoothly wrong where images show nothing of it.

When not to use it: where time counts, since `adaptive-lk` alone is several times faster and as accurate on good
texture; for displacements beyond 50 px; where PyTorch is not installed.
"""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from sensetrack.displacement import Field, Flag
from sensetrack.nets.extra import need_torch, share_of_cores
from sensetrack.nets.weight_files import shipped
from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker
from sensetrack.trackers.adaptive_lk import AdaptiveLk
from sensetrack.types import FloatArray, Mask, PixelArray

if TYPE_CHECKING:
    from sensetrack.flow.assess import Calibration

SHIPPED = "deep_lk.pt"
"""Weights that come with the package."""

COARSEST = 16
"""Pixels of the image under one of the coarsest scale."""

_device: ContextVar[str] = ContextVar("deep_lk_device", default="cpu")


class DeepLk(DenseTracker):
    """Dense displacement by a small net on Lucas-Kanade steps."""

    devices = ("cpu", "cuda")
    needs_extra = "deep"

    mode: Literal["refine", "alone"] = param(
        "refine", "Whether the net completes the field of adaptive-lk, or speaks alone."
    )
    gate: float = param(
        0.1, "Standard deviation up to which a pixel of adaptive-lk stands as it is.", unit="px", gt=0, le=10
    )
    preset: Literal["fast", "balanced", "full"] = param("balanced", "Preset of adaptive-lk in refine mode.")
    min_quality: float = param(
        0.5, "Least quality of what the net says; below it, it has guessed, and the pixel is flagged.", ge=0, le=1
    )
    last_passes: int = param(1, "How often the net goes through the finest scale.", ge=1, le=6)
    weights: str | None = param(
        None, "File of weights from `sensetrack train deep-lk`, instead of those that come with the package."
    )

    @property
    def alignment(self) -> int:
        """The coarsest scale, and the strips of adaptive-lk."""
        return max(COARSEST, self._classical.alignment) if self.mode == "refine" else COARSEST

    @property
    def reach(self) -> int:
        """Measured: with more, seams shrink little. The net's own lie below 0.01 px for motion up to 5 px, and at a few
        tenths of a pixel, at most, for 20 px, where the coarse scales see less than they would.
        """
        return 96

    @property
    def margin(self) -> int:
        """That of both fields."""
        return max(super().margin, self._classical.margin) if self.mode == "refine" else super().margin

    @property
    def smallest_image(self) -> int:
        """That of both fields."""
        return max(super().smallest_image, self._classical.smallest_image)

    @property
    def error_window(self) -> int:
        """Pixels over which the net averages where texture is usual."""
        return 13

    @property
    def calibration(self) -> Calibration:
        """Fitted on FaultDeform pairs of the validation split, on the net alone."""
        from sensetrack.flow.assess import Calibration

        return Calibration(noise=0.08, roughness=0.5, floor=0.02, way_back=0.25)

    @property
    def _classical(self) -> AdaptiveLk:
        return AdaptiveLk(
            preset=self.preset,
            step=self.step,
            search=64,
            min_valid=self.min_valid,
            forward_backward=self.forward_backward,
        )

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        need_torch("the tracker deep-lk")
        images = reference, secondary, reference_valid, secondary_valid, pad
        token = _device.set(device)
        try:
            with share_of_cores():
                learned = super()._track(*images, device)
        finally:
            _device.reset(token)
        learned = learned.with_flag(learned.quality < self.min_quality, Flag.LOW_QUALITY)
        if self.mode == "alone":
            return learned
        return _joined(self._classical._track(*images, device), learned, self.gate)

    def _flow(
        self, reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        from sensetrack.nets.deep_lk import find_flow

        file = shipped(SHIPPED) if self.weights is None else Path(self.weights)
        images, weights = (reference, secondary), (reference_weight, secondary_weight)
        return find_flow(images, weights, file, _device.get(), self.last_passes)


def _joined(classical: Field, learned: Field, gate: float) -> Field:
    """Return the classical field where it can be trusted, else the learned one."""
    sigma, other = (np.maximum(field.sigma_dx, field.sigma_dy) for field in (classical, learned))
    stands = classical.measured & ((sigma <= gate) | (sigma <= other) | (learned.quality <= classical.quality))
    empty = (classical.flags & np.uint8(Flag.NODATA | Flag.FLAT)) > 0
    keep = empty | ~learned.measured | stands
    layers = learned.layers()
    return Field.from_layers({name: np.where(keep, layer, layers[name]) for name, layer in classical.layers().items()})
