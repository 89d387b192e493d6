"""Flags matches whose quality is below a threshold."""

from __future__ import annotations

from typing import ClassVar

from sensetrack.displacement import Field, Flag
from sensetrack.filters._base import Filter
from sensetrack.params import param
from sensetrack.types import Mask


class Quality(Filter):
    """Keeps ``quality >= minimum``; raises `Flag.LOW_QUALITY`.

    A pixel without a quality (NaN), as a filled one is, cannot be shown to be good and is not kept.

    Quality is 0..1 and higher is better, but each tracker measures it in its own way, so a threshold found for one
    tracker says nothing about another. Look at the histogram first (``sensetrack report``), or use `sigma`, which
    means the same for all.

    Not for: snow, shadow or decorrelated radar scenes where all matches are weak but their neighbours agree; there
    `ndc` or `median-test` keeps what is right and a threshold on quality keeps nothing.
    """

    flag: ClassVar[Flag] = Flag.LOW_QUALITY

    minimum: float = param(0.3, "Least quality that is kept, in the measure of the tracker", unit="0..1", ge=0, le=1)

    @property
    def margin(self) -> int:
        """Output pixels around an area that influence its result: none."""
        return 0

    def keep(self, field: Field) -> Mask:
        """Return where the quality reaches the threshold."""
        enough: Mask = field.quality >= self.minimum
        return enough
