"""Trains GeoFlowNet on made-up pairs, as Montagnon et al. (2024), section IV, do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from sensetrack.nets.faultdeform.stream import Stream
from sensetrack.nets.geoflow import KIND, SCALES, GeoFlowNet
from sensetrack.nets.losses import end_point_error, multiscale_loss
from sensetrack.nets.settings import GeoFlowTraining
from sensetrack.nets.training import Batch, Trained, train
from sensetrack.nets.validation import ones, stack, validate
from sensetrack.nets.weight_files import Weights, save_weights


def step(net: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return loss and end-point error: the errors of five levels, the finest six times."""
    flows = net(batch.reference, batch.secondary, ones(batch))
    loss = multiscale_loss(flows[-SCALES:], batch.truth, batch.inside)
    return loss, end_point_error(flows[-1], batch.truth, batch.inside)


def train_geoflow(
    settings: GeoFlowTraining, checkpoint: Path, weights: Path | None, command: str, said: Callable[[str], None]
) -> Trained:
    """Train, and write weights when a path for them is given.

    Parameters
    ----------
    settings : GeoFlowTraining
    checkpoint, said
        As for `sensetrack.nets.training.train`.
    weights : Path, optional
        Written at the end of the run, with a record that holds the scores on the validation set.
    command : str
        For the record.
    """
    torch.manual_seed(settings.seed)
    net = GeoFlowNet(settings.variant, settings.width).to(memory_format=torch.channels_last)
    stream, count = Stream(settings.stream), settings.batch

    def make(number: int) -> Batch:
        return stack([stream(number * count + k) for k in range(count)])

    result = train(net, make, step, settings, checkpoint, said=said)
    if weights is not None:
        scores = validate(
            net,
            lambda batch: net(batch.reference, batch.secondary, ones(batch))[-1],
            settings.stream.with_changes(scenes=16, faults=8),
            8,
        )
        record = result.record(command, net, scores, settings)
        shape = {"variant": settings.variant, "width": settings.width}
        save_weights(weights, KIND, Weights(shape, net.state_dict()), record)
    return result
