"""Pyramids of two images without their slow changes of brightness: the twin of `sensetrack.flow.lk_prepare`."""

from __future__ import annotations

from typing import NamedTuple

import torch

from sensetrack.flow.lk_prepare import COARSE, FEWEST, LEAST, TOUCH
from sensetrack.flow.tensors.pyramid import halve, halve_weighted
from sensetrack.flow.tensors.sums import window_sums
from sensetrack.flow.weights import FADE


class Views(NamedTuple):
    """Two images of one size, tensors of float32 ``(row, col)``; see `sensetrack.flow.lk_prepare.Views`."""

    reference: torch.Tensor
    secondary: torch.Tensor
    reference_weight: torch.Tensor
    secondary_weight: torch.Tensor
    reference_power: torch.Tensor
    secondary_power: torch.Tensor

    @property
    def swapped(self) -> Views:
        """The secondary in place of the reference."""
        return Views(self[1], self[0], self[3], self[2], self[5], self[4])

    def cropped(self, away: int) -> Views:
        """Leave out pixels on every side."""
        return Views(*(crop(image, away) for image in self))


def crop(array: torch.Tensor, away: int) -> torch.Tensor:
    """Return what lies ``away`` inside an array, in memory of its own unless it is all of it."""
    return array[away : array.shape[0] - away, away : array.shape[1] - away].contiguous()


def views(
    images: tuple[torch.Tensor, torch.Tensor], weights: tuple[torch.Tensor, torch.Tensor], levels: int, highpass: int
) -> list[Views]:
    """Return both images at every level of a pyramid, the finest first.

    Parameters
    ----------
    images, weights : tuple of Tensor
        float32 ``(row, col)``, reference and secondary; sides are multiples of ``2 ** (levels - 1)``.
    levels, highpass : int
        As in `sensetrack.flow.lk_prepare.views`.
    """
    first_levels, second_levels = (
        _levels(image, weight, levels, highpass) for image, weight in zip(images, weights, strict=True)
    )
    pairs = zip(first_levels, second_levels, strict=True)
    return [Views(*(part for parts in zip(*pair, strict=True) for part in parts)) for pair in pairs]


def _levels(
    image: torch.Tensor, weight: torch.Tensor, levels: int, highpass: int
) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Return one image, its weight and its power at every level."""
    out = []
    for number in range(levels):
        if number:
            image, weight = halve_weighted(image, weight, LEAST)
        radius = COARSE if number else highpass
        even, share = without_mean(image, weight, radius)
        mean_square = power(even, weight, (5 * radius) // 2)
        out.append((even, (weight if number else _inner(weight)) * share, mean_square))
    return out


def _inner(weight: torch.Tensor) -> torch.Tensor:
    """Return weights that are 0 where a spline between the pixels would see what is invalid."""
    least = TOUCH / (FADE + 1)
    return (weight - least).clamp(min=0) / (1 - least)


def without_mean(image: torch.Tensor, weight: torch.Tensor, radius: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return an image less its mean over windows of valid pixels, and the fourth power of each window's valid share."""
    total, count = window_sums(torch.stack([image * weight, weight]), radius)
    mean = total / count.clamp(min=1e-6)
    share = (count / (2 * radius + 1) ** 2).clamp(max=1)
    return torch.where(weight > 0, image - mean, 0), share.square().square()


def power(image: torch.Tensor, weight: torch.Tensor, radius: int) -> torch.Tensor:
    """Return the mean square of an image over windows of valid pixels; 0 where there are none."""
    total, count = window_sums(torch.stack([image * image * weight, weight]), radius)
    return torch.where(count > FEWEST, total / count, 0)


def without(pyramid: list[Views], kept: torch.Tensor, also: torch.Tensor, highpass: int) -> list[Views]:
    """Return a pyramid in which pixels of the reference count only as far as they are ``kept``, 0..1.

    Parameters
    ----------
    pyramid : list of Views
        From `views`.
    kept, also : Tensor
        At pixels of the reference, and at those of the secondary that show the same ground; neither lends its contrast.
    highpass : int
        As it was for `views`.
    """
    out = []
    for number, view in enumerate(pyramid):
        if number:
            kept, also = halve(kept), halve(also)
        weights = [
            weight * ((2 * share - 1).clamp(min=0) if number else share)
            for weight, share in zip(view[2:4], (kept, also), strict=True)
        ]
        radius = (5 * (COARSE if number else highpass)) // 2
        powers = [power(image, weight, radius) for image, weight in zip(view[:2], weights, strict=True)]
        out.append(Views(view[0], view[1], weights[0], view[3], *powers))
    return out
