"""Turns pixels into their rank among those around them, which changed light leaves alone."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._local import box_moments
from sensetrack.preprocess._survey import sample_blocks
from sensetrack.preprocess._windows import OddWindow
from sensetrack.raster.image import Image
from sensetrack.types import Mask, PixelArray


class Rank(ImageFilter):
    """Gives each pixel the share of its neighbours that are darker, less the share that are brighter.

    Any change of light that keeps the order of neighbouring pixels leaves ranks as they are (Zabih & Woodfill 1994,
    *Non-parametric local transforms for computing visual correspondence*, ECCV, section 3). Here the step from darker
    to brighter is soft, ``d / sqrt(d^2 + s^2)`` of the difference ``d``, so that noise does not flip it and the result
    can be differentiated; ``s`` is ``softness`` times the standard deviation of the valid pixels in ``window``, which
    is raised to ``floor`` times the image's typical one where it is less.

    For pairs whose sun has moved and for single spoilt pixels, above all with dense trackers (`adaptive-lk`, `dis`).
    Not where light is the same and noise is strong, since weak texture then counts as much as strong; nor for motion
    that strains the ground within ``side``, such as displacements that differ by a pixel from one to the next.
    """

    side: OddWindow = param(5, "Side of the window of neighbours, odd.", unit="px", ge=3, le=15)
    softness: float = param(0.5, "Difference that counts 0.7, as a share of the local standard deviation.", gt=0, le=10)
    window: OddWindow = param(25, "Side of the window of the local deviation, odd.", unit="px", ge=3, le=511)
    floor: float = param(0.1, "Least local deviation, as a share of the image's typical one.", gt=0, le=1)

    @property
    def margin(self) -> int:
        """Half the larger window."""
        return max(self.side, self.window) // 2

    def fit(self, image: Image) -> State:
        """Learn the image's typical local deviation."""
        deviations: list[PixelArray] = [np.empty(0, np.float32)]
        for _, pixels, valid in sample_blocks(image):
            _, deviation = box_moments(pixels, valid, self.window)
            deviations.append(deviation[valid & (deviation > 0)])
        textured = np.concatenate(deviations)
        return {"typical": np.asarray(np.median(textured) if textured.size else 0.0, np.float64)}

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        from sensetrack.preprocess._ranks import soft_ranks

        typical = float(state["typical"])
        if typical == 0:
            return np.zeros(pixels.shape, np.float32), valid
        _, deviation = box_moments(pixels, valid, self.window)
        softness = (self.softness * np.maximum(deviation, self.floor * typical)).astype(np.float32)
        return soft_ranks(pixels.astype(np.float32, copy=False), valid, softness, self.side // 2), valid
