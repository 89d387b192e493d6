"""Calibrates the errors that a tracker states, on a sample of blocks of the user's own pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

import sensetrack
from sensetrack.calibrate._fit import Errors, coverage, fit_curve, held_out_coverage
from sensetrack.calibrate._places import choose_blocks
from sensetrack.calibrate._shifts import Known, ShiftTask
from sensetrack.calibrate._stable import StableTask, errors_on_stable
from sensetrack.engine import Engine, Serial
from sensetrack.error_scale import ErrorScale
from sensetrack.errors import InputError, ParameterError
from sensetrack.pair import ImagePair
from sensetrack.prior import PriorMap
from sensetrack.raster.mask import AreaMask
from sensetrack.stream import plan
from sensetrack.trackers import Tracker, registry
from sensetrack.types import DoubleArray, Progress

BLOCKS: dict[str, int] = {"shifts": 8, "stable": 16}
"""Blocks that are looked at, at most."""

RUNS, MOST_RUNS = 24, 6
"""Displacements that are injected, spread over the blocks, and into one of them at most: where few blocks fit, more
would ask the same texture again and again."""


def calibrate_errors(
    pair: ImagePair,
    tracker: Tracker,
    method: Literal["shifts", "stable"] = "shifts",
    *,
    stable: AreaMask | None = None,
    seed: int = 0,
    blocks: int | None = None,
    engine: Engine | None = None,
    device: str = "auto",
    mask: AreaMask | None = None,
    mask_windows: bool = False,
    prior: PriorMap | None = None,
    progress: Progress | None = None,
) -> ErrorScale:
    """Find what a tracker's stated errors must be multiplied by so that they hold on a pair.

    ``shifts``: in blocks spread over the image the reference is moved by known displacements of fractions of a pixel
    on top of the measured motion, smoothed (two constants to each gentle bump, by quintic spline); both are given noise
    of the local variance and the spectrum of the misfit that the tracker leaves between the two images; and the tracker
    measures what it knows nothing of. Not to be trusted where
    something else than noise is different: light and shadow, melt, content that only one image has, motion that changes
    within a window.

    ``stable``: where nothing moves, what is displaced beyond the shift that all of it shares is an error. Not to be
    trusted where stable ground looks different from what moves (rock beside ice), or is warped as a whole.

    Parameters
    ----------
    pair : ImagePair
    tracker : Tracker
    method : {"shifts", "stable"}
    stable : AreaMask, optional
        Stable ground; None takes what the slowest part of the sample shows. Only for ``stable``.
    seed : int
        Chooses blocks among equals, displacements and noise.
    blocks : int, optional
        Blocks of about 384 x 384 pixels to look at, at most; default: 8, for ``stable`` 16.
    engine : Engine, optional
        Default: `Serial`. The result is the same on all.
    device, mask, mask_windows, prior
        As in `sensetrack.stream.track`.
    progress : callable, optional

    Returns
    -------
    ErrorScale
        For ``scale`` of `sensetrack.stream.track` and `sensetrack.stream.track_file`.

    Raises
    ------
    InputError
        There are too few independent errors, no stable ground, or errors that have nothing to do with stated ones.
    ParameterError
        The method is unknown, or stable ground is given to ``shifts``.
    UnusableImageError, GridError
        As in `sensetrack.stream.track`.
    """
    if method not in BLOCKS:
        raise ParameterError(f"calibrate: method = {method!r}: use {' or '.join(BLOCKS)}")
    if stable is not None and method != "stable":
        raise ParameterError(f"calibrate: method = {method!r} uses no stable ground; leave it out, or use 'stable'")
    task = plan(pair, tracker, device, mask, mask_windows, prior)
    area = None if stable is None else stable.fit(pair.grid)
    places = choose_blocks(task, BLOCKS[method] if blocks is None else blocks, area, seed)
    engine = engine or Serial()
    found: list[list[Known]] = []
    if method == "shifts":
        runs = min(-(-RUNS // len(places)), MOST_RUNS)
        for done, known in enumerate(engine.map(ShiftTask(task, runs, seed), list(enumerate(places))), start=1):
            found.append(known)
            if progress is not None:
                progress(done, len(places))
    else:
        fields = []
        for done, part in enumerate(engine.map(StableTask(task, area), places), start=1):
            fields.append(part)
            if progress is not None:
                progress(done, len(places))
        found = [[known] for known in errors_on_stable(fields, places, area is not None)]
    scale = _scale_of(method, [_gathered(found, component) for component in (0, 1)])
    return scale.with_changes(
        tracker=registry.name_of(type(tracker)),
        parameters=tracker.to_json(),
        reference=pair.reference.place,
        secondary=pair.secondary.place,
        version=sensetrack.__version__,
    )


def fit_scale(
    error_dx: DoubleArray,
    error_dy: DoubleArray,
    sigma_dx: DoubleArray,
    sigma_dy: DoubleArray,
    independent: float,
    *,
    group: np.ndarray | None = None,
    method: Literal["shifts", "stable"] = "shifts",
) -> ErrorScale:
    """Find what stated errors must be multiplied by, from errors that are known already.

    Parameters
    ----------
    error_dx, error_dy : ndarray of float64
        Measured minus true, any shape, px; what is not finite is left out.
    sigma_dx, sigma_dy : ndarray of float64
        The stated standard deviations, same shape; what is not above 0 is left out.
    independent : float
        How many of the errors count as independent: as many as there are where neighbours share nothing.
    group : ndarray of int, optional
        Parts of the sample that have nothing in common, for the coverage that is reported; default: one.
    method : {"shifts", "stable"}
        Where the errors come from, for the record.

    Returns
    -------
    ErrorScale

    Raises
    ------
    InputError
        There are fewer than 100 independent errors, or errors are more than 50 times off what is stated.
    """
    arrays = [np.ravel(np.asarray(each, np.float64)) for each in (error_dx, error_dy, sigma_dx, sigma_dy)]
    groups = np.zeros(arrays[0].size, np.intp) if group is None else np.ravel(group)
    if len({each.size for each in (*arrays, groups)}) != 1:
        raise InputError(f"errors and stated errors differ in size: {[each.size for each in (*arrays, groups)]}")
    known = np.isfinite(arrays).all(axis=0) & (arrays[2] > 0) & (arrays[3] > 0)
    share = independent * float(known.mean()) if known.size else 0.0
    parts = [Errors(arrays[n][known], arrays[n + 2][known], groups[known], share) for n in (0, 1)]
    return _scale_of(method, parts)


def _gathered(found: Sequence[Sequence[Known]], component: int) -> Errors:
    """Return the errors of one component from all runs of all blocks."""
    runs = [(number, known) for number, block in enumerate(found) for known in block]
    return Errors(
        np.concatenate([np.empty(0), *(known.error[component] for _, known in runs)]),
        np.concatenate([np.empty(0), *(known.sigma[component] for _, known in runs)]),
        np.concatenate([np.empty(0, np.intp), *(np.full(known.error.shape[1], number) for number, known in runs)]),
        sum(known.independent[component] for _, known in runs),
    )


def _scale_of(method: Literal["shifts", "stable"], components: Sequence[Errors]) -> ErrorScale:
    curves = [fit_curve(each) for each in components]
    typical = [float(np.median(curve.at(each.sigma))) for curve, each in zip(curves, components, strict=True)]
    return ErrorScale(
        method=method,
        dx=curves[0],
        dy=curves[1],
        points=components[0].error.size,
        independent=int(min(each.independent for each in components)),
        typical_dx=typical[0],
        typical_dy=typical[1],
        before=coverage(components, [type(curve)() for curve in curves]),
        after=held_out_coverage(components),
    )
