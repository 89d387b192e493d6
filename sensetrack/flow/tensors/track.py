"""The whole of adaptive Lucas-Kanade on a device: two images in, the layers of a field out."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from sensetrack.displacement import Field, Flag
from sensetrack.flow.assess import Calibration
from sensetrack.flow.lattice import CELL
from sensetrack.flow.lk import Settings, cropped
from sensetrack.flow.sample import Limits, at_centres
from sensetrack.flow.tensors.assess import judge
from sensetrack.flow.tensors.goes import in_goes
from sensetrack.flow.tensors.lk import begin, way_back
from sensetrack.flow.tensors.sample import sample
from sensetrack.flow.tensors.source import halved, prepare
from sensetrack.flow.tensors.views import crop, views
from sensetrack.types import FloatArray, Mask


@dataclass(frozen=True)
class Plan:
    """What is to be done, as the tracker's parameters say.

    Attributes
    ----------
    settings : Settings
    calibration : Calibration
    limits : Limits
    alignment : int
        Pixels to whose multiples images are extended.
    texture_side : int
        Cells along the window over which texture is judged.
    step, scale : int
        Pixels of the image per output pixel, and per pixel of the finest level.
    least : float
        Share of a pixel of half the size that must be valid.
    """

    settings: Settings
    calibration: Calibration
    limits: Limits
    alignment: int
    texture_side: int
    step: int
    scale: int
    least: float


def track_on(
    device: str, images: tuple[FloatArray, FloatArray], valid: tuple[Mask, Mask], pad: int, plan: Plan
) -> Field:
    """Measure the displacement of a pair of arrays.

    Parameters
    ----------
    device : str
        As PyTorch names it, such as ``cuda:0``.
    images : tuple of ndarray of float32
        ``(row, col)``, reference and secondary, 0 where invalid.
    valid : tuple of ndarray of bool
    pad : int
        Pixels on every side that serve as context only.
    plan : Plan

    Returns
    -------
    Field
    """
    with torch.inference_mode():
        pixels = [torch.as_tensor(image, device=device) for image in images]
        known = [torch.as_tensor(mask, device=device) for mask in valid]
        layers = _track(pixels, known, pad, plan)
        return Field(**{name: layer.cpu().numpy() for name, layer in layers.items()})


def _track(pixels: list[torch.Tensor], valid: list[torch.Tensor], pad: int, plan: Plan) -> dict[str, torch.Tensor]:
    """Return the layers of a field, on the device; see `sensetrack.trackers.adaptive_lk` for what follows on what."""
    settings, scale, outer = plan.settings, plan.scale, pad
    size = tuple((side - 2 * pad) // plan.step for side in pixels[0].shape)
    images = list(zip(pixels, valid, strict=True))
    if scale == 2:
        images, pad = [halved(*image, plan.least) for image in images], pad // 2
    first, second = (prepare(*image, plan.alignment, plan.texture_side) for image in images)
    pyramid = views((first.image, second.image), (first.weight, second.weight), settings.levels, settings.highpass)
    start = begin(pyramid, settings)
    back = way_back(pyramid, settings, start, pad) if plan.limits.miss else None
    found, sums, miss, change = in_goes(pyramid, (first.weight, second.weight), back, settings, start, pad)
    away = cropped(pad, 0)
    miss.masked_fill_(~crop(first.known, away), torch.nan)
    textures = crop(first.texture, away // CELL), crop(second.texture, away // CELL)
    judged = judge(sums, change, found.number, settings.radii, plan.calibration)
    layers = sample(found.flow, miss, judged, textures, plan.limits, plan.step, pad - away, (size[0], size[1]), scale)
    if scale == 2:
        blank = ~at_centres(valid[0], outer, plan.step, size)
        layers["flags"] |= blank.to(torch.uint8) * int(Flag.NODATA)
        for name, layer in layers.items():
            if name != "flags":
                layer.masked_fill_(blank, torch.nan)
    return layers
