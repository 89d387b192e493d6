"""Fills narrow gaps from the valid pixels around them; wide ones stay as they are."""

from __future__ import annotations

import numpy as np

from sensetrack.params import param
from sensetrack.preprocess._base import ImageFilter, State
from sensetrack.types import Mask, PixelArray


class Fill(ImageFilter):
    """Gives invalid pixels of gaps up to ``width`` pixels wide the height of a plane through what lies around them.

    A gap is wide where a disc of ``width + 1`` pixels fits into it (the opening of the invalid pixels by that disc);
    what lies within such a disc, or up to ``width`` pixels beside one, stays invalid, so that wide holes keep their
    outline. What lies beyond the image counts as invalid. Every other gap pixel gets the value at its place of the
    plane that fits the valid pixels within ``width`` pixels best, weighted by ``distance^-4`` (moving least squares:
    Shepard 1968; Lancaster & Salkauskas 1981, Math. Comp. 37, 141), held within their range. Filled pixels are valid
    from then on: trackers take them for ground.

    For dead lines and pixels, gaps between scan lines of Landsat 7, narrow shadows in masks. A filled pixel shows
    nothing new, so do not fill gaps as wide as the tracker's window, where it would match what was made up.
    """

    width: int = param(5, "Width of the widest gap that is filled.", unit="px", ge=1, le=50)

    @property
    def margin(self) -> int:
        """Reach of the discs and of what is kept beside them."""
        return 2 * (self.width + 1)

    def _apply(self, pixels: PixelArray, valid: Mask, state: State, origin: tuple[int, int]) -> tuple[PixelArray, Mask]:
        from sensetrack.preprocess._fill import fill_at, narrow_gaps

        rows, cols = np.nonzero(narrow_gaps(valid, self.width))
        out, good = pixels.copy(), valid.copy()
        values = np.empty(rows.size, np.float32)
        fill_at(pixels, valid, rows, cols, self.width, values)
        out[rows, cols], good[rows, cols] = values, np.isfinite(values)
        return out, good
