"""Where between the lags a tile's content is, and with which covariance."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch.nn import functional

from sensetrack.nets.scores import BLOCKS, NEAR, climb, two_ways


class Placed(NamedTuple):
    """Displacements from the lag at which tiles were cut, float64 ``(n,)`` each.

    Attributes
    ----------
    dy, dx : Tensor
    height : Tensor
        Score at the top.
    var_dy, var_dx, cov : Tensor
        Variances and covariance in px^2; infinite where nothing is known.
    converged : Tensor
        bool.
    """

    dy: torch.Tensor
    dx: torch.Tensor
    height: torch.Tensor
    var_dy: torch.Tensor
    var_dx: torch.Tensor
    cov: torch.Tensor
    converged: torch.Tensor


def placed(first: torch.Tensor, second: torch.Tensor) -> Placed:
    """Find the top of the surface of scores between the lags.

    The covariance is that of an M-estimate (Huber 1967), ``H^-1 V H^-1``: ``H`` is the Hessian of the surface, ``V``
    the scatter of the pulls ``(f grad g - g grad f) / 2`` summed over blocks of the tile, less what the displacement
    found explains, since misfits hang together within a block.

    Parameters
    ----------
    first, second : Tensor
        As for `sensetrack.nets.scores.two_ways`.
    """
    top = climb(two_ways(first, second))
    rest, stiff = _pulls(first, second, top.dy, top.dx)
    n = rest.shape[-1]
    vyy, vxx, vxy = (rest[:, i] * rest[:, j] for i, j in ((0, 0), (1, 1), (0, 1)))
    vyy, vxx, vxy = (part.sum(1) * n / (n - 1) for part in (vyy, vxx, vxy))
    hyy, hxx, hxy = stiff[:, 0], stiff[:, 1], stiff[:, 2]
    det = hyy * hxx - hxy**2
    good = (det > 0) & (hyy > 0)
    det = torch.where(good, det, 1.0)
    # The rows of H^-1 V.
    ayy, ayx = (hxx * vyy - hxy * vxy) / det, (hxx * vxy - hxy * vxx) / det
    axy, axx = (hyy * vxy - hxy * vyy) / det, (hyy * vxx - hxy * vxy) / det
    var_dy = torch.where(good, (ayy * hxx - ayx * hxy) / det, torch.inf)
    var_dx = torch.where(good, (axx * hyy - axy * hxy) / det, torch.inf)
    cov = torch.where(good, (ayx * hyy - ayy * hxy) / det, 0.0)
    return Placed(top.dy, top.dx, top.height, var_dy, var_dx, cov, top.converged & good)


def _pulls(
    first: torch.Tensor, second: torch.Tensor, dy: torch.Tensor, dx: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pulls that are left in each block, ``(n, 2, blocks)``, and the Hessian of all, ``(n, 3)``: yy, xx, xy."""
    inner = slice(NEAR, -NEAR)
    own, other = first[..., inner, inner], second[..., inner, inner]
    own_y, own_x = _slopes(first)
    other_y, other_x = _slopes(second)
    pull_y = 0.5 * (own * other_y - other * own_y).sum(1)
    pull_x = 0.5 * (own * other_x - other * own_x).sum(1)
    stiff = torch.stack(
        [(own_y * other_y).sum(1), (own_x * other_x).sum(1), 0.5 * (own_y * other_x + own_x * other_y).sum(1)], 1
    )
    count = min(BLOCKS, own.shape[-1] // 4)
    area = own.shape[-1] ** 2 / count**2
    blocks = functional.adaptive_avg_pool2d(torch.cat([torch.stack([pull_y, pull_x], 1), stiff], 1), count)
    blocks = blocks.double().flatten(2) * area
    pull, bend = blocks[:, :2], blocks[:, 2:]
    along_y = bend[:, 0] * dy[:, None] + bend[:, 2] * dx[:, None]
    along_x = bend[:, 2] * dy[:, None] + bend[:, 1] * dx[:, None]
    rest = pull - torch.stack([along_y, along_x], 1)
    return rest - rest.mean(2, keepdim=True), bend.sum(2)


def _slopes(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return slopes of features along rows and columns, without the surroundings."""
    inner, before, after = slice(NEAR, -NEAR), slice(NEAR - 1, -NEAR - 1), slice(NEAR + 1, -NEAR + 1)
    down = 0.5 * (features[..., after, inner] - features[..., before, inner])
    across = 0.5 * (features[..., inner, after] - features[..., inner, before])
    return down, across
