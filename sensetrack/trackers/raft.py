"""Dense flow of glaciers by RAFT, a recurrent net that has learned from Horn & Schunck's method.

RAFT (Teed & Deng 2020) compares the features of both images, every pixel with every other, at an eighth of the
resolution, and improves a flow again and again by what it finds where that points to. As Tlhomole, Hughes & Piggott
(2023) do for glaciers, it sees Sobel derivatives of tiles of 256 px that overlap, and it has learned the flow that
`horn-schunck` with a 9 x 9 median finds. The weights in the package are those of the small version. It is asked both
ways and half the difference is taken: images without motion give zero.

``finish`` warps of Horn & Schunck's method, on each of the three finest levels, start from what the net says: it takes
the place of the coarse levels of the pyramid, and is bilinear between points 8 px apart otherwise. ``finish = 0``
leaves the flow of the net alone. The weights in the package are of a training of an hour on a busy CPU: on dates that
it has not seen, the net alone is 2.0 px (RMSE) from Horn & Schunck, where no motion would be 3.3 px from it.

Quality and covariance are those of every dense flow: correlation after moving back; misfit, roughness and the way back.
Their factors let 70 % of the errors on nine FaultDeform pairs of up to 15 px fall within one stated standard deviation,
and 61 % of those of the net alone.
Tiles lie on a lattice of the whole image, so that results do not depend on the blocks in which it is worked through.

When to use it: with weights of your own, trained on the glaciers and the season that you follow. When not: where
`horn-schunck` does as well, because it is many times faster and the net has learned from it; alone with the weights in
the package; where PyTorch is not installed.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sensetrack.displacement import Field
from sensetrack.nets.extra import need_torch, share_of_cores
from sensetrack.nets.weight_files import shipped
from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker
from sensetrack.trackers._place import origin
from sensetrack.trackers._source import prepare
from sensetrack.types import FloatArray, Mask, PixelArray

if TYPE_CHECKING:
    from sensetrack.flow.assess import Calibration
    from sensetrack.flow.horn_schunck import Settings

SHIPPED = "raft_small.pt"
"""Weights that come with the package."""

BRIGHTNESS = 64
"""Side in pixels of the window over which brightness is evened out, in training."""

BEYOND = 224
"""Pixels beyond the zone in which the flow is wanted that tiles of the net look at."""

GUIDE, SMOOTHNESS, LEVELS = 13, 16.0, 3
"""Of the warps that finish: two as `horn-schunck` has them, and the finest levels of its five."""

Flow = tuple[FloatArray, FloatArray]


@dataclass
class _Work:
    """What the two calls for one block share: the device, and the flow back of the images of the first call."""

    device: str
    back: dict[int, tuple[FloatArray, Flow]] = field(default_factory=dict)


_work: ContextVar[_Work | None] = ContextVar("raft_work", default=None)


class Raft(DenseTracker):
    """Dense flow of glaciers by RAFT, a recurrent net."""

    devices = ("cpu", "cuda")
    needs_extra = "deep"

    iterations: int = param(6, "How often the net improves its flow.", ge=1, le=64)
    finish: int = param(
        2, "Warps of Horn & Schunck's method that finish the flow of the net; 0 leaves the net's.", ge=0, le=20
    )
    weights: str | None = param(
        None, "File of weights from `sensetrack train raft`, instead of those that come with the package."
    )

    @property
    def alignment(self) -> int:
        """Two pixels of the coarsest level of the warps that finish."""
        return 1 << LEVELS

    @property
    def _warped(self) -> int:
        """Pixels over which the warps that finish depend on their surroundings."""
        return 80 if self.finish else 0

    @property
    def reach(self) -> int:
        """Tiles that speak in a zone, which begins at a multiple of the alignment, and the warps."""
        return BEYOND + self.alignment + self._warped

    @property
    def error_window(self) -> int:
        """Pixels over which errors hang together."""
        return 31 if self.finish else 33

    @property
    def calibration(self) -> Calibration:
        """Measured on FaultDeform pairs."""
        from sensetrack.flow.assess import Calibration

        if self.finish:
            return Calibration(noise=1.0, roughness=0.2, floor=0.01)
        return Calibration(noise=1.5, roughness=3.0, floor=0.2)

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        need_torch("the tracker raft")
        token = _work.set(_Work(device))
        try:
            with share_of_cores():
                return super()._track(reference, secondary, reference_valid, secondary_valid, pad, device)
        finally:
            _work.reset(token)

    def _flow_within(self, pad: int, *images: FloatArray) -> Flow:
        """Return the flow in the block and what is judged with it; 0 beyond."""
        from sensetrack.nets.raft_flow import find_flows

        reference, secondary, *weights = images
        work = _work.get()
        assert work is not None
        away = max(pad - self._warped - max(self.error_window, 24) - 12, 0)
        away -= away % self.alignment
        zone = slice(away, reference.shape[0] - away), slice(away, reference.shape[1] - away)
        kept = work.back.pop(id(reference), None)
        if kept is None:
            file = shipped(SHIPPED) if self.weights is None else Path(self.weights)
            start, back = find_flows(
                (reference, secondary),
                (weights[0], weights[1]),
                zone,
                file,
                work.device,
                origin=origin(),
                iterations=self.iterations,
            )
            # The image is kept too, so that no other one takes its number.
            work.back[id(secondary)] = secondary, back
        else:
            start = kept[1]
        return self._finished(images, start, zone) if self.finish else start

    def _finished(self, images: tuple[FloatArray, ...], start: Flow, zone: tuple[slice, slice]) -> Flow:
        """Return a flow after the last warps."""
        from sensetrack.flow.horn_schunck import horn_schunck

        first, second, here, there = (image[zone] for image in images)
        found = horn_schunck(first, second, here, there, self._settings, (start[0][zone], start[1][zone]))
        out = np.zeros_like(start[0]), np.zeros_like(start[1])
        for whole, part in zip(out, found, strict=True):
            whole[zone] = part
        return out

    @property
    def _settings(self) -> Settings:
        from sensetrack.flow.horn_schunck import Settings

        return Settings(smoothness=SMOOTHNESS, guide=GUIDE, levels=LEVELS, warps=self.finish)

    def _flow(
        self, reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
    ) -> Flow:
        return self._flow_within(0, reference, secondary, reference_weight, secondary_weight)


def evened(image: FloatArray, valid: Mask) -> FloatArray:
    """Return an image of zero local mean and unit local deviation, as the tracker makes it; what its net is trained on.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``, sides multiples of 4.
    valid : ndarray of bool
        What is not becomes 0; the image fades towards it.
    """
    from sensetrack.flow.brightness import even_out

    source = prepare(image, valid, 4, 1)
    return even_out(source.image, source.valid, source.weight, source.moments, BRIGHTNESS)
