"""What RAFT sees of images: Sobel derivatives within a mask."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from sensetrack.types import FloatArray, Mask

Even = Callable[[FloatArray, Mask], FloatArray]
"""From an image and where it is valid to one of even brightness and contrast, 0 where invalid."""

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
