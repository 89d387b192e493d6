"""Improves a flow that is right to a pixel or two by least squares (Lucas & Kanade 1981), on tensors."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sensetrack.nets.grids import box, coefficients, enlarge, gradients, halve, move, move_smoothly

PASSES = ((8, 6), (4, 6), (4, 6), (2, 8), (1, 8), (1, 8), (1, 8))
"""Scale and half the side of the window of each pass."""

SMOOTH = 6
"""Half the side of the window over which the flow is averaged after a pass, in pixels of its scale: without, noise
builds up from pass to pass."""

LONGEST = 1.5
"""Pixels of its scale that a pass may add along rows and columns."""

RIDGE = 0.02
"""Of the texture around that is added to that of a window before it is solved."""


def improve(images: tuple[Tensor, Tensor], masks: tuple[Tensor, Tensor], flow: Tensor) -> Tensor:
    """Return a flow that fits the images better.

    A few passes from coarse to fine: the second image is moved back, and every window solved for what is missing. Where
    the images then agree no better than before, the flow stays as it was.

    Parameters
    ----------
    images, masks : tuple of Tensor
        ``(1, 1, row, col)``, evened out, sides multiples of 8; masks are 1 where the images are valid, else 0.
    flow : Tensor
        ``(1, 2, row, col)``.
    """
    levels = {1: tuple(zip(images, masks, strict=True))}
    for scale in (2, 4, 8):
        levels[scale] = tuple(halve(*level) for level in levels[scale // 2])
    splines = {scale: coefficients(second) for scale, (_, (second, _)) in levels.items()}
    shape = int(flow.shape[2]), int(flow.shape[3])
    better = flow
    for scale, radius in PASSES:
        (first, here), (_, there) = levels[scale]
        size = int(first.shape[2]), int(first.shape[3])
        start = functional.interpolate(better, size=size, mode="area") / scale
        step = _step(first, move_smoothly(splines[scale], start), here * _is_known(there, start), radius)
        better = box(better + (enlarge(step, shape) if scale > 1 else step), SMOOTH * scale)
    before, after = (
        _misfit(images[0], move_smoothly(splines[1], item), masks[0] * _is_known(masks[1], item))
        for item in (flow, better)
    )
    return torch.where(after <= before, better, flow)


def _is_known(mask: Tensor, flow: Tensor) -> Tensor:
    """Return 1 where a flow points to what is known, else 0."""
    return (move(mask, flow) > 0.99).float()


def _step(first: Tensor, moved: Tensor, known: Tensor, radius: int) -> Tensor:
    """Return what is missing by least squares."""
    rest = first - moved
    right, down = gradients(0.5 * (first + moved))
    products = torch.cat([right * right, right * down, down * down, right * rest, down * rest], dim=1) * known
    ridge = RIDGE * box(products[:, :1] + products[:, 2:3], 16) + 1e-6
    xx, xy, yy, x, y = box(products, radius).split(1, dim=1)
    xx, yy = xx + ridge, yy + ridge
    determinant = xx * yy - xy * xy
    step = torch.cat([yy * x - xy * y, xx * y - xy * x], dim=1) / determinant
    return step.clamp(-LONGEST, LONGEST)


def _misfit(first: Tensor, moved: Tensor, known: Tensor) -> Tensor:
    """Return the mean squared difference of two images in windows."""
    both = box(torch.cat([known * (first - moved) ** 2, known], dim=1), 8)
    return both[:, :1] / both[:, 1:].clamp(min=1e-3)
