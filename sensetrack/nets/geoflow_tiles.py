"""Finds the flow of a pair of arrays of any size with GeoFlowNet, tile by tile.

Tiles overlap, and of each only the central part counts (Montagnon et al. 2024, section IV-C); neighbours fade into each
other. The whole-pixel shift of a tile is found by phase correlation and taken out before the net sees it. The net may
be asked about mirrored tiles too, and the mean taken: mirrored images then give mirrored flows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from sensetrack.errors import InputError
from sensetrack.nets.geoflow import KIND, GeoFlowNet
from sensetrack.nets.grids import move
from sensetrack.nets.lucas_kanade import improve
from sensetrack.nets.weight_files import load_weights
from sensetrack.types import FloatArray

MIRRORS: tuple[tuple[int, ...], ...] = ((), (3,), (2,), (2, 3))
"""Axes along which tiles are mirrored, one after the other."""

KNOWN = 0.5
"""Weight above which a pixel is given to the net."""

CLEAR_PEAK = 6.0
"""Standard deviations of a correlation surface above which its peak is a shift; those of unrelated tiles reach 4.5."""

WHITENING = 0.7
"""Power of the spectrum that is divided by before tiles are correlated: 1 makes the peak sharp, and takes frequencies
that hold nothing but noise for as good as others."""

FADED = 0.25
"""Of the stride: over how much neighbouring tiles fade into each other."""

PIXELS_AT_ONCE = {"cpu": 1 << 19, "cuda": 1 << 22}
"""Pixels that pass through the net at a time: what bounds its memory."""


Place = tuple[int, int]


@dataclass(frozen=True)
class Tiling:
    """How an image is cut.

    Attributes
    ----------
    tile, stride : int
        Side of the tiles and of their central parts, in pixels.
    search : int
        Largest shift along rows and columns that is taken out; 0 takes out none.
    mirrored : bool
        Whether the net is asked about mirrored tiles too.
    """

    tile: int
    stride: int
    search: int
    mirrored: bool

    @property
    def rim(self) -> int:
        """Pixels of a tile around its central part."""
        return (self.tile - self.stride) // 2


@dataclass(frozen=True, eq=False)
class Answer:
    """What the net says of a pair.

    Attributes
    ----------
    flow : Tensor
        ``(1, 2, row, col)``, dx and dy in pixels.
    variance : Tensor
        ``(1, 2, row, col)``, px^2: of the mean of the answers about mirrored tiles; 0 where there is one only.
    """

    flow: Tensor
    variance: Tensor


@lru_cache(maxsize=4)
def net_of(file: Path, changed: int, device: str) -> GeoFlowNet:
    """Return the net with its weights, read once in a process.

    Parameters
    ----------
    file : Path
    changed : int
        When the file was changed, which tells its versions apart.
    device : str
        ``cpu`` or ``cuda:n``.

    Raises
    ------
    InputError
        The weights cannot be read, or are those of another net.
    """
    held = load_weights(file, KIND)
    try:
        net = GeoFlowNet(**held.shape)
        net.load_state_dict(held.state)
    except (TypeError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{file}: its weights do not fit the net that it describes ({reason})") from error
    net.to(device).to(memory_format=torch.channels_last)
    net.eval()
    return net


def find_flows(
    images: tuple[FloatArray, FloatArray],
    weights: tuple[FloatArray, FloatArray],
    net: GeoFlowNet,
    tiling: Tiling,
    *,
    both_ways: bool,
    back: bool,
    improved: bool,
    context: int = 0,
) -> tuple[FloatArray, FloatArray | None, FloatArray]:
    """Return the flow there, the flow back where it is asked for, and the variance of the first.

    Each is float32, ``(2, row, col)``: dx and dy in pixels, the variance in px^2.

    Parameters
    ----------
    images : tuple of ndarray of float32
        Reference and secondary, ``(row, col)``, evened out, sides multiples of the stride.
    weights : tuple of ndarray of float32
        0 where the images are invalid, else up to 1.
    net : GeoFlowNet
    tiling : Tiling
    both_ways : bool
        Take the mean of the flow there and of that back, moved to where it belongs and turned round.
    back : bool
        Whether the flow back is wanted.
    improved : bool
        Follow the net with `sensetrack.nets.lucas_kanade.improve`.
    context : int
        Pixels on every side, a multiple of the stride, for which no flow is needed; there it is 0.
    """
    device = next(net.parameters()).device
    first, second, here, there = (torch.from_numpy(part)[None, None].to(device) for part in (*images, *weights))
    known = (here > KNOWN).float(), (there > KNOWN).float()
    inner = slice(context, images[0].shape[0] - context), slice(context, images[0].shape[1] - context)
    with torch.inference_mode():
        forth = ask(net, (first, second), known, tiling, context)
        flow, variance = forth.flow[:, :, *inner], forth.variance[:, :, *inner]
        pair, masks = (first[:, :, *inner], second[:, :, *inner]), (known[0][:, :, *inner], known[1][:, :, *inner])
        reverse = None
        if both_ways or back:
            reverse = ask(net, (second, first), known[::-1], tiling, context).flow[:, :, *inner]
        if both_ways and reverse is not None:
            flow, reverse = _mean_of_ways(flow, reverse), _mean_of_ways(reverse, flow)
        if improved:
            flow = improve(pair, masks, flow)
            if back and reverse is not None:
                reverse = improve(pair[::-1], masks[::-1], reverse)

    def whole(part: Tensor) -> FloatArray:
        return np.ascontiguousarray(functional.pad(part, (context,) * 4)[0].cpu().numpy())

    return whole(flow), whole(reverse) if back and reverse is not None else None, whole(variance)


def _mean_of_ways(flow: Tensor, back: Tensor) -> Tensor:
    """Return the mean of a flow and of that back, turned round, where this is known.

    The flow back is looked up where the mean itself leads, so that what both ways have alike, as on images that are the
    same, leaves nothing.
    """
    known, mean = torch.cat([back, torch.ones_like(back[:, :1])], dim=1), flow
    for _ in range(2):
        moved = move(known, mean)
        mean = torch.where(moved[:, 2:] > KNOWN, 0.5 * (flow - moved[:, :2]), flow)
    return mean


def ask(
    net: GeoFlowNet, images: tuple[Tensor, Tensor], masks: tuple[Tensor, Tensor], tiling: Tiling, context: int = 0
) -> Answer:
    """Return the flow from the first image to the second.

    Parameters
    ----------
    net : GeoFlowNet
    images, masks : tuple of Tensor
        ``(1, 1, row, col)``, sides multiples of the stride; masks are 1 where the images are valid, else 0.
    tiling : Tiling
    context : int
        Pixels on every side, a multiple of the stride, that are seen, and for which there is no answer: 0.
    """
    rows, cols = images[0].shape[2:]
    rim, stride, side = tiling.rim, tiling.stride, tiling.tile
    held = [torch.cat([image * mask, mask], dim=1) for image, mask in zip(images, masks, strict=True)]
    first = functional.pad(held[0], (rim,) * 4)
    second = functional.pad(held[1], (rim + tiling.search,) * 4)
    total = images[0].new_zeros(1, 5, rows + 2 * rim, cols + 2 * rim)
    window = _window(side, stride).to(total)
    is_seen = functional.max_pool2d(masks[0], stride)[0, 0].cpu() > 0
    places = [
        (row, col)
        for row in range(context, rows - context, stride)
        for col in range(context, cols - context, stride)
        if is_seen[row // stride, col // stride]
    ]
    count = max(1, PIXELS_AT_ONCE[total.device.type] // (side * side))
    for start in range(0, len(places), count):
        part = places[start : start + count]
        here = torch.cat([first[..., row : row + side, col : col + side] for row, col in part])
        shifts = _shifts(here, second, part, tiling)
        begins = [
            (row + tiling.search + dy, col + tiling.search + dx)
            for (row, col), (dy, dx) in zip(part, shifts, strict=True)
        ]
        there = torch.cat([second[..., row : row + side, col : col + side] for row, col in begins])
        mean, variance = _mean(net, here, there, tiling.mirrored)
        taken = mean.new_tensor([(dx, dy) for dy, dx in shifts])[:, :, None, None]
        found = torch.cat([mean + taken, variance, torch.ones_like(mean[:, :1])], dim=1) * window
        for number, (row, col) in enumerate(part):
            total[0, :, row : row + side, col : col + side] += found[number]
    total = total[..., rim : rim + rows, rim : rim + cols]
    total = total / total[:, 4:].clamp(min=1e-6)
    return Answer(total[:, :2], total[:, 2:4])


def _mean(net: GeoFlowNet, first: Tensor, second: Tensor, mirrored: bool) -> tuple[Tensor, Tensor]:
    """Return the mean of the net's answers about mirrored tiles, and its variance."""
    answers = []
    for axes in MIRRORS if mirrored else MIRRORS[:1]:
        with _precision(first.device.type):
            a, b = (torch.flip(part, axes) for part in (first, second))
            flow = net(a[:, :1].contiguous(), b[:, :1].contiguous(), (a[:, 1:], b[:, 1:]))[-1]
        signs = flow.new_tensor([-1.0 if 3 in axes else 1.0, -1.0 if 2 in axes else 1.0])
        answers.append(torch.flip(flow, axes) * signs[:, None, None])
    stacked = torch.stack(answers)
    if len(answers) == 1:
        return stacked[0], torch.zeros_like(stacked[0])
    return stacked.mean(dim=0), stacked.var(dim=0) / len(answers)


