"""Windows as large as the displacement stays constant over: the twin of `sensetrack.flow.lk_select`."""

from __future__ import annotations

import torch

from sensetrack.flow.lk_level import LEAST_RIDGE
from sensetrack.flow.tensors.level import Flow, Level
from sensetrack.flow.tensors.step import answer


def select(
    level: Level, sums: list[torch.Tensor], prior: Flow, radii: tuple[int, ...], noise: torch.Tensor, bound: float
) -> tuple[Flow, torch.Tensor]:
    """Return the displacement of the chosen windows, and their number (uint8), 0 for the smallest.

    Parameters
    ----------
    level : Level
    sums : list of Tensor
        For every window, of the first two of `sensetrack.flow.tensors.step.pulls`.
    prior : tuple of Tensor
        Where a direction without texture stays.
    radii : tuple of int
        Half the sides of the windows, growing.
    noise : Tensor
        ``(row, col)``: variance of a pixel's difference between the images.
    bound : float
        Of the squared distance in standard deviations.
    """
    limit, number = bound * noise, torch.zeros(noise.shape, dtype=torch.uint8, device=noise.device)
    fits = torch.ones(noise.shape, dtype=torch.bool, device=noise.device)
    found: list[Flow] = []
    for k, (radius, pull) in enumerate(zip(radii, sums, strict=True)):
        tensor = level.tensor_sums(radius)
        u, v = answer(tensor, pull, LEAST_RIDGE * (tensor[0] + tensor[2]), prior)
        for other_radius, (other_u, other_v) in zip(radii, found, strict=False):
            smaller, x, y = level.tensor_sums(other_radius), u - other_u, v - other_v
            apart = torch.addcmul(smaller[0] * x, smaller[1], y, value=2).mul_(x).addcmul_(smaller[2] * y, y)
            fits &= apart <= limit
        found.append((u, v))
        if k == 0:
            chosen_u, chosen_v = u, v
        else:
            chosen_u, chosen_v = torch.where(fits, u, chosen_u), torch.where(fits, v, chosen_v)
            number.masked_fill_(fits, k)
    return (chosen_u, chosen_v), number
