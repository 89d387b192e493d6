"""Fits the residual shift of a pair to displacements, robustly: what moves is left out.

A least-trimmed-squares start (Rousseeuw & Van Driessen, 2006, *Computing LTS regression for large data sets*) finds
the tightest model that 40 % of the windows share; iteratively reweighted least squares with Tukey's biweight of the
joint residual of dx and dy then refines it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from sensetrack.coregister.evidence import LEAST_WINDOWS, Windows, gather
from sensetrack.coregister.shift import Kind, ShiftModel, check_kind
from sensetrack.displacement import Displacement
from sensetrack.errors import InputError
from sensetrack.types import DoubleArray, Mask

COVERAGE = 0.4
"""Share of the windows that must agree before anything is fitted."""

LARGEST_ERROR = 0.25
"""Standard error in px above which windows do not agree on anything."""

LARGEST_RIVAL = 0.8
"""Size of a second group that agrees on another shift, relative to the first, above which neither is believed."""

_CUT = 4.0
_AGREES = 3.0
_START_WINDOWS = 1000
_SUBSETS = 400
_KEPT_STARTS = 10
_LEAST_CLUSTERS = 12
_ROUNDS = 60
_MEDIAN_OF_NORMAL = 1.4826


def fit_shift(displacement: Displacement, stable: Mask | None = None, kind: Kind = "shift") -> ShiftModel:
    """Fit a constant, affine or second-order polynomial shift to the displacement of stable ground.

    Without ``stable`` the ground is found automatically: it is what the largest group of windows that share one
    model does. That works while at least 40 % of the windows lie on stable ground. **It fails where a larger part of
    the scene moves as one block than stands still** (an ice shelf, one plate): the block is then taken for the ground,
    and a mask is needed. Two groups of nearly one size are refused; a clearly smaller one is not an error, since it
    is what a glacier looks like. A smooth velocity field that covers more than 40 % of the scene is likewise partly
    taken up by a polynomial.

    Windows count by ``1 / (sigma^2 + median(sigma)^2)`` and by their quality relative to the median quality, so that a
    tracker's overconfident errors cannot let a few windows decide. Standard errors come from the scatter between 4 x 4
    to 8 x 8 parts of the image (cluster sandwich: Liang & Zeger, 1986, *Biometrika* 73, 13), so neither overlapping
    windows nor residuals that are alike over a part of the image make them too small.

    Parameters
    ----------
    displacement : Displacement
        Only pixels without any flag are used.
    stable : ndarray of bool, optional
        Stable ground on the displacement's grid. What moves inside all the same is still left out, up to 60 %.
    kind : {"shift", "affine", "polynomial"}
        Use the simplest that the sensor calls for: ``shift`` for orthorectified products of one sensor, ``affine``
        across sensors or slant-range geometries; ``polynomial`` follows slow motion that is spread over the scene.

    Returns
    -------
    ShiftModel

    Raises
    ------
    ParameterError
        Unknown kind.
    InputError
        The mask does not fit or covers nothing; too few windows, or most on the edge of the search range; they lie so
        that the model is not determined; they do not agree; or, without a mask, two groups of nearly one size agree
        on different shifts.
    """
    check_kind(kind)
    windows = gather(displacement, stable, kind)
    coefficients, scatter = _refine(windows, *_start(windows))
    residual = windows.values - windows.design @ coefficients
    agree = _distance(residual, scatter, windows.spread) <= _AGREES
    covariances = [_covariance(windows, residual, scatter, component) for component in (0, 1)]
    rms = np.sqrt(np.mean(residual[agree] ** 2, axis=0))
    model = ShiftModel(
        kind=kind,
        dx=tuple(map(float, coefficients[:, 0])),
        dy=tuple(map(float, coefficients[:, 1])),
        centre=windows.centre,
        scale=windows.scale,
        covariance_dx=covariances[0],
        covariance_dy=covariances[1],
        count=int(agree.sum()),
        candidates=len(windows),
        rms_dx=float(rms[0]),
        rms_dy=float(rms[1]),
    )
    _check_agreement(model, windows.rows, windows.cols)
    if stable is None:
        _check_rival(model, residual, scatter, agree)
    return model


def _start(windows: Windows) -> tuple[DoubleArray, DoubleArray]:
    """Return coefficients ``(term, component)`` and scatter per component of the tightest 40 % of the windows."""
    rng = np.random.default_rng(0)
    terms = windows.design.shape[1]
    some = np.arange(len(windows))
    if len(windows) > _START_WINDOWS:
        some = np.sort(rng.choice(some, _START_WINDOWS, replace=False))
    design, values = windows.design[some], windows.values[some]
    share = max(math.ceil(COVERAGE * len(some)), min(len(some), 2 * terms))
    subsets = np.stack([rng.choice(len(some), terms, replace=False) for _ in range(_SUBSETS)])
    trials = np.linalg.pinv(design[subsets]) @ values[subsets]
    ranked = sorted((_trimmed(design, values, trial, share), number) for number, trial in enumerate(trials))
    best, best_sum = trials[ranked[0][1]], math.inf
    for _, number in ranked[:_KEPT_STARTS]:
        trial = trials[number]
        for _ in range(20):
            square = np.sum((values - design @ trial) ** 2, axis=1)
            core = np.argpartition(square, share - 1)[:share]
            trial = _solve(design[core], values[core], windows.weight[some][core])
        total = _trimmed(design, values, trial, share)
        if total < best_sum:
            best, best_sum = trial, total
    square = np.sum((values - design @ best) ** 2, axis=1)
    # Were all windows stable, their joint residual would follow a Rayleigh distribution; with fewer this is too
    # wide, which the refinement corrects.
    radius = math.sqrt(float(np.partition(square, share - 1)[share - 1]))
    wide = radius / math.sqrt(-2.0 * math.log(1.0 - min(share / len(some), 0.95)))
    return best, np.full(2, max(wide, 1e-6))


def _trimmed(design: DoubleArray, values: DoubleArray, trial: DoubleArray, share: int) -> float:
    square = np.sum((values - design @ trial) ** 2, axis=1)
    return float(np.partition(square, share - 1)[:share].sum())


def _refine(windows: Windows, coefficients: DoubleArray, scatter: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
    """Reweight with Tukey's biweight until nothing changes; the scatter follows the windows that agree."""
    for _ in range(_ROUNDS):
        residual = windows.values - windows.design @ coefficients
        distance = _distance(residual, scatter, windows.spread)
        agree = distance <= _AGREES
        if agree.sum() >= max(LEAST_WINDOWS["shift"], windows.design.shape[1]):
            size = np.abs(residual[agree]) / windows.spread[agree, None]
            scatter = np.maximum(_MEDIAN_OF_NORMAL * np.median(size, axis=0), 1e-6)
            distance = _distance(residual, scatter, windows.spread)
        weight = windows.weight * np.maximum(1.0 - (distance / _CUT) ** 2, 0.0) ** 2
        if np.count_nonzero(weight) <= windows.design.shape[1]:
            break
        new = _solve(windows.design, windows.values, weight)
        change, coefficients = float(np.abs(new - coefficients).max()), new
        if change < 1e-7:
            break
    return coefficients, scatter


