"""What may change the pixels of an image while they are read."""

from __future__ import annotations

from typing import Protocol

from sensetrack.raster.tiles import Block
from sensetrack.types import Mask, PixelArray


class Process(Protocol):
    """Changes the pixels of an image while they are read; pickles."""

    @property
    def margin(self) -> int:
        """Pixels around a window that influence its result."""
        ...

    @property
    def is_complex(self) -> bool | None:
        """Whether its results are complex; None: as what it is given."""
        ...

    @property
    def text(self) -> str:
        """What it does, for provenance."""
        ...

    def __call__(self, pixels: PixelArray, valid: Mask, block: Block) -> tuple[PixelArray, Mask]:
        """Return new pixels and where they are valid, for a window that lies at ``block`` and is 0 where invalid."""
        ...
