"""Flags matches whose probability is low, or does not stand out among that of the other candidates."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from sensetrack.displacement import Field, Flag
from sensetrack.filters._base import Filter
from sensetrack.params import param
from sensetrack.types import Mask


class Probability(Filter):
    """Keeps ``p >= minimum`` and ``p > mean + sigmas * std``; raises `Flag.LOW_QUALITY`.

    ``p`` is the quality of the tracker `cnn`: the probability of the best candidate. ``mean`` and ``std`` are those of
    the probabilities of all candidates of the same tile, its layers ``probability_mean`` and ``probability_std``.
    Fields of other trackers have none and are judged by ``minimum`` alone.

    Source: Łucka 2025, Remote Sensing Applications: Society and Environment, 101476, with 3 sigmas and a threshold.
    With hundreds of candidates the best always stands out by a few sigmas, so it is mostly the threshold that decides;
    `cnn` flags what is below its own ``min_probability``, which must be lower than ``minimum`` for that to matter.

    Not for: qualities that are no probabilities, as those of all other trackers; `quality` says what it does there.
    """

    flag: ClassVar[Flag] = Flag.LOW_QUALITY

    sigmas: float = param(
        3.0, "Standard deviations above the mean of the tile's candidates that are asked for", unit="sigma", ge=0
    )
    minimum: float = param(0.5, "Least probability that is kept", unit="0..1", ge=0, le=1)

    @property
    def margin(self) -> int:
        """Output pixels around an area that influence its result: none."""
        return 0

    def keep(self, field: Field) -> Mask:
        """Return where the match is probable and stands out."""
        enough: Mask = field.quality >= self.minimum
        mean, std = (field.extra.get(f"probability_{name}") for name in ("mean", "std"))
        if mean is None or std is None:
            return enough
        return np.asarray(enough & (field.quality > mean + np.float32(self.sigmas) * std))
