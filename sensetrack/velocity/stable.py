"""Stable ground: the shift that a pair shows where nothing moves, and the scatter around it.

What does not move should not be displaced. What it shows all the same is an error of registration or of the sensor's
geometry that the whole field shares (the shift), and the scatter around it is what the field's errors really are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sensetrack.displacement import Field
from sensetrack.errors import InputError
from sensetrack.types import DoubleArray, FloatArray, Mask

LAYERS = ("dx", "dy", "sigma_dx", "sigma_dy", "rho")
CAP = 2**19
"""Most points that a sample holds, so that memory is bounded for any size of field."""

SLOW_SHARE = 0.25
"""Share of points taken as slow, as flag 2 of ITS_LIVE does."""

CORE_SHARE, CORE_LEAST = 0.05, 12
REACH = 4.0
"""How many spreads from the centre a point may lie and still belong to stable ground."""

_MAD_TO_SIGMA = 1.482602218505602
_MEDIAN_ERROR = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, for Gaussian errors."""


@dataclass(frozen=True)
class StableShift:
    """What stable ground says of a displacement field, in input pixels.

    Attributes
    ----------
    dx, dy : float
        The shift: where stable ground appears to have gone; NaN without stable ground.
    dx_error, dy_error : float
        Standard error of the shift, allowing for windows that overlap.
    sigma_dx, sigma_dy : float
        Spread of stable ground around the shift (1 sigma, robust): the stationary error of one point.
    count : int
        Measured points on stable ground.
    method : {"none", "mask", "slow"}
    inflation_dx, inflation_dy : float
        Robust spread of ``(dx - shift) / sigma_dx`` on stable ground: above 1 the tracker's errors are too small.
        1 where it is not known.
    """

    dx: float = math.nan
    dy: float = math.nan
    dx_error: float = math.nan
    dy_error: float = math.nan
    sigma_dx: float = math.nan
    sigma_dy: float = math.nan
    count: int = 0
    method: Literal["none", "mask", "slow"] = "none"
    inflation_dx: float = 1.0
    inflation_dy: float = 1.0


class Sample:
    """A bounded sample of points that does not depend on the order of blocks.

    It keeps the points of a square lattice whose step doubles whenever more than `CAP` of them have come, so the
    result is the same for one large block and for many small ones.
    """

    def __init__(self, cap: int = CAP) -> None:
        self.count = 0
        """Points offered."""
        self._cap = cap
        self._step = 1
        self._parts: list[NDArray[np.float32]] = []
        self._places: list[NDArray[np.int32]] = []
        self._held = 0

    def add(self, row: int, col: int, where: Mask, layers: Mapping[str, NDArray[Any]]) -> None:
        """Offer the points of a block that lie at ``where``; ``row`` and ``col`` place it in the whole field."""
        self.count += int(np.count_nonzero(where))
        first_row, first_col = -row % self._step, -col % self._step
        coarse = where[first_row :: self._step, first_col :: self._step]
        rows, cols = np.nonzero(coarse)
        rows, cols = rows * self._step + first_row, cols * self._step + first_col
        self._parts.append(np.stack([np.asarray(layers[name][rows, cols], np.float32) for name in LAYERS]))
        self._places.append(np.stack([rows + row, cols + col]).astype(np.int32))
        self._held += rows.size
        while self._held > self._cap:
            self._thin()

    def _thin(self) -> None:
        self._step *= 2
        keep = [((place % self._step) == 0).all(axis=0) for place in self._places]
        self._parts = [part[:, mask] for part, mask in zip(self._parts, keep, strict=True)]
        self._places = [place[:, mask] for place, mask in zip(self._places, keep, strict=True)]
        self._held = sum(part.shape[1] for part in self._parts)

    def layers(self) -> dict[str, FloatArray]:
        """Return the sampled values of each layer, 1-D, ordered by place."""
        if not self._parts:
            return {name: np.empty(0, np.float32) for name in LAYERS}
        places = np.concatenate(self._places, axis=1)
        order = np.lexsort((places[1], places[0]))
        return dict(zip(LAYERS, np.concatenate(self._parts, axis=1)[:, order], strict=True))


def stable_shift(
    field: Field,
    stable: Mask | None,
    *,
    spacing: int = 1,
    correlation_length: float = 1.0,
    min_stable: int = 30,
) -> StableShift:
    """Measure the shift on stable ground.

    Parameters
    ----------
    field : Field
        Only its `Field.measured` pixels count: neither flagged nor filled ones.
    stable : ndarray of bool or None
        Where the ground does not move; None takes the slowest quarter of all points (`shift_of_slow`).
    spacing : int
        Input pixels per pixel of the field.
    correlation_length : float
        Input pixels over which errors are alike, such as the tracker's window.
    min_stable : int
        Least number of measured points.

    Returns
    -------
    StableShift

    Raises
    ------
    InputError
        The mask does not fit the field, or there are fewer than ``min_stable`` measured points in it.
    """
    if stable is not None and stable.shape != field.shape:
        raise InputError(f"the stable mask has shape {stable.shape}, the displacement field {field.shape}")
    sample = Sample()
    sample.add(0, 0, field.measured if stable is None else field.measured & stable, field.layers())
    share = independent_share(spacing, correlation_length)
    return (shift_of_slow if stable is None else shift_of_mask)(sample, share, min_stable)


