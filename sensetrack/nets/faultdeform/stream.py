"""The stream of samples: number n of a split is the same on every machine and in every order."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Generic, Literal, TypeVar

import numpy as np

from sensetrack.errors import InputError
from sensetrack.nets.faultdeform.elastic import FaultField, field_of
from sensetrack.nets.faultdeform.fault import make_fault
from sensetrack.nets.faultdeform.folder import draw_ground, scenes_of
from sensetrack.nets.faultdeform.ground import Ground, make_ground
from sensetrack.nets.faultdeform.motion import fault_motion, smooth_motion
from sensetrack.nets.faultdeform.sensor import observe
from sensetrack.nets.faultdeform.spline import resample
from sensetrack.params import Params, param
from sensetrack.types import FloatArray, Mask

RANGES = ((0.01, 1.0), (1.0, 5.0), (5.0, 15.0), (15.0, 50.0))
"""Of the longest vector of a window, in pixels."""

SPLITS = ("train", "validation", "test")
"""Scenes and faults of one are in no other."""

Split = Literal["train", "validation", "test"]

SHARES = (0.7, 0.85)
"""Of a folder's scenes: up to the first for training, up to the second for validation, the rest for the test."""

_SCENE, _FAULT, _SAMPLE = 1, 2, 3

T = TypeVar("T")


class StreamSettings(Params):
    """What samples are made of."""

    seed: int = param(0, "Seed of everything: scenes, faults and samples.", ge=0)
    size: int = param(256, "Side of the images of a sample.", unit="px", ge=32, le=2048)
    scenes: int = param(96, "Made-up scenes per split.", ge=1, le=100_000)
    faults: int = param(48, "Faults per split; each takes about a second to compute.", ge=1, le=100_000)
    smooth: float = param(
        0.0, "Share of samples that move smoothly, as ice and slopes do, without a fault.", ge=0, le=1
    )
    radar: float = param(0.25, "Share of made-up scenes that are seen by radar.", ge=0, le=1)
    pixel: float = param(15.0, "Side of a pixel on the ground, which sets how much of a fault is seen.", unit="m", gt=0)
    logarithmic: float = param(
        0.0, "Share of samples whose longest vector is spread evenly over its logarithm instead of itself.", ge=0, le=1
    )
    images: str | None = param(None, "Folder of real acquisitions, one folder per scene, instead of made-up scenes.")
    least_correlation: float = param(0.9, "Least correlation of two acquisitions of a window.", ge=-1, le=1)


@dataclass(frozen=True, eq=False)
class Sample:
    """A pair whose displacement is known.

    Attributes
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``.
    dx, dy : ndarray of float32
        Displacement at the pixels of the reference, in pixels, to the right and down.
    inside : ndarray of bool
        Where what the reference shows lies within the secondary.
    number : int
    interval : int
        Of `RANGES`.
    scene, fault : int
        Their numbers within the split; no fault is -1.
    """

    reference: FloatArray
    secondary: FloatArray
    dx: FloatArray
    dy: FloatArray
    inside: Mask
    number: int
    interval: int
    scene: int
    fault: int


class _Kept(Generic[T]):
    """The last values of a function of a number, for several threads; one at a time is computed."""

    def __init__(self, make: Callable[[int], T], most: int) -> None:
        self.make, self.most = make, most
        self.values: OrderedDict[int, T] = OrderedDict()
        self.lock = threading.Lock()

    def __call__(self, number: int) -> T:
        with self.lock:
            if number in self.values:
                self.values.move_to_end(number)
            else:
                self.values[number] = self.make(number)
                if len(self.values) > self.most:
                    self.values.popitem(last=False)
            return self.values[number]


