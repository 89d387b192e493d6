"""Dense flow by polynomial expansion, coarse to fine (OpenCV's Farneback).

Every neighbourhood of both images is described by a quadratic polynomial; the displacement is the one that turns the
polynomials of the one image into those of the other, averaged over a window (Farnebäck 2003, *Two-frame motion
estimation based on polynomial expansion*, eq. 12 and 20), from the coarsest level of a pyramid to the finest.

The library takes its images in single precision; rounded to 8 bit they give the same flow to 0.001 px, but images in
0..1, which it takes as well, a flow of zero: its equations are damped by a constant that only suits large values. So
images are given to it with a standard deviation of 100.

Quality is the correlation of the reference with the secondary moved back, lowered where the way back misses the start.
The covariance is that of a match of the window that is averaged over, from the misfit that is left, plus the roughness
of the flow itself, which also shows where it is curved more than the window can follow. It does not know of the flow's
error at a step of the displacement, where the average over the window is smooth and wrong.

When not to use it: across faults and shear margins, which are smeared over the window; where images have lost much of
their likeness, because every pixel gets an answer from somewhere; for large displacements of fine texture that the
coarse levels do not show.
"""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from sensetrack.flow.assess import Calibration
from sensetrack.params import param
from sensetrack.trackers._dense import DenseTracker
from sensetrack.types import FloatArray

SCALE = 100.0
"""Standard deviation that images are given; from 50 on the flow does not depend on it."""

SMALLEST = 32
"""Pixels that the library wants along each side of a level; it leaves out levels that are smaller without a word."""


class Farneback(DenseTracker):
    """Dense flow by polynomial expansion."""

    pyr_scale: float = param(0.5, "Size of each level of the pyramid relative to the finer one.", ge=0.25, le=0.9)
    levels: int = param(4, "Levels of the pyramid, the image itself included.", ge=1, le=8)
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
        return max(4, 1 << (int(coarsest) - 1).bit_length())

    @property
    def reach(self) -> int:
        """Measured: two windows, and what the levels see beyond."""
        return 2 * self.winsize + 64

    @property
    def error_window(self) -> int:
        """Where most of the weight of the averaging window is, and the polynomials around it."""
        return (round(0.6 * self.winsize) if self.gaussian else self.winsize) + self.poly_n

    @property
    def calibration(self) -> Calibration:
        """Measured on textures with 10 and 20 dB of noise, constant and smoothly varying displacement."""
        return Calibration(noise=0.3, roughness=1.6)

    def _flow(
        self, reference: FloatArray, secondary: FloatArray, reference_weight: FloatArray, secondary_weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        import cv2
        import numpy as np

        # At its last row and column the library takes what it cannot see for a misfit: nothing must be there, at any
        # level. Nor may a level be so small that it is left out.
        blank = self.alignment * (self.poly_n + 3)
        least = SMALLEST * self.alignment
        rows, cols = (max(size + blank, least) for size in reference.shape)
        first, second = np.zeros((rows, cols), np.float32), np.zeros((rows, cols), np.float32)
        inside = tuple(slice(0, size) for size in reference.shape)
        np.multiply(reference, np.float32(SCALE), out=first[inside])
        np.multiply(secondary, np.float32(SCALE), out=second[inside])
        flow = np.zeros((rows, cols, 2), np.float32)
        flags = cv2.OPTFLOW_FARNEBACK_GAUSSIAN if self.gaussian else 0
        settings = (self.pyr_scale, self.levels, self.winsize, self.iterations, self.poly_n, self.poly_sigma, flags)
        cv2.calcOpticalFlowFarneback(first, second, flow, *settings)
        return flow[..., 0][inside].copy(), flow[..., 1][inside].copy()
