"""Images at half their size, and flows at twice theirs: the twin of `sensetrack.flow.pyramid`."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate, pad


def halve(image: torch.Tensor) -> torch.Tensor:
    """Return an image at half its size, smoothed by 1 3 3 1.

    Parameters
    ----------
    image : Tensor
        ``(row, col)`` with even sides; beyond its border the outermost pixels go on.
    """
    wide = pad(image[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    down = 0.125 * (wide[0:-2:2] + wide[3::2]) + 0.375 * (wide[1:-1:2] + wide[2::2])
    return 0.125 * (down[:, 0:-2:2] + down[:, 3::2]) + 0.375 * (down[:, 1:-1:2] + down[:, 2::2])


def halve_weighted(image: torch.Tensor, weight: torch.Tensor, least: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return an image at half its size, of what counts, and what its pixels count: 0 where that is below ``least``."""
    share = halve(weight)
    return halve(image * weight) / share.clamp(min=1e-6), torch.where(share < least, 0, share)


def double(flow: torch.Tensor) -> torch.Tensor:
    """Return one component of a flow at twice its size, in pixels of the finer level; bilinear."""
    return 2 * interpolate(flow[None, None], scale_factor=2, mode="bilinear", align_corners=False)[0, 0]