def _distance(residual: DoubleArray, scatter: DoubleArray, spread: DoubleArray) -> DoubleArray:
    """Return the joint residual of dx and dy in standard deviations."""
    scaled = residual / scatter
    distance: DoubleArray = np.hypot(scaled[:, 0], scaled[:, 1]) / spread
    return distance


def _solve(design: DoubleArray, values: DoubleArray, weight: DoubleArray) -> DoubleArray:
    root = np.sqrt(weight)[:, None]
    return np.asarray(np.linalg.lstsq(design * root, values * root, rcond=None)[0], np.float64)


def _covariance(
    windows: Windows, residual: DoubleArray, scatter: DoubleArray, component: int
) -> tuple[tuple[float, ...], ...]:
    """Return the sandwich covariance of one component's coefficients.

    The bread is the derivative of the estimating equation, so it counts that the biweight falls with the residual.
    """
    inside = np.maximum(1.0 - (_distance(residual, scatter, windows.spread) / _CUT) ** 2, 0.0)
    scaled = residual[:, component] / (scatter[component] * windows.spread)
    slope = windows.weight * (inside**2 - 4.0 * inside * (scaled / _CUT) ** 2)
    bread = np.linalg.pinv(windows.design.T @ (windows.design * slope[:, None]))
    scores = windows.design * (windows.weight * inside**2 * residual[:, component])[:, None]
    alone = bread @ _meat(scores, np.arange(len(windows))) @ bread
    cells = np.unique(windows.cell, return_inverse=True)[1]
    together = bread @ _meat(scores, cells) @ bread if cells.max() + 1 >= _LEAST_CLUSTERS else alone
    # Few parts make the scatter between them uncertain; it is never believed to be less than that of the windows.
    covariance = max(alone, together, key=np.trace)
    return tuple(tuple(map(float, row)) for row in covariance)


def _meat(scores: DoubleArray, cluster: NDArray[np.intp]) -> DoubleArray:
    """Return the summed outer products of each cluster's score, corrected for a small number of clusters."""
    groups, terms = int(cluster.max()) + 1, scores.shape[1]
    sums: DoubleArray = np.zeros((groups, terms))
    np.add.at(sums, cluster, scores)
    meat: DoubleArray = sums.T @ sums * groups / max(groups - terms, 1)
    return meat


def _check_agreement(model: ShiftModel, rows: DoubleArray, cols: DoubleArray) -> None:
    """Raise when the model is too uncertain anywhere between the windows to be of use."""
    corner_rows = np.array([rows.min(), rows.min(), rows.max(), rows.max(), rows.mean()])
    corner_cols = np.array([cols.min(), cols.max(), cols.min(), cols.max(), cols.mean()])
    worst = float(np.hypot(*model.standard_error(corner_rows, corner_cols)).max())
    if not worst <= LARGEST_ERROR:
        simpler = "" if model.kind == "shift" else f", or a simpler kind than '{model.kind}'"
        raise InputError(
            f"the windows do not agree on a shift: it would be uncertain by {worst:.2f} px (at most {LARGEST_ERROR} "
            f"px makes sense); {model.count} of {model.candidates} windows agree within 3 sigma; give a mask of "
            f"stable ground, a larger window{simpler}"
        )


def _check_rival(model: ShiftModel, residual: DoubleArray, scatter: DoubleArray, agree: Mask) -> None:
    """Raise when nearly as many of the other windows agree among themselves on another shift."""
    others = residual[~agree] / scatter
    if len(others) < LEAST_WINDOWS["shift"]:
        return
    counts = cKDTree(others).query_ball_point(others, _AGREES, return_length=True)
    rival = int(counts.max())
    if rival >= LARGEST_RIVAL * model.count:
        offset = residual[~agree][int(counts.argmax())]
        dx, dy = model.predict(*model.centre)
        raise InputError(
            f"two groups of windows agree on different shifts: {model.count} on dx {dx:+.2f}, dy {dy:+.2f} px and "
            f"{rival} on dx {dx + offset[0]:+.2f}, dy {dy + offset[1]:+.2f} px; give a mask of stable ground"
        )
