"""A small net that improves a flow from coarse to fine, with one set of weights for all scales.

At each scale the secondary is moved back by the flow so far (Ranjan & Black 2017, *SpyNet*), and a small U-net says
what is missing. Beside both images it sees what least squares would say in two windows (Lucas & Kanade 1981), so it
need not learn to match, but only whom to believe, and where a fault runs. There is no correlation volume.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensetrack.nets.grids import box, enlarge, even_out, gradients, halve, move

WINDOW = 10
"""Half the side of the window in which brightness is evened out, at every scale."""

LONGEST = 3.0
"""Pixels up to which the least-squares steps are believed."""

RIDGE = 0.02
"""Of the texture around that is added to that of a window before it is solved."""


@dataclass(frozen=True)
class PyramidShape:
    """What has to be known to build the net.

    Attributes
    ----------
    channels : tuple of int
        Of the U-net, from full to coarsest resolution.
    radii : tuple of int
        Half the sides of the least-squares windows.
    scales : tuple of int
        Powers of two, coarse to fine; a scale may come twice.
    """

    channels: tuple[int, ...] = (24, 48, 96, 128)
    radii: tuple[int, ...] = (2, 5)
    scales: tuple[int, ...] = (16, 8, 4, 2, 1)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a file."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PyramidShape:
        """Return what `to_dict` was made from."""
        return cls(**{name: tuple(value) for name, value in values.items()})


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return functional.leaky_relu(x + self.second(functional.leaky_relu(self.first(x), 0.1)), 0.1)


class _SmallUnet(nn.Module):
    """A U-net of residual blocks whose last layer starts at zero: at first nothing is missing."""

    def __init__(self, entries: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        finest = channels[0]
        self.begin = nn.Conv2d(entries, finest, 3, padding=1)
        self.next = nn.Conv2d(finest, finest, 3, padding=1)
        pairs = list(pairwise(channels))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in pairs)
        self.deep = nn.ModuleList(_Residual(b) for _, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairs)
        self.merge = nn.ModuleList(_Residual(a) for a, _ in pairs)
        self.end = nn.Conv2d(finest, 2, 3, padding=1)
        nn.init.zeros_(self.end.weight)
        nn.init.zeros_(self.end.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.leaky_relu(self.next(functional.leaky_relu(self.begin(x), 0.1)), 0.1)
        kept = [x]
        for down, deep in zip(self.down, self.deep, strict=True):
            x = deep(functional.leaky_relu(down(x), 0.1))
            kept.append(x)
        for k in reversed(range(len(self.up))):
            wide = functional.interpolate(self.up[k](x), size=kept[k].shape[-2:], mode="bilinear", align_corners=False)
            x = self.merge[k](kept[k] + wide)
        return self.end(x)


class PyramidNet(nn.Module):
    """The net.

    Parameters
    ----------
    shape : PyramidShape
    """

    def __init__(self, shape: PyramidShape) -> None:
        super().__init__()
        self.shape = shape
        self.estimate = _SmallUnet(7 + 3 * len(shape.radii), shape.channels)

    def forward(
        self,
        reference: Tensor,
        secondary: Tensor,
        masks: tuple[Tensor, Tensor],
        scales: tuple[int, ...] | None = None,
        *,
        both_ways: bool = False,
        start: Tensor | None = None,
    ) -> list[Tensor]:
        """Return the flow after every scale, in pixels of that scale.

        Parameters
        ----------
        reference, secondary : Tensor
            ``(sample, 1, row, col)``, sides multiples of the coarsest scale.
        masks : tuple of Tensor
            1 where the images are valid, else 0.
        scales : tuple of int, optional
            Instead of those of the shape.
        both_ways : bool
            Ask also what is missing on the way back, and take the mean: equal images then give zero, and errors
            that depend on which image is which cancel. Twice the work.
        start : Tensor, optional
            Flow to start from, in pixels of the images; else zero.
        """
        scales = scales or self.shape.scales
        first, second = {1: (reference, masks[0])}, {1: (secondary, masks[1])}
        for k in range(1, max(scales).bit_length()):
            first[1 << k], second[1 << k] = halve(*first[1 << (k - 1)]), halve(*second[1 << (k - 1)])
        flows: list[Tensor] = []
        for scale in scales:
            with torch.no_grad():
                image, mask = first[scale]
                image = even_out(image, mask, WINDOW, 0.05)
                other = even_out(*second[scale], WINDOW, 0.05)
                size = (int(image.shape[2]), int(image.shape[3]))
                if flows:
                    flow = enlarge(flows[-1].detach(), size)
                elif start is not None:
                    flow = functional.interpolate(start, size=size, mode="area") / scale
                else:
                    flow = image.new_zeros(image.shape[0], 2, *size)
                moved = move(torch.cat([other, second[scale][1]], dim=1), flow)
                both = mask * moved[:, 1:]
                entries = self._entries(image, moved[:, :1], both, flow, scale)
                if both_ways:
                    back = self._entries(moved[:, :1], image, both, -flow, scale)
                    entries = torch.cat([entries, back])
            missing = self.estimate(entries).float()
            if both_ways:
                there, back = missing.chunk(2)
                missing = 0.5 * (there - back)
            flows.append(flow + missing)
        return flows

    def _entries(self, image: Tensor, moved: Tensor, both: Tensor, flow: Tensor, scale: int) -> Tensor:
        """Return what the U-net sees."""
        image, moved = image * both, moved * both
        rest = image - moved
        bend = 0.25 * (flow - box(flow, 8))
        channels = [image, moved, rest, both, bend, torch.full_like(image, float(scale == 1))]
        right, down = gradients(0.5 * (image + moved))
        products = torch.cat([right * right, right * down, down * down, right * rest, down * rest], dim=1) * both
        around = box(products[:, :1] + products[:, 2:3], 16)
        ridge = RIDGE * around + 1e-6
        for radius in self.shape.radii:
            xx, xy, yy, x, y = box(products, radius).split(1, dim=1)
            texture = xx + yy
            xx, yy = xx + ridge, yy + ridge
            determinant = xx * yy - xy * xy
            channels += [
                ((yy * x - xy * y) / determinant).clamp(-LONGEST, LONGEST),
                ((xx * y - xy * x) / determinant).clamp(-LONGEST, LONGEST),
                0.2 * torch.log(determinant / (texture * around + 1e-9) + 1e-4).clamp(-10, 10),
            ]
        return torch.cat(channels, dim=1)
