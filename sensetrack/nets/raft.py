"""RAFT: a flow that a recurrent unit updates from a correlation volume of all pairs (Teed & Deng 2020).

Features of both images are compared at an eighth of the resolution, every pixel with every other; a gated recurrent
unit looks up the correlations around where the flow points to, on four scales, and improves the flow again and again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 8
"""Pixels of the image per feature."""

LEVELS = 4
"""Of the pyramid of correlations."""


@dataclass(frozen=True)
class RaftShape:
    """What has to be known to build the net.

    Attributes
    ----------
    small : bool
        The small version: a fifth of the parameters, upsampled bilinearly.
    channels : int
        Of the images; 2 for derivatives along columns and rows.
    """

    small: bool = False
    channels: int = 2

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a file."""
        return asdict(self)

    @property
    def radius(self) -> int:
        """Features around the flow's end that are looked up on each scale."""
        return 3 if self.small else 4

    @property
    def features(self) -> int:
        """Channels of the features that are compared."""
        return 128 if self.small else 256

    @property
    def hidden(self) -> int:
        """Channels of the state of the recurrent unit."""
        return 96 if self.small else 128

    @property
    def context(self) -> int:
        """Channels of what it knows of the reference beside."""
        return 64 if self.small else 128


def _norm(kind: str, channels: int) -> nn.Module:
    return {"instance": nn.InstanceNorm2d, "batch": nn.BatchNorm2d, "none": nn.Identity}[kind](channels)


