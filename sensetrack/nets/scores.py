"""Correlation of the features of tiles at every lag, its peak between the lags, and how well that is placed."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

NEAR = 3
"""Lags on each side of the best one through which the surface is interpolated."""

STEPS = 6
"""Steps of Newton's method to the top; far more than a smooth surface needs."""

BLOCKS = 4
"""Blocks along each side of a tile within which misfits may hang together."""


def correlate(tile: torch.Tensor, area: torch.Tensor) -> torch.Tensor:
    """Return the sums of products of a tile with an area at every lag.

    Parameters
    ----------
    tile : Tensor
        ``(n, feature, t, t)``.
    area : Tensor
        ``(n, feature, s, s)``, ``s >= t``.

    Returns
    -------
    Tensor
        ``(n, s - t + 1, s - t + 1)``, summed over features; element ``(i, j)`` is that of the tile laid with its upper
        left pixel on ``(i, j)``.
    """
    side, lags = area.shape[-1], area.shape[-1] - tile.shape[-1] + 1
    product = torch.fft.rfft2(tile, s=(side, side)).conj() * torch.fft.rfft2(area)
    surface: torch.Tensor = torch.fft.irfft2(product.sum(1), s=(side, side))
    return surface[..., :lags, :lags]


def scores(
    tile: torch.Tensor, area: torch.Tensor, tile_valid: torch.Tensor, area_valid: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the correlation coefficient of features at every lag, and the share of the tile that is valid there.

    Both tile and area are compared only where both are valid: ``sum f g / sqrt(sum f^2 sum g^2)``, without taking out
    means, which features do not have.

    Parameters
    ----------
    tile, area : Tensor
        As for `correlate`, 0 where invalid.
    tile_valid, area_valid : Tensor
        float, ``(n, t, t)`` and ``(n, s, s)``: 1 where valid, else 0.
    """
    products = correlate(tile, area)
    own = torch.stack([(tile**2).sum(1), tile_valid, tile_valid], 1)
    other = torch.stack([area_valid, (area**2).sum(1), area_valid], 1)
    sums = correlate(own.flatten(0, 1)[:, None], other.flatten(0, 1)[:, None]).unflatten(0, (-1, 3))
    power = (sums[:, 0].clamp_min(0) * sums[:, 1].clamp_min(0)).sqrt()
    share = sums[:, 2] / tile_valid[0].numel()
    floor = 1e-6 * (tile**2).sum((1, 2, 3))[:, None, None] + 1e-12
    return products / power.clamp_min(floor), share


def two_ways(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the correlation of two tiles at the lags near 0, the mean of both ways.

    A tile correlated with the other's surroundings is drawn towards what is bright beyond its edges; the way back is
    drawn as far in the other direction.

    Parameters
    ----------
    first, second : Tensor
        ``(n, feature, t + 2 NEAR, t + 2 NEAR)``: tiles and their surroundings, 0 where either is invalid.

    Returns
    -------
    Tensor
        ``(n, 2 NEAR + 1, 2 NEAR + 1)``, as a share of the features' power.
    """
    inner = slice(NEAR, -NEAR)
    own, other = first[..., inner, inner], second[..., inner, inner]
    there = correlate(own, second)
    back = correlate(other, first).flip(-1, -2)
    power = ((own**2).sum((1, 2, 3)) * (other**2).sum((1, 2, 3))).sqrt().clamp_min(1e-12)
    return 0.5 * (there + back) / power[:, None, None]


class Top(NamedTuple):
    """The top of a surface near a lag.

    Attributes
    ----------
    dy, dx : Tensor
        ``(n,)``, from the lag in the middle.
    height : Tensor
        ``(n,)``.
    hyy, hxx, hxy : Tensor
        ``(n,)``: the Hessian's negative.
    converged : Tensor
        bool ``(n,)``: whether there is a top within a pixel.
    """

    dy: torch.Tensor
    dx: torch.Tensor
    height: torch.Tensor
    hyy: torch.Tensor
    hxx: torch.Tensor
    hxy: torch.Tensor
    converged: torch.Tensor


@lru_cache(maxsize=1)
def _monomials() -> np.ndarray:
    """Return the matrix that turns values at the lags into coefficients of the polynomial through them."""
    nodes = np.arange(-NEAR, NEAR + 1, dtype=np.float64)
    return np.linalg.inv(np.vander(nodes, increasing=True))


def _powers(at: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return weights of the lags for value, slope and bend at places along one axis, ``(n, 2 NEAR + 1)`` each."""
    count = 2 * NEAR + 1
    order = torch.arange(count, dtype=at.dtype, device=at.device)
    matrix = torch.as_tensor(_monomials(), dtype=at.dtype, device=at.device)
    value = at[:, None] ** order
    slope = functional.pad(value[:, :-1] * order[1:], (1, 0))
    bend = functional.pad(slope[:, :-1] * order[1:], (1, 0))
    return value @ matrix, slope @ matrix, bend @ matrix


def derivatives(surface: torch.Tensor, dy: torch.Tensor, dx: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return value, slopes along y and x, and second derivatives yy, xx, xy of surfaces at places near 0.

    Parameters
    ----------
    surface : Tensor
        ``(n, 2 NEAR + 1, 2 NEAR + 1)``; between the lags runs the polynomial through all of them.
    dy, dx : Tensor
        ``(n,)``.
    """
    (y0, y1, y2), (x0, x1, x2) = _powers(dy), _powers(dx)

    def at(rows: torch.Tensor, cols: torch.Tensor) -> torch.Tensor:
        return torch.einsum("ni,nij,nj->n", rows, surface, cols)

    return at(y0, x0), at(y1, x0), at(y0, x1), at(y2, x0), at(y0, x2), at(y1, x1)


def climb(surface: torch.Tensor) -> Top:
    """Climb to the top of surfaces by Newton's method, from the lag in the middle."""
    surface = surface.double()
    dy = surface.new_zeros(len(surface))
    dx = torch.zeros_like(dy)
    for _ in range(STEPS):
        _, gy, gx, hyy, hxx, hxy = derivatives(surface, dy, dx)
        det = hyy * hxx - hxy**2
        good = (det > 0) & (hyy < 0)
        det = torch.where(good, det, 1.0)
        # Where the surface is no hill, follow its slope by half a pixel.
        step_y = torch.where(good, -(hxx * gy - hxy * gx) / det, 0.5 * gy.sign())
        step_x = torch.where(good, -(hyy * gx - hxy * gy) / det, 0.5 * gx.sign())
        dy = (dy + step_y.clamp(-0.5, 0.5)).clamp(-1.0, 1.0)
        dx = (dx + step_x.clamp(-0.5, 0.5)).clamp(-1.0, 1.0)
    height, gy, gx, hyy, hxx, hxy = derivatives(surface, dy, dx)
    inside = (dy.abs() < 1.0) & (dx.abs() < 1.0)
    is_hill = (hyy * hxx - hxy**2 > 0) & (hyy < 0)
    return Top(dy, dx, height, -hyy, -hxx, -hxy, inside & is_hill)
