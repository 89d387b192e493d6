"""Trains the net of `deep-lk` on made-up pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from sensetrack.nets.faultdeform.stream import Split, Stream, StreamSettings
from sensetrack.nets.losses import end_point_error, robust_loss
from sensetrack.nets.pyramid import PyramidNet, PyramidShape
from sensetrack.nets.settings import DeepLkTraining
from sensetrack.nets.training import Batch, Step, Trained, train
from sensetrack.nets.validation import ones, stack, validate
from sensetrack.nets.weight_files import Weights, save_weights

LARGE_EVERY = 4
"""Every how many steps samples have twice the side, and are a quarter as many: room for long displacements."""

HOLES = 0.15
"""Share of samples with a hole in one of the images."""


def batches(settings: StreamSettings, batch: int, split: Split = "train") -> Callable[[int], Batch]:
    """Return a function from the number of a step to its batch.

    Parameters
    ----------
    settings : StreamSettings
        ``size`` is that of most samples; every `LARGE_EVERY` steps they have twice the side.
    batch : int
        Samples per step, of the usual size.
    split : str
    """
    usual, large = Stream(settings, split), Stream(settings.with_changes(size=2 * settings.size), split)

    def make(step: int) -> Batch:
        if step % LARGE_EVERY == LARGE_EVERY - 1:
            count = max(1, batch // 4)
            # One more per step, so that all ranges have their turn.
            return stack([large(step * count + step // LARGE_EVERY + k) for k in range(count)])
        return stack([usual(step * batch + k) for k in range(batch)])

    return make


def make_step(scales: tuple[int, ...], seed: int) -> Step:
    """Return the step of training: sometimes with a second pass at the finest scale, sometimes with holes."""
    rng = np.random.default_rng((seed, 5))

    def step(net: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        masks = _masks(batch, rng)
        chosen = (*scales, 1) if rng.random() < 0.3 else scales
        flows = net(batch.reference * masks[0], batch.secondary * masks[1], masks, chosen)
        inside = batch.inside * masks[0]
        return robust_loss(flows, batch.truth, inside), end_point_error(flows[-1], batch.truth, inside)

    return step


def _masks(batch: Batch, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the valid pixels of both images: all, but for a few rectangles."""
    first, second = torch.ones_like(batch.reference), torch.ones_like(batch.reference)
    rows, cols = batch.reference.shape[-2:]
    for sample in range(len(first)):
        if rng.random() < HOLES:
            top, left = int(rng.integers(rows)), int(rng.integers(cols))
            height, width = int(rng.integers(4, rows // 2)), int(rng.integers(4, cols // 2))
            (first if rng.random() < 0.5 else second)[sample, :, top : top + height, left : left + width] = 0
    return first, second


def train_deep_lk(
    settings: DeepLkTraining, checkpoint: Path, weights: Path | None, command: str, said: Callable[[str], None]
) -> Trained:
    """Train, and write weights when a path for them is given.

    Parameters
    ----------
    settings : DeepLkTraining
    checkpoint : Path
        As for `sensetrack.nets.training.train`.
    weights : Path, optional
        Written at the end of the run, with a record that holds the scores on the validation set.
    command : str
        For the record.
    said : callable
        Given a line from time to time.
    """
    torch.manual_seed(settings.seed)
    shape = PyramidShape(channels=settings.channels)
    net = PyramidNet(shape).to(memory_format=torch.channels_last)
    make = batches(settings.stream, settings.batch)
    result = train(net, make, make_step(shape.scales, settings.seed), settings, checkpoint, said=said)
    if weights is not None:
        scores = validate(
            net,
            lambda batch: net(batch.reference, batch.secondary, ones(batch), both_ways=True)[-1],
            settings.stream.with_changes(size=256, scenes=16, faults=8),
            8,
        )
        record = result.record(command, net, scores, settings)
        save_weights(weights, "deep-lk", Weights(shape.to_dict(), net.state_dict()), record)
    return result
