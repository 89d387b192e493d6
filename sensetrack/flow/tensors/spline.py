"""Images between their pixels: cubic B-splines and bilinear values, where a flow leads.

Positions are kept as a whole pixel and a share of one: as a single float32 they would lose a two-thousandth of a pixel
in an image of 8000. Each of a spline's sixteen values is fetched with one index from a view that starts elsewhere.
"""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from sensetrack.flow.spline import BORDER, REACH, TAPS

STRIP = 1 << 24
"""Pixels, about, that are worked on at once: some fifteen times as many values are held."""


def coefficients(image: torch.Tensor, border: int = BORDER) -> torch.Tensor:
    """Return the coefficients of the cubic B-spline through the pixels of an image.

    Parameters
    ----------
    image : Tensor
        ``(row, col)``; beyond its border the outermost pixels go on.
    border : int
        Pixels by which the result is larger on every side.
    """
    rows, cols = (size + 2 * border for size in image.shape)
    more = REACH + border
    wide = pad(image[None, None], (more, more, more, more), mode="replicate")[0, 0]
    line, width = wide.reshape(-1), wide.shape[1]
    for stride in (1, width):
        count = line.numel() - 2 * REACH * stride
        total = line[:count] * float(TAPS[0])
        for k, tap in enumerate(TAPS[1:].tolist(), start=1):
            total.add_(line[k * stride : k * stride + count], alpha=tap)
        line = total
    return line.as_strided((rows, cols), (width, 1)).contiguous()


def _split(start: torch.Tensor, flow: torch.Tensor, last: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return whole pixels (int64, 0..last) and shares of positions along an axis, drawn in to 0..last."""
    whole = torch.floor(flow)
    share = flow - whole
    whole = whole + start
    share = torch.where((whole >= 0) & (whole < last), share, 0)
    # These two let no number out that is none, which as an index would bring the device down.
    whole = torch.fmin(torch.fmax(whole, whole.new_zeros(())), whole.new_full((), last))
    return whole.long(), share


def _cubic(share: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the weights of the four coefficients around a position."""
    rest = 1 - share
    first, last = rest * rest * rest * (1 / 6), share * share * share * (1 / 6)
    second = 2 / 3 - share * share * (1 - 0.5 * share)
    return first, second, 1 - first - second - last, last


def spline_at(
    spline: torch.Tensor, rows: torch.Tensor, cols: torch.Tensor, dx: torch.Tensor, dy: torch.Tensor
) -> torch.Tensor:
    """Return the spline where displacements lead, or at the nearest position in the image.

    Parameters
    ----------
    spline : Tensor
        From `coefficients`, `sensetrack.flow.spline.BORDER` pixels larger on every side.
    rows, cols : Tensor
        Whole float32 numbers that broadcast to the shape of the displacements: where these start.
    dx, dy : Tensor
    """
    height, width = spline.shape
    i, t = _split(rows, dy, height - 1 - 2 * BORDER)
    j, u = _split(cols, dx, width - 1 - 2 * BORDER)
    # The first of the sixteen is one up and one to the left.
    at = (i + (BORDER - 1)) * width + (j + (BORDER - 1))
    down, across, flat = _cubic(t), _cubic(u), spline.reshape(-1)
    total = torch.zeros_like(dx)
    for k, a in enumerate(down):
        line = torch.zeros_like(dx)
        for m, b in enumerate(across):
            line.addcmul_(b, torch.take(flat[k * width + m :], at))
        total.addcmul_(a, line)
    return total


def warp(spline: torch.Tensor, dx: torch.Tensor, dy: torch.Tensor) -> torch.Tensor:
    """Return the secondary where the flow of every pixel leads, or at the nearest position in the image.

    Parameters
    ----------
    spline : Tensor
        From `coefficients`.
    dx, dy : Tensor
        ``(row, col)``.
    """
    out = torch.empty_like(dx)
    for strip, rows, cols in strips(dx):
        out[strip] = spline_at(spline, rows, cols, dx[strip], dy[strip])
    return out


def bilinear(values: tuple[torch.Tensor, ...], dx: torch.Tensor, dy: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return values between the pixels of several arrays where a flow leads, or at the nearest position in them.

    Parameters
    ----------
    values : tuple of Tensor
        ``(row, col)`` of the flow's shape.
    dx, dy : Tensor
    """
    height, width = values[0].shape
    out = tuple(torch.empty_like(dx) for _ in values)
    for strip, rows, cols in strips(dx):
        i, t = _split(rows, dy[strip], height - 1)
        j, u = _split(cols, dx[strip], width - 1)
        at = i * width + j
        right, below = (j < width - 1).long(), (i < height - 1).long() * width
        for array, target in zip(values, out, strict=True):
            flat = array.reshape(-1)
            upper, lower = torch.take(flat, at), torch.take(flat, at + below)
            upper = torch.lerp(upper, torch.take(flat, at + right), u)
            lower = torch.lerp(lower, torch.take(flat, at + below + right), u)
            target[strip] = torch.lerp(upper, lower, t)
    return out


def strips(like: torch.Tensor) -> list[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Return strips of rows of a ``(row, col)`` array, with the whole numbers of their rows and columns."""
    height, width = like.shape
    cols = torch.arange(width, dtype=torch.float32, device=like.device)[None]
    step = max(1, STRIP // width)
    rows = torch.arange(height, dtype=torch.float32, device=like.device)[:, None]
    return [(slice(top, top + step), rows[top : top + step], cols) for top in range(0, height, step)]
