"""Brings the local mean and contrast to the same values everywhere (Wallis)."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._local import box_moments, difference
from sensetrack.preprocess._survey import sample_blocks
from sensetrack.preprocess._windows import OddWindow
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray


class Wallis(ImageFilter):
    """Gives every neighbourhood the same mean and standard deviation, so that shade and light count alike.

    With the mean ``m`` and standard deviation ``s`` of the valid pixels in the window, those of the whole image ``M``
    and ``T`` (the median of the windows' ``s``), and the targets ``mean`` and ``deviation``, a pixel ``f`` becomes
    ``(f - m) deviation / (contrast s + (1 - contrast) T) + mean + (1 - brightness) (m - M) deviation / T`` (Wallis
    1976, Proc. Symp. Current Mathematical Problems in Image Science; here in units of the image's own contrast, so
    that the settings mean the same for counts and for reflectance). ``s`` below ``floor`` x ``T`` is raised to it:
    noise on flat ground is amplified no further.

    For scenes with deep shadows, haze or uneven snow. Small windows (7 to 15) even out most of the light and leave only
    fine texture, which suits tracking; large ones (31 to 101) are for the eye. A strong edge changes the contrast
    around it up to half a window away.
    """

    window: OddWindow = param(11, "Side of the window, odd.", unit="px", ge=3, le=511)
    mean: float = param(127.0, "Mean that is aimed at.")
    deviation: float = param(50.0, "Standard deviation that is aimed at.", gt=0)
    contrast: float = param(1.0, "How far local contrast is evened out: 1 is entirely, 0 not at all.", ge=0, le=1)
    brightness: float = param(1.0, "How far the local mean is evened out: 1 is entirely, 0 not at all.", ge=0, le=1)
    floor: float = param(
        0.2, "Least local deviation that is evened out, as a share of the image's typical one.", gt=0, le=1
    )

    @property
    def margin(self) -> int:
        """Half the window."""
        return self.window // 2

    def fit(self, image: Image) -> State:
        """Learn the image's mean and its typical local deviation."""
        values: list[PixelArray] = [np.empty(0, np.float32)]
        deviations: list[PixelArray] = [np.empty(0, np.float32)]
        for _, pixels, valid in sample_blocks(image):
            _, deviation = box_moments(pixels, valid, self.window)
            values.append(pixels[valid])
            deviations.append(deviation[valid & (deviation > 0)])
        every, textured = np.concatenate(values), np.concatenate(deviations)
        return {
            "mean": np.asarray(every.mean(dtype=np.float64) if every.size else 0.0),
            "typical": np.asarray(np.median(textured) if textured.size else 0.0, np.float64),
        }

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        overall, typical = float(state["mean"]), float(state["typical"])
        if typical == 0:
            return np.full(pixels.shape, self.mean, np.float32), valid
        mean, deviation = box_moments(pixels, valid, self.window)
        spread = self.contrast * np.maximum(deviation, self.floor * typical) + (1 - self.contrast) * typical
        out = difference(pixels, mean) * (self.deviation / spread) + self.mean
        if self.brightness < 1:
            out += (1 - self.brightness) * (mean - overall) * (self.deviation / typical)
        return out, valid
