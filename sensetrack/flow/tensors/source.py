"""An image made ready: single invalid pixels bridged, weights, texture; the twin of `sensetrack.trackers._source`."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch.nn.functional import pad

from sensetrack.correlation.masks import BRIDGE_ROUNDS
from sensetrack.flow.lattice import CELL
from sensetrack.flow.tensors.pyramid import halve_weighted
from sensetrack.flow.tensors.sums import box_sums, cell_sums
from sensetrack.flow.weights import FADE

NEIGHBOURS = 4
"""Valid neighbours of eight from which an invalid pixel is given their mean."""


class Source(NamedTuple):
    """An image made ready for a dense flow; see `sensetrack.trackers._source.Source`.

    Attributes
    ----------
    image : Tensor
        float32 ``(row, col)``, single invalid pixels bridged; of zero mean and of moderate range.
    known : Tensor
        bool: pixels that were valid.
    weight : Tensor
        float32: 0 on what is invalid, rising to 1.
    texture : Tensor
        float64, for every cell: by how much neighbouring pixels differ, relative to their level.
    """

    image: torch.Tensor
    known: torch.Tensor
    weight: torch.Tensor
    texture: torch.Tensor


def prepare(pixels: torch.Tensor, known: torch.Tensor, alignment: int, side: int) -> Source:
    """Make an image ready.

    Parameters
    ----------
    pixels : Tensor
        float32 ``(row, col)``, 0 where invalid.
    known : Tensor
        bool.
    alignment : int
        Zeros are appended until both sides are multiples of this.
    side : int
        Cells along the window over which texture is judged.
    """
    bridged, filled = bridge(pixels, known)
    more = 0, -pixels.shape[1] % alignment, 0, -pixels.shape[0] % alignment
    image, valid = pad(bridged, more), pad(filled, more)
    return Source(_moderate(image, valid), pad(known, more), fade(valid), _texture(image, valid, side))


def halved(pixels: torch.Tensor, known: torch.Tensor, least: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return an image and which of its pixels are valid at half the size, of each at least a share of ``least``."""
    more = 0, pixels.shape[1] % 2, 0, pixels.shape[0] % 2
    smaller, share = halve_weighted(pad(pixels, more), pad(known.float(), more), least)
    valid = share > 0
    return torch.where(valid, smaller, 0), valid


def bridge(image: torch.Tensor, valid: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Give invalid pixels that have at least four valid neighbours of eight their mean, twice.

    Parameters
    ----------
    image : Tensor
        float32 ``(row, col)``, 0 where invalid.
    valid : Tensor
        bool.
    """
    if bool(valid.all()):
        return image, valid
    for _ in range(BRIDGE_ROUNDS):
        total, count = box_sums(torch.stack([image, valid.float()]), 3)
        filled = ~valid & (count >= NEIGHBOURS)
        image, valid = torch.where(filled, total / count, image), valid | filled
    return image, valid


def fade(valid: torch.Tensor) -> torch.Tensor:
    """Return weights by the chessboard distance to the nearest invalid pixel; beyond the array all are invalid."""
    rows, cols = valid.shape
    near = pad(valid, (FADE, FADE, FADE, FADE))
    steps = valid.to(torch.uint8)
    for left in range(FADE - 1, -1, -1):
        near = near[:-2] & near[1:-1] & near[2:]
        near = near[:, :-2] & near[:, 1:-1] & near[:, 2:]
        steps += near[left : left + rows, left : left + cols]
    return steps.float() / (FADE + 1)


def _moderate(image: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return an image of zero mean and of moderate range, times a power of two."""
    count = int(valid.sum())
    if count == 0:
        return image
    level = torch.where(valid, image, 0).sum(dtype=torch.float64) / count
    even = torch.where(valid, image - level.float(), 0)
    spread = float(even.abs().max())
    return even * 2.0 ** -math.frexp(spread)[1] if spread > 0 else even


def _texture(image: torch.Tensor, valid: torch.Tensor, side: int) -> torch.Tensor:
    """Return for every cell by how much neighbouring pixels differ, relative to their level."""
    values = torch.where(valid, image, 0).double()
    square, change = values * values, torch.zeros_like(values)
    for here, there in (
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
    ):
        change[here] += torch.where(valid[here] & valid[there], (values[there] - values[here]) ** 2, 0)
    level, step = box_sums(torch.stack([cell_sums(square, CELL), cell_sums(change, CELL)]), side)
    return torch.where(level > 0, step / level, 0).sqrt()
