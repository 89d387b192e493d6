"""Made-up pairs to train on: ground of many looks, moved by known displacements, and what changes between two dates.

Ground has a brightness and a relief. The relief is shaded by the sun of each date, so light changes as it does in
mountains; radar sees speckle that lasts only in part; clouds and melt replace what was there; sensors differ in gain,
contrast, sharpness and noise. Everything is made from a seed, on the device that trains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn import functional

SIDE = 96
"""Side of the images of a pair."""

GROUND = 136
"""Side of the ground that they show a part of."""

FARTHEST = 6.0
"""Largest displacement along each axis, in pixels."""

UNRELATED = 0.08
"""Share of pairs that show different places."""


class Pairs(NamedTuple):
    """Pairs of images.

    Attributes
    ----------
    first, second : Tensor
        ``(n, SIDE, SIDE)``.
    motion : Tensor
        ``(n, 2, 3)``: displacement ``(dy, dx)`` in the middle of the image, and its change per pixel along rows and
        columns.
    related : Tensor
        bool ``(n,)``: whether both show the same place.
    """

    first: torch.Tensor
    second: torch.Tensor
    motion: torch.Tensor
    related: torch.Tensor


class Maker:
    """Makes pairs.

    Parameters
    ----------
    seed : int
    device : str
    images : sequence of Tensor
        Real images, float32 ``(row, col)``, of at least `GROUND` pixels each way and without holes; where there are
        some, `real_share` of the pairs show parts of them.
    real_share : float
    """

    def __init__(
        self, seed: int, device: str = "cpu", images: Sequence[torch.Tensor] = (), real_share: float = 0.7
    ) -> None:
        self.chance = torch.Generator(device).manual_seed(seed)
        self.device = device
        self.images = [image.to(device) for image in images]
        self.real_share = real_share if self.images else 0.0

    def make(self, count: int) -> Pairs:
        """Return pairs of every kind."""
        motion = torch.zeros(count, 2, 3, device=self.device)
        motion[:, :, 0] = self._uniform(-FARTHEST, FARTHEST, count, 2)
        motion[:, :, 1:] = self._normal(count, 2, 2) * 0.006 * self._either(0.5, count, 1, 1)
        related = ~self._either(UNRELATED, count)
        brightness, relief = self._brightness(count), self._relief(count)
        start = self._uniform(-0.5, 0.5, count, 2)
        grids = self._grid(start, motion), self._grid(start, None)
        layers = torch.cat([brightness[:, None], relief, self._speckle(count)], 1)
        shaded = self._either(0.6, count, 1, 1) * self._uniform(0.2, 1.6, count, 1, 1)
        turn = self._normal(count) * 0.7 * self._either(0.6, count)
        azimuth = self._uniform(0, 2 * math.pi, count)
        looks = self._uniform(0, 2.3, count, 1, 1).exp()
        lasting = self._uniform(0, 1, count, 1, 1)
        speckled = self._either(0.4, count, 1, 1)
        images = []
        for grid, sun in zip(grids, (azimuth, azimuth + turn), strict=True):
            seen = functional.grid_sample(layers, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
            image = self._shade(seen, sun, shaded)
            images.append(torch.where(speckled, self._radar(image, seen[:, 3:], looks, lasting), image))
        first, second = images
        other = first.roll(1, 0).flip(-1)
        second = torch.where(related[:, None, None], self._change(second, other), other)
        return Pairs(self._expose(first), self._expose(second, is_later=True), motion, related)

    def _uniform(self, low: float, high: float, *shape: int) -> torch.Tensor:
        return low + (high - low) * torch.rand(shape, generator=self.chance, device=self.device)

    def _normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.chance, device=self.device)

    def _either(self, share: float, *shape: int) -> torch.Tensor:
        return torch.rand(shape, generator=self.chance, device=self.device) < share

    def _noise(self, count: int, side: int, shortest: tuple[float, float], longest: float) -> torch.Tensor:
        """Return noise of unit deviation: wavelengths from ``shortest`` up, amplitude falling as a power."""
        line = torch.fft.fftfreq(side, device=self.device)
        wave = torch.hypot(line[:, None], line[None, : side // 2 + 1].abs()).clamp_min(1e-4)[None]
        power = self._uniform(0.3, 2.0, count, 1, 1)
        cut = self._uniform(shortest[0], shortest[1], count, 1, 1)
        gain = (wave**2 + longest**-2) ** (-power / 2) * torch.exp(-((wave * cut) ** 4))
        gain[:, 0, 0] = 0
        field = torch.fft.irfft2(torch.fft.rfft2(self._normal(count, side, side)) * gain, s=(side, side))
        return field / field.std((1, 2), keepdim=True)

    def _brightness(self, count: int) -> torch.Tensor:
        """Return positive brightness of the ground: smooth, blotchy, ridged, faceted, or part of a real image."""
        one, two = self._noise(count, GROUND, (2.2, 7.0), 60.0), self._noise(count, GROUND, (2.2, 9.0), 30.0)
        kinds = torch.stack(
            [one, torch.tanh(3 * one) + 0.4 * two, 1 - one.abs() * 1.4, torch.exp(0.9 * one), one * two + 0.5 * one]
        )
        chosen = torch.randint(len(kinds), (count,), generator=self.chance, device=self.device)
        field = kinds[chosen, torch.arange(count, device=self.device)]
        field = field / field.std((1, 2), keepdim=True)
        contrast = self._uniform(0.1, 0.6, count, 1, 1)
        made = torch.exp(contrast * field.clamp(-4, 4))
        for number in range(count):
            if self.images and float(self._uniform(0, 1, 1)) < self.real_share:
                made[number] = self._part()
        return made

    def _part(self) -> torch.Tensor:
        """Return a part of a real image, turned and mirrored, at a mean of about 1."""
        pick = [float(value) for value in self._uniform(0, 1, 6)]
        image = self.images[int(pick[0] * len(self.images))]
        row, col = (int(pick[1 + axis] * (image.shape[axis] - GROUND + 1)) for axis in (0, 1))
        part = torch.rot90(image[row : row + GROUND, col : col + GROUND], int(pick[3] * 4))
        part = part.flip(0) if pick[4] < 0.5 else part
        return torch.exp(0.3 * ((part - part.mean()) / part.std().clamp_min(1e-6)).clamp(-4, 4))

    def _relief(self, count: int) -> torch.Tensor:
        """Return slopes of the ground along rows and columns, ``(n, 2, GROUND, GROUND)``, of unit deviation."""
        height = self._noise(count, GROUND, (4.0, 12.0), 80.0)
        slopes = torch.stack([(height.roll(-1, axis) - height.roll(1, axis)) / 2 for axis in (1, 2)], 1)
        return slopes / slopes.std((1, 2, 3), keepdim=True)

    def _speckle(self, count: int) -> torch.Tensor:
        """Return the part of the complex echo that lasts, ``(n, 2, GROUND, GROUND)``."""
        echo = self._normal(count * 2, GROUND, GROUND)
        smooth = functional.avg_pool2d(functional.pad(echo[:, None], (1, 1, 1, 1), mode="circular"), 3, 1)[:, 0]
        return (smooth / smooth.std((1, 2), keepdim=True)).unflatten(0, (count, 2))

    def _grid(self, start: torch.Tensor, motion: torch.Tensor | None) -> torch.Tensor:
        """Return where on the ground each pixel looks: ``start`` from the middle, and further by the motion."""
        line = torch.arange(SIDE, device=self.device) - (SIDE - 1) / 2
        rows, cols = torch.meshgrid(line, line, indexing="ij")
        place = torch.stack([rows, cols])[None] + start[:, :, None, None]
        if motion is not None:
            place = place + motion[:, :, 0, None, None]
            place = place + motion[:, :, 1, None, None] * rows + motion[:, :, 2, None, None] * cols
        return (place / (GROUND / 2)).flip(1).permute(0, 2, 3, 1)

    def _shade(self, seen: torch.Tensor, sun: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        """Return brightness in the light of a sun; slopes that face away lie in shadow."""
        along = seen[:, 1] * sun.sin()[:, None, None] + seen[:, 2] * sun.cos()[:, None, None]
        return seen[:, 0].clamp_min(0.02) * (1 + 0.6 * strength * along).clamp_min(0.03)

    def _radar(
        self, image: torch.Tensor, echo: torch.Tensor, looks: torch.Tensor, lasting: torch.Tensor
    ) -> torch.Tensor:
        """Return the amplitude of a radar image whose speckle lasts in part."""
        fresh = self._normal(*echo.shape)
        single = (lasting.sqrt()[:, None] * echo + (1 - lasting).sqrt()[:, None] * fresh).square().mean(1)
        more = self._normal(*single.shape).mul((1 / looks).sqrt()).exp()
        many = torch.where(looks < 1.5, single, (single / looks + more * (1 - 1 / looks)))
        return (image * many).clamp_min(1e-6).sqrt()

    def _change(self, image: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Return images parts of which show something else: other ground, cloud, or shadow of another light."""
        count = len(image)
        blobs = self._noise(count, SIDE, (16.0, 40.0), 60.0)
        limit = self._uniform(0.0, 2.0, count, 1, 1)
        where = torch.sigmoid((blobs - limit) * 12) * self._either(0.45, count, 1, 1)
        cloud = image.mean((1, 2), keepdim=True) * (1.5 + 0.3 * self._noise(count, SIDE, (8.0, 30.0), 60.0))
        fresh = torch.where(self._either(0.5, count, 1, 1), other, cloud)
        image = image * (1 - where) + fresh * where
        light = self._noise(count, SIDE, (20.0, 50.0), 100.0) * self._uniform(0, 0.8, count, 1, 1)
        return image * light.exp()

    def _expose(self, image: torch.Tensor, is_later: bool = False) -> torch.Tensor:
        """Return what a sensor records: blurred, of some contrast, noisy; now and then inverted."""
        count = len(image)
        sigma = self._uniform(0.0, 1.0, count, 1) * self._either(0.5, count, 1) + 1e-3
        taps = torch.arange(-3, 4, device=self.device)
        kernel = torch.exp(-0.5 * (taps / sigma) ** 2)
        kernel = kernel / kernel.sum(1, keepdim=True)
        padded = functional.pad(image[None], (3, 3, 3, 3), mode="reflect")
        padded = functional.conv2d(padded, kernel[:, None, :, None], groups=count)
        image = functional.conv2d(padded, kernel[:, None, None, :], groups=count)[0]
        mean, spread = image.mean((1, 2), keepdim=True), image.std((1, 2), keepdim=True).clamp_min(1e-6)
        image = (image - mean) / spread
        gamma = self._uniform(-0.4, 0.4, count, 1, 1)
        image = image + gamma * image.clamp(-2, 2).square() * 0.3
        if is_later:
            image = torch.where(self._either(0.05, count, 1, 1), -image, image)
        level = self._uniform(0.0, 1.0, count, 1, 1).square() * 0.8
        return image + level * self._normal(*image.shape)
