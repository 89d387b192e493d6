"""One level of the pyramid, made ready for Gauss-Newton steps: the twin of `sensetrack.flow.lk_level`."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch.nn.functional import pad

from sensetrack.flow.lk_level import FLOOR
from sensetrack.flow.tensors.spline import bilinear, coefficients, strips
from sensetrack.flow.tensors.sums import sums_of_windows, window_sums
from sensetrack.flow.tensors.views import Views

Flow = tuple[torch.Tensor, torch.Tensor]
"""dx and dy at every pixel of the reference, float32, in pixels of the level."""


@dataclass(eq=False)
class Level:
    """Two images of one size and what is made of them, tensors of float32; see `sensetrack.flow.lk_level.Level`.

    The structure tensor is without the weight, ``(3, row, col)``.
    """

    reference: torch.Tensor
    spline: torch.Tensor
    slope_x: torch.Tensor
    slope_y: torch.Tensor
    weight: torch.Tensor
    tensor: torch.Tensor
    _tensors: dict[int, torch.Tensor] = field(default_factory=dict)
    _weights: dict[int, torch.Tensor] = field(default_factory=dict)

    def tensor_sums(self, radius: int) -> torch.Tensor:
        """Return the structure tensor summed over windows, never quite nothing; ``(3, row, col)``."""
        self.sum_tensors((radius,))
        return self._tensors[radius]

    def weight_sums(self, radius: int) -> torch.Tensor:
        """Return the weights summed over windows; ``(row, col)``."""
        if radius not in self._weights:
            self._weights[radius] = window_sums(self.weight, radius)
        return self._weights[radius]

    def sum_tensors(self, radii: tuple[int, ...]) -> None:
        """Sum the structure tensor over windows of several sizes, which is quicker than one by one."""
        missing = tuple(radius for radius in dict.fromkeys(radii) if radius not in self._tensors)
        if not missing:
            return
        trace = self.tensor[0].mean() + self.tensor[2].mean()
        for radius, sums in zip(missing, sums_of_windows(self.tensor, missing), strict=True):
            least = FLOOR * (2 * radius + 1) ** 2 * trace + 1e-15
            for k in (0, 2):
                sums[k].clamp_(min=0).add_(least)
            self._tensors[radius] = sums


def prepare(view: Views, flow: Flow) -> Level:
    """Return a level whose pixels count by what is valid in both images along a flow."""
    reference, weight = _equalise(view, flow)
    x, y = _slopes(reference)
    tensor = torch.stack([weight * x * x, weight * x * y, weight * y * y])
    return Level(reference, coefficients(view.secondary), x, y, weight, tensor)


def _equalise(view: Views, flow: Flow) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the reference with the secondary's contrast, and the lesser weight of the two, 0 beyond the border."""
    (theirs,) = bilinear((view.secondary_weight,), *flow)
    within = is_inside(flow) & (view.reference_weight > 0)
    weight = torch.where(within, torch.minimum(view.reference_weight, theirs), 0)
    power = _nearest(view.secondary_power, flow)
    has_both = within & (view.reference_power > 0) & (power > 0)
    gain = torch.where(has_both, torch.sqrt(power / view.reference_power), 1)
    return view.reference * gain, weight


def is_inside(flow: Flow) -> torch.Tensor:
    """Return which pixels' flow leads to a position in the image."""
    height, width = flow[0].shape
    inside = torch.empty(height, width, dtype=torch.bool, device=flow[0].device)
    for strip, rows, cols in strips(flow[0]):
        dx, dy = flow[0][strip], flow[1][strip]
        inside[strip] = (dy >= -rows) & (dy <= height - 1 - rows) & (dx >= -cols) & (dx <= width - 1 - cols)
    return inside


def _nearest(values: torch.Tensor, flow: Flow) -> torch.Tensor:
    """Return the values of the pixels closest to where a flow leads."""
    height, width = values.shape
    out = torch.empty_like(values)
    for strip, rows, cols in strips(values):
        i = (rows + torch.floor(torch.nan_to_num(flow[1][strip]) + 0.5)).clamp(0, height - 1)
        j = (cols + torch.floor(torch.nan_to_num(flow[0][strip]) + 0.5)).clamp(0, width - 1)
        out[strip] = torch.take(values, i.long() * width + j.long())
    return out


def _slopes(image: torch.Tensor) -> Flow:
    """Return central differences of fourth order along x and y; across the left and right border of second order."""
    wide = pad(image[None, None], (2, 2, 2, 2), mode="replicate")[0, 0]
    (rows, cols), near, far = image.shape, 8 / 12, 1 / 12

    def step(down: int, right: int) -> torch.Tensor:
        return wide[2 + down : 2 + down + rows, 2 + right : 2 + right + cols]

    y = near * (step(1, 0) - step(-1, 0)) - far * (step(2, 0) - step(-2, 0))
    beside = step(0, 1) - step(0, -1)
    x = near * beside - far * (step(0, 2) - step(0, -2))
    for edge in (slice(0, 2), slice(cols - 2, cols)):
        x[:, edge] = 0.5 * beside[:, edge]
    return x, y
