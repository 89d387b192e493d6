"""Real and standard pairs whose motion is published or was checked independently.

They are not part of the project: give the folder that holds ``pairs``. What is expected of each is in `PAIRS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import binary_erosion

from sensetrack.benchmark.measure import Contender, Finding, Run, errors_of, inside, reason_of
from sensetrack.benchmark.pairs import centres_of
from sensetrack.displacement import Displacement
from sensetrack.pair import ImagePair
from sensetrack.raster.image import Image
from sensetrack.stream import track
from sensetrack.trackers import Tracker
from sensetrack.types import DoubleArray, Mask

BORDER = 32
"""Pixels along each side that are not scored."""

ICE_MARGIN = 24
"""Pixels by which the mask of the glacier is narrowed: the reference speeds are of windows of 49 x 49 inside it."""

Truth = Callable[[Path, DoubleArray, DoubleArray], tuple[DoubleArray, DoubleArray]]
"""``(dy, dx)`` from the folder of a pair and the rows and columns of output pixels."""


@dataclass(frozen=True)
class RealPair:
    """A pair of files and what is known of its motion.

    Attributes
    ----------
    name, words : str
    folder : str
        Under ``pairs``.
    files : tuple of str
        Reference and secondary, then what else is needed.
    reach : float
        Pixels that the motion surely does not exceed along rows or columns.
    truth : callable or None
        Displacement at every pixel.
    judge : callable or None
        What else is found: from the folder, the displacement and what measures another pair of files.
    """

    name: str
    words: str
    folder: str
    files: tuple[str, ...]
    reach: float
    truth: Truth | None = None
    judge: Callable[[Path, Displacement, Measure], tuple[float, list[Finding]]] | None = None

    def missing(self, data: Path) -> list[str]:
        """Return the files that are not there."""
        return [name for name in self.files if not (data / "pairs" / self.folder / name).is_file()]


Measure = Callable[[str, str], Displacement]


def measure_real(contender: Contender, pair: RealPair, data: Path) -> Run:
    """Run a tracker on a real pair, streamed as a command would; whatever goes wrong becomes the reason.

    Parameters
    ----------
    contender : Contender
    pair : RealPair
    data : Path
        Folder that holds ``pairs``.

    Returns
    -------
    Run
        Its findings hold every number; its accuracy too where the truth is known everywhere.
    """
    folder = data / "pairs" / pair.folder
    run = Run(kind="real", tracker=contender.name, field=pair.name, condition="real")
    try:
        tracker = contender.prepared(pair.reach)

        def follow(first: str, second: str) -> Displacement:
            return track(ImagePair.open(folder / first, folder / second), tracker)

        found, seconds = contender.timed(lambda: follow(*pair.files[:2]))
        run = _described(run, tracker, found, ImagePair.open(*(folder / name for name in pair.files[:2])), seconds)
        if pair.truth is not None:
            row, col = centres_of(found.grid)
            known = inside(row, col, (run.rows, run.cols), BORDER)
            accuracy = errors_of(found.field, pair.truth(folder, row, col), known)
            numbers = [("mean error", accuracy.mean), ("90th percentile of the error", accuracy.p90)]
            findings = [Finding(name, value, 0.0) for name, value in numbers]
            return replace(run, accuracy=accuracy, share=accuracy.share, findings=tuple(findings))
        assert pair.judge is not None
        share, findings = pair.judge(folder, found, follow)
        return replace(run, share=share, findings=tuple(findings))
    except Exception as error:  # as for pairs that are made
        return replace(run, reason=reason_of(error))


def available(data: Path | None, names: Sequence[str] | None = None) -> tuple[list[RealPair], list[str]]:
    """Return the real pairs that are there, and one line on each that is not.

    Parameters
    ----------
    data : Path or None
        Folder that holds ``pairs``; None: nobody named one.
    names : sequence of str, optional
        Pairs that are wanted; default: all.
    """
    wanted = [pair for pair in PAIRS if names is None or pair.name in names]
    if data is None:
        return [], ["real pairs: skipped; give the folder of the sample data with --data"] if wanted else []
    found, lines = [], []
    for pair in wanted:
        missing = pair.missing(data)
        if missing:
            lines.append(f"real pair {pair.name}: skipped; {data / 'pairs' / pair.folder / missing[0]} is not there")
        else:
            found.append(pair)
    return found, lines


def _described(run: Run, tracker: Tracker, found: Displacement, images: ImagePair, seconds: float) -> Run:
    return replace(
        run,
        parameters=tracker.to_json(),
        rows=images.grid.height,
        cols=images.grid.width,
        spacing=tracker.spacing,
        estimates=found.field.dx.size,
        seconds=seconds,
    )


def _whole_shift(pixels: int) -> Truth:
    def truth(folder: Path, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        return np.full(row.shape, float(pixels)), np.full(row.shape, float(pixels))

    return truth


def _commanded(column: int) -> Truth:
    """Displacement along columns that was applied to the images of the DIC Challenge, a function of the column."""

    def truth(folder: Path, row: DoubleArray, col: DoubleArray) -> tuple[DoubleArray, DoubleArray]:
        table = np.genfromtxt(folder / "command.csv", delimiter=",", skip_header=1)
        return np.zeros(row.shape), np.interp(col, table[:, 0], table[:, column])

    return truth


def _medians(dy: float, dx: float) -> Callable[[Path, Displacement, Measure], tuple[float, list[Finding]]]:
    def judge(folder: Path, found: Displacement, follow: Measure) -> tuple[float, list[Finding]]:
        good = found.field.measured
        middle = [float(np.median(part[good])) if good.any() else np.nan for part in (found.field.dy, found.field.dx)]
        return float(good.mean()), [Finding("median dy", middle[0], dy), Finding("median dx", middle[1], dx)]

    return judge


def _glacier(folder: Path, found: Displacement, follow: Measure) -> tuple[float, list[Finding]]:
    """Speeds over 50 days inside the mask, and how well three dates close."""
    mask = np.asarray(Image.open(folder / "mask.jpg").read()[0] > 128, np.bool_)
    places = zip(centres_of(found.grid), mask.shape, strict=True)
    row, col = (np.clip(part.round().astype(np.intp), 0, side - 1) for part, side in places)
    ice: Mask = binary_erosion(mask, np.ones((3, 3), np.bool_), iterations=ICE_MARGIN)[row, col]
    good = found.field.measured & ice
    speeds = np.percentile(found.field.length[good] / 50, (50, 90, 95)) if good.any() else np.full(3, np.nan)
    findings = [
        Finding(f"speed, percentile {part}", float(speed), expected, "px/day")
        for part, speed, expected in zip((50, 90, 95), speeds, (0.224, 0.299, 0.329), strict=True)
    ]
    early, late = follow("20200101.jpg", "20200131.jpg").field, follow("20200131.jpg", "20200220.jpg").field
    both = good & early.measured & late.measured
    for part in ("dx", "dy"):
        closure = getattr(early, part) + getattr(late, part) - getattr(found.field, part)
        middle = float(np.median(np.abs(closure[both]))) if both.any() else np.nan
        findings.append(Finding(f"closure of three dates, {part}, median", middle, 0.0))
    return float(good.sum() / max(1, ice.sum())), findings


_CHALLENGE = "images/Sample14 {} Amp0.1b.tif"

PAIRS = (
    *(
        RealPair(
            f"dic-challenge-{level}",
            "DIC Challenge, sample 14: speckle, exact truth of 0.1 px amplitude",
            "dic-challenge-sample14",
            ("images/Sample14 Reference.tif", _CHALLENGE.format(level), "command.csv"),
            1.0,
            _commanded(column),
        )
        for level, column in (("L1", 1), ("L3", 3), ("L5", 5))
    ),
    *(
        RealPair(
            f"dice-shift-{pixels}",
            f"DICe: speckle moved by {pixels} whole pixels along rows and columns",
            "dice-pixel-shift",
            ("ref.tif", f"def_{pixels}.tif"),
            pixels,
            _whole_shift(pixels),
        )
        for pixels in (1, 5, 15)
    ),
    RealPair(
        "perito-moreno",
        "Perito Moreno glacier, 2020-01-01 to 2020-02-20, inside the mask",
        "giv-perito-moreno",
        ("20200101.jpg", "20200220.jpg", "20200131.jpg", "mask.jpg"),
        20.0,
        judge=_glacier,
    ),
    RealPair(
        "openpiv",
        "particles in a flow, no exact truth; reference from correlation with a parabola",
        "openpiv-test1",
        ("exp1_001_a.bmp", "exp1_001_b.bmp"),
        12.0,
        judge=_medians(5.1, -0.08),
    ),
    RealPair(
        "karman",
        "particles in a vortex street, no exact truth; reference from correlation with a parabola",
        "pivlab-karman",
        ("PIVlab_Karman_01.bmp", "PIVlab_Karman_02.bmp"),
        6.0,
        judge=_medians(0.006, -1.877),
    ),
)
"""The real pairs."""
