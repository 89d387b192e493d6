"""Trains RAFT on labelled tiles of real pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sensetrack.nets.losses import end_point_error
from sensetrack.nets.raft import Raft, RaftShape, sequence_loss
from sensetrack.nets.raft_tiles import Tile, read_tile
from sensetrack.nets.settings import RaftTraining
from sensetrack.nets.training import Batch, Step, Trained, train
from sensetrack.nets.weight_files import Weights, save_weights

KIND = "raft"
"""What its weights are called."""

_SMOOTH, _SLOPE = (0.25, 0.5, 0.25), (-0.5, 0.0, 0.5)


def sobel(image: Tensor, mask: Tensor) -> Tensor:
    """Return the Sobel derivatives along columns and rows, of unit deviation within the mask, 0 outside of it.

    Parameters
    ----------
    image, mask : Tensor
        ``(sample, 1, row, col)``; pixels beside what is masked count as masked.

    Returns
    -------
    Tensor
        ``(sample, 2, row, col)``.
    """
    smooth, slope = image.new_tensor(_SMOOTH), image.new_tensor(_SLOPE)
    kernels = torch.stack([torch.outer(smooth, slope), torch.outer(slope, smooth)])[:, None]
    inner = 1 - functional.max_pool2d(1 - functional.pad(mask, (1, 1, 1, 1)), 3, 1)
    found = functional.conv2d(functional.pad(image * mask, (1, 1, 1, 1), mode="replicate"), kernels) * inner
    count = 2 * inner.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    power = (found * found).sum(dim=(1, 2, 3), keepdim=True) / count
    return found * torch.rsqrt(power + 1e-12)


def turned(tile: Tile, quarters: int, mirror: bool) -> Tile:
    """Return a tile turned by quarters against the clock, then mirrored left to right; its flow turns along."""
    tile = tile.each(lambda layer: np.rot90(layer, quarters))
    for _ in range(quarters % 4):
        tile = tile._replace(dx=tile.dy, dy=-tile.dx)
    if mirror:
        tile = tile.each(lambda layer: layer[:, ::-1])._replace(dx=-tile.dx[:, ::-1])
    return tile.each(np.ascontiguousarray)


def batch_of(tiles: Sequence[Tile]) -> Batch:
    """Return tiles as one batch; images are Sobel-filtered within the outline."""

    def stacked(name: str) -> Tensor:
        return torch.from_numpy(np.stack([getattr(tile, name) for tile in tiles]).astype(np.float32))[:, None]

    inside = stacked("inside")
    truth = torch.cat([stacked("dx"), stacked("dy")], dim=1)
    return Batch(sobel(stacked("reference"), inside), sobel(stacked("secondary"), inside), truth, inside)


def batches(paths: Sequence[Path], count: int, seed: int) -> Callable[[int], Batch]:
    """Return a function from the number of a step to a batch of tiles, turned and mirrored at random."""

    def make(number: int) -> Batch:
        rng = np.random.default_rng((seed, 7, number))
        chosen = rng.integers(len(paths), size=count)
        return batch_of(
            [turned(read_tile(paths[k]), int(rng.integers(4)), bool(rng.integers(2))) for k in chosen.tolist()]
        )

    return make


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
    make = batches(tiles, settings.batch, settings.seed)
    result = train(net, make, make_step(settings.iterations), settings, checkpoint, said=said)
    scores = evaluate(net, held_out) if held_out else {}
    for name, value in scores.items():
        said(f"held-out tiles: {name} {value}")
    if weights is not None:
        save_weights(
            weights, KIND, Weights(shape.to_dict(), net.state_dict()), result.record(command, net, scores, settings)
        )
    return result
