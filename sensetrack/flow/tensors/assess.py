"""Says how far a flow can be trusted: the twin of `sensetrack.flow.assess` and `sensetrack.flow.lk_errors`."""

from __future__ import annotations

import torch

from sensetrack.flow.assess import BROAD, LARGEST_VARIANCE, LEAST_WEIGHT, LITTLE_STRAIN, Calibration
from sensetrack.flow.compare import SUMS
from sensetrack.flow.lattice import CELL
from sensetrack.flow.tensors.changed import beside
from sensetrack.flow.tensors.sums import box_sums, cell_sums

_FLOW = slice(SUMS.index("dx"), SUMS.index("dy") + 1)
_PULLS = slice(SUMS.index("pull x"), SUMS.index("pull y") + 1)
_TEXTURES = SUMS.index("texture xx")

LAYERS = ("share", "correlation", "chance", "rest", "variance_dx", "variance_dy", "covariance")
"""What is known of every cell, in this order; see `sensetrack.flow.assess.Assessment`."""


def assess(sums: torch.Tensor, side: int, calibration: Calibration) -> torch.Tensor:
    """Judge a flow from what is left after it.

    Parameters
    ----------
    sums : Tensor
        From `sensetrack.flow.tensors.compare.compare`.
    side : int
        Side of the window in cells over which errors hang together.
    calibration : Calibration

    Returns
    -------
    Tensor
        float64 ``(len(LAYERS), row, col)`` of cells.
    """
    pulls = sums[_PULLS]
    products = torch.stack([pulls[0] ** 2, pulls[1] ** 2, pulls[0] * pulls[1]])
    around = box_sums(torch.cat([sums, products]), side)
    broad = box_sums(sums[:_TEXTURES], max(side, BROAD))
    weight, flow = sums[0], sums[_FLOW] / sums[0].clamp(min=1e-9)
    bend = torch.where(weight > 0, around[_FLOW] / around[0].clamp(min=1e-9) - flow, 0)
    bends = box_sums(weight * torch.stack([bend[0] ** 2, bend[1] ** 2, bend[0] * bend[1]]), side)
    still = calibration.noise if calibration.noise_still is None else calibration.noise_still
    strain = _strain(broad[_FLOW] / broad[0].clamp(min=1e-9))
    noise = still + (calibration.noise - still) * strain / (strain + LITTLE_STRAIN)
    share = around[17] / float((side * CELL) ** 2)
    return torch.stack([share, *_correlate(broad), *_errors(around, bends, noise, calibration)])


def _strain(flow: torch.Tensor) -> torch.Tensor:
    """Return the root of the summed squares of a flow's derivatives, pixels per pixel."""
    total = torch.zeros_like(flow[0])
    for component in flow:
        for axis in (0, 1):
            if component.shape[axis] > 1:
                (slope,) = torch.gradient(component, dim=axis)
                total += (slope / CELL) ** 2
    return total.sqrt()


def _correlate(broad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the correlation coefficient and its standard deviation by chance."""
    known = broad[0] > LEAST_WEIGHT
    n = torch.where(known, broad[0], 1)
    first, second = broad[3] / n, broad[4] / n
    first_power = (broad[5] / n - first * first).clamp(min=0)
    second_power = (broad[6] / n - second * second).clamp(min=0)
    power = torch.sqrt(first_power * second_power)
    correlation = torch.where(known & (power > 0), (broad[7] / n - first * second) / power, 0)
    samples = n / (2 * torch.pi * power * n / broad[8]).clamp(min=1)
    return correlation, torch.where(known & (broad[8] > 0), samples.clamp(min=1).rsqrt(), 1)


def _errors(
    around: torch.Tensor, bends: torch.Tensor, noise: torch.Tensor, calibration: Calibration
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the step that is left, and the covariance."""
    n, (hxx, hyy, hxy, pull_x, pull_y) = around[0], around[_TEXTURES : _TEXTURES + 5]
    det = hxx * hyy - hxy * hxy
    known, solved = n > LEAST_WEIGHT, (det > 0) & (hyy > 0)
    x, y = (hyy * pull_x - hxy * pull_y) / det, (hxx * pull_y - hxy * pull_x) / det
    vxx, vyy, vxy = around[18:]
    # The rows of H^-1 V, as in `sensetrack.correlation.sandwich`.
    ayy, ayx = (hxx * vyy - hxy * vxy) / det, (hxx * vxy - hxy * vxx) / det
    axy, axx = (hyy * vxy - hxy * vyy) / det, (hyy * vxx - hxy * vxy) / det
    sandwich = (axx * hyy - axy * hxy) / det, (ayy * hxx - ayx * hxy) / det, (ayx * hyy - ayy * hxy) / det
    cxx, cyy, cxy = (
        noise * match + (calibration.roughness * bend + calibration.way_back * miss) / n
        for match, bend, miss in zip(sandwich, bends, around[14:17], strict=True)
    )
    cxx, cyy = cxx + calibration.floor**2, cyy + calibration.floor**2
    small = known & solved & (cxx + cyy < LARGEST_VARIANCE)
    return (
        torch.where(known & solved, torch.hypot(x, y), 0),
        torch.where(small, cxx, LARGEST_VARIANCE),
        torch.where(small, cyy, LARGEST_VARIANCE),
        torch.where(small, cxy, 0),
    )


def judge(
    sums: torch.Tensor,
    change: tuple[torch.Tensor, torch.Tensor],
    number: torch.Tensor,
    radii: tuple[int, ...],
    calibration: Calibration,
) -> torch.Tensor:
    """Judge a flow by the windows that its pixels have chosen; between two windows linearly.

    Parameters
    ----------
    sums : Tensor
        From `sensetrack.flow.tensors.compare.compare`.
    change : tuple of Tensor
        From `sensetrack.flow.tensors.changed.changed`: such ground is given what fails every limit, and does not speak
        for the ground beside it.
    number : Tensor
        uint8 ``(row, col)``: which of the windows each pixel chose.
    radii : tuple of int
        Half the sides of the windows.
    calibration : Calibration

    Returns
    -------
    Tensor
        float64 ``(len(LAYERS), row, col)`` of cells.
    """
    is_new, correlation = change
    # All but the count, the last: what is valid stays valid.
    sums = torch.cat([sums[:-1].masked_fill(beside(is_new), 0), sums[-1:]])
    chosen = cell_sums(number, CELL) / CELL**2
    out = torch.zeros(len(LAYERS), *chosen.shape, dtype=torch.float64, device=chosen.device)
    for k, radius in enumerate(radii):
        # Every cell lies between two windows at most, and takes of each the more the closer it is.
        share = (1 - (chosen - k).abs()).clamp(min=0)
        out += share * assess(sums, max(1, round((2 * radius + 1) / CELL)), calibration)
    out[1] = torch.where(is_new, torch.minimum(correlation, out[1]), out[1])
    out[2].masked_fill_(is_new, 1.0)
    return out
