"""Moves the secondary back by a flow, and sums up how it then differs: the twin of `sensetrack.flow.compare`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.nn.functional import pad

from sensetrack.flow.compare import SUMS
from sensetrack.flow.lattice import CELL
from sensetrack.flow.tensors.level import Flow, is_inside
from sensetrack.flow.tensors.spline import bilinear, coefficients, warp
from sensetrack.flow.tensors.sums import cell_sums
from sensetrack.flow.weights import FADE


def compare(
    reference: torch.Tensor,
    secondary: torch.Tensor,
    weights: tuple[torch.Tensor, torch.Tensor],
    there: Flow,
    back: Flow | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Compare two images along a flow.

    Parameters
    ----------
    reference, secondary : Tensor
        float32 ``(row, col)``, 0 where invalid.
    weights : tuple of Tensor
        0..1, 0 where invalid, of the reference and of the secondary.
    there : tuple of Tensor
        dx and dy at every pixel of the reference.
    back : tuple of Tensor or None
        The flow from the secondary to the reference, where it is known.

    Returns
    -------
    sums : Tensor
        float64 ``(len(SUMS), row, col)`` of cells; see `sensetrack.flow.compare.SUMS`.
    miss : Tensor
        ``(row, col)``: pixels by which the way there and back misses its start; NaN where the pixel is invalid or shows
        what is invalid in the secondary or beyond its border.
    """
    (theirs,) = bilinear((weights[1],), *there)
    counts = is_inside(there) & (weights[0] > 0) & (theirs >= 0.5 / (FADE + 1))
    weight = torch.where(counts, weights[0] * theirs, 0)
    moved = torch.where(counts, warp(coefficients(secondary), *there), 0)
    zero = torch.zeros_like(reference)
    miss_x, miss_y = zero, zero
    if back is not None:
        back_x, back_y = bilinear(back, *there)
        miss_x, miss_y = (torch.where(counts, a + b, 0) for a, b in zip(there, (back_x, back_y), strict=True))
    out = torch.empty(
        len(SUMS), *(-(-size // CELL) for size in reference.shape), dtype=torch.float64, device=reference.device
    )
    layers = _layers(reference, moved, weight, there, (miss_x, miss_y), counts)
    for target, layer in zip(out, layers, strict=True):
        target.copy_(cell_sums(layer, CELL))
    return out, torch.where(counts, torch.hypot(miss_x, miss_y), torch.nan)


def _layers(
    reference: torch.Tensor, moved: torch.Tensor, weight: torch.Tensor, there: Flow, miss: Flow, counts: torch.Tensor
) -> Iterator[torch.Tensor]:
    """Give what is summed, in the order of `SUMS`, one after the other to spare memory."""
    yield weight
    yield weight * there[0]
    yield weight * there[1]
    yield weight * reference
    yield weight * moved
    yield weight * reference * reference
    yield weight * moved * moved
    yield weight * reference * moved
    first_x, first_y = _slopes(reference, "replicate")
    second_x, second_y = _slopes(moved, "constant")
    yield weight * 0.5 * (first_x.square() + first_y.square() + second_x.square() + second_y.square())
    yield weight * first_x * second_x
    yield weight * first_y * second_y
    yield weight * 0.5 * (first_x * second_y + first_y * second_x)
    rest = weight * (moved - reference) * 0.5
    yield rest * (first_x + second_x)
    yield rest * (first_y + second_y)
    yield weight * miss[0] * miss[0]
    yield weight * miss[1] * miss[1]
    yield weight * miss[0] * miss[1]
    yield counts


def _slopes(image: torch.Tensor, beyond: str) -> Flow:
    """Return differences over two pixels, halved, along x and y."""
    wide = pad(image[None, None], (1, 1, 1, 1), mode=beyond)[0, 0]
    return 0.5 * (wide[1:-1, 2:] - wide[1:-1, :-2]), 0.5 * (wide[2:, 1:-1] - wide[:-2, 1:-1])
