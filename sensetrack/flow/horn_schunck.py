"""Horn & Schunck's flow from the coarsest level of a pyramid to the finest, each warp guided by the one before.

At every level the secondary is moved back by the flow found so far, the brightness that is left is made linear in what
is still missing, and one linear system is solved for the whole image (Horn & Schunck 1981, *Determining optical flow*,
Artificial Intelligence 17, 185). Levels and warps are those of Meinhardt-Llopis, Sánchez Pérez & Kondermann (2013),
*Horn-Schunck optical flow with a multi-scale strategy*, Image Processing On Line 3, 151; the median of the flow between
warps is that of Sun, Roth & Black (2014), *A quantitative analysis of current practices in optical flow estimation and
the principles behind them*, International Journal of Computer Vision 106, 115.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sensetrack.flow.horn_schunck_data import Level, linearise, prepare, presence
from sensetrack.flow.horn_schunck_guide import fit, smooth
from sensetrack.flow.horn_schunck_median import window_median
from sensetrack.flow.horn_schunck_relax import factors, packed, relax, unpacked
from sensetrack.flow.pyramid import double, halve
from sensetrack.types import FloatArray

SMALLEST = 8
"""Least side of the coarsest level; smaller images are extended by pixels that count nothing."""

Flow = tuple[FloatArray, FloatArray]
"""dx and dy."""


@dataclass(frozen=True)
class Settings:
    """How the flow is found.

    Attributes
    ----------
    smoothness : float
        Distance, in pixels of the image, over which the smoothness term holds against average texture.
    guide : int
        Side of the window, applied twice, over which the last flow is smoothed before departures from it are penalised,
        odd, in pixels of the level; 0 penalises the flow itself.
    levels : int
        Levels of the pyramid, the image itself included.
    warps : int
        Linear systems solved at the finest level; coarser ones, which cost little, get twice as many.
    iterations : int
        Sweeps over each linear system.
    relaxation : float
        Factor by which each step goes beyond the best values for one pixel, from 1 to 2, exclusive.
    tolerance : float
        Change, in pixels of the level, below which sweeping stops.
    median : int
        Side of the window of the median of the flow after each warp, odd, in pixels of the level; 0 takes none.
    robust : str
        One of `sensetrack.flow.horn_schunck_data.PENALTIES`.
    outlier : float
        Difference, in local standard deviations of brightness, from which a robust penalty lets pixels count less.
    """

    smoothness: float = 16.0
    guide: int = 13
    levels: int = 5
    warps: int = 2
    iterations: int = 30
    relaxation: float = 1.95
    tolerance: float = 0.001
    median: int = 0
    robust: str = "charbonnier"
    outlier: float = 0.5


def horn_schunck(
    reference: FloatArray,
    secondary: FloatArray,
    reference_weight: FloatArray,
    secondary_weight: FloatArray,
    settings: Settings,
    start: Flow | None = None,
) -> Flow:
    """Return dx and dy at every pixel of the reference.

    Parameters
    ----------
    reference, secondary : ndarray of float32
        ``(row, col)``, of zero local mean and unit local deviation.
    reference_weight, secondary_weight : ndarray of float32
        What each pixel counts, 0..1, 0 where invalid: there the smoothness term alone decides.
    settings : Settings
    start : tuple of ndarray of float32, optional
        Flow from which the coarsest level starts, at every pixel of the reference; else 0.

    Returns
    -------
    tuple of ndarray of float32
        Content at ``(row, col)`` of the reference is at ``(row + dy, col + dx)`` of the secondary.
    """
    height, width = reference.shape
    images = (reference, secondary, reference_weight, secondary_weight)
    pyramid = [tuple(_extended(image, settings.levels) for image in images)]
    for _ in range(1, settings.levels):
        pyramid.append(tuple(halve(image) for image in pyramid[-1]))
    flow = _start(pyramid[-1][0].shape, start, settings.levels)
    for number in range(settings.levels - 1, -1, -1):
        level = prepare(*pyramid.pop())
        for _ in range(settings.warps * (1 if number == 0 else 2)):
            flow = _warp(level, flow, settings.smoothness / 2**number, settings)
        if number:
            flow = double(flow[0]), double(flow[1])
    return flow[0][:height, :width].copy(), flow[1][:height, :width].copy()


def _start(shape: tuple[int, ...], given: Flow | None, levels: int) -> Flow:
    """Return the flow that the coarsest level starts from, in its pixels."""
    if given is None:
        return np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    dx, dy = (_extended(part, levels) for part in given)
    for _ in range(1, levels):
        dx, dy = 0.5 * halve(dx), 0.5 * halve(dy)
    return dx, dy


def _extended(image: FloatArray, levels: int) -> FloatArray:
    """Append zeros until every level has even sides, and the coarsest at least `SMALLEST`."""
    unit = 1 << levels
    rows, cols = (max(size + -size % unit, SMALLEST * unit // 2) for size in image.shape)
    out = np.zeros((rows, cols), np.float32)
    out[: image.shape[0], : image.shape[1]] = image
    return out


def _warp(level: Level, flow: Flow, smoothness: float, settings: Settings) -> Flow:
    """Return the flow after one more linear system; ``smoothness`` is in pixels of the level."""
    dx, dy = flow
    if settings.guide:
        weight = presence(level, flow)
        planes = fit(weight, settings.guide)
        guide = smooth(dx, weight, planes, settings.guide), smooth(dy, weight, planes, settings.guide)
    else:
        guide = np.zeros_like(dx), np.zeros_like(dy)
    system = linearise(level, flow, guide, smoothness, settings.robust, settings.outlier)
    factor = factors(settings.relaxation, settings.iterations)
    away = relax(packed(dx - guide[0]), packed(dy - guide[1]), system, factor, settings.tolerance)
    dx, dy = guide[0] + unpacked(away[0]), guide[1] + unpacked(away[1])
    if settings.median:
        dx, dy = window_median(dx, settings.median), window_median(dy, settings.median)
    return dx, dy
