"""Finds the displacement at the coarsest level by trying all: the twin of `sensetrack.flow.lk_search`."""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool2d, pad

from sensetrack.flow.lk_search import PREFERENCE, SIDE, SPACING
from sensetrack.flow.tensors.level import Flow
from sensetrack.flow.tensors.median import median_flow
from sensetrack.flow.tensors.sums import inner_sums


def search(reference: torch.Tensor, secondary: torch.Tensor, reach: int) -> tuple[Flow, Flow]:
    """Return the whole lags at which windows correlate best, and their median over 5 x 5, there and back.

    Parameters
    ----------
    reference, secondary : Tensor
        float32 ``(row, col)``, without their local mean, 0 where invalid; sides are multiples of
        `sensetrack.flow.lk_search.SPACING`.
    reach : int
        Longest lag along rows and columns.
    """
    sides = range(-reach, reach + 1)
    lags = sorted(((i, j) for i in sides for j in sides), key=lambda lag: lag[0] ** 2 + lag[1] ** 2)
    first, second = _moments(reference), _moments(secondary)
    there = _best(reference, secondary, first, second, lags, reach)
    return there, _best(secondary, reference, second, first, lags, reach)


def _moments(image: torch.Tensor) -> torch.Tensor:
    """Return the sum over the root of n, and the inverse deviation, of the windows that begin `SPACING` before pixels.

    The latter is 0 where there is no texture.
    """
    after = SIDE - 1 - SPACING
    wide = pad(torch.stack([image, image * image]), (SPACING, after, SPACING, after))
    means, squares = inner_sums(wide, SIDE)
    means = means / SIDE
    deviations = (squares - means * means).clamp(min=0).sqrt()
    least = 1e-6 * deviations.max().clamp(min=1e-20)
    return torch.stack([means, torch.where(deviations > least, 1 / deviations, 0)])


def _best(
    image: torch.Tensor,
    other: torch.Tensor,
    moments: torch.Tensor,
    others: torch.Tensor,
    lags: list[tuple[int, int]],
    reach: int,
) -> Flow:
    """Return the best lag of each window of an image in another, at every pixel."""
    height, width = image.shape
    mean, scale = moments[:, ::SPACING, ::SPACING]
    wide = pad(other, (reach, reach, reach, reach))
    best = torch.full_like(mean, -2)
    found = torch.zeros_like(best), torch.zeros_like(best)
    for i, j in lags:
        if abs(i) >= height or abs(j) >= width:
            continue
        product = image * wide[reach + i : reach + i + height, reach + j : reach + j + width]
        cells = avg_pool2d(product[None, None], SPACING, divisor_override=1)
        sums = avg_pool2d(cells, 3, stride=1, padding=1, divisor_override=1)[0, 0]
        # Cells whose own corner has a partner: only for these are there moments.
        (top, bottom), (left, right) = _partners(height, i), _partners(width, j)
        here = slice(top, bottom), slice(left, right)
        partner = others[:, SPACING * top + i : height + i : SPACING, SPACING * left + j : width + j : SPACING]
        their_mean, their_scale = partner[:, : bottom - top, : right - left]
        score = torch.addcmul(sums[here], mean[here], their_mean, value=-1).mul_(scale[here]).mul_(their_scale)
        is_better = score > best[here] + PREFERENCE
        best[here] = torch.where(is_better, score, best[here])
        found[0][here].masked_fill_(is_better, j)
        found[1][here].masked_fill_(is_better, i)
    dx, dy = (part.repeat_interleave(SPACING, 0).repeat_interleave(SPACING, 1) for part in found)
    return median_flow((dx, dy))


def _partners(size: int, lag: int) -> tuple[int, int]:
    """Return the first cell along an axis whose first pixel has a partner at a lag, and the one after the last."""
    return -(-max(0, -lag) // SPACING), -(-min(size, size - lag) // SPACING)
