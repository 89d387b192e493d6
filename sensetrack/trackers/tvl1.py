"""Dense flow by total variation and an absolute misfit, coarse to fine (scikit-image's TV-L1).

The flow that is sought has the least sum of the absolute difference of the images, weighted, and of its own total
variation, which allows sharp steps (Zach, Pock & Bischof 2007, *A duality based approach for realtime TV-L1 optical
flow*, eq. 2). A smooth flow and one that follows the images are held together and improved in turn, on images warped
anew, from the coarsest level of a pyramid to the finest (Wedel et al. 2009, *An improved algorithm for TV-L1 optical
flow*; Sánchez Pérez, Meinhardt-Llopis & Facciolo 2013, *TV-L1 optical flow estimation*, algorithm 1).

The library halves images until a side has 32 pixels or less, however large they are, and its iterations end long before
they have converged, so it has one answer for an image and another for a block of it. Here it is given overlapping
squares of one size at fixed places. The attachment that follows large displacements leaves small ones noisy, and one
that keeps these smooth does not follow: so a first pass with ten times the attachment guesses, and a second seeks what
is left after the guess, smoothed. Other defaults than the library's (attachment 15, tightness 0.3, 5 warps): errors are
about a third of those at a constant displacement, and a half with much noise. Weights mean what they mean to the
library for images in 0..1, whose local standard deviation is taken to be 0.15.

Quality is the correlation of the reference with the secondary moved back, lowered where the way back misses the start.
The covariance is that of a match of a small window, from the misfit that is left, plus the roughness of the flow
itself.

When not to use it: where displacement varies smoothly, which total variation turns into steps of some hundredths of a
pixel; where brightness changes within a few pixels, as nothing but brightness is compared; for whole scenes in a hurry.
The library holds on to the interpreter while it works, so that threads gain little: on several cores use
``--engine dask``.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import model_validator

from sensetrack.flow.assess import Calibration
from sensetrack.params import param
from sensetrack.trackers._passes import PassesTracker
from sensetrack.types import FloatArray

CONTRAST = 0.15
"""Local standard deviation of an image in 0..1, to which the library's weights are tuned."""

LEAST_TRAVEL = 5.0
"""Product of attachment, tightness, warps and iterations below which a flow does not even follow a pixel or two: each
iteration moves it by attachment times tightness times the gradient at most, which is some hundredths."""


class Tvl1(PassesTracker):
    """Dense flow by total variation and an absolute misfit."""

    attachment: float = param(
        4.0,
        "Weight of the images against the smoothness of the flow, in the last pass; lower is smoother.",
        gt=0,
        le=100,
    )
    first_attachment: float = param(
        40.0, "The same in the passes before: large enough to follow large displacements.", gt=0, le=100
    )
    tightness: float = param(
        0.1,
        "How far the smooth flow and the one that follows the images may part; lower is smoother and slower.",
        gt=0,
        le=1,
    )
    num_warp: int = param(3, "Times that the secondary is warped at each level of the pyramid.", ge=1, le=50)
    num_iter: int = param(10, "Iterations after each warp.", ge=1, le=500)
    tol: float = param(
        0.0,
        "Mean squared change by a warp below which a level ends; from 0.01 on that would be after the first, always.",
        unit="px^2",
        ge=0,
        le=1e-3,
    )
    prefilter: bool = param(False, "Filter the flow with a 3 x 3 median before each warp.")

    @model_validator(mode="after")
    def _check_travel(self) -> Self:
        name = "attachment" if self.passes == 1 else "first_attachment"
        least = LEAST_TRAVEL / (self.tightness * self.num_warp * self.num_iter)
        if getattr(self, name) < least:
            raise ValueError(
                f"{name} = {getattr(self, name):g} with tightness = {self.tightness:g}, num_warp = {self.num_warp} and "
                f"num_iter = {self.num_iter} hardly moves the flow at all; use {name} = {least:.2g} or more, "
                "or more iterations"
            )
        return self

    @property
    def error_window(self) -> int:
        """Measured: the window whose match has errors like those of the flow."""
        return 21

    @property
    def calibration(self) -> Calibration:
        """Measured on textures with 10 and 20 dB of noise, constant and smoothly varying displacement."""
        return Calibration()

    def _find(self, reference: FloatArray, secondary: FloatArray, is_last: bool) -> tuple[FloatArray, FloatArray]:
        from skimage.registration import optical_flow_tvl1

        dy, dx = optical_flow_tvl1(
            np.float32(CONTRAST) * reference,
            np.float32(CONTRAST) * secondary,
            attachment=self.attachment if is_last else self.first_attachment,
            tightness=self.tightness,
            num_warp=self.num_warp,
            num_iter=self.num_iter,
            tol=self.tol,
            prefilter=self.prefilter,
        )
        return dx, dy
