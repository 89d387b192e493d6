"""Altered tiles to train a classifier on: the convolutions of image editors, small changes of scale, and rotations.

The coefficients are those of the filters of the Python Imaging Library, which work on 8-bit pixels: sums are divided by
the scale, the offset is added, and what leaves 0 to 255 is cut.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import NamedTuple

import torch
from torch.nn import functional

from sensetrack.nets.tiles import STEEPEST


class Kernel(NamedTuple):
    """A convolution on 8-bit pixels.

    Attributes
    ----------
    taps : tuple of float
        Row by row, 3 x 3 or 5 x 5.
    scale, offset : float
    """

    taps: tuple[float, ...]
    scale: float
    offset: float = 0.0


def _around(middle: float, edge: float, corner: float) -> tuple[float, ...]:
    return corner, edge, corner, edge, middle, edge, corner, edge, corner


KERNELS: dict[str, Kernel] = {
    "contour": Kernel(_around(8, -1, -1), 1, 255),
    "edges": Kernel(_around(8, -1, -1), 1),
    "emboss": Kernel((-1, 0, 0, 0, 1, 0, 0, 0, 0), 1, 128),
    "detail": Kernel(_around(10, -1, 0), 6),
    "sharpen": Kernel(_around(32, -2, -2), 16),
    "smooth": Kernel(_around(5, 1, 1), 13),
    "blur": Kernel((1,) * 5 + (1, 0, 0, 0, 1) * 3 + (1,) * 5, 16),
}
"""The convolutions by name."""

SCALES = (-2, 2)
"""Pixels by which a tile's side is changed."""

ANGLES = (-STEEPEST, -10, -5, 5, 10, STEEPEST)
"""Degrees by which a tile is turned."""


def altered(wide: torch.Tensor, tile: int, names: Collection[str]) -> torch.Tensor:
    """Return every tile as it is and altered in each way.

    Parameters
    ----------
    wide : Tensor
        float32 ``(n, t + 2 rim, t + 2 rim)``, 0 to 255: tiles and the pixels around them that
        `sensetrack.nets.tiles.rim_of` asks for.
    tile : int
        Side of the tiles, ``t``.
    names : collection of str
        Of `KERNELS`, ``scale`` and ``rotate``.

    Returns
    -------
    Tensor
        ``(n, alterations, t, t)``.
    """
    rim = (wide.shape[-1] - tile) // 2
    found = [wide] + [_filtered(wide, kernel) for name, kernel in KERNELS.items() if name in names]
    tiles = [each[:, rim:-rim, rim:-rim] for each in found]
    if "scale" in names:
        tiles += [_resampled(wide, tile, 0.0, (tile - change) / tile) for change in SCALES]
    if "rotate" in names:
        tiles += [_resampled(wide, tile, angle, 1.0) for angle in ANGLES]
    return torch.stack(tiles, 1)


def _filtered(images: torch.Tensor, kernel: Kernel) -> torch.Tensor:
    side = math.isqrt(len(kernel.taps))
    # Correlation, as such filters are written down.
    taps = torch.tensor(kernel.taps, device=images.device).view(1, 1, side, side) / kernel.scale
    found = functional.conv2d(images[:, None], taps, padding=side // 2)[:, 0] + kernel.offset
    return found.clamp(0, 255)


def _resampled(images: torch.Tensor, tile: int, angle: float, scale: float) -> torch.Tensor:
    """Return tiles turned by ``angle`` degrees about their centre, of ``scale`` times as many pixels of the image."""
    turn = math.radians(angle)
    line = (torch.arange(tile, device=images.device) - (tile - 1) / 2) * scale
    row, col = torch.meshgrid(line, line, indexing="ij")
    y = row * math.cos(turn) - col * math.sin(turn)
    x = row * math.sin(turn) + col * math.cos(turn)
    grid = torch.stack([x, y], -1)[None] * (2 / images.shape[-1])
    grid = grid.expand(len(images), -1, -1, -1)
    found = functional.grid_sample(images[:, None], grid, mode="bilinear", align_corners=False)
    return found[:, 0]


def stretched(pixels: torch.Tensor, valid: torch.Tensor) -> torch.Tensor:
    """Return an image stretched to 0 to 255 between its 1st and 99th percentile; the middle where invalid.

    Parameters
    ----------
    pixels : Tensor
        ``(row, col)``, of any level.
    valid : Tensor
        bool.
    """
    known = pixels[valid].double()
    if known.numel() == 0:
        return torch.full_like(pixels, 127.5)
    line = known.sort().values
    low, high = line[int(0.01 * (len(line) - 1))], line[math.ceil(0.99 * (len(line) - 1))]
    even = (pixels.double() - low) * (255 / (high - low).clamp_min(1e-300))
    return torch.where(valid, even, 127.5).clamp(0, 255).float()
