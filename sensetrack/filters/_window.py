"""What the filters share that compare a pixel with the window around it."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator, model_validator

from sensetrack.filters._base import Filter
from sensetrack.params import param
from sensetrack.types import Mask


class WindowFilter(Filter):
    """A filter that looks at a square window of output pixels around each pixel, cut at the edges of the field."""

    window: int = param(5, "Side of the window, odd", unit="output px", ge=3, le=101)

    @field_validator("window")
    @classmethod
    def _is_odd(cls, window: int) -> int:
        if window % 2 == 0:
            raise ValueError(f"a window has a centre only when its side is odd; use {window - 1} or {window + 1}")
        return window

    @property
    def margin(self) -> int:
        """Output pixels around an area that influence its result: half a window."""
        return self.window // 2


class NeighbourFilter(WindowFilter):
    """A window filter that needs some neighbours before it can judge a pixel."""

    min_neighbours: int = param(
        5, "Usable neighbours that a judgement needs; with fewer, see isolated", unit="pixels", ge=1
    )
    isolated: Literal["keep", "remove"] = param(
        "keep", "What happens to a pixel with too few usable neighbours: keep (not judged) or remove"
    )

    @model_validator(mode="after")
    def _neighbours_fit(self) -> Self:
        most = self.window**2 - 1
        if self.min_neighbours > most:
            raise ValueError(
                f"min_neighbours = {self.min_neighbours}: a window of {self.window} x {self.window} has {most} "
                "neighbours; use fewer or a larger window"
            )
        return self

    def decide(self, good: Mask, count: NDArray[np.int32]) -> Mask:
        """Return ``good`` where at least ``min_neighbours`` were counted, and what ``isolated`` says elsewhere."""
        return np.where(count >= self.min_neighbours, good, self.isolated == "keep")
