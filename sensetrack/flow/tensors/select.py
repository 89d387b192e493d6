"""Windows as large as the displacement stays constant over: the twin of `sensetrack.flow.lk_select`."""

from __future__ import annotations

import torch

from sensetrack.flow.lk import LEAST_RIDGE
from sensetrack.flow.tensors.level import Flow, Level
from sensetrack.flow.tensors.step import answer
from sensetrack.flow.tensors.sums import window_sums


def select(
    level: Level, pull: torch.Tensor, prior: Flow, radii: tuple[int, ...], noise: torch.Tensor, bound: float
) -> tuple[Flow, torch.Tensor]:
    """Return the displacement of the chosen windows, and their number (uint8), 0 for the smallest.

    Parameters
    ----------
    level : Level
    pull : Tensor
        From `sensetrack.flow.tensors.step.pulls`.
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
    for k, radius in enumerate(radii):
        tensor = level.tensor_sums(radius)
        ridge = LEAST_RIDGE * (tensor[0] + tensor[2])
        u, v = answer(tensor, window_sums(pull[:2], radius), ridge, prior)
        for s, (other_u, other_v) in enumerate(found):
            smaller, x, y = level.tensor_sums(radii[s]), u - other_u, v - other_v
            apart = (smaller[0] * x + 2 * smaller[1] * y) * x + smaller[2] * y * y
            fits &= apart <= limit
        found.append((u, v))
        if k == 0:
            chosen_u, chosen_v = u, v
        else:
            chosen_u, chosen_v = torch.where(fits, u, chosen_u), torch.where(fits, v, chosen_v)
            number.masked_fill_(fits, k)
    return (chosen_u, chosen_v), number
