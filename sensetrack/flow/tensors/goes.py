"""Finds the flow once more without what has changed: the twin of `sensetrack.flow.lk_goes`."""

from __future__ import annotations

from typing import NamedTuple

import torch

from sensetrack.flow.lk import Settings, cropped
from sensetrack.flow.lk_goes import FEW, GOES
from sensetrack.flow.lk_smooth import LITTLE
from sensetrack.flow.tensors.changed import changed, moved, spread
from sensetrack.flow.tensors.compare import compare
from sensetrack.flow.tensors.level import Flow
from sensetrack.flow.tensors.lk import Found, Start, adaptive_lk
from sensetrack.flow.tensors.views import Views, crop, without


class Outcome(NamedTuple):
    """A flow and what is left after it: tensors in place of the arrays of `sensetrack.flow.lk_goes.Outcome`."""

    found: Found
    sums: torch.Tensor
    miss: torch.Tensor
    change: tuple[torch.Tensor, torch.Tensor]


def in_goes(
    pyramid: list[Views],
    weights: tuple[torch.Tensor, torch.Tensor],
    back: Flow | None,
    settings: Settings,
    start: Start,
    pad: int,
) -> Outcome:
    """Find the flow, look for what has changed, and find it again without that; see `sensetrack.flow.lk_goes.in_goes`.

    Parameters
    ----------
    pyramid : list of Views
    weights : tuple of Tensor
        0..1, of the reference and the secondary, 0 where invalid.
    back : tuple of Tensor or None
        From `sensetrack.flow.tensors.lk.way_back`.
    settings : Settings
    start : Start
    pad : int
        As for `sensetrack.flow.lk.adaptive_lk`; what is returned has as many pixels as its flow.
    """
    away = cropped(pad, 0)
    target, shares = crop(pyramid[0].secondary, away), (crop(weights[0], away), crop(weights[1], away))
    found = adaptive_lk(pyramid, settings, start, pad)
    unknown = found.weight < LITTLE
    before: torch.Tensor | None = None
    for turn in range(GOES):
        sums, miss = compare(found.reference, target, shares, found.flow, back)
        change = changed(sums)
        news = change[0] if before is None else before & ~change[0]
        if turn == GOES - 1 or float(news.double().mean()) <= FEW:
            break
        before = change[0]
        kept = torch.ones_like(pyramid[0].reference)
        kept[away : kept.shape[0] - away, away : kept.shape[1] - away] = spread(before, found.flow[0].shape)
        rest = without(pyramid, kept, moved(kept, found.flow, away), settings.highpass)
        del found, kept  # what the last go left takes memory that the next needs
        found = adaptive_lk(rest, settings, start, pad)
    return Outcome(found, sums, miss.masked_fill_(unknown, torch.nan), change)
