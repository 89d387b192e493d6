"""Dense flow by polynomial expansion, coarse to fine (OpenCV's Farneback).

Every neighbourhood of both images is described by a quadratic polynomial; the displacement is the one that turns the
polynomials of the one image into those of the other, averaged over a window (Farnebäck 2003, *Two-frame motion
estimation based on polynomial expansion*, eq. 12 and 20), from the coarsest level of a pyramid to the finest. The
window flattens the flow where it is curved; a second pass, between the reference and the secondary moved back by the
smoothed flow of the first, brings most of that back, and sees to it that the edges of holes pull nowhere.

The library takes its images in single precision; rounded to 8 bit they give the same flow to 0.001 px, but images in
0..1, which it takes as well, a flow of zero: its equations are damped by a constant that only suits large values. So
images are given to it with a standard deviation of 100.

Quality is the correlation of the reference with the secondary moved back, lowered where the way back misses the start.
The covariance is that of a match of the window that is averaged over, from the misfit that is left, plus the roughness
of the flow itself, which also shows where it is curved more than the window can follow. It does not know of the flow's
error at a step of the displacement, where the average over the window is smooth and wrong.

When not to use it: across faults and shear margins, which are smeared over the window; where images have lost much of
their likeness, because neighbouring pixels share one answer; for large displacements of fine texture that the coarse
levels do not show.
"""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from pydantic import model_validator

from sensetrack.flow.assess import Calibration
from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker
from sensetrack.types import FloatArray

SCALE = 100.0
"""Standard deviation that images are given; from 50 on the flow does not depend on it."""

LATER_LEVELS = 3
"""Levels of the passes after the first: little is left to be found."""

SMALLEST = 32
"""Pixels that the library wants along each side of a level; it leaves out levels that are smaller without a word."""


class Farneback(DenseTracker):
    """Dense flow by polynomial expansion."""

    pyr_scale: float = param(0.5, "Size of each level of the pyramid relative to the finer one.", ge=0.25, le=0.9)
    levels: int = param(5, "Levels of the pyramid, the image itself included.", ge=1, le=8)
    winsize: int = param(41, "Side of the window over which displacements are averaged; odd.", unit="px", ge=5, le=255)
    iterations: int = param(5, "Iterations at each level.", ge=1, le=100)
    poly_n: int = param(
        5, "Pixels to each side of a pixel to which its polynomial is fitted; usually 5 or 7.", unit="px", ge=2, le=15
    )
    poly_sigma: float = param(
        1.1, "Standard deviation of the polynomials' Gaussian weights: 1.1 for 5, 1.5 for 7.", unit="px", ge=0.5, le=5
    )
    gaussian: bool = param(
        True, "Average with Gaussian weights, of a standard deviation of 0.15 windows, instead of equal ones."
    )

    passes: int = param(
        2,
        "How often the flow is found; from the second time on, the secondary is moved back by what is known first.",
        ge=1,
        le=5,
    )
    smoothing: float = param(
        8.0, "Standard deviation of the Gaussian that smooths the flow between passes.", unit="px", ge=1, le=64
    )

    @model_validator(mode="after")
    def _check_window(self) -> Self:
        if self.winsize % 2 == 0:
            raise ValueError(
                f"winsize = {self.winsize} is even, for which the library takes {self.winsize + 1}; use an odd one"
            )
        if self.gaussian and self.winsize < 9:
            raise ValueError(
                f"winsize = {self.winsize} leaves a Gaussian window with hardly more than one pixel; "
                "use 9 or more, or gaussian = false"
            )
        coarsest = self.pyr_scale ** (self.levels - 1)
        if coarsest < 1 / 128:
            raise ValueError(
                f"levels = {self.levels} with pyr_scale = {self.pyr_scale:g} makes the coarsest level "
                f"{1 / coarsest:.0f} times smaller than the image; use fewer levels, at most 128 times"
            )
        return self

    @property
    def alignment(self) -> int:
        """Pixels of the image under one of the coarsest level, at least."""
        coarsest = self.pyr_scale ** (1 - self.levels)
        return max(4, 1 << (math.ceil(coarsest) - 1).bit_length())

    @property
    def reach(self) -> int:
        """The window, and the smoothing between passes; measured: blocks then differ by less than 0.001 px."""
        return self.winsize + (0 if self.passes == 1 else round(2 * self.smoothing))

    @property
    def error_window(self) -> int:
        """Where most of the weight of the averaging window is, and the polynomials around it."""
        return (round(0.6 * self.winsize) if self.gaussian else self.winsize) + self.poly_n

    @property
    def calibration(self) -> Calibration:
        """Measured on textures with 10 and 20 dB of noise, constant and smoothly varying displacement."""
        if self.passes == 1:
            return Calibration(noise=0.3, roughness=1.6)
        return Calibration(noise=1.2, roughness=0.9, floor=0.006)

    @property
    def ignores_weights(self) -> bool:
        """Whether holes are not seen to already between passes."""
        return self.passes == 1

    def _flow(
        self, reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        from sensetrack.flow.passes import in_passes

        levels = iter([self.levels] + [min(self.levels, LATER_LEVELS)] * (self.passes - 1))
        return in_passes(
            lambda first, second, _: self._find(first, second, next(levels)),
            reference,
            secondary,
            reference_weight,
            secondary_weight,
            passes=self.passes,
            smoothing=self.smoothing,
            longest=np.inf,
        )

    def _find(self, reference: FloatArray, secondary: FloatArray, levels: int) -> tuple[FloatArray, FloatArray]:
        """Return the library's flow."""
        import cv2

        # At its last row and column the library takes what it cannot see for a misfit: nothing must be there, at any
        # level. Nor may a level be so small that it is left out.
        coarsest = math.ceil(self.pyr_scale ** (1 - levels))
        blank = coarsest * (self.poly_n + 3)
        rows, cols = (max(size + blank, SMALLEST * coarsest) for size in reference.shape)
        first, second = np.zeros((rows, cols), np.float32), np.zeros((rows, cols), np.float32)
        inside = tuple(slice(0, size) for size in reference.shape)
        np.multiply(reference, np.float32(SCALE), out=first[inside])
        np.multiply(secondary, np.float32(SCALE), out=second[inside])
        flow = np.zeros((rows, cols, 2), np.float32)
        flags = cv2.OPTFLOW_FARNEBACK_GAUSSIAN if self.gaussian else 0
        # The library does not count the image itself among its levels.
        settings = (self.pyr_scale, levels - 1, self.winsize, self.iterations, self.poly_n, self.poly_sigma, flags)
        cv2.calcOpticalFlowFarneback(first, second, flow, *settings)
        return flow[..., 0][inside].copy(), flow[..., 1][inside].copy()
