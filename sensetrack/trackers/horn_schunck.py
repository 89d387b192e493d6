"""Dense flow by Horn & Schunck's method, coarse to fine, each step guided by the one before.

One flow is sought for the whole image that moves the secondary onto the reference and is smooth (Horn & Schunck 1981,
*Determining optical flow*, Artificial Intelligence 17, 185). With the images I and J, evened out, the flow u and a
weight w, it has the least energy

    E(u) = sum w (J(x + u) - I(x))^2 + smoothness^2 |grad (u - guide)|^2

w is 0 on invalid pixels, where the smoothness term alone decides (such pixels are flagged ``nodata``), and elsewhere
the inverse of the mean square gradient around, so that ``smoothness`` is a distance in pixels: over it, the second term
holds against average texture. J is moved by the flow found so far (cubic B-spline) and made linear in what is missing;
then each pixel's flow is, with the gradient g of I, the remaining difference d and the sum over its four neighbours,
the solution of ``(w g g^T + 4 smoothness^2) u = smoothness^2 sum u - w g (d - g . u_before)``. Red-black successive
over-relaxation solves that for all pixels. It is done ``warps`` times on every level of a pyramid, from the coarsest to
the finest (Meinhardt-Llopis, Sánchez Pérez & Kondermann 2013, *Horn-Schunck optical flow with a multi-scale strategy*,
Image Processing On Line 3, 151).

Horn & Schunck ask the flow itself to be smooth (``guide = 0``), and so flatten every bend of it. Here only departures
from the last flow are asked to be, once planes over a window have smoothed that (``guide``). What is smooth at the
scale of the window is then free, and noise is not: repeated, this penalises second derivatives instead of first ones.
Bumps of 3, 10 and 30 px in noisy images are found to 0.04, 0.04 and 0.07 px, where no guide and the best smoothness
for it leave 0.06, 0.15 and 1.2 px. The labels that networks were trained with (Tlhomole, Hughes & Piggott 2023, *Deep
glacier image velocimetry*) are plain Horn & Schunck on several levels with a 9 x 9 median: ``guide = 0``,
``smoothness`` of 5 to 10, ``median = 9``.

Quality is the correlation of the reference with the secondary moved back, lowered where the way back misses the start.
The covariance is that of a match of the window that the smoothness amounts to, from the misfit that is left, plus the
roughness of the flow and what the way back misses. It does not know of errors at a step of the displacement, nor of
any where the flow was drawn in from around.

When to use it: for smooth motion (glaciers, slow landslides, deformation away from the fault), and for labels that are
dense and free of steps. When not: across faults and shear margins, which are smeared over some ten pixels; where noise
is as strong as texture, because errors there hang together over tens of pixels; where much of the surface has changed,
because every pixel gets an answer from somewhere (``robust`` withstands small changed places only). The coarsest level
limits displacements to about 20 px; with ``levels = 6, brightness = 256`` to 30 px, with 7 and 512 to 60 px.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker
from sensetrack.types import FloatArray

if TYPE_CHECKING:
    from sensetrack.flow.assess import Calibration


class HornSchunck(DenseTracker):
    """Dense flow by Horn & Schunck's method, coarse to fine."""

    brightness: int = param(
        128,
        "Side of the window over which brightness and contrast are evened out; coarse levels see nothing wider.",
        unit="px",
        ge=16,
        le=512,
        multiple_of=8,
    )
    smoothness: float = param(
        16.0, "Distance over which the smoothness term holds against average texture.", unit="px", gt=0, le=200
    )
    guide: int = param(
        13,
        "Side of the window, applied twice, over which the last flow is smoothed before departures from it are "
        "penalised; odd. 0 penalises the flow itself, as Horn & Schunck did.",
        unit="px",
        ge=0,
        le=63,
    )
    levels: int = param(
        5, "Levels of the pyramid, each half as large as the last, the image itself included.", ge=1, le=7
    )
    warps: int = param(2, "Warps at the finest level; coarser ones, which cost little, get twice as many.", ge=1, le=50)
    iterations: int = param(30, "Most sweeps over the linear system of each warp.", ge=1, le=2000)
    relaxation: float = param(
        1.95, "How far a sweep goes beyond the best value for one pixel, in the end: 1 to 2.", ge=1, lt=2
    )
    tolerance: float = param(
        0.001, "Stop sweeping when eight sweeps change no pixel's flow by more than this; 0 never.", unit="px", ge=0
    )
    robust: Literal["none", "charbonnier", "lorentzian"] = param(
        "charbonnier",
        "How pixels that differ much after each warp count in the next: fully (none), by the inverse of the difference "
        "(charbonnier) or of its square (lorentzian).",
    )
    outlier: float = param(
        0.5, "Difference from which they count less, in local standard deviations of brightness.", gt=0, le=10
    )
    median: int = param(0, "Side of the median of the flow after each warp; odd. 0 takes none.", unit="px", ge=0, le=15)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("guide", "median"):
            value = getattr(self, name)
            if value and (value % 2 == 0 or value < 3):
                near = f"{max(3, value - 1)} or {value + 1}" if value > 3 else "3"
                raise ValueError(f"{name} = {value}: a window has an odd side of 3 or more; use {near}, or 0 for none")
        coarsest = 1 << (self.levels - 1)
        if self.brightness < 8 * coarsest:
            raise ValueError(
                f"levels = {self.levels}: a pixel of the coarsest level is {coarsest} px wide, and evening brightness "
                f"out over {self.brightness} px leaves it nothing to follow; use at most "
                f"{(self.brightness // 8).bit_length()} levels, or brightness = {8 * coarsest} or more"
            )
        if self.smoothness > 2 * self.iterations:
            raise ValueError(
                f"iterations = {self.iterations} carry a value over {2 * self.iterations} px, less than smoothness = "
                f"{self.smoothness:g} px; use {-int(-self.smoothness // 2)} or more iterations"
            )
        return self

    @property
    def alignment(self) -> int:
        """Two pixels of the coarsest level."""
        return max(4, 1 << self.levels)

    @property
    def reach(self) -> int:
        """Measured: what is left of a disturbance further away moves the flow by less than 0.01 px."""
        return math.ceil(10 * self._support)

    @property
    def error_window(self) -> int:
        """Measured: with this window the errors come out alike on constant and on curved displacements."""
        return max(5, round(4 * self._support) | 1)

    @property
    def calibration(self) -> Calibration:
        """Measured on constant displacements and smooth bumps, with 20 dB and 10 dB of noise."""
        from sensetrack.flow.assess import Calibration

        return Calibration(noise=0.5, roughness=0.07, floor=0.005)

    @property
    def _support(self) -> float:
        """Distance over which the flow is smoothed.

        Where texture is even, a wave k of the flow is passed on by ``1 / (1 + (smoothness k)^2)``. A guide passes on
        ``1 - (s k)^2 / 2`` with the standard deviation s of its window, and so the flow in the end
        ``1 / (1 + (smoothness s k^2)^2 / 2)``. The support is 1 / k where half is passed on.
        """
        if not self.guide:
            return self.smoothness
        spread = math.sqrt((self.guide**2 - 1) / 6)
        return math.sqrt(self.smoothness * spread / math.sqrt(2))

    def _flow(
        self, reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        from sensetrack.flow.horn_schunck import Settings, horn_schunck

        settings = Settings(
            smoothness=self.smoothness,
            guide=self.guide,
            levels=self.levels,
            warps=self.warps,
            iterations=self.iterations,
            relaxation=self.relaxation,
            tolerance=self.tolerance,
            median=self.median,
            robust=self.robust,
            outlier=self.outlier,
        )
        return horn_schunck(reference, secondary, reference_weight, secondary_weight, settings)
