"""Finds the displacement at the coarsest level by trying all: the twin of `sensetrack.flow.lk_search`."""

from __future__ import annotations

import torch

from sensetrack.flow.lk_search import PREFERENCE
from sensetrack.flow.tensors.level import Flow
from sensetrack.flow.tensors.median import median_flow
from sensetrack.flow.tensors.sums import window_sums


def search(reference: torch.Tensor, secondary: torch.Tensor, reach: int, radius: int) -> Flow:
    """Return the whole lags at which windows correlate best, and their median over 5 x 5.

    Parameters
    ----------
    reference, secondary : Tensor
        float32 ``(row, col)``, without their local mean, 0 where invalid.
    reach : int
        Longest lag along rows and columns.
    radius : int
        Half the side of the windows.
    """
    count, (height, width) = (2 * radius + 1) ** 2, reference.shape
    means, powers = [], []
    for image in (reference, secondary):
        total, squares = window_sums(torch.stack([image, image * image]), radius)
        means.append(total / count**0.5)
        powers.append((squares - total * total / count).clamp(min=0).sqrt())
    least = 1e-6 * torch.maximum(powers[0].max(), powers[1].max()).clamp(min=1e-20)
    scales = [1 / torch.maximum(power, least) for power in powers]
    best = torch.full_like(reference, -2)
    found = torch.zeros_like(reference), torch.zeros_like(reference)
    sides = range(-reach, reach + 1)
    for i, j in sorted(((i, j) for i in sides for j in sides), key=lambda lag: lag[0] ** 2 + lag[1] ** 2):
        if abs(i) >= height or abs(j) >= width:
            continue
        # Pixels of the reference whose partners lie inside, and these.
        here = slice(max(0, -i), min(height, height - i)), slice(max(0, -j), min(width, width - j))
        there = slice(max(0, i), min(height, height + i)), slice(max(0, j), min(width, width + j))
        score = window_sums(reference[here] * secondary[there], radius)
        score.addcmul_(means[0][here], means[1][there], value=-1).mul_(scales[0][here]).mul_(scales[1][there])
        is_better = score > best[here] + PREFERENCE
        best[here] = torch.where(is_better, score, best[here])
        found[0][here].masked_fill_(is_better, j)
        found[1][here].masked_fill_(is_better, i)
    return median_flow(found)
