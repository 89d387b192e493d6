"""Trains RAFT on labelled tiles of real pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from sensetrack.nets.losses import end_point_error
from sensetrack.nets.raft import Raft, RaftShape, sequence_loss
from sensetrack.nets.raft_samples import batch_of, batches
from sensetrack.nets.raft_tiles import read_tile
from sensetrack.nets.settings import RaftTraining
from sensetrack.nets.training import Batch, Step, Trained, train
from sensetrack.nets.weight_files import Weights, save_weights

KIND = "raft"
"""What its weights are called."""

def make_step(iterations: int) -> Step:
    """Return the step of training: the loss of every iteration, and the error of the last."""

    def step(net: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        flows = net(batch.reference, batch.secondary, iterations)
        return (
            sequence_loss(flows, batch.truth, batch.inside),
            end_point_error(flows[-1], batch.truth, batch.inside),
        )

    return step


def evaluate(net: Raft, paths: Sequence[Path], iterations: int = 24) -> dict[str, float]:
    """Return how far a net is from the labels of tiles: root mean square and mean length of the difference, in pixels.

    ``still_px`` is the root mean square length of the labels themselves: what a net that says zero would get.
    """
    device, was_training = str(next(net.parameters()).device), net.training
    net.eval()
    square, length, still, count = 0.0, 0.0, 0.0, 0.0
    with torch.inference_mode():
        for path in paths:
            batch = batch_of([read_tile(path)]).to(device)
            away = torch.linalg.vector_norm(
                net(batch.reference, batch.secondary, iterations)[-1] - batch.truth, dim=1, keepdim=True
            )
            square += float((away**2 * batch.inside).sum())
            length += float((away * batch.inside).sum())
            still += float(((batch.truth**2).sum(dim=1, keepdim=True) * batch.inside).sum())
            count += float(batch.inside.sum())
    net.train(was_training)
    count = max(count, 1.0)
    return {
        "rmse_px": round((square / count) ** 0.5, 4),
        "epe_px": round(length / count, 4),
        "still_px": round((still / count) ** 0.5, 4),
    }


def train_raft(
    settings: RaftTraining,
    tiles: Sequence[Path],
    held_out: Sequence[Path],
    checkpoint: Path,
    weights: Path | None,
    command: str,
    said: Callable[[str], None],
) -> Trained:
    """Train, and write weights when a path for them is given.

    Parameters
    ----------
    settings : RaftTraining
    tiles, held_out : sequence of Path
        Files to train on, and to score with.
    checkpoint, said
        As for `sensetrack.nets.training.train`.
    weights : Path, optional
        Written at the end of the run, with a record that holds the scores on ``held_out``.
    command : str
        For the record.
    """
    torch.manual_seed(settings.seed)
    shape = RaftShape(small=settings.small)
    net = Raft(shape)
    make = batches(tiles, settings)
    result = train(net, make, make_step(settings.iterations), settings, checkpoint, said=said)
    scores = evaluate(net, held_out) if held_out else {}
    for name, value in scores.items():
        said(f"held-out tiles: {name} {value}")
    if weights is not None:
        record = result.record(command, net, scores, settings)
        record["held_out"] = record.pop("validation_epe_px")
        save_weights(weights, KIND, Weights(shape.to_dict(), net.state_dict()), record)
    return result
