"""Laplacian of the image, or of the image smoothed by a Gaussian."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._local import gaussian_reach, gaussian_weights
from sensetrack.preprocess._plane import fit_planes, second_differences
from sensetrack.types import Mask, PixelArray


class Laplacian(ImageFilter):
    """Takes the sum of the second derivatives, per pixel squared: what is brighter than its surroundings is negative.

    The nine-point Laplacian, whose error is the same in all directions (weights 1-4-1, 4, -20 over 6; Horn 1986, Robot
    Vision, sect. 8.3), after a Gaussian of deviation ``sigma`` if any: then it is the Laplacian of a Gaussian (Marr &
    Hildreth 1980, Proc. R. Soc. Lond. B 207, 187). Next to holes the neighbours in line or on the diagonals do alone,
    and the smoothing fits planes to what is valid; pixels that have neither become invalid. Ramps vanish.

    Sharpens the finest texture and with it the noise: without ``sigma`` for clean images only. Real images only.
    """

    sigma: float = param(1.0, "Standard deviation of a Gaussian that smooths first; 0 is none.", unit="px", ge=0, le=5)

    @property
    def margin(self) -> int:
        """One pixel, and half the support of the Gaussian."""
        return 1 + (gaussian_reach(self.sigma) if self.sigma else 0)

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        if self.sigma:
            pixels, _, _, valid = fit_planes(pixels, valid, gaussian_weights(self.sigma))
        straight, diagonal, known = second_differences(pixels, valid)
        in_line, across = straight.real + straight.imag, 0.5 * (diagonal.real + diagonal.imag)
        both: PixelArray = np.where(known == 3, (2 * in_line + across) / 3, in_line + across)
        return both, known > 0