class _Block(nn.Module):
    """A residual block, of two convolutions or, as bottleneck, of three."""

    def __init__(self, entries: int, exits: int, norm: str, stride: int, bottleneck: bool) -> None:
        super().__init__()
        inner = exits // 4 if bottleneck else exits
        kernels = [(entries, inner, 1, 1), (inner, inner, 3, stride), (inner, exits, 1, 1)]
        if not bottleneck:
            kernels = [(entries, exits, 3, stride), (exits, exits, 3, 1)]
        layers: list[nn.Module] = []
        for first, last, side, step in kernels:
            layers += [nn.Conv2d(first, last, side, step, side // 2), _norm(norm, last), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        self.aside = nn.Identity()
        if stride > 1 or entries != exits:
            self.aside = nn.Sequential(nn.Conv2d(entries, exits, 1, stride), _norm(norm, exits))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.layers(x) + self.aside(x))


def _encoder(entries: int, exits: int, norm: str, small: bool) -> nn.Module:
    """Return the net from images to features at an eighth of the resolution."""
    first, widths = (32, (32, 64, 96)) if small else (64, (64, 96, 128))
    layers: list[nn.Module] = [nn.Conv2d(entries, first, 7, 2, 3), _norm(norm, first), nn.ReLU()]
    channels = first
    for number, width in enumerate(widths):
        layers += [_Block(channels, width, norm, 2 if number else 1, small), _Block(width, width, norm, 1, small)]
        channels = width
    return nn.Sequential(*layers, nn.Conv2d(channels, exits, 1))


class _Recurrent(nn.Module):
    """A convolutional gated recurrent unit: of 3 x 3, or of 1 x 5 and then 5 x 1."""

    def __init__(self, hidden: int, entries: int, kernels: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self.gates, self.news = nn.ModuleList(), nn.ModuleList()
        for kernel in kernels:
            pad = kernel[0] // 2, kernel[1] // 2
            self.gates.append(nn.Conv2d(hidden + entries, 2 * hidden, kernel, padding=pad))
            self.news.append(nn.Conv2d(hidden + entries, hidden, kernel, padding=pad))

    def forward(self, state: Tensor, x: Tensor) -> Tensor:
        for gate, new in zip(self.gates, self.news, strict=True):
            update, reset = torch.sigmoid(gate(torch.cat([state, x], dim=1))).chunk(2, dim=1)
            proposed = torch.tanh(new(torch.cat([reset * state, x], dim=1)))
            state = (1 - update) * state + update * proposed
        return state


class _Update(nn.Module):
    """From the state, the context, the correlations and the flow to the next state and what the flow lacks."""

    def __init__(self, shape: RaftShape) -> None:
        super().__init__()
        planes = LEVELS * (2 * shape.radius + 1) ** 2
        seen, moved, joined = (96, (64, 32), 80) if shape.small else (256, (128, 64), 126)
        looked: list[nn.Module] = [nn.Conv2d(planes, seen, 1), nn.ReLU()]
        if not shape.small:
            looked += [nn.Conv2d(seen, 192, 3, padding=1), nn.ReLU()]
            seen = 192
        self.look = nn.Sequential(*looked)
        self.motion = nn.Sequential(
            nn.Conv2d(2, moved[0], 7, padding=3), nn.ReLU(), nn.Conv2d(moved[0], moved[1], 3, padding=1), nn.ReLU()
        )
        self.join = nn.Sequential(nn.Conv2d(seen + moved[1], joined, 3, padding=1), nn.ReLU())
        kernels = ((3, 3),) if shape.small else ((1, 5), (5, 1))
        self.recur = _Recurrent(shape.hidden, joined + 2 + shape.context, kernels)
        wide = 128 if shape.small else 256
        self.lack = nn.Sequential(
            nn.Conv2d(shape.hidden, wide, 3, padding=1), nn.ReLU(), nn.Conv2d(wide, 2, 3, padding=1)
        )
        self.mask: nn.Module | None = None
        if not shape.small:
            self.mask = nn.Sequential(
                nn.Conv2d(shape.hidden, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 9 * STRIDE * STRIDE, 1)
            )

    def forward(
        self, state: Tensor, context: Tensor, correlations: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        joined = self.join(torch.cat([self.look(correlations), self.motion(flow)], dim=1))
        state = self.recur(state, torch.cat([context, joined, flow], dim=1))
        # A quarter of the gradient reaches the mask, so that it does not outweigh the flow.
        return state, self.lack(state), None if self.mask is None else 0.25 * self.mask(state)


class Raft(nn.Module):
    """The net.

    Parameters
    ----------
    shape : RaftShape
    """

    def __init__(self, shape: RaftShape) -> None:
        super().__init__()
        self.shape = shape
        self.features = _encoder(shape.channels, shape.features, "instance", shape.small)
        known = shape.hidden + shape.context
        self.context = _encoder(shape.channels, known, "none" if shape.small else "batch", shape.small)
        self.update = _Update(shape)

    def forward(self, reference: Tensor, secondary: Tensor, iterations: int = 12) -> list[Tensor]:
        """Return the flow after every iteration, full resolution, in pixels of the images.

        Parameters
        ----------
        reference, secondary : Tensor
            ``(sample, channel, row, col)``, sides multiples of 8 and of at least 64.
        iterations : int
        """
        return self.updated(reference, self.correlations(reference, secondary), iterations)

    def correlations(self, reference: Tensor, secondary: Tensor) -> list[Tensor]:
        """Return the correlations of all pairs of features of two images, as `correlations_of` does."""
        first, second = self.features(torch.cat([reference, secondary])).float().chunk(2)
        return correlations_of(first, second)

    def both_ways(self, reference: Tensor, secondary: Tensor, iterations: int = 12) -> tuple[Tensor, Tensor]:
        """Return the last flow from the reference to the secondary, and that back; what both need is computed once.

        Parameters
        ----------
        reference, secondary, iterations
            As for calling the net.
        """
        first, second = self.features(torch.cat([reference, secondary])).float().chunk(2)
        there = self.updated(reference, correlations_of(first, second), iterations, every=False)
        back = self.updated(secondary, correlations_of(second, first), iterations, every=False)
        return there[-1], back[-1]

    def updated(self, image: Tensor, volumes: list[Tensor], iterations: int, *, every: bool = True) -> list[Tensor]:
        """Return the flow after every iteration, or only after the last one.

        Parameters
        ----------
        image : Tensor
            Whose pixels the flow is for.
        volumes : list of Tensor
            Correlations of its features with those of the other image.
        iterations : int
        every : bool
        """
        state, context = self.context(image).split([self.shape.hidden, self.shape.context], dim=1)
        state, context = torch.tanh(state), functional.relu(context)
        flow = torch.zeros_like(state[:, :2], dtype=torch.float32)
        flows = []
        for number in range(iterations):
            flow = flow.detach()
            state, lacking, mask = self.update(state, context, look_up(volumes, flow, self.shape.radius), flow)
            flow = flow + lacking.float()
            if every or number == iterations - 1:
                flows.append(enlarged(flow, mask))
        return flows


def correlations_of(first: Tensor, second: Tensor) -> list[Tensor]:
    """Return the products of all pairs of features, and their means over larger and larger parts of the second.

    Parameters
    ----------
    first, second : Tensor
        ``(sample, channel, row, col)``.

    Returns
    -------
    list of Tensor
        ``(sample * rows * cols, 1, rows of the level, columns of the level)``.
    """
    samples, channels, rows, cols = first.shape
    products = torch.einsum("ncp,ncq->npq", first.flatten(2), second.flatten(2)) / channels**0.5
    volumes = [products.reshape(samples * rows * cols, 1, rows, cols)]
    for _ in range(LEVELS - 1):
        volumes.append(functional.avg_pool2d(volumes[-1], 2))
    return volumes


def look_up(volumes: list[Tensor], flow: Tensor, radius: int) -> Tensor:
    """Return the correlations around where a flow points to, on every level; ``(sample, plane, row, col)``.

    Planes of a level go through the rows of the neighbourhood; beyond the border the correlation is 0.
    """
    samples, _, rows, cols = flow.shape
    y = torch.arange(rows, device=flow.device, dtype=torch.float32)[:, None]
    x = torch.arange(cols, device=flow.device, dtype=torch.float32)[None]
    around = torch.arange(-radius, radius + 1, device=flow.device, dtype=torch.float32)
    planes = []
    for level, volume in enumerate(volumes):
        height, width = volume.shape[-2:]
        # The middle of an averaged pixel lies between those that it was averaged from.
        at_x = ((x + flow[:, 0] + 0.5) / 2**level - 0.5).reshape(-1, 1, 1) + around[None, None, :]
        at_y = ((y + flow[:, 1] + 0.5) / 2**level - 0.5).reshape(-1, 1, 1) + around[None, :, None]
        at_x, at_y = torch.broadcast_tensors(at_x, at_y)
        grid = torch.stack([2 * (at_x + 0.5) / width - 1, 2 * (at_y + 0.5) / height - 1], dim=-1)
        seen = functional.grid_sample(volume, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        planes.append(seen.reshape(samples, rows, cols, -1).permute(0, 3, 1, 2))
    return torch.cat(planes, dim=1)


def enlarged(flow: Tensor, mask: Tensor | None) -> Tensor:
    """Return a flow at full resolution: convex sums of its 3 x 3 neighbours as the mask weighs them, or bilinear."""
    samples, _, rows, cols = flow.shape
    if mask is None:
        return STRIDE * functional.interpolate(flow, scale_factor=STRIDE, mode="bilinear", align_corners=False)
    weights = mask.float().reshape(samples, 1, 9, STRIDE, STRIDE, rows, cols).softmax(dim=2)
    near = functional.unfold(STRIDE * flow, 3, padding=1).reshape(samples, 2, 9, 1, 1, rows, cols)
    return (weights * near).sum(dim=2).permute(0, 1, 4, 2, 5, 3).reshape(samples, 2, STRIDE * rows, STRIDE * cols)


def sequence_loss(flows: list[Tensor], truth: Tensor, inside: Tensor, gain: float = 0.8) -> Tensor:
    """Return the mean absolute differences after every iteration, each weighing ``gain`` times the next one's."""
    total = truth.new_zeros(())
    for number, flow in enumerate(reversed(flows)):
        total = total + gain**number * ((flow - truth).abs() * inside).sum() / inside.sum().clamp(min=1) / 2
    return total


def matching_loss(volume: Tensor, truth: Tensor, inside: Tensor) -> Tensor:
    """Return how improbable the true matches are, were correlations the logarithms of probabilities.

    It teaches features to match before the recurrent unit has learned to follow them; with few samples the flow alone
    teaches them slowly. A match between features counts for the four around, as bilinear weights do.

    Parameters
    ----------
    volume : Tensor
        The finest of `correlations_of`.
    truth, inside : Tensor
        Flow in pixels of the images, and 1 where it counts.
    """
    rows, cols = volume.shape[-2:]
    share = functional.avg_pool2d(inside, STRIDE)
    mean = functional.avg_pool2d(truth * inside, STRIDE) / share.clamp(min=1e-3) / STRIDE
    y = torch.arange(rows, device=volume.device)[:, None] + mean[:, 1]
    x = torch.arange(cols, device=volume.device)[None] + mean[:, 0]
    known = (share[:, 0] > 0.5) & (y >= 0) & (y <= rows - 1) & (x >= 0) & (x <= cols - 1)
    scores = volume.flatten(1).log_softmax(dim=1)
    top, left = (part.clamp(0, size - 1).floor().reshape(-1) for part, size in ((y, rows), (x, cols)))
    down, right = y.reshape(-1) - top, x.reshape(-1) - left
    total = torch.zeros_like(down)
    for row, weight in ((top, 1 - down), (top + 1, down)):
        for col, other in ((left, 1 - right), (left + 1, right)):
            at = (row.clamp(max=rows - 1) * cols + col.clamp(max=cols - 1)).long()
            total = total - weight * other * scores.gather(1, at[:, None])[:, 0]
    chosen = known.reshape(-1).float()
    return (total * chosen).sum() / chosen.sum().clamp(min=1)