def independent_share(spacing: int, correlation_length: float) -> float:
    """Return independent measurements per point of the field.

    Windows of ``correlation_length`` pixels that stand ``spacing`` pixels apart share most of their pixels, so of n
    points about ``n (spacing / correlation_length)^2`` are independent.
    """
    return min(1.0, (spacing / correlation_length) ** 2)


def shift_of_mask(sample: Sample, independent: float, min_stable: int) -> StableShift:
    """Median and scaled median absolute deviation (NMAD) of points under a stable mask.

    The standard error of the median is ``sqrt(pi / 2) * spread / sqrt(independent points)``.

    Parameters
    ----------
    sample : Sample
    independent : float
        As from `independent_share`.
    min_stable : int

    Raises
    ------
    InputError
        There are fewer than ``min_stable`` points.
    """
    remedy = "enlarge the mask, measure there too where --mask has left that ground out"
    _check_count(sample.count, min_stable, "the stable mask holds", remedy)
    return _describe(sample.layers(), sample.count, "mask", independent)


def shift_of_slow(sample: Sample, independent: float, min_stable: int) -> StableShift:
    """Centre and spread of the ground that the slowest quarter of all points shows, for scenes without a stable mask.

    The slowest quarter itself would be a biased sample: a shift moves the whole cluster of stable points, and the
    choice cuts off its far side. So it only says where to look. From the densest core near it (the closest 5 % of all
    points around their own median) a population grows: points within `REACH` robust spreads of the centre give the
    next centre and spread, until the population no longer changes. Among Gaussian errors this ends at all of them; a
    moving part of the scene is left out as long as it is less dense than stable ground. Simulated scenes of which
    80 % moved (at 0 to 8 px) biased the shift by a quarter of the spread, those of which half moved by a twentieth.

    Not for scenes without stable ground: the densest slow motion would pass as stable.

    Parameters
    ----------
    sample, independent, min_stable
        As for `shift_of_mask`.

    Raises
    ------
    InputError
        There are fewer than ``4 * min_stable`` points, or fewer than ``min_stable`` of them belong together.
    """
    least = math.ceil(min_stable / SLOW_SHARE)
    _check_count(sample.count, least, "the displacement file holds", "lower min_stable")
    layers = sample.layers()
    points = np.stack([layers["dx"], layers["dy"]]).astype(np.float64)
    centre = np.median(points[:, _nearest(points, np.zeros(2), SLOW_SHARE)], axis=1)
    for _ in range(50):
        core = points[:, _nearest(points, centre, CORE_SHARE)]
        previous, centre = centre, np.median(core, axis=1)
        if np.array_equal(previous, centre):
            break
    spread = _spread(core, centre)
    inside = np.zeros(points.shape[1], np.bool_)
    for _ in range(100):
        before = inside
        inside = (((points - centre[:, None]) / spread[:, None]) ** 2).sum(axis=0) < REACH**2
        if np.array_equal(before, inside):
            break
        centre = np.median(points[:, inside], axis=1)
        spread = _spread(points[:, inside], centre)
    count = round(sample.count * float(inside.mean()))
    _check_count(count, min_stable, "the slowest part of the displacement file holds", "give a stable mask (--stable)")
    return _describe({name: values[inside] for name, values in layers.items()}, count, "slow", independent)


def _describe(
    layers: Mapping[str, FloatArray], count: int, method: Literal["mask", "slow"], independent: float
) -> StableShift:
    """Medians, spreads and standard errors of points on stable ground, of which ``count`` were measured in all."""
    numbers: dict[str, float] = {}
    for name in ("dx", "dy"):
        values = layers[name].astype(np.float64)
        shift = float(np.median(values))
        spread = _nmad(values - shift)
        numbers[name] = shift
        numbers[f"sigma_{name}"] = spread
        numbers[f"{name}_error"] = _MEDIAN_ERROR * spread / math.sqrt(max(1.0, count * independent))
        numbers[f"inflation_{name}"] = _inflation(values - shift, layers[f"sigma_{name}"])
    return StableShift(count=count, method=method, **numbers)


def _nearest(points: DoubleArray, centre: DoubleArray, share: float) -> NDArray[np.intp]:
    """Indices of the given share of points (and at least `CORE_LEAST`) that lie nearest to a centre."""
    size = min(points.shape[1], max(CORE_LEAST, math.ceil(share * points.shape[1])))
    return np.argpartition(((points - centre[:, None]) ** 2).sum(axis=0), size - 1)[:size]


def _spread(points: DoubleArray, centre: DoubleArray) -> DoubleArray:
    """Robust spread of each component, never quite zero."""
    return np.array([max(_nmad(values - middle), 1e-6) for values, middle in zip(points, centre, strict=True)])


def _check_count(count: int, least: int, what: str, remedy: str) -> None:
    if count < least:
        raise InputError(
            f"{what} {count} measured points, at least {least} are needed to measure the shift of stable ground; "
            f"{remedy}, or pass --stable-from none"
        )


def _nmad(residuals: DoubleArray) -> float:
    return _MAD_TO_SIGMA * float(np.median(np.abs(residuals)))


def _inflation(residuals: DoubleArray, stated: FloatArray) -> float:
    """Robust spread of residuals in units of their stated errors; 1 where none are stated."""
    known = np.isfinite(stated) & (stated > 0)
    return _nmad(residuals[known] / stated[known].astype(np.float64)) if known.any() else 1.0
