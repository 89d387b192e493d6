"""Adaptive Lucas-Kanade: a dense flow from the coarsest level of a pyramid to the finest, in windows that adapt to it.

The steps, each with its equations in a module of its own: `lk_prepare` (brightness), `lk_search` (all lags at the
coarsest level), `lk_step` (Gauss-Newton), `lk_smooth` (medians, priors), `lk_propagate` (other displacements),
`lk_select` (windows).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sensetrack.flow.lk_level import Flow, Level, prepare
from sensetrack.flow.lk_prepare import Views, views
from sensetrack.flow.lk_propagate import propagate
from sensetrack.flow.lk_search import search
from sensetrack.flow.lk_select import select
from sensetrack.flow.lk_smooth import confident_mean, median, noise_map, settle, window_mean
from sensetrack.flow.lk_step import pulls, solve
from sensetrack.flow.lk_sums import window_sums
from sensetrack.flow.pyramid import double
from sensetrack.flow.tiling import over_rows
from sensetrack.types import FlagArray, FloatArray

CONTEXT = (64, 128)
"""Pixels of context that the finest level needs around what it is asked for, and the next."""

CELL = 8
"""Side of the cells over which noise is averaged, in pixels of the image."""

WHOLE_FIT, REST_FIT = 4, 3
"""Half the side of the windows in which other displacements must fit: small at last, so that steps are not rounded."""

NOISE_RADIUS = 7
"""Half the side of the windows, about, after whose fit the noise is judged."""


@dataclass(frozen=True)
class Settings:
    """How the flow is found. Lengths are pixels of the level, but for ``search``.

    Attributes
    ----------
    levels : int
        Levels of the pyramid, the image itself included.
    search : int
        Largest displacement along rows or columns that is tried at the coarsest level, in pixels of the image.
    highpass : int
        Half the side of the window whose mean is taken out at the finest level.
    coarse_radius, coarse_steps : int
        Windows and Gauss-Newton steps at all levels but the finest.
    coarse_prior : float
        Weight of the prior at levels of a quarter of the size and below, in what is left in the window.
    coarse_distances : tuple of int
        How far off other displacements are looked for at those levels.
    coarse_propagations : int
        In how many of the last steps they are.
    fine_radius, fine_steps, fine_prior, fine_distances
        The same at the finest level, and the prior at the one above.
    radii : tuple of int
        Half the sides of the windows that are chosen from at the finest level, growing.
    bound : float
        Squared distance, in standard deviations, by which a larger window's answer may leave a smaller one's.
    whole_passes, rest_passes : int
        Choices of windows in which these answer for all of the displacement, and only for what is missing.
    whole_distances, rest_distances : tuple of int
        How far off other displacements are looked for after each.
    gain : float
        Share of its own misfit that another displacement must stay below.
    smooth : float
        Share of the chosen window over which the flow is averaged before what is missing from it is sought.
    """

    levels: int = 3
    search: int = 32
    highpass: int = 20
    coarse_radius: int = 5
    coarse_steps: int = 6
    coarse_prior: float = 0.1
    coarse_distances: tuple[int, ...] = (3, 8)
    coarse_propagations: int = 3
    fine_radius: int = 10
    fine_steps: int = 2
    fine_prior: float = 0.6
    fine_distances: tuple[int, ...] = (8,)
    radii: tuple[int, ...] = (4, 7, 11, 16, 23, 32, 45)
    bound: float = 12.0
    whole_passes: int = 1
    rest_passes: int = 3
    whole_distances: tuple[int, ...] = (16, 8, 4)
    rest_distances: tuple[int, ...] = (3,)
    gain: float = 0.88
    smooth: float = 0.3


class Found(NamedTuple):
    """A flow and how it came about.

    Attributes
    ----------
    flow : tuple of ndarray of float32
        dx and dy at every pixel of the reference.
    number : ndarray of uint8
        Which of the windows each pixel chose, 0 for the smallest.
    weight : ndarray of float32
        What each pixel counted; less than `sensetrack.flow.lk_smooth.LITTLE` where it has nothing to say of its own.
    reference : ndarray of float32
        With the contrast of the secondary.
    """

    flow: Flow
    number: FlagArray
    weight: FloatArray
    reference: FloatArray


class Start(NamedTuple):
    """Where the descent begins: whole lags of the coarsest level, both ways."""

    there: Flow
    back: Flow


def begin(pyramid: list[Views], settings: Settings) -> Start:
    """Try all displacements at the coarsest level."""
    coarsest = len(pyramid) - 1
    reach = -(-settings.search >> coarsest) + 1 if settings.search else 0
    return Start(*search(pyramid[coarsest].reference, pyramid[coarsest].secondary, reach))


def adaptive_lk(pyramid: list[Views], settings: Settings, start: Start, pad: int = 0) -> Found:
    """Find the flow from the reference to the secondary.

    Parameters
    ----------
    pyramid : list of Views
        From `views`, the finest level first.
    settings : Settings
    start : Start
        From `begin`.
    pad : int
        Pixels on every side that are context only, a multiple of the coarsest level's pixel. Fine levels, whose pixels
        look less far, leave out all of it but `CONTEXT`; the flow then has ``min(pad, CONTEXT[0])`` left.

    Returns
    -------
    Found
    """
    level, flow = _descend(pyramid, settings, start.there, 0, pad)
    return _finish(level, flow, settings)


def way_back(pyramid: list[Views], settings: Settings, start: Start, pad: int = 0) -> Flow:
    """Find the flow from the secondary to the reference at half the size, and return it at the full one.

    It knows nothing of the way there: where content has changed, the two hardly ever meet.
    """
    away = cropped(pad, 0) - cropped(pad, 1)
    swapped = [view.swapped for view in pyramid]
    if len(pyramid) == 1:
        return _descend(swapped, settings, start.back, 0, pad)[1]
    quick = replace(settings, coarse_propagations=min(1, settings.coarse_propagations))
    _, (dx, dy) = _descend(swapped, quick, start.back, 1, pad)
    return _crop(double(dx), away), _crop(double(dy), away)


def cropped(pad: int, number: int) -> int:
    """Return how many pixels of the image are left out on every side at a level."""
    return max(0, pad - CONTEXT[number]) if number < len(CONTEXT) else 0


def _crop(array: FloatArray, away: int) -> FloatArray:
    return np.ascontiguousarray(array[away : array.shape[0] - away, away : array.shape[1] - away])


def _descend(pyramid: list[Views], settings: Settings, flow: Flow, finest: int, pad: int) -> tuple[Level, Flow]:
    """Follow the flow from the coarsest level down to the one numbered ``finest``."""
    coarsest = len(pyramid) - 1
    for number in range(coarsest, finest - 1, -1):
        away = cropped(pad, number)
        if number < coarsest:
            more = (away - cropped(pad, number + 1)) >> number
            flow = _crop(double(flow[0]), more), _crop(double(flow[1]), more)
        level = prepare(Views(*(_crop(image, away >> number) for image in pyramid[number])), flow)
        flow = _steps(level, flow, number, settings)
    return level, flow


def _steps(level: Level, flow: Flow, number: int, settings: Settings) -> Flow:
    """Take the Gauss-Newton steps of one level."""
    is_fine = number == 0
    radius, steps = (
        (settings.fine_radius, settings.fine_steps) if is_fine else (settings.coarse_radius, settings.coarse_steps)
    )
    if steps == 0 and not (is_fine and settings.fine_distances):
        return flow
    strength = settings.coarse_prior if number > 1 else settings.fine_prior
    energy = _tenth(level, radius)
    for step in range(steps):
        prior = confident_mean(flow, level, radius, strength, energy)
        flow = median(solve(level, pulls(level, flow, True), radius, strength, prior, energy))
        if not is_fine and settings.coarse_distances and step >= steps - settings.coarse_propagations:
            noise = noise_map(energy, level.counts(radius), CELL)
            flow = propagate(level, flow, noise, settings.coarse_distances, 3, settings.gain)
    if is_fine and settings.fine_distances:
        noise = noise_map(energy, level.counts(radius), CELL)
        flow = propagate(level, flow, noise, settings.fine_distances, 4, settings.gain)
    return flow


def _tenth(level: Level, radius: int) -> FloatArray:
    """Return a tenth of what there is in windows: what a first step may leave."""
    squares = np.empty_like(level.weight)

    def run(top: int, bottom: int) -> None:
        image = level.reference[top:bottom]
        np.multiply(level.weight[top:bottom], np.float32(0.1) * image * image, out=squares[top:bottom])

    over_rows(len(squares), run)
    sums: FloatArray = window_sums(squares[None], radius)[0]
    return sums


def _finish(level: Level, flow: Flow, settings: Settings) -> Found:
    """Choose windows, and take out what their size has blurred."""
    radii = settings.radii
    middle = min(radii, key=lambda radius: abs(radius - NOISE_RADIUS))
    number: FlagArray = np.zeros(flow[0].shape, np.uint8)
    energy = np.zeros_like(flow[0])
    nothing = np.zeros_like(flow[0]), np.zeros_like(flow[1])
    for turn in range(settings.whole_passes + settings.rest_passes):
        whole = turn < settings.whole_passes
        flow = median(settle(flow, level.weight))
        if turn and not whole and settings.smooth:
            flow = window_mean(flow, level.weight, number, radii, settings.smooth)
        pull = pulls(level, flow, whole)
        prior = flow if whole else nothing
        solve(level, pull, middle, 0.0, prior, energy)
        noise = noise_map(energy, level.counts(middle), CELL)
        found, number = select(level, pull, prior, radii, noise, settings.bound)
        flow = found if whole else _sum(flow, found)
        distances = settings.whole_distances if whole else settings.rest_distances
        if distances:
            flow = propagate(level, flow, noise, distances, WHOLE_FIT if whole else REST_FIT, settings.gain)
    return Found(settle(median(settle(flow, level.weight)), level.weight), number, level.weight, level.reference)


def _sum(flow: Flow, more: Flow) -> Flow:
    """Return a flow and what was missing from it."""

    def run(top: int, bottom: int) -> None:
        for part, addend in zip(flow, more, strict=True):
            addend[top:bottom] += part[top:bottom]

    over_rows(len(flow[0]), run)
    return more


__all__ = ["Found", "Settings", "Start", "adaptive_lk", "begin", "cropped", "views", "way_back"]
