"""Takes out stripes of any direction: a filter of the spectrum along their line."""

from __future__ import annotations

import numpy as np

from sensetrack.log import logger
from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.preprocess._local import gaussian, gaussian_reach, masked_gaussian
from sensetrack.preprocess._stripes import Comb, common_angle
from sensetrack.preprocess._survey import SAMPLE_BLOCK, sample_blocks
from sensetrack.preprocess.fill import Fill
from sensetrack.raster.image import Image
from sensetrack.types import FloatArray, Mask, PixelArray

_log = logger(__name__)

_LINE = 10
"""Pixels across a line of gaps, which unless it is filled first looks like a stripe."""

_LEAST = 0.5
"""Share of a block that must be valid to tell of stripes."""


class Destripe(ImageFilter):
    """Subtracts stripes of one direction, found in the spectrum of overlapping windows.

    Stripes lie on the line of the spectrum through the origin and across their direction. Of each frequency near that
    line (a Gaussian of one period per window, widening by ``tolerance``) what exceeds four times the typical power of
    its scale is taken for stripes, so that texture keeps what it has in that direction, where a plain notch would take
    it all. What is wider than ``width`` stays. Windows overlap by half and are weighted by sines, whose squares add up
    to 1, on a lattice that is fixed to the image; in holes the stripes that were found are continued until they agree
    (Papoulis 1975, IEEE Trans. Circuits Syst. 22, 735). The velocities of ITS_LIVE from Landsat 4 and 5 rest
    on images from which a whole wedge of the spectrum was cut.

    For detector stripes and scan lines of images that were turned onto a map. Stripes along rows or columns of an image
    in the geometry of the sensor are better told from ground by `svd`. Crevasses and furrows that fill windows with
    parallel lines of exactly this direction count as stripes.
    """

    angle: float | None = param(
        None,
        "Direction of the stripes, clockwise from the rows: 0 runs along rows, 90 along columns; default: the one that "
        "stands out in the image's spectrum.",
        unit="degrees",
        ge=-180,
        le=180,
    )
    tolerance: float = param(
        2.0, "Standard deviation of how far stripes may be off that direction.", unit="degrees", ge=0, le=20
    )
    width: float = param(
        20.0, "Standard deviation of the Gaussian that takes out what is wider than stripes.", unit="px", ge=1, le=200
    )
    window: int = param(
        256, "Side of the windows, even; wider ones tell stripes better from ground.", unit="px", ge=32, le=2048,
        multiple_of=2,
    )  # fmt: skip

    @property
    def margin(self) -> int:
        """A window, and the reach of the Gaussian."""
        return self.window + gaussian_reach(self.width)

    def fit(self, image: Image) -> State:
        """Learn the ``angle``, an array of one number; NaN where there are no stripes."""
        if self.angle is not None:
            return {"angle": np.array([self.angle])}
        windows = [self._sample(pixels, valid) for _, pixels, valid in sample_blocks(image) if valid.mean() > _LEAST]
        angle = common_angle(np.stack(windows)) if windows else float("nan")
        if np.isnan(angle):
            _log.warning("%s: destripe finds no stripes and changes nothing; angle=DEGREES tells it where", image.name)
        else:
            _log.info("%s: stripes run at %.1f degrees from the rows", image.name, angle)
        return {"angle": np.array([angle])}

    def _sample(self, pixels: PixelArray, valid: Mask) -> FloatArray:
        """Return a block without what is wide, its lines of gaps filled, fading to 0 towards what is invalid."""
        pixels, valid = Fill(width=_LINE).run(pixels, valid, {}, (0, 0))
        fade = np.maximum(2 * gaussian(valid.astype(np.float32), 4.0) - 1, 0)
        window = np.zeros((SAMPLE_BLOCK, SAMPLE_BLOCK), np.float32)
        window[: valid.shape[0], : valid.shape[1]] = self._fine(pixels, valid) * fade
        return window

    def _fine(self, pixels: PixelArray, valid: Mask) -> FloatArray:
        """Return the valid pixels without what is wider than stripes; 0 elsewhere."""
        return np.where(valid, pixels - masked_gaussian(pixels, valid, self.width), np.float32(0)).astype(np.float32)

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        angle = float(state["angle"][0])
        if np.isnan(angle):
            return pixels, valid
        comb = Comb(self.window, angle, self.tolerance)
        half = self.window // 2
        # The lattice of windows starts at multiples of half a window of the image; each pixel lies in four of them.
        before = [start % half + half for start in origin]
        pads = [(first, -(first + size) % half + half) for first, size in zip(before, pixels.shape, strict=True)]
        fine, known = np.pad(self._fine(pixels, valid), pads), np.pad(valid, pads)
        stripes = np.zeros_like(fine)
        for row in range(0, fine.shape[0] - half, half):
            rows = slice(row, row + self.window)
            places = [
                (rows, slice(col, col + self.window))
                for col in range(0, fine.shape[1] - half, half)
                if known[rows, col : col + self.window].any()
            ]
            if places:
                found = comb.stripes(np.stack([fine[at] for at in places]), np.stack([known[at] for at in places]))
                for at, part in zip(places, found, strict=True):
                    stripes[at] += part
        inner = tuple(slice(first, first + size) for first, size in zip(before, pixels.shape, strict=True))
        return pixels - stripes[inner], valid
