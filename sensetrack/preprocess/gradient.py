"""Gradient of the image: both components as one complex number, or its length, x or y."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import model_validator

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._local import gaussian_weights
from sensetrack.preprocess._plane import fit_planes
from sensetrack.types import DoubleArray, Mask, PixelArray

_SMOOTH = {
    "sobel": np.array([2, 1]) / 4,
    "scharr": np.array([10, 3]) / 16,
    "farid": np.array([0.426375, 0.249153, 0.037659]) / (0.426375 + 2 * (0.249153 + 0.037659)),
}
_FARID_SLOPE = np.array([0.276691, 0.109604]) / (2 * (0.276691 + 2 * 0.109604))
"""Scaled so that the slope of a ramp is exact, as it is for the other kernels."""

DEFAULT_SIGMA = 1.0
"""Standard deviation of the Gaussian kernel, in pixels, when none is given."""


class Gradient(ImageFilter):
    """Takes the slope of brightness: ``gx + i gy``, per pixel, x to the right and y down.

    Offsets and slow ramps drop out, edges remain. As a complex number nothing is lost: both components are correlated
    at once. Kernels: Sobel's and Scharr's 3 x 3, that of Farid & Simoncelli (2004, IEEE Trans. Image Process. 13,
    496, 5 taps), or the derivative of a Gaussian. Where invalid pixels or the border lie in the kernel, the plane that
    fits the valid pixels best gives the slope; pixels with too few of them, or all on one line, become invalid.

    Real images only. Noise grows with frequency: for noisy images take ``kernel = gaussian``. ``magnitude`` forgets
    the direction, so it looks alike under opposite light, but its edges have twice the frequency.
    """

    kernel: Literal["sobel", "scharr", "farid", "gaussian"] = param("sobel", "How the slope is taken.")
    sigma: float | None = param(
        None, f"Standard deviation of kernel gaussian; default: {DEFAULT_SIGMA:g}.", unit="px", ge=0.5, le=5
    )
    output: Literal["components", "magnitude", "x", "y"] = param(
        "components", "What comes out: both components as complex numbers, their length, or one of them."
    )

    @model_validator(mode="after")
    def _check_sigma(self) -> Self:
        if self.sigma is not None and self.kernel != "gaussian":
            raise ValueError(f"sigma = {self.sigma:g} means nothing with kernel {self.kernel}; use kernel gaussian")
        return self

    @property
    def gives_complex(self) -> bool:
        """Whether both components are asked for."""
        return self.output == "components"

    @property
    def margin(self) -> int:
        """Half the kernel."""
        return self._smooth.size - 1

    @property
    def _smooth(self) -> DoubleArray:
        return gaussian_weights(self.sigma or DEFAULT_SIGMA) if self.kernel == "gaussian" else _SMOOTH[self.kernel]

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        slope = _FARID_SLOPE if self.kernel == "farid" else None
        _, x, y, good = fit_planes(pixels, valid, self._smooth, slope)
        if self.output == "x":
            return x, good
        if self.output == "y":
            return y, good
        components: PixelArray = x + 1j * y
        return (np.abs(components) if self.output == "magnitude" else components), good
