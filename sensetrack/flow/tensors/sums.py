"""Sums over square windows by doubling, in a handful of operations on all pixels at once.

Arrays are worked on as one long line, in which the pixel below is a row's length away: what runs over the end of a row
or of an array lands in the zeros around it. Neighbours lie side by side in memory, and nothing is ever subtracted, so
that no digits are lost however large the array is.
"""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool2d, pad


def _add_up(line: torch.Tensor, size: int, stride: int) -> torch.Tensor:
    """Return the sums of ``size`` values ``stride`` apart, from each value of a line on; shorter by what has none."""
    count = line.numel() - (size - 1) * stride
    total: torch.Tensor | None = None
    done, width = 0, 1
    while True:
        if size & width:
            more = line[done * stride : done * stride + count]
            total = more if total is None else total + more
            done += width
        if done == size:
            return total
        line = line[: -width * stride] + line[width * stride :]
        width *= 2


def box_sums(channels: torch.Tensor, side: int) -> torch.Tensor:
    """Return the sums over square windows around every element.

    Parameters
    ----------
    channels : Tensor
        ``(..., row, col)``, floating; beyond its border there is nothing.
    side : int
        Of the window. Where it is even, the outermost elements count half.

    Returns
    -------
    Tensor
        Of the same shape, contiguous.
    """
    half = side // 2
    wide = pad(channels, (half, half, half, half))
    rows, cols = wide.shape[-2:]
    line = wide.reshape(-1)
    for stride in (cols, 1):
        line = _add_up(line, side, stride)
        if side % 2 == 0:
            line = (line[:-stride] + line[stride:]) * 0.5
    planes = wide.numel() // (rows * cols)
    view = line.as_strided((planes, *channels.shape[-2:]), (rows * cols, cols, 1))
    return view.reshape(channels.shape).contiguous()


def window_sums(channels: torch.Tensor, radius: int) -> torch.Tensor:
    """Return the sums over windows of ``2 * radius + 1`` pixels around every pixel; see `box_sums`."""
    return box_sums(channels, 2 * radius + 1)


def sums_of_windows(channels: torch.Tensor, radii: tuple[int, ...]) -> list[torch.Tensor]:
    """Return the sums over windows of several sizes around every pixel, which share what they have in common.

    Parameters
    ----------
    channels : Tensor
        ``(channel, row, col)``, floating; beyond its border there is nothing.
    radii : tuple of int

    Returns
    -------
    list of Tensor
        For every radius, of the same shape as the channels.
    """
    widest, (_, height, width) = max(radii), channels.shape
    out = [torch.empty_like(channels) for _ in radii]
    for number, channel in enumerate(channels):
        wide = pad(channel, (widest, widest, widest, widest))
        cols = wide.shape[1]
        # Sums of 1, 2, 4, ... pixels down the columns serve all sizes.
        powers = [wide.reshape(-1)]
        while 2 << len(powers) - 1 <= 2 * widest + 1:
            shift = cols << len(powers) - 1
            powers.append(powers[-1][:-shift] + powers[-1][shift:])
        for radius, target in zip(radii, out, strict=True):
            side, start = 2 * radius + 1, widest - radius
            rows = [
                sums[(start + (side & (1 << k) - 1)) * cols :][: height * cols]
                for k, sums in enumerate(powers)
                if side >> k & 1
            ]
            line = rows[0]
            for more in rows[1:]:
                line = line + more
            across = _add_up(line[start:], side, 1)
            target[number] = across.as_strided((height, width), (cols, 1))
    return out


def inner_sums(tiles: torch.Tensor, side: int) -> torch.Tensor:
    """Return the sums over those windows that lie inside each of many small arrays.

    Parameters
    ----------
    tiles : Tensor
        ``(tile, row, col)``, contiguous.
    side : int

    Returns
    -------
    Tensor
        ``(tile, row - side + 1, col - side + 1)``.
    """
    count, rows, cols = tiles.shape
    line = _add_up(_add_up(tiles.reshape(-1), side, cols), side, 1)
    return line.as_strided((count, rows - side + 1, cols - side + 1), (rows * cols, cols, 1))


def cell_sums(values: torch.Tensor, cell: int) -> torch.Tensor:
    """Return the sums over cells of ``cell`` x ``cell`` pixels in float64; the last ones may be cut.

    Parameters
    ----------
    values : Tensor
        ``(row, col)``.
    cell : int
    """
    rows, cols = values.shape
    whole = pad(values.double(), (0, -cols % cell, 0, -rows % cell))
    return avg_pool2d(whole[None, None], cell)[0, 0] * cell**2