class Stream:
    """Samples of one split by their number.

    Numbers go through the four ranges in turn. Both images are resampled from the ground by quintic splines, turned,
    mirrored and zoomed at random, so that blur does not tell which of them has been moved; the reference is drawn where
    the displacement ends, so that the truth holds at its own pixels, also beside a fault.

    Parameters
    ----------
    settings : StreamSettings
    split : {"train", "validation", "test"}

    Raises
    ------
    InputError
        The folder of acquisitions has too few scenes.
    """

    def __init__(self, settings: StreamSettings, split: Split = "train") -> None:
        self.settings, self.split = settings, split
        self._key = settings.seed, SPLITS.index(split)
        self.folder = None if settings.images is None else _part(scenes_of(Path(settings.images)), split)
        self._grounds = _Kept(self._ground, 128)

    def __call__(self, number: int) -> Sample:
        """Return a sample.

        Raises
        ------
        MissingExtraError
            The library for faults is not installed.
        """
        have, rng = self.settings, np.random.default_rng((*self._key, _SAMPLE, number))
        interval = number % len(RANGES)
        low, high = RANGES[interval]
        longest = rng.uniform(low, high)
        if rng.random() < have.logarithmic:
            longest = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        fault = -1
        if rng.random() < have.smooth:
            dx, dy = smooth_motion(have.size, longest, rng)
        else:
            fault = int(rng.integers(have.faults))
            dx, dy = (longest * part for part in fault_motion(_fault(*self._key, fault), have.size, have.pixel, rng))
        if self.folder is None:
            scene = int(rng.integers(have.scenes))
            ground = self._grounds(scene)
        else:
            scene = int(rng.integers(len(self.folder)))
            ground = draw_ground(self.folder[scene], rng, 2 * have.size + 112, have.least_correlation)
        place = _placement(ground.first.shape, have.size, rng)
        line = np.arange(have.size, dtype=np.float64)
        x, y = np.meshgrid(line, line)
        pair = resample(ground.first, *place(x + dx, y + dy)), resample(ground.second, *place(x, y))
        first, second = observe(pair, ground.is_radar, rng) if self.folder is None else pair
        last = have.size - 1
        inside = (x + dx >= 0) & (x + dx <= last) & (y + dy >= 0) & (y + dy <= last)
        return Sample(
            first, second, dx.astype(np.float32), dy.astype(np.float32), inside, number, interval, scene, fault
        )

    def _ground(self, number: int) -> Ground:
        rng = np.random.default_rng((*self._key, _SCENE, number))
        return make_ground(rng, max(512, 2 * self.settings.size + 112), self.settings.radar)


@lru_cache(maxsize=1024)
def _fault(seed: int, split: int, number: int) -> FaultField:
    """Return the surroundings of a fault, which streams of all sizes share."""
    return field_of(make_fault(np.random.default_rng((seed, split, _FAULT, number))))


def _part(scenes: list[tuple[Path, ...]], split: Split) -> list[tuple[Path, ...]]:
    """Return a split's share of a folder's scenes."""
    bounds = [0, *(round(share * len(scenes)) for share in SHARES), len(scenes)]
    part = scenes[bounds[SPLITS.index(split)] : bounds[SPLITS.index(split) + 1]]
    if not part:
        raise InputError(
            f"{scenes[0][0].parent.parent}: {len(scenes)} scenes leave none for {split}; seven or more are enough"
        )
    return part


Place = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _placement(shape: tuple[int, ...], size: int, rng: np.random.Generator) -> Place:
    """Draw where a window lies: a function from its columns and rows to rows and columns of the ground."""
    zoom, turn, mirror = np.exp(rng.uniform(np.log(0.8), np.log(1.25))), rng.uniform(0, 2 * np.pi), rng.choice([-1, 1])
    middle = 0.5 * (size - 1)
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    half = (0.5 * size + 8) * (abs(cos) + abs(sin))
    at = [rng.uniform(min(half, 0.5 * side), max(side - half, 0.5 * side)) for side in shape]

    def place(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        across, down = x - middle, y - middle
        return at[0] + sin * across + cos * down, at[1] + mirror * (cos * across - sin * down)

    return place