def _precision(device: str) -> contextlib.AbstractContextManager[Any]:
    """Return half precision where it is exact enough: bfloat16, which CPUs have, errs by 0.1 px at 20."""
    if device == "cpu":
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[Any] = torch.autocast(device, torch.float16)
    return context


def _window(side: int, stride: int) -> Tensor:
    """Return the weights of a tile: 1 inside, falling across the border of its central part, 0 beyond."""
    width = FADED * stride if side > stride else 0.0
    place = (torch.arange(side, dtype=torch.float32) + 0.5 - 0.5 * side).abs()
    line = ((0.5 * (stride + width) - place) / width).clamp(0, 1) if width else torch.ones(side)
    return line[:, None] * line[None]


def _shifts(first: Tensor, second: Tensor, places: Sequence[Place], tiling: Tiling) -> list[Place]:
    """Return the rows and columns by which tiles have moved; those of the second image lie ``search`` further."""
    search, side = tiling.search, tiling.tile
    if not search:
        return [(0, 0)] * len(places)
    corners = [(row + search, col + search) for row, col in places]
    there = torch.cat([second[..., row : row + side, col : col + side] for row, col in corners])
    window = torch.hann_window(side, periodic=False, device=first.device)
    window = window[:, None] * window[None]
    a, b = (torch.fft.rfft2(part[:, 0] * window) for part in (first, there))
    cross = a.conj() * b
    surface = torch.fft.irfft2(cross / cross.abs().clamp(min=1e-12) ** WHITENING, s=(side, side))
    reach = min(search, side // 3)
    surface = torch.roll(surface, (reach, reach), (1, 2))[:, : 2 * reach + 1, : 2 * reach + 1]
    peak, at = surface.flatten(1).max(dim=1)
    clear = (peak > CLEAR_PEAK * surface.flatten(1).std(dim=1)).tolist()
    return [
        (number // (2 * reach + 1) - reach, number % (2 * reach + 1) - reach) if is_clear else (0, 0)
        for number, is_clear in zip(at.tolist(), clear, strict=True)
    ]
