"""Reads a flow and what is known of it at the output pixels, and flags them: the twin of `sensetrack.flow.sample`."""

from __future__ import annotations

import math

import torch

from sensetrack.displacement import LAYERS as FIELD_LAYERS
from sensetrack.displacement import Flag
from sensetrack.flow.lattice import CELL
from sensetrack.flow.sample import Limits
from sensetrack.flow.tensors.assess import LAYERS
from sensetrack.flow.tensors.level import Flow


def sample(
    flow: Flow,
    miss: torch.Tensor,
    known: torch.Tensor,
    textures: tuple[torch.Tensor, torch.Tensor],
    limits: Limits,
    step: int,
    pad: int,
    shape: tuple[int, int],
) -> dict[str, torch.Tensor]:
    """Return the layers of a field at the centres of ``step`` x ``step`` pixels; see `sensetrack.flow.sample.sample`.

    Parameters
    ----------
    flow : tuple of Tensor
        dx and dy at every pixel.
    miss : Tensor
        From `sensetrack.flow.tensors.compare.compare`.
    known : Tensor
        From `sensetrack.flow.tensors.assess.judge`.
    textures : tuple of Tensor
        Of every cell of the reference and of the secondary.
    limits : Limits
    step, pad : int
        Pixels per output pixel, and pixels around the output that served as context.
    shape : tuple of int
        Of the output.
    """
    x, y, missed = _means(flow, miss, step, pad, shape)
    is_known = ~torch.isnan(missed)
    x, y, missed = (torch.where(is_known, values, 0) for values in (x, y, missed))
    rows, cols = (
        pad + (step - 1) / 2 + step * torch.arange(size, dtype=torch.float64, device=known.device) for size in shape
    )
    layers = dict(zip(LAYERS, known, strict=True))

    def read(name: str) -> torch.Tensor:
        return _on_lattice(layers[name], rows, cols)

    empty = ~is_known | (read("share") < limits.min_valid)
    first = _on_lattice(textures[0], rows, cols)
    second = _between(textures[1], rows.float()[:, None] + y, cols.float() + x)
    flat = ~empty & ((first < limits.flat) | (second < limits.flat))
    correlation, rest, flags = read("correlation"), read("rest"), torch.zeros_like(x, dtype=torch.uint8)
    variance_x, variance_y = read("variance_dx"), read("variance_dy")
    doubtful = (missed > (limits.miss or math.inf)) | (correlation < limits.chance * read("chance"))
    unsettled = (rest > limits.rest) & (rest * rest > 9 * (variance_x + variance_y))
    flags += doubtful * int(Flag.LOW_QUALITY)
    flags += unsettled * int(Flag.NOT_CONVERGED)
    flags.masked_fill_(flat, int(Flag.FLAT)).masked_fill_(empty, int(Flag.NODATA))
    quality = correlation.clamp(0, 1) / (1 + missed * missed)
    rho = (read("covariance") / torch.sqrt(variance_x * variance_y)).clamp(-1, 1)
    values = x, y, quality, variance_x.sqrt(), variance_y.sqrt(), rho
    nothing = empty | flat
    out = [layer.masked_fill(nothing, math.nan) for layer in values]
    return dict(zip(FIELD_LAYERS, (*out, flags), strict=True))


def _means(
    flow: Flow, miss: torch.Tensor, step: int, pad: int, shape: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the means of flow and miss over the valid ones of the pixels at a centre, NaN if there are none.

    There are four of them where the centre lies between pixels (an even step), else one.
    """
    starts = sorted({pad + (step - 1) // 2, pad + step // 2})
    places = [
        (slice(i, i + (shape[0] - 1) * step + 1, step), slice(j, j + (shape[1] - 1) * step + 1, step))
        for i in starts
        for j in starts
    ]
    if len(places) == 1:
        return flow[0][places[0]], flow[1][places[0]], miss[places[0]]
    valid = [~torch.isnan(miss[place]) for place in places]
    count = torch.stack(valid).sum(dim=0)
    x, y, missed = (
        torch.stack([torch.where(here, values[place], 0) for here, place in zip(valid, places, strict=True)]).sum(dim=0)
        / count
        for values in (*flow, miss)
    )
    return x, y, missed


def _place(position: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the two cells on either side of positions along an axis, and the share of the second."""
    at = ((position + 0.5) / CELL - 0.5).clamp(0, count - 1)
    first = at.long()
    return first, (first + 1).clamp(max=count - 1), at - first


def _on_lattice(values: torch.Tensor, rows: torch.Tensor, cols: torch.Tensor) -> torch.Tensor:
    """Return the bilinear values of a layer of cells at rows and columns of positions; float32."""
    top, bottom, down = _place(rows, values.shape[0])
    lines = torch.lerp(values[top], values[bottom], down[:, None]).float()
    left, right, across = _place(cols, values.shape[1])
    return torch.lerp(lines[:, left], lines[:, right], across.float()[None])


def _between(values: torch.Tensor, rows: torch.Tensor, cols: torch.Tensor) -> torch.Tensor:
    """Return the bilinear values of a layer of cells at positions of their own; float32."""
    width, flat = values.shape[1], values.float().reshape(-1)
    top, bottom, down = _place(rows, values.shape[0])
    left, right, across = _place(cols, width)
    upper = torch.lerp(torch.take(flat, top * width + left), torch.take(flat, top * width + right), across)
    lower = torch.lerp(torch.take(flat, bottom * width + left), torch.take(flat, bottom * width + right), across)
    return torch.lerp(upper, lower, down)
