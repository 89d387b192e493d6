"""Where the ground has changed, not moved: the twin of `sensetrack.flow.changed`."""

from __future__ import annotations

import torch
from torch.nn.functional import max_pool2d, pad

from sensetrack.flow.changed import ALIKE, AROUND, EXCESS, REGION, SIDE
from sensetrack.flow.compare import SUMS
from sensetrack.flow.lattice import CELL
from sensetrack.flow.tensors.level import Flow
from sensetrack.flow.tensors.sums import box_sums

_NEEDED = [
    SUMS.index(name)
    for name in ("weight", "reference", "secondary", "reference^2", "secondary^2", "reference x secondary")
]


def changed(sums: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where ground has changed (bool, of every cell), and the correlation in small windows (float64).

    Parameters
    ----------
    sums : Tensor
        From `sensetrack.flow.tensors.compare.compare`.
    """
    n, first, second, first_2, second_2, product = box_sums(sums[_NEEDED], SIDE)
    known = n > 0.5
    n = n.clamp(min=0.5)
    first_power = (first_2 / n - (first / n) ** 2).clamp(min=0)
    second_power = (second_2 / n - (second / n) ** 2).clamp(min=0)
    common = product / n - first * second / n**2
    scale = torch.sqrt(first_power * second_power)
    correlation = torch.where(scale > 0, common / scale, 0)
    rest = (first_power + second_power - 2 * common).clamp(min=0)
    noise = _of_regions(rest.float(), known)
    return known & (correlation < ALIKE) & (rest > EXCESS * noise), correlation


def _of_regions(rest: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Return the lower quartile of regions, and of 7 x 7 of these the lower quartile again, at every cell."""
    rows, cols = rest.shape
    values = pad(torch.where(known, rest, torch.inf), (0, -cols % REGION, 0, -rows % REGION), value=torch.inf)
    down, across = (size // REGION for size in values.shape)
    blocks = values.reshape(down, REGION, across, REGION).transpose(1, 2).reshape(down, across, REGION**2)
    ordered = blocks.sort(dim=2).values
    count = torch.isfinite(ordered).sum(dim=2, keepdim=True)
    quartile = ordered.gather(2, count // 4)[..., 0]
    reach = AROUND // 2
    wide = pad(quartile[None, None], (reach, reach, reach, reach), mode="replicate")[0, 0]
    windows = wide.unfold(0, AROUND, 1).unfold(1, AROUND, 1).reshape(down, across, AROUND**2)
    around = windows.kthvalue(AROUND**2 // 4 + 1, dim=2).values
    return around.repeat_interleave(REGION, 0).repeat_interleave(REGION, 1)[:rows, :cols]


def beside(is_changed: torch.Tensor) -> torch.Tensor:
    """Return the changed cells and those beside them, which hold some of the same ground."""
    return max_pool2d(is_changed.float()[None, None], 3, stride=1, padding=1)[0, 0] > 0


def spread(is_changed: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """Return 0 on pixels of changed cells and of those beside them, else 1; float32.

    Parameters
    ----------
    is_changed : Tensor
        Of every cell.
    shape : tuple of int
        Rows and columns of pixels.
    """
    wide = (~beside(is_changed)).float()
    return wide.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1)[: shape[0], : shape[1]]


def moved(kept: torch.Tensor, flow: Flow, border: int) -> torch.Tensor:
    """Return 0 where the secondary shows what is 0 in the reference, and beside that, else 1; float32.

    Parameters
    ----------
    kept : Tensor
        ``(row, col)``, 0 or 1.
    flow : tuple of Tensor
        From the reference to the secondary, of all but ``border`` pixels on every side.
    border : int
    """
    height, width = kept.shape
    rows, cols = (kept[border : height - border, border : width - border] == 0).nonzero(as_tuple=True)
    at_col, at_row = (
        (places + border + part[rows, cols].double()).round().clamp(0, size - 1).long()
        for places, part, size in ((cols, flow[0], width), (rows, flow[1], height))
    )
    out = torch.zeros_like(kept, dtype=torch.bool)
    out[at_row, at_col] = True
    return (~beside(out)).float()
