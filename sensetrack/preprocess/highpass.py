"""Takes out what varies slowly: the local mean, Gaussian or box."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._local import difference, gaussian_reach, masked_box, masked_gaussian
from sensetrack.types import Mask, PixelArray


class Highpass(ImageFilter):
    """Subtracts the local mean of the valid pixels, so that what is larger than ``sigma`` fades.

    Takes out haze, slow changes of light and the ramps between acquisitions; texture stays as it is. Flat ground
    becomes 0. Beside holes and borders the mean is that of the side that is there, so a ramp leaves a trace of its
    slope times ``sigma`` at most. Where light has changed strongly 2 to 4 pixels help more. Not for images whose only
    texture is coarse.
    """

    takes_complex: ClassVar[bool] = True

    sigma: float = param(
        8.0,
        "Standard deviation of the mean's Gaussian, or of the box of equal spread (at least 3 x 3).",
        unit="px",
        ge=0.5,
        le=200,
    )
    shape: Literal["gaussian", "box"] = param("gaussian", "Weights of the mean: Gaussian, or equal in a square.")

    @property
    def margin(self) -> int:
        """Half the support of the mean."""
        return gaussian_reach(self.sigma) if self.shape == "gaussian" else self._box // 2

    @property
    def _box(self) -> int:
        """Odd side of the box whose variance, ``(n^2 - 1) / 12``, is nearest to that of the Gaussian."""
        return max(3, 2 * round((math.sqrt(12 * self.sigma**2 + 1) - 1) / 2) + 1)

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        if self.shape == "gaussian":
            return difference(pixels, masked_gaussian(pixels, valid, self.sigma)), valid
        return difference(pixels, masked_box(pixels, valid, self._box)), valid
