"""What dense nets share: moving images by a flow, windows, gradients and pyramids with masks; functions of tensors.

Tensors are ``(sample, channel, row, col)``; flows have the channels dx and dy in pixels of their own level.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SLOPE = (1 / 12, -8 / 12, 0.0, 8 / 12, -1 / 12)
"""Derivative of fourth order."""


TAPS = 8
"""Coefficients to either side of which a spline's own depends: the next is 3e-5 of the first."""


def move(image: Tensor, flow: Tensor) -> Tensor:
    """Return what an image holds where a flow points to, bilinear; 0 beyond its border."""
    rows, cols = image.shape[-2:]
    y = torch.arange(rows, device=image.device, dtype=torch.float32)[:, None]
    x = torch.arange(cols, device=image.device, dtype=torch.float32)[None]
    at = torch.stack(
        [(x + flow[:, 0]) * (2 / max(cols - 1, 1)) - 1, (y + flow[:, 1]) * (2 / max(rows - 1, 1)) - 1], dim=-1
    )
    return functional.grid_sample(image, at, mode="bilinear", padding_mode="zeros", align_corners=True)


def coefficients(image: Tensor) -> Tensor:
    """Return what `move_smoothly` takes: the cubic B-spline through the pixels of ``(sample, 1, row, col)``."""
    pole = 3**0.5 - 2
    taps = image.new_tensor([3**0.5 * pole ** abs(k) for k in range(-TAPS, TAPS + 1)])
    across = functional.conv2d(image, taps.view(1, 1, 1, -1), padding=(0, TAPS))
    return functional.conv2d(across, taps.view(1, 1, -1, 1), padding=(TAPS, 0))


def move_smoothly(spline: Tensor, flow: Tensor) -> Tensor:
    """Return what an image holds where a flow points to, by cubic splines; 0 beyond its border.

    Four bilinear samples between the right pixels weigh sixteen coefficients as a cubic B-spline does (Sigg & Hadwiger
    2005). Bilinear samples of the image itself blur it, and a flow that is fitted to them is drawn to half pixels.

    Parameters
    ----------
    spline : Tensor
        From `coefficients`.
    flow : Tensor
        ``(sample, 2, row, col)``.
    """
    part = flow - flow.floor()
    rest = 1 - part
    before = (rest**3 + 4 - 6 * part**2 + 3 * part**3) / 6
    first = -1 + (4 - 6 * part**2 + 3 * part**3) / 6 / before
    second = 1 + part**3 / 6 / (1 - before)
    base, total = flow.floor(), torch.zeros_like(spline)
    for x, weight_x in ((first, before), (second, 1 - before)):
        for y, weight_y in ((first, before), (second, 1 - before)):
            at = base + torch.cat([x[:, :1], y[:, 1:]], dim=1)
            total = total + weight_x[:, :1] * weight_y[:, 1:] * move(spline, at)
    return total


def box(image: Tensor, radius: int) -> Tensor:
    """Return the mean over a window of ``2 * radius + 1``; at the border over what there is of it."""
    rows, cols = (_seen(int(side), radius, image) for side in image.shape[2:])
    return _sum_along(_sum_along(image, radius, 3), radius, 2) / (rows[:, None] * cols)


def _sum_along(image: Tensor, radius: int, axis: int) -> Tensor:
    """Return sums over windows along an axis: of those of 1, 2, 4, ... pixels that make up the window.

    A few whole-array additions, many times faster than pooling for any window, and as exact.
    """
    side, size = 2 * radius + 1, image.shape[axis]
    part = functional.pad(image, (radius, radius) if axis == 3 else (0, 0, radius, radius))
    total, begin, width = torch.zeros_like(image), 0, 1
    while True:
        if side & width:
            total = total + part.narrow(axis, begin, size)
            begin += width
        if 2 * width > side:
            return total
        rest = part.shape[axis] - width
        part = part.narrow(axis, 0, rest) + part.narrow(axis, width, rest)
        width *= 2


def _seen(size: int, radius: int, like: Tensor) -> Tensor:
    """Return how many pixels of a line the window around each of them holds."""
    place = torch.arange(size, device=like.device, dtype=like.dtype)
    return (place + radius).clamp(max=size - 1) - (place - radius).clamp(min=0) + 1


def gradients(image: Tensor) -> tuple[Tensor, Tensor]:
    """Return the derivatives along columns and rows of an image with one channel."""
    taps = image.new_tensor(SLOPE)
    padded = functional.pad(image, (2, 2, 2, 2), mode="replicate")
    right = functional.conv2d(padded[:, :, 2:-2], taps.view(1, 1, 1, 5))
    down = functional.conv2d(padded[:, :, :, 2:-2], taps.view(1, 1, 5, 1))
    return right, down


def halve(image: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return an image and its mask at half the size; the mask weighs the pixels, and becomes the share that counts."""
    both = torch.cat([image * mask, mask], dim=1)
    smooth = functional.avg_pool2d(both, 3, 1, 1, count_include_pad=False)
    total, share = functional.avg_pool2d(smooth, 2).chunk(2, dim=1)
    return torch.where(share > 1e-3, total / share.clamp(min=1e-3), 0), share


def even_out(image: Tensor, mask: Tensor, radius: int, least: float) -> Tensor:
    """Return an image of zero mean and unit deviation in windows, 0 where it is masked.

    Parameters
    ----------
    image, mask : Tensor
        One channel each; the mask is 0..1.
    radius : int
        Half the side of the window.
    least : float
        Share of the variance in windows four times as large that is added, so that flat ground stays flat.
    """
    share = box(mask, radius).clamp(min=1e-3)
    centred = (image - box(image * mask, radius) / share) * mask
    square = centred * centred
    variance = box(square, radius) / share
    around = box(square, 4 * radius) / box(mask, 4 * radius).clamp(min=1e-3)
    return centred * torch.rsqrt(variance + least * around + 1e-8)


def enlarge(flow: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return a flow on a finer level, in its pixels; levels are aligned at the border, as `halve` leaves them."""
    factor = shape[1] / flow.shape[3]
    return functional.interpolate(flow, size=shape, mode="bilinear", align_corners=False) * factor
