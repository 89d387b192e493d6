"""Trains GeoFlowNet on made-up pairs, as Montagnon et al. (2024), section IV, do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from sensetrack.nets.faultdeform.stream import Stream
from sensetrack.nets.geoflow import KIND, SCALES, GeoFlowNet
from sensetrack.nets.losses import end_point_error, multiscale_loss
from sensetrack.nets.settings import GeoFlowTraining
from sensetrack.nets.training import Batch, Step, Trained, train
from sensetrack.nets.validation import ones, stack, validate
from sensetrack.nets.weight_files import Weights, save_weights

LARGEST_SHIFT = 1 / 3
"""Of the side of a sample: more is not taken out of it, for too little would be left to see."""


def make_step(aligned: bool) -> Step:
    """Return the step of training: the errors of five levels, the finest six times.

    Parameters
    ----------
    aligned : bool
        Whether the whole-pixel shift is taken out of each sample first.
    """

    def step(net: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        batch, masks, _ = align(batch) if aligned else (batch, ones(batch), None)
        flows = net(batch.reference, batch.secondary, masks)
        loss = multiscale_loss(flows[-SCALES:], batch.truth, batch.inside)
        return loss, end_point_error(flows[-1], batch.truth, batch.inside)

    return step


def align(batch: Batch) -> tuple[Batch, tuple[Tensor, Tensor], Tensor]:
    """Take out of each sample the whole pixels nearest to its median displacement, as the tracker does.

    Returns
    -------
    batch : Batch
    masks : tuple of Tensor
        Of both images; what the secondary does not reach any more is invalid.
    shifts : Tensor
        ``(sample, 2, 1, 1)``, dx and dy in pixels, by which truths became smaller.
    """
    most = int(LARGEST_SHIFT * batch.truth.shape[-1])
    seen = torch.where(batch.inside > 0, batch.truth, torch.nan).flatten(2)
    shifts = seen.nanmedian(dim=2).values.nan_to_num().round().clamp(-most, most)
    mask = torch.zeros_like(batch.secondary)
    moved = torch.zeros_like(batch.secondary)
    rows, cols = (int(side) for side in mask.shape[2:])
    for number, (dx, dy) in enumerate(shifts.int().tolist()):
        to = slice(max(0, -dy), rows - max(0, dy)), slice(max(0, -dx), cols - max(0, dx))
        since = slice(max(0, dy), rows - max(0, -dy)), slice(max(0, dx), cols - max(0, -dx))
        moved[number, :, *to] = batch.secondary[number, :, *since]
        mask[number, :, *to] = 1
    shifts = shifts[:, :, None, None]
    rest = replace(batch, secondary=moved, truth=batch.truth - shifts)
    return rest, (torch.ones_like(mask), mask), shifts


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

    def answer(batch: Batch) -> Tensor:
        rest, masks, shifts = align(batch) if settings.aligned else (batch, ones(batch), 0.0)
        return torch.as_tensor(net(rest.reference, rest.secondary, masks)[-1] + shifts)

    result = train(net, make, make_step(settings.aligned), settings, checkpoint, said=said)
    if weights is not None:
        scores = validate(net, answer, settings.stream.with_changes(scenes=16, faults=8), 8)
        record = result.record(command, net, scores, settings)
        shape = {"variant": settings.variant, "width": settings.width}
        save_weights(weights, KIND, Weights(shape, net.state_dict()), record)
    return result
