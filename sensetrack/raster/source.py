"""What reads the pixels of an image whose file needs more than GDAL to be understood."""

from __future__ import annotations

from typing import Protocol

from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PixelArray


class Source(Protocol):
    """Reads the pixels of an image before any resampling; pickles, and holds no open file."""

    def read(self, block: Block, shape: tuple[int, int]) -> tuple[PixelArray, Mask]:
        """Return the pixels of a window inside the image and where they are valid, 0 where they are not.

        ``shape`` is that of the window, or smaller to have it decimated.
        """
        ...
