"""Which way brightness changes, not how much: complex numbers of length 1 that light hardly changes."""

from __future__ import annotations

from typing import Literal

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._local import gaussian_reach, gaussian_weights
from sensetrack.preprocess._plane import fit_planes, second_differences
from sensetrack.preprocess._survey import sample_blocks
from sensetrack.raster.image import Image
from sensetrack.types import ComplexArray, Mask, PixelArray

_SOBEL = np.array([2, 1]) / 4

_ROUNDING = 2.0**-20
"""Share of the image's typical value below which a difference of pixels is rounding."""


class Orientation(ImageFilter):
    """Replaces pixels by complex numbers that tell the direction of change, so that strong and weak edges count alike.

    ``gradient``: the unit vector of Sobel's gradient, ``g / |g|`` (Fitch, Kadyrov, Christmas & Kittler 2002,
    Orientation correlation, BMVC; Heid & Kaab 2012, Remote Sens. Environ. 118, 339). ``naof``: the near anisotropic
    orientation filter (Van Wyk de Vries & Wickert 2021, The Cryosphere 15, 2115): second differences along the
    columns and rows are one vector, those along the two diagonals another, and the mean of both unit vectors comes
    out; real and imaginary part are both kept here, where the paper adds them up. A change smaller than ``floor``
    times the image's median fades linearly to 0, so noise on flat ground stays small, and flat ground is 0.

    For pairs in different light: low sun, shadows, haze, ramps of brightness, gain that differs from part to part.
    Both trackers by windows, `pcc` and `ncc`, take complex images. Where the sun's azimuth changes by 50 to 130
    degrees relief looks different in kind, and no filter helps. Fine texture counts most: for noisy or blurred images
    raise ``sigma``, or take another filter. Pixels beside holes whose neighbours do not tell become invalid.
    """

    method: Literal["naof", "gradient"] = param(
        "naof", "Which changes: second differences in four directions, or the gradient."
    )
    sigma: float = param(0.0, "Standard deviation of a Gaussian that smooths first; 0 is none.", unit="px", ge=0, le=5)
    floor: float = param(
        1.0,
        "Change below which vectors are shorter than 1, in medians of the image's; larger suits noise.",
        ge=0,
        le=100,
    )

    @property
    def gives_complex(self) -> bool:
        """Always."""
        return True

    @property
    def margin(self) -> int:
        """One pixel, and half the support of the Gaussian."""
        return 1 + (gaussian_reach(self.sigma) if self.sigma else 0)

    def fit(self, image: Image) -> State:
        """Learn the median change and the typical value."""
        changes, values = [np.empty(0, np.float32)], [np.empty(0, np.float32)]
        for _, pixels, valid in sample_blocks(image):
            for vectors, known in self._changes(pixels, valid):
                length = np.abs(vectors[known])
                changes.append(length[length > 0])
            values.append(np.abs(pixels[valid]))
        change, value = np.concatenate(changes), np.concatenate(values)
        return {
            "change": np.asarray(np.median(change) if change.size else 0.0, np.float64),
            "value": np.asarray(np.median(value) if value.size else 0.0, np.float64),
        }

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        change, value = float(state["change"]), float(state["value"])
        least = max(self.floor * change, _ROUNDING * value, float(np.finfo(np.float32).tiny))
        total = np.zeros(pixels.shape, np.complex64)
        count = np.zeros(pixels.shape, np.float32)
        for vectors, known in self._changes(pixels, valid):
            total += vectors / np.maximum(np.abs(vectors), np.float32(least))
            count += known
        return total / np.maximum(count, 1), count > 0

    def _changes(self, pixels: PixelArray, valid: Mask) -> list[tuple[ComplexArray, Mask]]:
        """Return the vectors of change, 0 where they are not known, and where they are."""
        if self.sigma:
            pixels, _, _, valid = fit_planes(pixels, valid, gaussian_weights(self.sigma))
        if self.method == "gradient":
            _, x, y, good = fit_planes(pixels, valid, _SOBEL)
            return [((x + 1j * y).astype(np.complex64), good)]
        straight, diagonal, known = second_differences(pixels, valid)
        return [(straight, (known & 1) > 0), (diagonal, (known & 2) > 0)]
