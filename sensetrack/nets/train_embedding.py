"""Training of the embedding: tiles must find their content among all candidates, and between the pixels.

The loss has two parts. The softmax of the scores of all candidates, and of "none of them", must put its probability on
the nine candidates around the truth; and the surface of scores must have its top at the true fraction of a pixel, as
one step of Newton's method from there tells. Afterwards the softmax is calibrated on pairs that were not seen: its
temperature as a power of the tile's side, and the score of "none", by the likelihood; and the factor of stated errors.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch

from sensetrack.log import logger
from sensetrack.nets.embedding import Calibration, Weights, embed, even_out
from sensetrack.nets.placement import placed
from sensetrack.nets.samples import SIDE, Maker, Pairs
from sensetrack.nets.scores import NEAR, derivatives, scores, two_ways

SEARCH = 8
"""Search range in training: what lies further is no harder."""

SIDES = (24, 32, 48, 64)
"""Tiles in training."""

TILES = 4
"""Tiles per pair."""

FINE = 0.05
"""Distance to the truth, px, below which a better place counts for little."""

RATE = 2e-3
BATCH = 8

log = logger(__name__)


class Tiles(NamedTuple):
    """Tiles cut from the features of pairs.

    Attributes
    ----------
    tile, area : Tensor
        For `sensetrack.nets.scores.scores`.
    truth : Tensor
        ``(n, 2)``: displacement ``(dy, dx)`` at the tile's centre.
    first, second : Tensor
        For `two_ways`, the second moved by the rounded truth.
    related : Tensor
        bool ``(n,)``.
    """

    tile: torch.Tensor
    area: torch.Tensor
    truth: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    related: torch.Tensor


class Progress(NamedTuple):
    """What training has reached.

    Attributes
    ----------
    step, steps : int
    seconds : float
    loss : float
        Mean since the last report.
    found : float
        Share of tiles of related pairs whose best candidate is within 1.5 px of the truth.
    miss : float
        Root mean square of the step to the truth, px.
    """

    step: int
    steps: int
    seconds: float
    loss: float
    found: float
    miss: float


def cut(pairs: Pairs, features: torch.Tensor, side: int, maker: Maker) -> Tiles:
    """Cut tiles at random places."""
    count = len(pairs.first)
    first, second = features[:count], features[count:]
    reach = SEARCH + NEAR + 1
    span = SIDE - side - 2 * reach
    # Not from the rim, where features know less of their surroundings than they will in use.
    corners = torch.randint(0, max(span, 1), (count * TILES, 2), generator=maker.chance, device=maker.device) + reach
    owner = torch.arange(count, device=maker.device).repeat_interleave(TILES)
    centre = corners + (side - 1) / 2 - (SIDE - 1) / 2
    motion = pairs.motion[owner]
    truth = motion[:, :, 0] + (motion[:, :, 1:] * centre[:, None, :]).sum(2)
    whole = truth.round().long().clamp(-SEARCH, SEARCH)
    return Tiles(
        window(first, owner, corners, side),
        window(second, owner, corners - SEARCH, side + 2 * SEARCH),
        truth,
        window(first, owner, corners - NEAR, side + 2 * NEAR),
        window(second, owner, corners + whole - NEAR, side + 2 * NEAR),
        pairs.related[owner] & ((truth - whole).abs().amax(1) <= 0.5),
    )


def window(images: torch.Tensor, owner: torch.Tensor, corners: torch.Tensor, side: int) -> torch.Tensor:
    """Return squares of images, ``(n, feature, side, side)``, from corners ``(n, 2)``."""
    line = torch.arange(side, device=images.device)
    rows = (corners[:, 0, None] + line)[:, :, None]
    cols = (corners[:, 1, None] + line)[:, None, :]
    return images.permute(0, 2, 3, 1)[owner[:, None, None], rows, cols].permute(0, 3, 1, 2)


def logits_of(surface: torch.Tensor, side: int, scale: torch.Tensor) -> torch.Tensor:
    """Return the logits of all candidates and, last, of none of them, ``(n, lags^2 + 1)``.

    Parameters
    ----------
    surface : Tensor
        Scores.
    side : int
        Of the tile.
    scale : Tensor
        ``(3,)``: logarithm of the sharpness, growth, score of none.
    """
    sharp = torch.exp(scale[0] + scale[1] * math.log(side / 32))
    flat = surface.flatten(1)
    return sharp * torch.cat([flat, scale[2].expand(len(flat), 1)], 1)


def likelihood(logits: torch.Tensor, tiles: Tiles) -> torch.Tensor:
    """Return the negative logarithm of the probability of what is true, ``(n,)``."""
    lags = 2 * SEARCH + 1
    whole = tiles.truth.round().long().clamp(-SEARCH, SEARCH) + SEARCH
    line = torch.arange(lags, device=logits.device)
    rows, cols = ((line[None] - whole[:, axis, None]).abs() <= 1 for axis in (0, 1))
    near = (rows[:, :, None] & cols[:, None, :]).flatten(1) & tiles.related[:, None]
    right = torch.cat([near, ~tiles.related[:, None]], 1)
    return logits.logsumexp(1) - logits.masked_fill(~right, -torch.inf).logsumexp(1)


def missing(tiles: Tiles) -> torch.Tensor:
    """Return by how far one step of Newton's method from the truth leads, px, of related tiles; ``(m, 2)``."""
    surface = two_ways(tiles.first, tiles.second)[tiles.related]
    rest = (tiles.truth - tiles.truth.round())[tiles.related]
    _, gy, gx, hyy, hxx, hxy = derivatives(surface, rest[:, 0], rest[:, 1])
    a, b, d = 0.002 - hyy, -hxy, 0.002 - hxx
    det = (a * d - b * b).clamp_min(1e-6)
    return torch.stack([(d * gy - b * gx) / det, (a * gx - b * gy) / det], 1)


