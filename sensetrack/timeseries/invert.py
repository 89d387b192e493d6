r"""From overlapping pairs to a series: weighted least squares per pixel, with covariances, robust against bad pairs.

With the positions :math:`x_i` of a pixel at its dates, a pair measures :math:`d_{ij} = x_j - x_i` with a 2 x 2
covariance :math:`C_{ij}` of its two components. The positions minimise

.. math:: \sum w_{ij} (d_{ij} - x_j + x_i)^T C_{ij}^{-1} (d_{ij} - x_j + x_i)
          + \sum \frac{|v_{k+1} - v_k|^2}{q^2 \Delta t_k}

where the second sum, a random walk of the velocities :math:`v_k` between neighbouring dates, is there only where
smoothness :math:`q` is given (Berardino et al. 2002, IEEE Trans. Geosci. Remote Sens. 40, 2375, for the network;
Charrier et al. 2022, ISPRS Annals V-3-2022, 311, for velocities). The weights :math:`w` start from the closure of
triplets and follow the residuals, standardised by what the other pairs say (Huber 1981, Robust Statistics; Tukey's
biweight). Covariances are those of the weighted system, multiplied where residuals exceed what was stated.

Part of a pair's error comes from its two images, such as their noise and their places, and all pairs of an image share
it. It closes in every triplet, so the other pairs cannot average it out; with covariance :math:`S_i` of each image it
leaves the estimate as it is and adds :math:`S_i + S_j` to the covariance of :math:`x_j - x_i` (after Agram & Simons
2015, J. Geophys. Res. Solid Earth 120, 2036, who treat interferograms). Its share is what closure lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sensetrack.errors import InputError
from sensetrack.timeseries.network import Indices, find_triplets
from sensetrack.timeseries.params import SeriesParams
from sensetrack.types import DoubleArray, FloatArray

DAYS_PER_YEAR = 365.25

MEDIAN_OF_CHI2 = 2 * np.log(2)
"""Of two degrees of freedom."""

BINS = 101
"""Of the histogram of closure: tenths of the error, all beyond ten in the last."""

PARAMETERS = ("velocity", "acceleration", "cosine", "sine")
"""Of the fit to the pairs: velocity in the middle of the time, its change, and the yearly cycle of velocity."""


@dataclass(frozen=True, eq=False)
class Inversion:
    """What the pairs of every pixel say together; arrays end with the pixel axes of what was given.

    Attributes
    ----------
    times : ndarray of float64, shape (date,)
        Years since the first date.
    spans : ndarray of int64, shape (velocity, 2)
        Dates, as indices, between which each velocity is a mean.
    positions : ndarray of float32, shape (date, 5, ...)
        x and y in metres from the first date of the part of the network that has most dates, and their covariance
        xx, yy, xy in square metres; NaN at dates that are not tied to it.
    velocities : ndarray of float32, shape (velocity, 5, ...)
        In metres per year, with covariance.
    parameters : ndarray of float32, shape (4, 5, ...)
        `PARAMETERS` fitted to the pairs, with covariance; NaN for those that were not fitted.
    middle : float
        Time, in years since the first date, at which `PARAMETERS` has its velocity.
    used : ndarray of float32
        Pairs that count by more than half.
    scale : ndarray of float32
        By how much the covariances were multiplied because residuals are larger than stated.
    parts : ndarray of float32
        Parts of the network that nothing ties together; lone dates are parts.
    weights : ndarray of float32, shape (pair, ...)
        Of the robust fit, 0..1; NaN where a pair has no value.
    closures : ndarray of int64, shape (pair, BINS)
        How many triplets of each pair miss by how much, in tenths of the error; over all pixels.
    shared : float
        Share of the variance that images bring into all of their pairs alike.
    """

    times: DoubleArray
    spans: Indices
    positions: FloatArray
    velocities: FloatArray
    parameters: FloatArray
    middle: float
    used: FloatArray
    scale: FloatArray
    parts: FloatArray
    weights: FloatArray
    closures: Indices
    shared: float

    @property
    def mean(self) -> FloatArray:
        """Mean velocity from the first to the last date of each pixel's main part, with covariance: (5, ...)."""
        known = np.isfinite(self.positions[:, 0])
        last = known.shape[0] - 1 - np.argmax(known[::-1], axis=0)
        first = np.argmax(known, axis=0)
        ends = np.take_along_axis(self.positions, last[None, None], axis=0)[0]
        years = self.times[last] - self.times[first]
        with np.errstate(divide="ignore", invalid="ignore"):
            years = np.where(years > 0, years, np.nan)
            return np.concatenate([ends[:2] / years, ends[2:] / years**2]).astype(np.float32)


