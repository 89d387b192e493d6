"""Keeps flows smooth where nothing speaks against it: the twin of `sensetrack.flow.lk_smooth`."""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool2d, interpolate, pad

from sensetrack.flow.lk_smooth import FEWEST, LITTLE, NEAR
from sensetrack.flow.tensors.level import Flow, Level
from sensetrack.flow.tensors.median import SIDE, median
from sensetrack.flow.tensors.sums import sums_of_windows, window_sums


def confident_mean(flow: Flow, tensor: torch.Tensor, ridge: torch.Tensor, radius: int) -> Flow:
    """Return the mean flow around every pixel; pixels count by how much their window says beside the ridge.

    Parameters
    ----------
    flow : tuple of Tensor
    tensor : Tensor
        From `sensetrack.flow.tensors.level.Level.tensor_sums`.
    ridge : Tensor
        ``(row, col)``.
    radius : int
        Half the side of the window of the mean.
    """
    least = torch.minimum(tensor[0], tensor[2])
    weight = (least / (least + 4 * ridge + 1e-30)).square().add_(1e-3)
    x, y, count = window_sums(torch.stack([weight * flow[0], weight * flow[1], weight]), radius)
    return x / count, y / count


def window_mean(flow: Flow, level: Level, number: torch.Tensor, radii: tuple[int, ...], share: float) -> Flow:
    """Return the flow averaged over a share of the window that each pixel and those beside it have chosen.

    Parameters
    ----------
    flow : tuple of Tensor
    level : Level
        Whose weights say what each pixel counts.
    number : Tensor
        uint8 ``(row, col)``: which of the windows each pixel has chosen.
    radii : tuple of int
    share : float
    """
    # Of windows of one reach, the first says it for all.
    firsts = {reach: k for k, reach in reversed(list(enumerate(int(radius * share) for radius in radii))) if reach}
    reaches = tuple(sorted(firsts))
    if not reaches:
        return flow
    least, (x, y) = _least_around(number), flow
    sums = sums_of_windows(torch.stack([x * level.weight, y * level.weight]), reaches)
    for reach, (along, down) in zip(reaches, sums, strict=True):
        counted = level.weight_sums(reach)
        taken = (least >= firsts[reach]) & (counted > 0.5)
        x, y = torch.where(taken, along / counted, x), torch.where(taken, down / counted, y)
    return x, y


def _least_around(number: torch.Tensor) -> torch.Tensor:
    """Return the least number of 5 x 5 pixels."""
    reach, (rows, cols) = SIDE // 2, number.shape
    wide = pad(number, (reach, reach, reach, reach), value=255)
    down = wide[:rows]
    for k in range(1, SIDE):
        down = torch.minimum(down, wide[k : k + rows])
    across = down[:, :cols]
    for k in range(1, SIDE):
        across = torch.minimum(across, down[:, k : k + cols])
    return across


def settle(flow: Flow, weight: torch.Tensor) -> Flow:
    """Return the flow, drawn in from around where pixels count next to nothing: at edges of what is valid."""
    unsure = weight < LITTLE
    if not bool(unsure.any()):
        return flow
    counts = torch.where(unsure, 0, weight)
    x, y, total = window_sums(torch.stack([flow[0] * counts, flow[1] * counts, counts]), NEAR)
    unsure &= total > FEWEST
    return torch.where(unsure, x / total, flow[0]), torch.where(unsure, y / total, flow[1])


def noise_map(energy: torch.Tensor, count: torch.Tensor, cell: int) -> torch.Tensor:
    """Return the variance of a pixel's difference: of windows, their mean over cells, the median of 5 x 5 of these.

    Parameters
    ----------
    energy : Tensor
        ``(row, col)``: sum of squares that is left in the window around each pixel; sides are multiples of ``cell``.
    count : Tensor
        What its pixels count together.
    cell : int
        Side of a cell.
    """
    cells = avg_pool2d(torch.stack([energy, count])[None], cell)
    around, counted = avg_pool2d(cells, 5, stride=1, padding=2)[0]
    total, number = cells[0]
    everywhere = total.mean() / number.mean().clamp(min=1e-6)
    spread = torch.where(counted > FEWEST, around / counted, everywhere)
    variance = median(torch.where(number > FEWEST, total / number, spread))
    return interpolate(variance[None, None], size=energy.shape, mode="bilinear")[0, 0].clamp_(min=1e-20)
