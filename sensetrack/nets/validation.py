"""Batches of made-up pairs, and how well a net does on those that it has not seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from sensetrack.nets.faultdeform.stream import RANGES, Sample, Split, Stream, StreamSettings
from sensetrack.nets.losses import end_point_error
from sensetrack.nets.training import Batch


def stack(samples: list[Sample]) -> Batch:
    """Return samples as one batch."""
    reference = torch.from_numpy(np.stack([item.reference for item in samples]))[:, None]
    secondary = torch.from_numpy(np.stack([item.secondary for item in samples]))[:, None]
    truth = torch.from_numpy(np.stack([np.stack([item.dx, item.dy]) for item in samples]))
    inside = torch.from_numpy(np.stack([item.inside for item in samples]).astype(np.float32))[:, None]
    return Batch(reference, secondary, truth, inside)


def validate(
    net: nn.Module,
    answer: Callable[[Batch], Tensor],
    settings: StreamSettings,
    count: int,
    split: Split = "validation",
) -> dict[str, float]:
    """Return the mean end-point error in pixels for each range.

    Parameters
    ----------
    net : Module
        Set to evaluation meanwhile.
    answer : callable
        From a batch to the flow in pixels of the images.
    settings : StreamSettings
    count : int
        Samples of each range.
    split : {"train", "validation", "test"}
    """
    stream, device = Stream(settings, split), next(net.parameters()).device
    was_training = net.training
    net.eval()
    errors: list[list[float]] = [[] for _ in RANGES]
    with torch.inference_mode():
        for number in range(count * len(RANGES)):
            batch = stack([stream(number)]).to(str(device))
            errors[number % len(RANGES)].append(float(end_point_error(answer(batch), batch.truth, batch.inside)))
    net.train(was_training)
    names = [f"{low:g}-{high:g}" for low, high in RANGES]
    return {name: round(sum(part) / len(part), 4) for name, part in zip(names, errors, strict=True)}


def ones(batch: Batch) -> tuple[Tensor, Tensor]:
    """Return masks of images that are valid everywhere."""
    return torch.ones_like(batch.reference), torch.ones_like(batch.secondary)