def invert(
    moved: FloatArray,
    covariance: FloatArray,
    pairs: Sequence[tuple[int, int]],
    days: Sequence[float] | DoubleArray,
    params: SeriesParams | None = None,
) -> Inversion:
    """Invert pairs into a series, pixel by pixel.

    Parameters
    ----------
    moved : ndarray, shape (pair, 2, ...)
        Displacement along x and y in metres; NaN where a pair has none.
    covariance : ndarray, shape (pair, 3, ...)
        xx, yy, xy in square metres.
    pairs : sequence of tuple of int
        Dates of each pair, as indices into ``days``, the earlier first.
    days : sequence of float
        Dates, ascending.
    params : SeriesParams, optional

    Returns
    -------
    Inversion

    Raises
    ------
    InputError
        Shapes do not fit, dates do not ascend, or a pair is reversed.

    Notes
    -----
    Closure tells the share of errors that belongs to images only if pairs state errors that hold on the whole; where
    there are no triplets it is taken to be nothing.
    """
    params = params or SeriesParams()
    times = (np.asarray(days, np.float64) - float(days[0])) / DAYS_PER_YEAR
    index = np.asarray(pairs, np.int64).reshape(-1, 2)
    _check(moved, covariance, index, times)
    from sensetrack.timeseries._solve import invert_block

    pixels = moved.shape[2:]
    flat = int(np.prod(pixels)) if pixels else 1
    spans = spans_of(times, params.window)
    middle = float(times[-1] / 2)
    basis, names = _basis(times, middle, params)
    count, dates = len(index), times.size
    positions = np.full((dates, 5, flat), np.nan, np.float32)
    velocities = np.full((len(spans), 5, flat), np.nan, np.float32)
    fitted = np.full((len(names), 5, flat), np.nan, np.float32)
    flat_moved = np.ascontiguousarray(moved, np.float32).reshape(count, 2, flat)
    flat_covariance = np.ascontiguousarray(covariance, np.float32).reshape(count, 3, flat)
    triplets = find_triplets([(int(i), int(j)) for i, j in index])
    shared = params.shared
    if shared is None:
        shared = estimate_shared(flat_moved, flat_covariance, triplets)
    summary = np.full((3, flat), np.nan, np.float32)
    weights = np.full((count, flat), np.nan, np.float32)
    closures = np.zeros((count, BINS), np.int64)
    invert_block(
        flat_moved,
        flat_covariance,
        index,
        times,
        triplets,
        spans,
        basis,
        params.smoothness or 0.0,
        params.rounds if params.robust else 0,
        params.closure,
        shared,
        positions,
        velocities,
        fitted,
        summary,
        weights,
        closures,
        BINS,
    )
    years = (times[spans[:, 1]] - times[spans[:, 0]])[:, None, None]
    velocities[:, :2] /= years
    velocities[:, 2:] /= years**2
    parameters = np.full((len(PARAMETERS), 5, flat), np.nan, np.float32)
    for place, name in enumerate(names):
        parameters[PARAMETERS.index(name)] = fitted[place]
    return Inversion(
        times=times,
        spans=spans,
        positions=positions.reshape(dates, 5, *pixels),
        velocities=velocities.reshape(len(spans), 5, *pixels),
        parameters=parameters.reshape(len(PARAMETERS), 5, *pixels),
        middle=middle,
        used=np.nan_to_num(summary[0]).reshape(pixels),
        scale=summary[1].reshape(pixels),
        parts=summary[2].reshape(pixels),
        weights=weights.reshape(count, *pixels),
        closures=closures,
        shared=shared,
    )


