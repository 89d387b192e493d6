"""Dense displacement drawn by a U-net in one pass: GeoFlowNet-A and -B (Montagnon et al. 2024).

The image is cut into overlapping tiles. The whole-pixel shift of each is found by phase correlation and taken out; the
net draws what is left at every pixel of the tile at once, without searching, and has learned from made-up earthquakes
(FaultDeform) how ground breaks. Central parts of the tiles count, and fade into each other. With ``ensemble: ways`` the
net is asked both ways and the mean is taken, so that images without motion give zero; with ``flips`` also about
mirrored tiles, so that mirrored images give mirrored fields.

``polish`` follows the net with a few least-squares steps (Lucas & Kanade 1981), taken only where the images then agree
better. Without it the field is the net's own, as published: less exact than any correlation where texture is good; the
spread of its answers about mirrored tiles then counts as an error.

The weights in the package are of nets of a quarter of the width that a CPU has trained, one of either ``variant``;
`sensetrack train geoflownet` trains the full ones. Weights of your own say themselves which variant they are.

When not to use it: on good texture, where `adaptive-lk` is more exact and many times faster; beyond 64 px; where
PyTorch is not installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from sensetrack.displacement import Field, Flag
from sensetrack.nets.extra import need_torch, share_of_cores
from sensetrack.nets.weight_files import shipped
from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker, Flows
from sensetrack.trackers._source import Source
from sensetrack.types import Mask, PixelArray

if TYPE_CHECKING:
    from sensetrack.flow.assess import Calibration

SHIPPED = {"A": "geoflownet_a.pt", "B": "geoflownet_b.pt"}
"""Weights that come with the package, by variant."""

JUDGED = 64
"""Pixels around a block in which the flow matters: windows of errors, and those of the polish."""


class GeoFlowNet(DenseTracker):
    """Dense displacement drawn by a U-net that knows how ground breaks."""

    devices = ("cpu", "cuda")
    needs_extra = "deep"

    variant: Literal["A", "B"] = param(
        "A", "Net of the package: A is FlowNet2-SD, B, smaller, is StrainNet-F. Given `weights` say it themselves."
    )
    tile: int = param(256, "Side of the tiles that the net sees.", unit="px", ge=64, le=2048, multiple_of=64)
    stride: Literal[32, 64, 128, 256, 512] = param(
        128, "Side of the part in the middle of each tile that counts.", unit="px"
    )
    search: int = param(
        64, "Largest shift of a whole tile that is taken out first; 0 leaves all to the net.", unit="px", ge=0, le=256
    )
    ensemble: Literal["none", "ways", "flips"] = param(
        "ways", "What the mean is taken of: one answer, both ways, or both ways and mirrored (four times the work)."
    )
    polish: bool = param(True, "Follow the net with least-squares steps where the images then agree better.")
    min_quality: float = param(
        0.5, "Least quality; below it, the net has guessed, and the pixel is flagged.", ge=0, le=1
    )
    weights: str | None = param(
        None, "File of weights from `sensetrack train geoflownet`, instead of those that come with the package."
    )

    @model_validator(mode="after")
    def _check_tiles(self) -> Self:
        if self.stride > self.tile:
            raise ValueError(f"stride = {self.stride} leaves gaps between tiles of {self.tile}; use up to {self.tile}")
        return self

    @property
    def alignment(self) -> int:
        """The stride, so that tiles lie alike in every block."""
        return self.stride

    @property
    def reach(self) -> int:
        """A ring of central parts around the block, what tiles see beyond, and their shift."""
        return self._ring + (self.tile - self.stride) // 2 + self.search

    @property
    def margin(self) -> int:
        """What the flow depends on, and the window of brightness around it."""
        return self.reach + self.brightness // 2

    @property
    def smallest_image(self) -> int:
        """Half a tile, or a step."""
        return max(super().smallest_image, 64)

    @property
    def error_window(self) -> int:
        """Pixels over which errors hang together: that of the polish, or what the net smoothes over."""
        return 13 if self.polish else 25

    @property
    def calibration(self) -> Calibration:
        """Fitted on FaultDeform pairs of the validation split, for either net of the package."""
        from sensetrack.flow.assess import Calibration

        if self.polish:
            return Calibration(noise=0.27, roughness=1.0, floor=0.01, way_back=0.25)
        if self.variant == "B":
            return Calibration(noise=0.5, roughness=1.0, floor=0.03, way_back=1.0)
        return Calibration(noise=1.0, roughness=2.0, floor=0.06, way_back=2.0)

    @property
    def _ring(self) -> int:
        """Pixels around a block for which there is a flow, in whole strides; the way back may start there."""
        return -(-max(JUDGED, self.search) // self.stride) * self.stride

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        need_torch("the tracker geoflownet")
        with share_of_cores():
            field = super()._track(reference, secondary, reference_valid, secondary_valid, pad, device)
        return field.with_flag(field.quality < self.min_quality, Flag.LOW_QUALITY)

    def _flows(self, first: Source, second: Source, pad: int, device: str) -> tuple[Source, Source, Flows]:
        from sensetrack.nets.geoflow_tiles import Tiling, find_flows, net_of

        file = shipped(SHIPPED[self.variant]) if self.weights is None else Path(self.weights)
        net = net_of(file, file.stat().st_mtime_ns if file.exists() else 0, device)
        there, back, variance = find_flows(
            (first.image, second.image),
            (first.weight, second.weight),
            net,
            Tiling(self.tile, self.stride, self.search, self.ensemble == "flips"),
            both_ways=self.ensemble != "none",
            back=self.forward_backward > 0,
            improved=self.polish,
            context=max(0, pad - self._ring) // self.stride * self.stride,
        )
        found = (there[0], there[1]), None if back is None else (back[0], back[1])
        # Least squares forget what the net was not sure of.
        more = None if self.polish or self.ensemble != "flips" else (variance[0], variance[1])
        return first, second, Flows(*found, more)