def step_loss(
    weights: Weights, scale: torch.Tensor, maker: Maker, side: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the loss of one batch, the share of tiles found, and the mean square of what is missed."""
    pairs = maker.make(BATCH)
    images = torch.cat([pairs.first, pairs.second])
    features = embed(weights, even_out(images, torch.ones_like(images, dtype=torch.bool)))
    tiles = cut(pairs, features, side, maker)
    everywhere = [torch.ones_like(part[:, 0]) for part in (tiles.tile, tiles.area)]
    surface, _ = scores(tiles.tile, tiles.area, everywhere[0], everywhere[1])
    loss = likelihood(logits_of(surface, side, scale), tiles).clamp_max(12.0).mean()
    miss = missing(tiles)
    # What is clean must be placed well and what is not, roughly: each counts by its ratio to what it was.
    fraction = torch.log1p((miss / FINE).square()).mean()
    best = surface.flatten(1).argmax(1)
    lags = 2 * SEARCH + 1
    at = torch.stack([best // lags, best % lags], 1) - SEARCH
    hit = ((at - tiles.truth).abs().amax(1) < 1.5)[tiles.related].float().mean()
    return loss + 0.3 * fraction, hit.detach(), miss.detach().clamp(-1, 1).square().mean()


def train(
    weights: Weights,
    maker: Maker,
    steps: int,
    *,
    rate: float = RATE,
    start: int = 0,
    state: dict[str, object] | None = None,
    every: int = 50,
    keep: Callable[[int, Weights, dict[str, object]], None] | None = None,
) -> Iterator[Progress]:
    """Train weights in place, and yield what is reached every so often.

    Parameters
    ----------
    weights : dict of str to Tensor
    maker : Maker
    steps : int
        Of `BATCH` pairs.
    rate : float
        Learning rate at its highest; it falls to nothing with the cosine.
    start, state : int and dict
        Where an earlier run stopped, as given to ``keep``.
    every : int
        Steps between reports.
    keep : callable, optional
        Called with the step, the weights and the state after each report.
    """
    scale = torch.tensor([math.log(40.0), 0.5, 0.25], device=maker.device)
    trained = [*weights.values(), scale]
    for tensor in trained:
        tensor.requires_grad_(True)
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=1e-3)
    if state is not None:
        with torch.no_grad():
            scale.copy_(state["scale"])
        optimizer.load_state_dict(state["optimizer"])
        maker.chance.set_state(state["chance"])
    begun, sums, number = time.perf_counter(), torch.zeros(3), 0
    for step in range(start, steps):
        warm = min(1.0, (step + 1) / 50)
        for group in optimizer.param_groups:
            group["lr"] = rate * warm * 0.5 * (1 + math.cos(math.pi * step / steps))
        loss, hit, miss = step_loss(weights, scale, maker, SIDES[step % len(SIDES)])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        sums, number = sums + torch.tensor([float(loss.detach()), float(hit), float(miss)]), number + 1
        if (step + 1) % every == 0 or step + 1 == steps:
            mean = [float(value) for value in sums / number]
            sums, number = torch.zeros(3), 0
            if keep is not None:
                content: dict[str, object] = {
                    "scale": scale.detach().clone(),
                    "optimizer": optimizer.state_dict(),
                    "chance": maker.chance.get_state(),
                }
                keep(step + 1, weights, content)
            yield Progress(step + 1, steps, time.perf_counter() - begun, mean[0], mean[1], mean[2] ** 0.5)
    for tensor in trained:
        tensor.requires_grad_(False)


def calibrate(weights: Weights, maker: Maker, batches: int) -> tuple[Calibration, dict[str, float]]:
    """Fit the calibration on pairs that were not seen, and say what the network reaches on them.

    Parameters
    ----------
    weights : dict of str to Tensor
    maker : Maker
        Of another seed than that of the training.
    batches : int

    Returns
    -------
    Calibration
    dict of str to float
        ``found``: share of tiles of related pairs whose best candidate is within 1.5 px of the truth; ``likelihood``:
        mean negative logarithm of the probability of what is true; ``error``: median distance to the truth of tiles
        whose probability is above a half, px.
    """
    with torch.no_grad():
        seen = [_look(weights, maker, SIDES[number % len(SIDES)]) for number in range(batches)]
    scale = torch.tensor([math.log(40.0), 0.5, 0.25], device=maker.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([scale], max_iter=60, line_search_fn="strong_wolfe")

    def total() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.cat([likelihood(logits_of(one.surface, one.side, scale), one.tiles) for one in seen]).mean()
        loss.backward()
        return loss

    optimizer.step(total)
    final = float(total().detach())
    errors, scaled, hits = [], [], []
    with torch.no_grad():
        for one in seen:
            known = likelihood(logits_of(one.surface, one.side, scale), one.tiles)
            sure = one.tiles.related & (known < math.log(2.0))
            miss = one.found - one.rest
            errors.append(miss[sure].norm(dim=1))
            scaled.append((miss / one.sigma)[sure].abs().flatten())
            best = one.surface.flatten(1).argmax(1)
            lags = 2 * SEARCH + 1
            at = torch.stack([best // lags, best % lags], 1) - SEARCH
            hits.append(((at - one.tiles.truth).abs().amax(1) < 1.5)[one.tiles.related].float())
    sharp, growth, nothing = (float(value) for value in scale.detach())
    # Two thirds of errors that are Gaussian lie within one standard deviation.
    error = float(torch.cat(scaled).quantile(0.6827))
    found = {
        "found": float(torch.cat(hits).mean()),
        "likelihood": final,
        "error": float(torch.cat(errors).median()),
    }
    return Calibration(math.exp(sharp), growth, nothing, error), found


class _Look(NamedTuple):
    side: int
    tiles: Tiles
    surface: torch.Tensor
    found: torch.Tensor
    rest: torch.Tensor
    sigma: torch.Tensor


def _look(weights: Weights, maker: Maker, side: int) -> _Look:
    """Return what the network sees of one batch."""
    pairs = maker.make(BATCH)
    images = torch.cat([pairs.first, pairs.second])
    features = embed(weights, even_out(images, torch.ones_like(images, dtype=torch.bool)))
    tiles = cut(pairs, features, side, maker)
    everywhere = [torch.ones_like(part[:, 0]) for part in (tiles.tile, tiles.area)]
    surface, _ = scores(tiles.tile, tiles.area, everywhere[0], everywhere[1])
    place = placed(tiles.first, tiles.second)
    found = torch.stack([place.dy, place.dx], 1)
    sigma = torch.stack([place.var_dy, place.var_dx], 1).sqrt().clamp_min(1e-3)
    return _Look(side, tiles, surface, found, tiles.truth - tiles.truth.round(), sigma)
