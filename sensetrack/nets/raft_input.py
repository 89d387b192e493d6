"""What RAFT sees of images: Sobel derivatives of evened-out brightness within a mask."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sensetrack.types import FloatArray, Mask

BRIGHTNESS = 64
"""Side of the window in pixels over which brightness is evened out."""

_SMOOTH, _SLOPE = (0.25, 0.5, 0.25), (-0.5, 0.0, 0.5)


def sobel(image: Tensor, mask: Tensor) -> Tensor:
    """Return the Sobel derivatives along columns and rows, of unit deviation within the mask, 0 outside of it.

    Parameters
    ----------
    image, mask : Tensor
        ``(sample, 1, row, col)``; pixels beside what is masked count as masked.

    Returns
    -------
    Tensor
        ``(sample, 2, row, col)``.
    """
    smooth, slope = image.new_tensor(_SMOOTH), image.new_tensor(_SLOPE)
    kernels = torch.stack([torch.outer(smooth, slope), torch.outer(slope, smooth)])[:, None]
    inner = 1 - functional.max_pool2d(1 - functional.pad(mask, (1, 1, 1, 1)), 3, 1)
    found = functional.conv2d(functional.pad(image * mask, (1, 1, 1, 1), mode="replicate"), kernels) * inner
    count = 2 * inner.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    power = (found * found).sum(dim=(1, 2, 3), keepdim=True) / count
    return found * torch.rsqrt(power + 1e-12)


def evened(image: FloatArray, valid: Mask) -> FloatArray:
    """Return an image of zero local mean and unit local deviation, which fades to 0 towards what is invalid.

    Parameters
    ----------
    image : ndarray of float32
        ``(row, col)``, sides multiples of 4.
    valid : ndarray of bool
    """
    from sensetrack.flow.brightness import even_out
    from sensetrack.trackers._source import prepare

    source = prepare(image, valid, 4, 1)
    return even_out(source.image, source.valid, source.weight, source.moments, BRIGHTNESS)
