"""Tries the displacements of pixels some way off, where they differ: the twin of `sensetrack.flow.lk_propagate`.

As there, small tiles are looked at alone, and only those in which the flow breaks; here many at once.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from sensetrack.flow.lk_propagate import APART, DONOR, TRUNCATION
from sensetrack.flow.tensors.level import Flow, Level
from sensetrack.flow.tensors.spline import spline_at
from sensetrack.flow.tensors.sums import inner_sums
from sensetrack.flow.tiling import SQUARE

BATCH = 1 << 23
"""Pixels, about, that are worked on at once: some thirty times as many values are held."""

EIGHT = tuple((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j)
"""Directions in which displacements are looked for, down and right."""


class Tiles(NamedTuple):
    """The pixels of some tiles and ``radius`` around, int64 ``(tile, row or 1, column or 1)``.

    Attributes
    ----------
    rows, cols : Tensor
        Which may lie beyond the image.
    """

    rows: torch.Tensor
    cols: torch.Tensor


def propagate(
    level: Level, flow: Flow, noise: torch.Tensor, distances: tuple[int, ...], radius: int, gain: float
) -> Flow:
    """Return the flow with displacements replaced by those of pixels ``distances`` away that fit clearly better.

    Parameters
    ----------
    level : Level
    flow : tuple of Tensor
    noise : Tensor
        ``(row, col)``: variance of a pixel's difference between the images.
    distances : tuple of int
        In pixels, in all eight directions.
    radius : int
        Half the side of the window over which the fit is judged.
    gain : float
        Share of its own misfit that another displacement must stay below.
    """
    offsets = [(i * d, j * d) for d in distances for i, j in EIGHT]
    active = torch.stack([breaks for d in distances for breaks in _breaking(flow, d)])
    numbers = active.any(dim=0).nonzero()[:, 0]
    out = flow[0].clone(), flow[1].clone()
    for batch in numbers.split(max(1, BATCH // (SQUARE + 2 * radius) ** 2)):
        _try(level, flow, noise, offsets, active[:, batch].cpu(), batch, radius, gain, out)
    return out


def _breaking(flow: Flow, distance: int) -> list[torch.Tensor]:
    """Return for each of the `EIGHT` directions whether the flow breaks in a tile; for opposite ones it is the same."""
    half = [_breaks(flow, (i * distance, j * distance)) for i, j in EIGHT[:4]]
    return [*half, *reversed(half)]


def _breaks(flow: Flow, offset: tuple[int, int]) -> torch.Tensor:
    """Return for every tile whether the flow of any pixel is `APART` from going on evenly over ``offset`` both ways."""
    (height, width), (i, j) = flow[0].shape, offset
    down, along = abs(i), abs(j)
    far = torch.zeros(height + -height % SQUARE, width + -width % SQUARE, dtype=torch.bool, device=flow[0].device)
    if 2 * down < height and 2 * along < width:
        here, ahead, behind = (
            (slice(down + y, height - down + y), slice(along + x, width - along + x))
            for y, x in ((0, 0), (i, j), (-i, -j))
        )
        dx, dy = (part[ahead] + part[behind] - 2 * part[here] for part in flow)
        far[:height, :width][here] = dx * dx + dy * dy > APART**2
    rows, cols = (size // SQUARE for size in far.shape)
    return far.reshape(rows, SQUARE, cols, SQUARE).any(dim=3).any(dim=1).reshape(-1)


def _try(
    level: Level,
    flow: Flow,
    noise: torch.Tensor,
    offsets: list[tuple[int, int]],
    active: torch.Tensor,
    numbers: torch.Tensor,
    radius: int,
    gain: float,
    out: Flow,
) -> None:
    """Write what fits better into some tiles; ``active`` says for each offset and tile whether it is worth a try."""
    height, width = noise.shape
    across = -(-width // SQUARE)
    reach = torch.arange(-radius, SQUARE + radius, device=noise.device)
    top, left = numbers // across * SQUARE, numbers % across * SQUARE
    tiles = Tiles((top[:, None] + reach)[:, :, None], (left[:, None] + reach)[:, None, :])
    best, u, v = _misfit(level, flow, noise, tiles, radius, (0, 0))
    best *= gain
    for offset, wanted in zip(offsets, active, strict=True):
        some = wanted.nonzero()[:, 0].to(noise.device)
        if some.numel() == 0:
            continue
        cost, *theirs = _misfit(level, flow, noise, Tiles(tiles.rows[some], tiles.cols[some]), radius, offset)
        mine = best[some]
        is_better = cost < mine
        best[some] = torch.where(is_better, cost, mine)
        for kept, other in zip((u, v), theirs, strict=True):
            kept[some] = torch.where(is_better, other, kept[some])
    inner = slice(radius, radius + SQUARE)
    rows, cols = tiles.rows[:, inner], tiles.cols[:, :, inner]
    within, places = (rows < height) & (cols < width), rows * width + cols
    for target, kept in zip(out, (u, v), strict=True):
        target.view(-1)[places[within]] = kept[within]


def _misfit(
    level: Level, flow: Flow, noise: torch.Tensor, tiles: Tiles, radius: int, offset: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the truncated misfit around each pixel under the flow of those ``offset`` away, and that flow.

    Infinite where that is nobody's to take over.
    """
    height, width = noise.shape
    rows, cols = tiles.rows.clamp(0, height - 1), tiles.cols.clamp(0, width - 1)
    away = (rows + offset[0]).clamp(0, height - 1) * width + (cols + offset[1]).clamp(0, width - 1)
    here = rows * width + cols
    u, v = torch.take(flow[0], away), torch.take(flow[1], away)
    e = torch.take(level.reference, here) - spline_at(level.spline, rows.float(), cols.float(), u, v)
    cost = torch.take(level.weight, here) * torch.minimum(e * e, TRUNCATION * torch.take(noise, here))
    sums = inner_sums(torch.where(tiles.cols == cols, cost, 0), 2 * radius + 1)
    inner = slice(radius, radius + SQUARE)
    if offset != (0, 0):
        sums = sums.masked_fill(torch.take(level.weight, away)[:, inner, inner] < DONOR, torch.inf)
    return sums.contiguous(), u[:, inner, inner].contiguous(), v[:, inner, inner].contiguous()
