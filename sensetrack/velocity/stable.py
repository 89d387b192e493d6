"""Stable ground: the shift that a pair shows where nothing moves, and the scatter around it.

What does not move should not be displaced. What it shows all the same is an error of registration or of the sensor's
geometry that the whole field shares (the shift), and the scatter around it is what the field's errors really are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

_MAD_TO_SIGMA = 1.482602218505602
_MEDIAN_ERROR = math.sqrt(math.pi / 2)
"""Standard error of a median over that of a mean, for Gaussian errors."""

_SLOW_RADIUS_SQUARED = -2.0 * math.log1p(-SLOW_SHARE)
_SLOW_MOMENT = 1.0 - (1.0 - SLOW_SHARE) * (1.0 + _SLOW_RADIUS_SQUARED / 2.0)
"""Second moment per component, within the disc that holds `SLOW_SHARE` of a 2-D standard Gaussian."""


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
    _check_count(sample, min_stable, "the stable mask holds", "enlarge the mask")
    layers = sample.layers()
    shift, error, spread, inflation = [], [], [], []
    for name in ("dx", "dy"):
        values = layers[name].astype(np.float64)
        middle = float(np.median(values))
        scatter = _nmad(values - middle)
        shift.append(middle)
        spread.append(scatter)
        error.append(_MEDIAN_ERROR * scatter / math.sqrt(max(1.0, sample.count * independent)))
        inflation.append(_inflation((values - middle) / layers[f"sigma_{name}"].astype(np.float64)))
    return StableShift(*_pair(shift), *_pair(error), *_pair(spread), sample.count, "mask", *_pair(inflation))


def shift_of_slow(sample: Sample, independent: float, min_stable: int) -> StableShift:
    """Centre and spread of the slowest quarter of all points, for scenes without a stable mask.

    The slowest quarter is only a start: a shift moves it, and its spread is cut off by the very choice. So the
    quarter of points nearest to its mean is taken again and again until it no longer changes (the concentration
    steps of the minimum covariance determinant, Rousseeuw & Van Driessen 1999, Technometrics 41, 212, with separate
    axes), and its spread is divided by that of the central quarter of a Gaussian. This is exact where everything
    is stable, and an upper bound of the spread where part of the scene moves (1.5 times too large where half does).

    Not for scenes that move nearly everywhere: a slow region of the moving ground would pass as stable.

    Parameters
    ----------
    sample : Sample
    independent : float
        As from `independent_share`.
    min_stable : int

    Raises
    ------
    InputError
        The quarter has fewer than ``min_stable`` points.
    """
    _check_count(sample, math.ceil(min_stable / SLOW_SHARE), "the displacement file holds", "lower min_stable")
    layers = sample.layers()
    points = np.stack([layers["dx"], layers["dy"]]).astype(np.float64)
    size = math.ceil(SLOW_SHARE * points.shape[1])
    centre, spread = np.zeros(2), np.ones(2)
    chosen = np.empty(0, np.int64)
    for _ in range(100):
        distance = (((points - centre[:, None]) / spread[:, None]) ** 2).sum(axis=0)
        nearest = np.sort(np.argpartition(distance, size - 1)[:size])
        if np.array_equal(nearest, chosen):
            break
        chosen = nearest
        centre = points[:, chosen].mean(axis=1)
        spread = np.maximum(points[:, chosen].std(axis=1) / math.sqrt(_SLOW_MOMENT / SLOW_SHARE), 1e-6)
    error = spread / math.sqrt(max(1.0, sample.count * independent) * _SLOW_MOMENT)
    inflation = []
    for axis, name in enumerate(("sigma_dx", "sigma_dy")):
        stated = layers[name][chosen].astype(np.float64)
        stated = stated[np.isfinite(stated) & (stated > 0)]
        inflation.append(float(spread[axis] / np.median(stated)) if stated.size else 1.0)
    count = math.ceil(SLOW_SHARE * sample.count)
    return StableShift(*_pair(centre), *_pair(error), *_pair(spread), count, "slow", *_pair(inflation))


def _pair(values: Sequence[float] | DoubleArray) -> tuple[float, float]:
    return float(values[0]), float(values[1])


def _check_count(sample: Sample, least: int, what: str, remedy: str) -> None:
    if sample.count < least:
        raise InputError(
            f"{what} {sample.count} measured points, at least {least} are needed to measure the shift of stable "
            f"ground; {remedy}, or pass --stable-from none"
        )


def _nmad(residuals: DoubleArray) -> float:
    return _MAD_TO_SIGMA * float(np.median(np.abs(residuals)))


def _inflation(normalised: DoubleArray) -> float:
    """Robust spread of residuals in units of their stated errors; 1 where none are stated."""
    finite = normalised[np.isfinite(normalised)]
    return _nmad(finite) if finite.size else 1.0
