"""Trains RAFT on labelled tiles of real pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sensetrack.nets.losses import end_point_error
from sensetrack.nets.raft import Raft, RaftShape, matching_loss, sequence_loss
from sensetrack.nets.raft_input import Even
from sensetrack.nets.raft_samples import batch_of, batches
from sensetrack.nets.raft_tiles import pair_of, read_tile
from sensetrack.nets.settings import RaftTraining
from sensetrack.nets.training import Batch, Step, Trained, train
from sensetrack.nets.weight_files import Weights, save_weights

KIND = "raft"
"""What its weights are called."""

ITERATIONS = 12
"""Of the net when it is scored."""


def make_step(iterations: int, matching: float = 0.0) -> Step:
    """Return the step of training: the loss of every iteration, and the error of the last.

    Parameters
    ----------
    iterations : int
    matching : float
        What `sensetrack.nets.raft.matching_loss` counts beside.
    """

    def step(net: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        assert isinstance(net, Raft)
        volumes = net.correlations(batch.reference, batch.secondary)
        flows = net.updated(batch.reference, volumes, iterations)
        loss = sequence_loss(flows, batch.truth, batch.inside)
        if matching:
            loss = loss + matching * matching_loss(volumes[0], batch.truth, batch.inside)
        return loss, end_point_error(flows[-1], batch.truth, batch.inside)

    return step


def evaluate(
    net: Raft,
    paths: Sequence[Path],
    even: Even,
    iterations: int = ITERATIONS,
    said: Callable[[str], None] = lambda line: None,
) -> dict[str, float]:
    """Return how far a net is from the labels of tiles: root mean square and mean length of the difference, in pixels.

    Parameters
    ----------
    net : Raft
    paths : sequence of Path
        Tiles; those of one pair follow each other.
    even : callable
        Evens out brightness and contrast as the tracker does.
    iterations : int
    said : callable
        Given a line for every pair.

    Returns
    -------
    dict
        ``rmse_px``, ``epe_px``, and ``still_px``: the root mean square length of the labels themselves, which is what a
        net that says zero would get.
    """
    device, was_training = str(next(net.parameters()).device), net.training
    net.eval()
    totals = []
    for name, part in groupby(paths, pair_of):
        sums = np.zeros(4)
        for path in part:
            sums += _sums(net, batch_of([read_tile(path)], even).to(device), iterations)
        said(f"{name}: " + ", ".join(f"{key} {value}" for key, value in _scores(sums).items()))
        totals.append(sums)
    net.train(was_training)
    return _scores(np.sum(totals, axis=0))


def _sums(net: Raft, batch: Batch, iterations: int) -> NDArray[np.float64]:
    """Return the sums of squared differences, of their lengths, of squared labels, and the number of pixels."""
    with torch.inference_mode():
        away = net(batch.reference, batch.secondary, iterations)[-1] - batch.truth
    square, still = ((part * part).sum(dim=1, keepdim=True) for part in (away, batch.truth))
    terms = square, square.sqrt(), still, torch.ones_like(square)
    return np.array([float((term * batch.inside).sum()) for term in terms])


def _scores(sums: NDArray[np.float64]) -> dict[str, float]:
    square, length, still = sums[:3] / max(sums[3], 1.0)
    return {
        "rmse_px": round(float(square**0.5), 4),
        "epe_px": round(float(length), 4),
        "still_px": round(float(still**0.5), 4),
    }


def train_raft(
    settings: RaftTraining,
    tiles: Sequence[Path],
    held_out: Sequence[Path],
    checkpoint: Path,
    weights: Path | None,
    command: str,
    even: Even,
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
    even : callable
        Evens out brightness and contrast as the tracker does.
    """
    torch.manual_seed(settings.seed)
    shape = RaftShape(small=settings.small)
    net = Raft(shape)
    make = batches(tiles, settings, even)
    result = train(net, make, make_step(settings.iterations, settings.matching), settings, checkpoint, said=said)
    scores = evaluate(net, held_out, even, said=said) if held_out else {}
    for name, value in scores.items():
        said(f"held-out tiles: {name} {value}")
    if weights is not None:
        record = result.record(command, net, scores, settings)
        record["held_out"] = record.pop("validation_epe_px")
        save_weights(weights, KIND, Weights(shape.to_dict(), net.state_dict()), record)
    return result
