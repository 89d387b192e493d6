"""How far a flow is from the truth: the end-point error, and what nets are trained on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def end_point_error(flow: Tensor, truth: Tensor, inside: Tensor) -> Tensor:
    """Return the mean length of the difference of two flows, ``(sample, 2, row, col)``, where ``inside`` is 1."""
    length = torch.linalg.vector_norm(flow - truth, dim=1, keepdim=True)
    return (length * inside).sum() / inside.sum().clamp(min=1)


def shrink(truth: Tensor, inside: Tensor, shape: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the truth on a coarser level, as mean over its pixels and in its pixels, and the share that counts."""
    factor = truth.shape[-1] / shape[1]
    total = functional.interpolate(torch.cat([truth * inside, inside], dim=1), size=shape, mode="area")
    share = total[:, 2:]
    return total[:, :2] / share.clamp(min=1e-3) / factor, share


def robust_loss(flows: Sequence[Tensor], truth: Tensor, inside: Tensor, gain: float = 0.6) -> Tensor:
    """Return the loss of flows from coarse to fine, each in pixels of its own level.

    The length of the error to the power of 0.7, so that hundredths of a pixel count beside long errors; a level counts
    ``gain`` times as much as the next finer one.
    """
    total = truth.new_zeros(())
    for number, flow in enumerate(reversed(flows)):
        goal, share = shrink(truth, inside, (int(flow.shape[2]), int(flow.shape[3])))
        square = ((flow - goal) ** 2).sum(dim=1, keepdim=True)
        error = (square + 1e-4) ** 0.35
        total = total + gain**number * (error * share).sum() / share.sum().clamp(min=1)
    return total


def multiscale_loss(flows: Sequence[Tensor], truth: Tensor, inside: Tensor, finest: float = 6.0) -> Tensor:
    """Return the end-point errors of flows from coarse to fine, in pixels of the images, weighted and averaged.

    The last of them counts ``finest`` times, the others once (Montagnon et al. 2024, section IV). Flows of all levels
    are in pixels of the images.
    """
    total, weights = truth.new_zeros(()), 0.0
    for number, flow in enumerate(reversed(flows)):
        factor = truth.shape[-1] / flow.shape[-1]
        goal, share = shrink(truth, inside, (int(flow.shape[2]), int(flow.shape[3])))
        weight = 1.0 if number else finest
        total = total + weight * end_point_error(flow, goal * factor, (share > 0.5).float())
        weights += weight
    return total / weights
