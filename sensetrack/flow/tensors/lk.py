"""From the coarsest level of a pyramid to the finest: the twin of `sensetrack.flow.lk`."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch

from sensetrack.flow.lk import CELL, NOISE_RADIUS, REST_FIT, WHOLE_FIT, Settings, cropped
from sensetrack.flow.lk_level import LEAST_RIDGE
from sensetrack.flow.tensors.level import Flow, Level, prepare
from sensetrack.flow.tensors.median import median_flow
from sensetrack.flow.tensors.propagate import propagate
from sensetrack.flow.tensors.pyramid import double
from sensetrack.flow.tensors.search import search
from sensetrack.flow.tensors.select import select
from sensetrack.flow.tensors.smooth import confident_mean, noise_map, settle, window_mean
from sensetrack.flow.tensors.step import answer, left, pulls, solve
from sensetrack.flow.tensors.sums import sums_of_windows, window_sums
from sensetrack.flow.tensors.views import Views, crop


class Found(NamedTuple):
    """A flow and how it came about: tensors in place of the arrays of `sensetrack.flow.lk.Found`."""

    flow: Flow
    number: torch.Tensor
    weight: torch.Tensor
    reference: torch.Tensor


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
    """Find the flow from the reference to the secondary; see `sensetrack.flow.lk.adaptive_lk`."""
    level, flow = _descend(pyramid, settings, start.there, 0, pad)
    return _finish(level, flow, settings)


def way_back(pyramid: list[Views], settings: Settings, start: Start, pad: int = 0) -> Flow:
    """Find the flow from the secondary to the reference at half the size, and return it at the full one."""
    away = cropped(pad, 0) - cropped(pad, 1)
    swapped = [view.swapped for view in pyramid]
    if len(pyramid) == 1:
        return _descend(swapped, settings, start.back, 0, pad)[1]
    quick = replace(settings, coarse_propagations=min(1, settings.coarse_propagations))
    _, (dx, dy) = _descend(swapped, quick, start.back, 1, pad)
    return crop(double(dx), away), crop(double(dy), away)


def _descend(pyramid: list[Views], settings: Settings, flow: Flow, finest: int, pad: int) -> tuple[Level, Flow]:
    """Follow the flow from the coarsest level down to the one numbered ``finest``."""
    coarsest = len(pyramid) - 1
    for number in range(coarsest, finest - 1, -1):
        away = cropped(pad, number)
        if number < coarsest:
            more = (away - cropped(pad, number + 1)) >> number
            flow = crop(double(flow[0]), more), crop(double(flow[1]), more)
        level = prepare(pyramid[number].cropped(away >> number), flow)
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
    energy = 0.1 * window_sums(level.weight * level.reference * level.reference, radius)
    tensor = level.tensor_sums(radius)
    for step in range(steps):
        ridge = strength * energy + LEAST_RIDGE * (tensor[0] + tensor[2])
        prior = confident_mean(flow, tensor, ridge, 2 * radius)
        flow, energy = solve(level, pulls(level, flow, True), radius, ridge, prior)
        flow = median_flow(flow)
        if not is_fine and settings.coarse_distances and step >= steps - settings.coarse_propagations:
            noise = noise_map(energy, level.weight_sums(radius), CELL)
            flow = propagate(level, flow, noise, settings.coarse_distances, 3, settings.gain)
    if is_fine and settings.fine_distances:
        noise = noise_map(energy, level.weight_sums(radius), CELL)
        flow = propagate(level, flow, noise, settings.fine_distances, 4, settings.gain)
    return flow


def _finish(level: Level, flow: Flow, settings: Settings) -> Found:
    """Choose windows, and take out what their size has blurred."""
    radii = settings.radii
    middle = min(radii, key=lambda radius: abs(radius - NOISE_RADIUS))
    level.sum_tensors(radii)
    number = torch.zeros(flow[0].shape, dtype=torch.uint8, device=flow[0].device)
    for turn in range(settings.whole_passes + settings.rest_passes):
        whole = turn < settings.whole_passes
        flow = median_flow(settle(flow, level.weight))
        if turn and not whole and settings.smooth:
            flow = window_mean(flow, level, number, radii, settings.smooth)
        pull = pulls(level, flow, whole)
        prior = flow if whole else (torch.zeros_like(flow[0]), torch.zeros_like(flow[1]))
        sums = sums_of_windows(pull[:2], radii)
        noise = _noise(level, (*sums[radii.index(middle)], window_sums(pull[2], middle)), prior, middle)
        found, number = select(level, sums, prior, radii, noise, settings.bound)
        del pull, sums
        flow = found if whole else (flow[0] + found[0], flow[1] + found[1])
        distances = settings.whole_distances if whole else settings.rest_distances
        if distances:
            flow = propagate(level, flow, noise, distances, WHOLE_FIT if whole else REST_FIT, settings.gain)
    flow = settle(median_flow(settle(flow, level.weight)), level.weight)
    return Found(flow, number, level.weight, level.reference)


def _noise(level: Level, sums: tuple[torch.Tensor, ...], prior: Flow, radius: int) -> torch.Tensor:
    """Return the variance of what windows of one size leave of the difference, from the sums of all pulls over them."""
    tensor = level.tensor_sums(radius)
    flow = answer(tensor, sums, LEAST_RIDGE * (tensor[0] + tensor[2]), prior)
    return noise_map(left(tensor, sums, flow), level.weight_sums(radius), CELL)
