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
    scale: int = 1,
) -> dict[str, torch.Tensor]:
    """Return the layers of a field at the centres of ``step`` x ``step`` pixels; see `sensetrack.flow.sample.sample`.

    Parameters
    ----------
    flow : tuple of Tensor
        dx and dy at every pixel of a level.
    miss : Tensor
        From `sensetrack.flow.tensors.compare.compare`.
    known : Tensor
        From `sensetrack.flow.tensors.assess.judge`.
    textures : tuple of Tensor
        Of every cell of the reference and of the secondary.
    limits : Limits
    step, pad : int
        Pixels of the image per output pixel, and pixels of the level around the output that served as context.
    shape : tuple of int
        Of the output.
    scale : int
        Pixels of the image per pixel of the level.
    """
    # Where the outer edges of pixels are whole numbers.
    rows, cols = (
        pad + (torch.arange(size, dtype=torch.float64, device=known.device) + 0.5) * (step / scale) for size in shape
    )
    x, y, missed = _means(flow, miss, rows, cols)
    is_known = ~torch.isnan(missed)
    x, y, missed = (torch.where(is_known, values, 0) for values in (x, y, missed))
    layers = dict(zip(LAYERS, known, strict=True))

    def read(name: str) -> torch.Tensor:
        return _on_grid(layers[name], rows, cols, CELL)

    empty = ~is_known | (read("share") < limits.min_valid)
    second = _between(textures[1], rows.float()[:, None] + y, cols.float() + x)
    flat = ~empty & (torch.minimum(_on_grid(textures[0], rows, cols, CELL), second) < limits.flat)
    x, y, missed = x * scale, y * scale, missed * scale
    correlation, rest = read("correlation"), read("rest") * scale
    variance_x, variance_y = (read(name).clamp(min=1e-20) for name in ("variance_dx", "variance_dy"))
    doubtful = (missed > (limits.miss or math.inf)) | (correlation < limits.chance * read("chance"))
    unsettled = (rest > limits.rest) & (rest * rest > 9 * scale**2 * (variance_x + variance_y))
    beyond = torch.maximum(x.abs(), y.abs()) > limits.longest
    flags = torch.zeros_like(x, dtype=torch.uint8)
    for where, flag in (
        (doubtful, Flag.LOW_QUALITY),
        (unsettled, Flag.NOT_CONVERGED),
        (beyond, Flag.SEARCH_EDGE),
    ):
        flags += where.to(torch.uint8) * int(flag)
    flags.masked_fill_(flat, int(Flag.FLAT)).masked_fill_(empty, int(Flag.NODATA))
    quality = correlation.clamp(0, 1) / (1 + missed * missed)
    rho = (read("covariance") / torch.sqrt(variance_x * variance_y)).clamp(-1, 1)
    values = x, y, quality, variance_x.sqrt() * scale, variance_y.sqrt() * scale, rho
    nothing = empty | flat
    out = [layer.masked_fill(nothing, math.nan) for layer in values]
    return dict(zip(FIELD_LAYERS, (*out, flags), strict=True))


def _means(
    flow: Flow, miss: torch.Tensor, rows: torch.Tensor, cols: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return flow and miss at positions, bilinear between valid pixels, NaN where there are none."""
    valid = ~torch.isnan(miss)
    count, x, y, missed = (
        _on_grid(torch.where(valid, values, 0), rows, cols, 1) for values in (torch.ones_like(miss), *flow, miss)
    )
    return x / count, y / count, missed / count


def _place(position: torch.Tensor, count: int, cell: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the two cells on either side of positions along an axis, and the share of the second."""
    at = (position / cell - 0.5).clamp(0, count - 1)
    first = at.long()
    return first, (first + 1).clamp(max=count - 1), at - first


def _on_grid(values: torch.Tensor, rows: torch.Tensor, cols: torch.Tensor, cell: int) -> torch.Tensor:
    """Return the bilinear values of a layer of cells at rows and columns of positions; float32."""
    top, bottom, down = _place(rows, values.shape[0], cell)
    lines = torch.lerp(values[top], values[bottom], down[:, None].to(values.dtype)).float()
    left, right, across = _place(cols, values.shape[1], cell)
    return torch.lerp(lines[:, left], lines[:, right], across.float()[None])


def _between(values: torch.Tensor, rows: torch.Tensor, cols: torch.Tensor) -> torch.Tensor:
    """Return the bilinear values of a layer of cells at positions of their own; float32."""
    width, flat = values.shape[1], values.float().reshape(-1)
    top, bottom, down = _place(rows, values.shape[0], CELL)
    left, right, across = _place(cols, width, CELL)
    upper = torch.lerp(torch.take(flat, top * width + left), torch.take(flat, top * width + right), across)
    lower = torch.lerp(torch.take(flat, bottom * width + left), torch.take(flat, bottom * width + right), across)
    return torch.lerp(upper, lower, down)
