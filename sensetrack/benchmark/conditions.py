"""What differs between two images beside the motion: noise, speckle, light."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sensetrack.benchmark.textures import HELD_OUT, SUN, TEXTURES, is_image
from sensetrack.scene._camera import Sun
from sensetrack.scene._noise import NoiseSource, sigmoid
from sensetrack.types import FloatArray


@dataclass(frozen=True)
class Condition:
    """What is done to two images of one ground.

    Attributes
    ----------
    name : str
    words : str
        What it is, for tables.
    textures : tuple of str
        Ground for which it makes sense, beside image files.
    noise : float
        Standard deviation of the additive noise of each image, as a share of the image's; 0.1 is 20 dB.
    looks : int or None
        Looks of the speckle that each image gets of its own; None: no speckle.
    sun : Sun
        Light on the second date, for ground with heights.
    patches : float
        How far the gain of the second image differs between its patches, as a natural logarithm; they also differ in
        offset, by as many standard deviations of the image. 0 is none.
    ramp : float
        The same for a gain that falls, and an offset that rises, across the second image.
    """

    name: str
    words: str
    textures: tuple[str, ...]
    noise: float = 0.1
    looks: int | None = None
    sun: Sun = SUN
    patches: float = 0.0
    ramp: float = 0.0

    def suits(self, texture: str) -> bool:
        """Whether it makes sense for a texture."""
        return texture in self.textures or is_image(texture)

    def change(self, image: FloatArray, seed: tuple[int, ...]) -> FloatArray:
        """Return the second image in its own light: patches with edges as clouds have them, or a ramp."""
        side = image.shape[0]
        if self.patches:
            noise = NoiseSource(image.shape, seed)
            shade, haze = (sigmoid(noise.fractal(1.8, 0.4 * side) / 0.15) for _ in range(2))
            image = image * np.exp(self.patches * (shade - 0.5)) + self.patches * image.std() * haze
        if self.ramp:
            along = np.linspace(-1, 1, side, dtype=np.float32)
            slope = 0.8 * along[None, :] + 0.6 * along[:, None]
            image = image * np.exp(-0.5 * self.ramp * slope) + self.ramp * image.std() * (1.4 + slope)
        return np.asarray(image, np.float32)

    def expose(self, image: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return an image with its own speckle and noise."""
        spread = float(image.std())
        if self.looks is not None:
            image = image * np.sqrt(rng.gamma(self.looks, 1 / self.looks, image.shape))
        return (image + rng.normal(0, self.noise * spread, image.shape)).astype(np.float32)


_ALL = (*TEXTURES, *HELD_OUT)
_ROUGH = ("terrain", "gravel", "radar", "brick", "grass", "dunes")

CONDITIONS = {
    item.name: item
    for item in (
        Condition("noise-20db", "independent noise, 20 dB below the image", _ALL),
        Condition("noise-10db", "independent noise, 10 dB below the image", _ROUGH, noise=math.sqrt(0.1)),
        Condition("speckle", "independent speckle of 10 looks, noise 20 dB", ("gravel", "radar", "grass"), looks=10),
        Condition(
            "light",
            "the sun 20 degrees on and 6 lower (terrain), patches of other gain and offset, noise 20 dB",
            ("terrain", "gravel"),
            sun=Sun(SUN.azimuth + 20, SUN.elevation - 6),
            patches=0.8,
        ),
    )
}
"""The conditions for trackers by name."""

LIGHTS = {
    item.name: item
    for item in (
        *(
            Condition(
                f"suns-{angle}",
                f"one terrain under two suns, {angle} degrees apart, the later one 9 lower; cast shadows",
                ("terrain",),
                sun=Sun(SUN.azimuth + angle, SUN.elevation - 9),
            )
            for angle in (45, 75)
        ),
        Condition("patches", "patches of other gain and offset", ("terrain", "gravel"), patches=2.4),
        Condition("ramp", "gain and offset that change across the image", ("terrain", "gravel"), ramp=2.0),
    )
}
"""Strong changes of light, for image filters."""
