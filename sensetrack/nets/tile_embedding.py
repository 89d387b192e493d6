"""Displacements of tiles by one network for all: features of both images once, and their correlation at every lag.

Each whole lag of the search range is a candidate. The softmax of their scores, with "none of them" as one more, is
calibrated: a probability of 0.9 is right nine times out of ten on pairs like those of the training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional

from sensetrack.correlation.masks import bridge
from sensetrack.nets.embedding import FEATURES, REACH, Model, embed, even_out
from sensetrack.nets.placement import placed
from sensetrack.nets.scores import NEAR, scores
from sensetrack.nets.tiles import Candidates, Grid, Measured
from sensetrack.types import FloatArray, Mask

SOUND = 2
"""Pixels around invalid ones whose features count as invalid too: they know too little of their surroundings."""

STRIP = 256
"""Rows that are embedded at a time."""

AT_ONCE = 6_000_000
"""Features of search areas that are worked on at a time."""

MIN_SIGMA = 1e-3
"""Least error that is reported, in pixels."""


class Features(NamedTuple):
    """An image made ready.

    Attributes
    ----------
    values : Tensor
        float32 ``(row, col, feature)``, 0 where not sound.
    sound : Tensor
        float32 ``(row, col)``: 1 where features are to be trusted, else 0.
    """

    values: torch.Tensor
    sound: torch.Tensor


@dataclass(frozen=True)
class Limits:
    """What a tile must have to be measured.

    Attributes
    ----------
    valid : float
        Share of valid pixels.
    """

    valid: float


def measure(
    model: Model, images: tuple[FloatArray, FloatArray], valid: tuple[Mask, Mask], grid: Grid, limits: Limits
) -> Measured:
    """Find every tile of the first image in the second.

    Parameters
    ----------
    model : Model
        On the device to work on.
    images : tuple of ndarray of float32
        ``(row, col)``, 0 where invalid.
    valid : tuple of ndarray of bool
    grid : Grid
        Where the tiles are.
    limits : Limits

    Returns
    -------
    Measured
        Of all tiles, row by row.
    """
    rim = grid.tile + grid.search + NEAR + 1
    with torch.inference_mode():
        first, second = (features(model, image, mask, rim) for image, mask in zip(images, valid, strict=True))
        corners = torch.as_tensor(grid.corners() + rim, device=first.values.device)
        side = grid.tile + 2 * grid.search
        many = max(1, AT_ONCE // (FEATURES * side * side))
        parts = [_measure(model, first, second, part, grid, limits) for part in corners.split(many)]
        return Measured(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def features(model: Model, image: FloatArray, valid: Mask, rim: int) -> Features:
    """Return the features of an image, with ``rim`` more pixels on every side, which are not sound."""
    device = next(iter(model.weights.values())).device
    bridged, filled = bridge(image, valid)
    known = functional.pad(torch.as_tensor(filled, device=device), (rim,) * 4)
    pixels = functional.pad(torch.as_tensor(bridged, device=device), (rim,) * 4)
    even = even_out(pixels[None], known[None])[0]
    rows, cols = even.shape
    sound = 1 - functional.max_pool2d((~known).float()[None, None], 2 * SOUND + 1, 1, SOUND)[0, 0]
    values = torch.empty(rows, cols, FEATURES, device=device)
    wide = functional.pad(even, (0, 0, REACH, REACH))
    for row in range(0, rows, STRIP):
        last = min(row + STRIP, rows)
        strip = embed(model.weights, wide[None, row : last + 2 * REACH])[0, :, REACH : REACH + last - row]
        values[row:last] = strip.permute(1, 2, 0)
    return Features(values * sound[..., None], sound)


def _cut(image: torch.Tensor, corners: torch.Tensor, side: int) -> torch.Tensor:
    """Return squares ``(n, side, side, ...)`` of an image whose upper left pixels are ``corners``, ``(n, 2)``."""
    line = torch.arange(side, device=image.device)
    rows, cols = corners[:, 0, None] + line, corners[:, 1, None] + line
    return image[rows[:, :, None], cols[:, None, :]]


def _planes(image: Features, corners: torch.Tensor, side: int) -> torch.Tensor:
    return _cut(image.values, corners, side).permute(0, 3, 1, 2).contiguous()


def _measure(
    model: Model, first: Features, second: Features, corners: torch.Tensor, grid: Grid, limits: Limits
) -> Measured:
    """Measure some tiles."""
    tile, search = grid.tile, grid.search
    wide = corners - search, tile + 2 * search
    surface, share = scores(
        _planes(first, corners, tile),
        _planes(second, *wide),
        _cut(first.sound, corners, tile),
        _cut(second.sound, *wide),
    )
    candidates = probabilities(model, surface, share, tile, limits)
    lags = 2 * search + 1
    row, col = candidates.best // lags - search, candidates.best % lags - search
    near = torch.stack([row, col], 1)
    places = corners - NEAR, corners + near - NEAR
    both = (_cut(image.sound, at, tile + 2 * NEAR) for image, at in zip((first, second), places, strict=True))
    known = math.prod(both)[:, None]
    found = placed(
        *(_planes(image, at, tile + 2 * NEAR) * known for image, at in zip((first, second), places, strict=True))
    )
    scale = model.calibration.error
    sigma_dy, sigma_dx = ((scale * variance.sqrt()).clamp_min(MIN_SIGMA) for variance in (found.var_dy, found.var_dx))
    rho = torch.nan_to_num(scale**2 * found.cov / (sigma_dy * sigma_dx)).clamp(-1, 1)
    on_edge = torch.maximum(row.abs(), col.abs()) == search
    layers = (
        col + found.dx,
        row + found.dy,
        candidates.probability,
        sigma_dx,
        sigma_dy,
        rho,
        candidates.mean,
        candidates.deviation,
        share.flatten(1).amax(1),
        on_edge,
        found.converged,
    )
    return Measured(*(layer.cpu().numpy() for layer in layers))


def probabilities(model: Model, surface: torch.Tensor, share: torch.Tensor, tile: int, limits: Limits) -> Candidates:
    """Return what the candidates' probabilities say.

    Parameters
    ----------
    model : Model
    surface, share : Tensor
        ``(n, lags, lags)``: scores, and shares of the tile that are valid.
    tile : int
        Side.
    limits : Limits
        Candidates of a smaller share have no probability.
    """
    calibration = model.calibration
    side = tile * share.flatten(1).amax(1).clamp_min(1e-6).sqrt()
    sharp = calibration.sharpness * (side / 32) ** calibration.growth
    logits = (sharp[:, None, None] * surface).masked_fill(share < limits.valid, -torch.inf)
    flat = torch.cat([logits.flatten(1), (sharp * calibration.nothing)[:, None]], 1)
    chances = flat.softmax(1)[:, :-1]
    lags = surface.shape[-1]
    best = chances.argmax(1)
    nine = functional.avg_pool2d(chances.unflatten(1, (lags, lags))[:, None], 3, 1, 1)[:, 0] * 9
    count = torch.isfinite(logits.flatten(1)).sum(1).clamp_min(1)
    mean = chances.sum(1) / count
    square = chances.square().sum(1) / count
    deviation = (square - mean**2).clamp_min(0).sqrt()
    probability = nine.flatten(1).gather(1, best[:, None])[:, 0].clamp(0, 1)
    return Candidates(best, probability, mean, deviation)
