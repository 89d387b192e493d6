"""Finds the flow once more without what has changed, so that it does not reach into the windows beside it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sensetrack.flow.changed import changed, moved, spread
from sensetrack.flow.compare import compare
from sensetrack.flow.lk import Found, Settings, Start, adaptive_lk, cropped
from sensetrack.flow.lk_prepare import Views, without
from sensetrack.flow.lk_smooth import LITTLE
from sensetrack.types import DoubleArray, FloatArray, Mask

FEW = 0.002
"""Share of cells that have changed, or turn out not to have, that is not worth another go."""

GOES = 3
"""Goes at most."""


class Outcome(NamedTuple):
    """A flow and what is left after it.

    Attributes
    ----------
    found : Found
    sums : ndarray of float64
        From `sensetrack.flow.compare.compare`.
    miss : ndarray of float32
        ``(row, col)``: pixels by which the way back misses the start; NaN where nothing was known to begin with.
    change : tuple of ndarray
        From `sensetrack.flow.changed.changed`.
    """

    found: Found
    sums: DoubleArray
    miss: FloatArray
    change: tuple[Mask, DoubleArray]


def in_goes(
    pyramid: list[Views],
    weights: tuple[FloatArray, FloatArray],
    back: tuple[FloatArray, FloatArray] | None,
    settings: Settings,
    start: Start,
    pad: int,
) -> Outcome:
    """Find the flow, look for what has changed, and find it again without that.

    Ground beside what has changed looks changed too as long as windows hold both; a third go gives it back.

    Parameters
    ----------
    pyramid : list of Views
    weights : tuple of ndarray of float32
        0..1, of the reference and the secondary, 0 where invalid.
    back : tuple of ndarray of float32 or None
        From `sensetrack.flow.lk.way_back`.
    settings : Settings
    start : Start
    pad : int
        As for `sensetrack.flow.lk.adaptive_lk`; what is returned has as many pixels as its flow.
    """
    away = cropped(pad, 0)
    rows, cols = pyramid[0].reference.shape
    inner = slice(away, rows - away), slice(away, cols - away)
    target, first, second = (np.ascontiguousarray(image[inner]) for image in (pyramid[0].secondary, *weights))
    found = adaptive_lk(pyramid, settings, start, pad)
    unknown = found.weight < LITTLE
    before: Mask | None = None
    for turn in range(GOES):
        sums, miss = compare(found.reference, target, first, second, found.flow, back)
        change = changed(sums)
        news = change[0] if before is None else before & ~change[0]
        if turn == GOES - 1 or news.mean() <= FEW:
            break
        before = change[0]
        kept = np.ones_like(pyramid[0].reference)
        kept[inner] = spread(before, found.flow[0].shape)
        rest = without(pyramid, kept, moved(kept, found.flow, away), settings.highpass)
        found = adaptive_lk(rest, settings, start, pad)
    miss[unknown] = np.nan
    return Outcome(found, sums, miss, change)
