"""Runs trackers on pairs, with a watch, and judges what comes out."""

from __future__ import annotations

import math
import time
import typing
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np

from sensetrack.accuracy import Accuracy, accuracy_of
from sensetrack.benchmark.pairs import KnownPair, centres
from sensetrack.displacement import Field
from sensetrack.errors import SensetrackError
from sensetrack.raster.image import Image
from sensetrack.specs import tracker_of
from sensetrack.trackers import Tracker, registry
from sensetrack.types import DoubleArray, Mask

SLACK = 4
"""Pixels that a search range reaches beyond the largest displacement."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Finding:
    """One number of a real pair.

    Attributes
    ----------
    name, unit : str
    found, expected : float
        Measured, and published or independently checked.
    """

    name: str
    found: float
    expected: float
    unit: str = "px"


@dataclass(frozen=True)
class Run:
    """What one tracker made of one pair.

    Attributes
    ----------
    kind : {"made", "real"}
    tracker : str
        As it was asked for, such as ``"pcc:window=32"``.
    field, condition, texture : str
        What the pair is; a real pair is named in ``field``.
    filter : str
        Image filter that both images passed through, or "".
    parameters : str
        All parameters of the tracker as JSON.
    seed, rows, cols : int
        Of the pair.
    spacing : int
        Input pixels per estimate.
    estimates : int
        Output pixels.
    seconds : float
        Wall clock of tracking.
    share : float
        Of the scored pixels, 0..1, that were measured; 0 when the tracker failed.
    median_all : float
        Median error over all scored pixels, flagged or not; those without a value count as wrong without bound. It
        shows what was found, where ``accuracy`` shows what the tracker vouches for.
    mean_all : float
        Mean error over all scored pixels with a value, flagged or not.
    valued : float
        Of the scored pixels, 0..1, that have a value, flagged or not.
    accuracy : Accuracy or None
        Inside the border that is not scored; None without a dense truth, or when the tracker failed.
    findings : tuple of Finding
    reason : str
        Why there is no result; "" when there is one.
    """

    kind: str
    tracker: str
    field: str
    condition: str = ""
    texture: str = ""
    filter: str = ""
    parameters: str = ""
    seed: int = 0
    rows: int = 0
    cols: int = 0
    spacing: int = 0
    estimates: int = 0
    seconds: float = math.nan
    share: float = 0.0
    median_all: float = math.nan
    mean_all: float = math.nan
    valued: float = 0.0
    accuracy: Accuracy | None = None
    findings: tuple[Finding, ...] = ()
    reason: str = ""

    @property
    def speed(self) -> float:
        """Estimates per second."""
        return self.estimates / self.seconds if self.seconds > 0 else math.nan


@dataclass(frozen=True, eq=False)
class Judged:
    """What a tracker found on a pair, beside what is true.

    Attributes
    ----------
    field : Field
    row, col : ndarray of float64
        Image coordinates of the output pixels.
    error_x, error_y : ndarray of float64
        Found minus true, in pixels; NaN where there is no value.
    known : ndarray of bool
        Output pixels that are scored.
    """

    field: Field
    row: DoubleArray
    col: DoubleArray
    error_x: DoubleArray
    error_y: DoubleArray
    known: Mask

    @property
    def lengths(self) -> DoubleArray:
        """Endpoint errors of all scored pixels, flagged or not; NaN without a value."""
        lengths: DoubleArray = np.hypot(self.error_x, self.error_y)[self.known]
        return lengths


@dataclass
class Contender:
    """A tracker that takes part.

    Attributes
    ----------
    name : str
        As it was asked for.
    tracker : Tracker or None
    reason : str
        Why there is no tracker.
    is_warm : bool
        Whether it has run before, so that what it compiles is compiled.
    """

    name: str
    tracker: Tracker | None
    reason: str = ""
    is_warm: bool = field(default=False, compare=False)

    def prepared(self, reach: float) -> Tracker:
        """Return the tracker for a pair whose largest displacement along rows or columns is ``reach`` pixels.

        A parameter called ``search`` that was left at its default becomes ``ceil(reach) + 4`` for every tracker that
        has one, so that nobody searches further than others or not far enough; nothing else is tuned.

        Raises
        ------
        ParameterError
            The tracker's other parameters do not admit that search range, or there is no tracker.
        """
        if self.tracker is None:
            raise SensetrackError(self.reason)
        if "search" not in type(self.tracker).model_fields or "search" in self.tracker.model_fields_set:
            return self.tracker
        return self.tracker.with_changes(search=math.ceil(reach) + SLACK)

    def timed(self, work: Callable[[], Result]) -> tuple[Result, float]:
        """Return a result and the seconds that it took; the first time it is made twice."""
        if not self.is_warm:
            work()
            self.is_warm = True
        start = time.perf_counter()
        result = work()
        return result, time.perf_counter() - start


def contenders(specs: Sequence[str] = (), *, presets_of: Collection[str] = ()) -> list[Contender]:
    """Return the trackers that take part.

    Parameters
    ----------
    specs : sequence of str
        As `sensetrack.specs.tracker_of` takes them; default: every registered tracker with its defaults. One that
        cannot be loaded then takes part with the reason.
    presets_of : collection of str
        Trackers that, without ``specs``, take part once with each value of their parameter ``preset``.

    Raises
    ------
    ParameterError
        A tracker of ``specs`` does not exist, or a parameter does not fit.
    """
    if specs:
        return [Contender(spec, tracker_of(spec)) for spec in specs]
    found = []
    for name in registry.names():
        try:
            words = _presets(name) if name in presets_of else [name]
            found += [Contender(word, tracker_of(word)) for word in words]
        except SensetrackError as error:
            found.append(Contender(name, None, reason_of(error)))
    return found


def _presets(name: str) -> list[str]:
    """Return a tracker with each of its presets, or its name when it has none."""
    preset = registry.get(name).model_fields.get("preset")
    values = typing.get_args(preset.annotation) if preset is not None else ()
    return [f"{name}:preset={value}" for value in values] or [name]


def measure(contender: Contender, pair: KnownPair, images: tuple[Image, Image] | None = None) -> Run:
    """Run a tracker on a pair; whatever goes wrong becomes the reason.

    Parameters
    ----------
    contender : Contender
    pair : KnownPair
    images : tuple of Image, optional
        Both images, filtered, in place of the pair's own.

    Returns
    -------
    Run
    """
    return judge(contender, pair, images)[0]


def judge(
    contender: Contender, pair: KnownPair, images: tuple[Image, Image] | None = None
) -> tuple[Run, Judged | None]:
    """Run a tracker on a pair as `measure` does, and return also what it found; None when it failed."""
    run = Run(
        kind="made",
        tracker=contender.name,
        field=pair.field.name,
        condition=pair.condition.name,
        texture=pair.texture,
        seed=pair.seed,
        rows=pair.size,
        cols=pair.size,
    )
    try:
        tracker = contender.prepared(pair.reach)
        first, second = images or (Image.from_array(pair.reference), Image.from_array(pair.secondary))
        (reference, reference_valid), (secondary, secondary_valid) = first.read(), second.read()
        found, seconds = contender.timed(lambda: tracker.track(reference, secondary, reference_valid, secondary_valid))
        row, col = centres(tracker, pair.size)
        truth, known = pair.truth(row, col), inside(row, col, (pair.size, pair.size), pair.border)
        accuracy = errors_of(found, truth, known)
        judged = Judged(found, row, col, found.dx - truth[1], found.dy - truth[0], known)
    except Exception as error:  # a tracker of somebody else may raise anything, and still gets its row
        return replace(run, reason=reason_of(error)), None
    lengths = judged.lengths
    valued = np.isfinite(lengths)
    run = replace(
        run,
        parameters=tracker.to_json(),
        spacing=tracker.spacing,
        estimates=found.dx.size,
        seconds=seconds,
        accuracy=accuracy,
        share=accuracy.share,
        median_all=median_error(found, truth, known),
        mean_all=float(lengths[valued].mean()) if valued.any() else math.nan,
        valued=float(valued.mean()) if valued.size else 0.0,
    )
    return run, judged


def errors_of(found: Field, truth: tuple[DoubleArray, DoubleArray], known: Mask) -> Accuracy:
    """Judge a field against ``(dy, dx)`` at its output pixels where ``known``; flagged pixels are not measured."""
    dy, dx = truth
    errors = found.dx - dx, found.dy - dy
    return accuracy_of("interior", errors, (found.sigma_dx, found.sigma_dy), found.measured, known)


def median_error(found: Field, truth: tuple[DoubleArray, DoubleArray], known: Mask) -> float:
    """Return the median error where ``known``, flagged or not; infinite where most pixels have no value."""
    dy, dx = truth
    errors = np.hypot(found.dx - dx, found.dy - dy)[known]
    return float(np.median(np.where(np.isfinite(errors), errors, np.inf))) if errors.size else math.nan


def reason_of(error: Exception) -> str:
    """Return an exception as one line; the toolkit's own errors without their type."""
    text = " ".join(str(error).split())
    return text if isinstance(error, SensetrackError) else f"{type(error).__name__}: {text}"


def inside(row: DoubleArray, col: DoubleArray, shape: tuple[int, int], border: int) -> Mask:
    """Return which positions lie at least ``border`` pixels inside an image of ``shape``."""
    gap = np.minimum(np.minimum(row, shape[0] - 1 - row), np.minimum(col, shape[1] - 1 - col))
    return np.asarray(gap >= border, np.bool_)