def estimate_shared(moved: FloatArray, covariance: FloatArray, triplets: Indices, most: int = 4096) -> float:
    """Return the share of the variance of the errors that images bring into all of their pairs alike.

    It closes in every triplet: misfits are smaller than stated by what it takes away.

    Parameters
    ----------
    moved : ndarray, shape (pair, 2, pixel)
    covariance : ndarray, shape (pair, 3, pixel)
    triplets : ndarray of int64, shape (triplet, 3)
    most : int
        Evenly spread pixels that are looked at.

    Returns
    -------
    float
        0 to 1; 0 where there is nothing to tell it from.
    """
    step = max(1, -(-moved.shape[2] // most))
    thin = triplets[:: max(1, len(triplets) // 200)]
    d, c = moved[:, :, ::step].astype(np.float64), covariance[:, :, ::step].astype(np.float64)
    x, y = (d[thin[:, 0], k] + d[thin[:, 1], k] - d[thin[:, 2], k] for k in (0, 1))
    xx, yy, xy = (c[thin[:, 0], k] + c[thin[:, 1], k] + c[thin[:, 2], k] for k in (0, 1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = (yy * x * x + xx * y * y - 2.0 * xy * x * y) / (xx * yy - xy * xy)
    squares = squares[np.isfinite(squares)]
    if not squares.size:
        return 0.0
    return float(np.clip(1.0 - np.median(squares) / MEDIAN_OF_CHI2, 0.0, 1.0))


def spans_of(times: DoubleArray, window: float | None = None) -> Indices:
    """Return the dates between which velocities are means, as indices, shape (velocity, 2).

    Parameters
    ----------
    times : ndarray
        Years.
    window : float, optional
        Least length in days, centred on each interval between neighbouring dates; default: the intervals.
    """
    found = []
    for k in range(times.size - 1):
        i, j = k, k + 1
        middle = (times[k] + times[k + 1]) / 2
        while window is not None and times[j] - times[i] < window / DAYS_PER_YEAR - 1e-9:
            before = middle - times[i - 1] if i > 0 else np.inf
            after = times[j + 1] - middle if j + 1 < times.size else np.inf
            if np.isinf(before) and np.isinf(after):
                break
            if before <= after:
                i -= 1
            else:
                j += 1
        found.append((i, j))
    return np.array(found, np.int64).reshape(-1, 2)


def _basis(times: DoubleArray, middle: float, params: SeriesParams) -> tuple[DoubleArray, list[str]]:
    """Return the integrals of the fitted functions of velocity at all dates."""
    since = times - middle
    columns, names = [since], ["velocity"]
    if params.trend and times.size >= 4:
        columns.append(since**2 / 2)
        names.append("acceleration")
    if params.seasonal and times.size >= 8 and times[-1] >= 1.2:
        turn = 2 * np.pi
        columns += [np.sin(turn * times) / turn, -np.cos(turn * times) / turn]
        names += ["cosine", "sine"]
    return np.stack(columns, axis=1), names


def _check(moved: FloatArray, covariance: FloatArray, pairs: Indices, times: DoubleArray) -> None:
    if times.size < 2 or not (np.diff(times) > 0).all():
        raise InputError("the dates of a series must ascend, and there must be two at least")
    if moved.ndim < 2 or moved.shape[:2] != (len(pairs), 2):
        raise InputError(f"moved has shape {moved.shape}; {len(pairs)} pairs need ({len(pairs)}, 2, ...)")
    if covariance.shape != (len(pairs), 3, *moved.shape[2:]):
        raise InputError(f"covariance has shape {covariance.shape}; it must be ({len(pairs)}, 3, ...) as moved")
    if not len(pairs) or (pairs[:, 0] >= pairs[:, 1]).any() or pairs.min() < 0 or pairs.max() >= times.size:
        raise InputError("every pair needs two dates of the series, the earlier first")
