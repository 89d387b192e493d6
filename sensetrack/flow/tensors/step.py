"""The Gauss-Newton step: the twin of `sensetrack.flow.lk_step`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sensetrack.flow.tensors.level import Flow, Level
from sensetrack.flow.tensors.spline import warp
from sensetrack.flow.tensors.sums import window_sums


def pulls(level: Level, flow: Flow, whole: bool) -> torch.Tensor:
    """Return ``w g e`` along x and y, or ``w g (e + g^T u)`` if ``whole``, and ``w e^2``; ``(3, row, col)``."""
    e = level.reference - warp(level.spline, *flow)
    if whole:
        e.addcmul_(level.slope_x, flow[0]).addcmul_(level.slope_y, flow[1])
    weighted = level.weight * e
    return torch.stack([weighted * level.slope_x, weighted * level.slope_y, weighted * e])


def answer(tensor: torch.Tensor, sums: Sequence[torch.Tensor], ridge: torch.Tensor, prior: Flow) -> Flow:
    """Return the displacement of windows, drawn towards a prior with a weight of ``ridge``.

    Parameters
    ----------
    tensor : Tensor
        From `Level.tensor_sums`.
    sums : sequence of Tensor
        Of the first two of `pulls`, over the same windows.
    ridge : Tensor
        ``(row, col)``.
    prior : tuple of Tensor
    """
    a, b, d = tensor[0] + ridge, tensor[1], tensor[2] + ridge
    scale = torch.addcmul(a * d, b, b, value=-1).reciprocal_()
    p, q = torch.addcmul(sums[0], ridge, prior[0]), torch.addcmul(sums[1], ridge, prior[1])
    x, y = torch.addcmul(d * p, b, q, value=-1), torch.addcmul(a * q, b, p, value=-1)
    return x.mul_(scale), y.mul_(scale)


def left(tensor: torch.Tensor, sums: Sequence[torch.Tensor], flow: Flow) -> torch.Tensor:
    """Return the sum of squares that the displacement of a window leaves in it; ``sums`` of all `pulls`."""
    x, y = flow
    energy = torch.addcmul(torch.addcmul(sums[2], sums[0], x, value=-2), sums[1], y, value=-2)
    energy.addcmul_(torch.addcmul(tensor[0] * x, tensor[1], y, value=2), x)
    return energy.addcmul_(tensor[2] * y, y)


def solve(level: Level, pull: torch.Tensor, radius: int, ridge: torch.Tensor, prior: Flow) -> tuple[Flow, torch.Tensor]:
    """Return the displacement of each window, and the sum of squares left in it; see `sensetrack.flow.lk_step.solve`.

    Parameters
    ----------
    level : Level
    pull : Tensor
        From `pulls`.
    radius : int
    ridge : Tensor
        ``(row, col)``.
    prior : tuple of Tensor
    """
    tensor, sums = level.tensor_sums(radius), window_sums(pull, radius)
    flow = answer(tensor, sums, ridge, prior)
    return flow, left(tensor, sums, flow)
