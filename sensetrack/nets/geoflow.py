"""GeoFlowNet-A and -B: U-nets that draw the whole displacement of a tile in one pass (Montagnon et al. 2024).

A is FlowNet2-SD (Ilg et al. 2017), made for sub-pixel motion: 3 x 3 kernels, no stride at the beginning, six
downsamplings; its decoder goes on to full resolution. B is FlowNetS (Dosovitskiy et al. 2015) as StrainNet-F changes it
(Boukhtache et al. 2021): four downsamplings, four upsamplings, full resolution. Flows of all levels are in pixels of
the images.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

Variant = Literal["A", "B"]

KIND = "geoflownet"
"""What its weights are called."""

UNIT = 10.0
"""Pixels that an output of 1 stands for."""

SCALES = 5
"""Levels, from the finest, whose flows count in training."""

_WIDTHS: dict[Variant, tuple[tuple[int, ...], ...]] = {
    "A": ((64,), (64, 128), (128, 128), (256, 256), (512, 512), (512, 512), (1024, 1024)),
    "B": ((64,), (128,), (256, 256), (512, 512), (512, 512)),
}
"""Channels of the convolutions of every level at full width, from the finest."""

_KERNELS: dict[Variant, tuple[int, ...]] = {"A": (3,) * 7, "B": (7, 5, 5, 3, 3)}
"""Of the first convolution of every level."""

_DECODED = (16, 32, 64, 128, 256, 512)
"""Channels of the decoder's levels at full width, from the finest."""


def normalise(image: Tensor, mask: Tensor) -> Tensor:
    """Return images of zero mean and unit deviation over what is valid, 0 elsewhere; ``(sample, 1, row, col)``."""
    count = mask.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    centred = (image - (image * mask).sum(dim=(2, 3), keepdim=True) / count) * mask
    variance = (centred * centred).sum(dim=(2, 3), keepdim=True) / count
    return centred * torch.rsqrt(variance + 1e-8)


class GeoFlowNet(nn.Module):
    """The net.

    Parameters
    ----------
    variant : {"A", "B"}
    width : float
        Of the layers, relative to the paper; 1 makes 46 million parameters of A, 0.25 makes 2.9 million.
    """

    def __init__(self, variant: Variant, width: float = 1.0) -> None:
        super().__init__()
        self.variant, self.width = variant, width

        def scaled(channels: int) -> int:
            return max(8, round(channels * width))

        levels = [[scaled(item) for item in level] for level in _WIDTHS[variant]]
        self.encode = nn.ModuleList()
        entries = 2
        for number, (level, kernel) in enumerate(zip(levels, _KERNELS[variant], strict=True)):
            stride = 2 if number else 1
            layers: list[nn.Module] = [_convolution(entries, level[0], kernel, stride)]
            layers += [_convolution(a, b, 3, 1) for a, b in pairwise(level)]
            self.encode.append(nn.Sequential(*layers))
            entries = level[-1]
        self.coarsest = nn.Conv2d(entries, 2, 3, padding=1)
        self.up, self.widen, self.flow = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for number in reversed(range(len(levels) - 1)):
            decoded = scaled(_DECODED[number])
            up = nn.ConvTranspose2d(entries, decoded, 4, 2, 1)
            self.up.append(nn.Sequential(up, nn.LeakyReLU(0.1)))
            self.widen.append(nn.ConvTranspose2d(2, 2, 4, 2, 1))
            entries = levels[number][-1] + decoded + 2
            # FlowNet2-SD has a convolution more before each flow; what goes up does not pass through it.
            between = [nn.Conv2d(entries, decoded, 3, padding=1)] if variant == "A" else []
            draw = nn.Conv2d(decoded if between else entries, 2, 3, padding=1)
            self.flow.append(nn.Sequential(*between, draw))

    @property
    def multiple(self) -> int:
        """Pixels to whose multiples the sides of images must be."""
        return 1 << (len(self.encode) - 1)

    def forward(self, reference: Tensor, secondary: Tensor, masks: tuple[Tensor, Tensor]) -> list[Tensor]:
        """Return the flows of all levels in pixels of the images, coarse to fine, the last at full resolution.

        Parameters
        ----------
        reference, secondary : Tensor
            ``(sample, 1, row, col)``, sides multiples of `multiple`.
        masks : tuple of Tensor
            1 where the images are valid, else 0.
        """
        x = torch.cat([normalise(reference, masks[0]), normalise(secondary, masks[1])], dim=1)
        kept = []
        for level in self.encode:
            x = level(x)
            kept.append(x)
        flow = self.coarsest(x)
        flows = [flow]
        for number, (up, widen, draw) in enumerate(zip(self.up, self.widen, self.flow, strict=True)):
            x = torch.cat([kept[-2 - number], up(x), widen(flow)], dim=1)
            flow = draw(x)
            flows.append(flow)
        return [UNIT * item.float() for item in flows]


def _convolution(entries: int, exits: int, kernel: int, stride: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(entries, exits, kernel, stride, kernel // 2), nn.LeakyReLU(0.1))
