"""Runs a tracker over a pair, or filters over a displacement file, block by block in bounded memory.

Output blocks are planned first. A task reads its block and margin from both files, works, and returns a small
field; one writer in the calling thread owns the output. Memory is bounded by workers x block, never by the scene.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

import sensetrack
from sensetrack.displacement import Displacement, Field, Flag, file_content
from sensetrack.engine import Engine, Serial
from sensetrack.error_scale import ErrorScale
from sensetrack.errors import UnusableImageError
from sensetrack.pair import ImagePair
from sensetrack.prior import PriorMap
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import create
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.raster.write import refuse_same_file
from sensetrack.trackers import Prior, Tracker, registry
from sensetrack.trackers._place import lying_at
from sensetrack.types import Mask, PathLike, PixelArray, Progress

BLOCK = 1024
"""Side of a block in input pixels: large beside any margin, small beside the memory of a laptop."""


@dataclass(frozen=True, eq=False)
class TrackerInput:
    """What a tracker is given for one block.

    Attributes
    ----------
    images : tuple of ndarray
        Reference, secondary, and where each is valid, of one shape ``(row, col)``: the block and ``pad`` around it.
    pad : int
        Pixels on every side that serve as context only.
    prior : Prior or None
    origin : tuple of int
        Row and column of the first pixel in the whole image; negative outside.
    """

    images: tuple[PixelArray, PixelArray, Mask, Mask]
    pad: int
    prior: Prior | None
    origin: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class TrackTask:
    """Measures one output block; pickles as paths and parameters.

    Attributes
    ----------
    pair : ImagePair
    tracker : Tracker
    device : str
        Resolved where the task runs.
    mask : AreaMask or None
        Where to measure, fitted to the pair; output pixels whose centre is outside are flagged ``masked``.
    mask_windows : bool
        Whether reference pixels outside the mask are also left out of the windows.
    prior : PriorMap or None
        Displacement to search around, fitted to the pair.
    scale : ErrorScale or None
        What stated errors are multiplied by.
    """

    pair: ImagePair
    tracker: Tracker
    device: str = "auto"
    mask: AreaMask | None = None
    mask_windows: bool = False
    prior: PriorMap | None = None
    scale: ErrorScale | None = None

    def __call__(self, block: Block) -> Field:
        """Return the field of ``block``, which counts output pixels."""
        tracker = self.tracker
        inside = None if self.mask is None else self._inside(block)
        if inside is not None and not inside.any():
            return Field.empty(block.shape, Flag.MASKED, tracker.extra_layers)
        read = self.read(block)
        with lying_at(*read.origin):
            field = tracker.track(*read.images, pad=read.pad, device=self.device, prior=read.prior)
        if inside is not None:
            field = field.with_flag(~inside, Flag.MASKED)
        return field if self.scale is None else self.scale.apply(field)

    def read(self, block: Block, more: int = 0) -> TrackerInput:
        """Return what the tracker is given for ``block``, which counts output pixels, and ``more`` pixels around."""
        tracker = self.tracker
        prior, margin = None, tracker.margin
        if self.prior is not None:
            points = tracker.output_grid(self.pair.grid)
            prior = self.prior.read(self.pair.grid, points, block, tracker.prior_border)
            margin = tracker.margin_with(prior)
        pad = -(-margin // tracker.alignment) * tracker.alignment + more
        area = block.scale(tracker.spacing).expand(pad)
        reference, secondary, reference_valid, secondary_valid = self.pair.read(area)
        if self.mask is not None and self.mask_windows:
            reference_valid &= self.mask.read(self.pair.grid.crop(area.row, area.col, area.shape))
        return TrackerInput((reference, secondary, reference_valid, secondary_valid), pad, prior, (area.row, area.col))

    def _inside(self, block: Block) -> np.ndarray:
        assert self.mask is not None
        grid = self.tracker.output_grid(self.pair.grid).crop(block.row, block.col, block.shape)
        return self.mask.read(grid)


def track(
    pair: ImagePair,
    tracker: Tracker,
    *,
    engine: Engine | None = None,
    device: str = "auto",
    mask: AreaMask | None = None,
    mask_windows: bool = False,
    prior: PriorMap | None = None,
    scale: ErrorScale | None = None,
    block: int = BLOCK,
    progress: Progress | None = None,
) -> Displacement:
    """Measure a pair and return the result in memory.

    Parameters
    ----------
    pair : ImagePair
    tracker : Tracker
    engine : Engine, optional
        Default: `Serial`.
    device : str
        ``auto``, ``cpu`` or ``cuda[:n]``.
    mask : AreaMask, optional
        Where to measure.
    mask_windows : bool
        Leave reference pixels outside the mask out of the windows too, so that rock beside a glacier does not
        dominate the windows at its margin.
    prior : PriorMap, optional
        Displacement or velocity to search around, for trackers that take one.
    scale : ErrorScale, optional
        What stated errors are multiplied by, as from `sensetrack.calibrate.calibrate_errors`.
    block : int
        Side of a block in input pixels.
    progress : callable, optional

    Returns
    -------
    Displacement

    Raises
    ------
    UnusableImageError
        No pixel could be measured: the images are empty or constant, or do not overlap in valid pixels.
    ParameterError
        The images are smaller than the tracker's window.
    GridError
        The mask or the prior does not fit the pair.
    """
    task = plan(pair, tracker, device, mask, mask_windows, prior, scale)
    grid = tracker.output_grid(pair.grid)
    whole = Field.empty(grid.shape, Flag.NODATA, tracker.extra_layers)
    target = whole.layers()
    for part, field in _run(task, grid, engine, block, progress):
        for name, layer in field.layers().items():
            target[name][part.slices] = layer
    origin = (tracker.centre_offset,) * 2
    return Displacement(grid, whole, tracker.spacing, provenance_of(pair, tracker, prior, scale), origin)


def track_file(
    pair: ImagePair,
    tracker: Tracker,
    output: PathLike,
    *,
    engine: Engine | None = None,
    device: str = "auto",
    mask: AreaMask | None = None,
    mask_windows: bool = False,
    prior: PriorMap | None = None,
    scale: ErrorScale | None = None,
    block: int = BLOCK,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Counter[str]:
    """Measure a pair into a displacement file, in bounded memory.

    Parameters
    ----------
    output : path-like
        Any suffix that `Displacement.save` writes; it appears only when the whole pair is done.
    overwrite : bool
        Whether an existing file may be replaced.
    pair, tracker, engine, device, mask, mask_windows, prior, scale, block, progress
        As in `track`.

    Returns
    -------
    Counter
        How many output pixels are measurements and how many carry each flag.

    Raises
    ------
    OutputError
        The output is one of the inputs, exists already or cannot be written.
    UnusableImageError, ParameterError, GridError
        As in `track`.
    """
    inputs = [pair.reference.path, pair.secondary.path, mask.path if mask else None, prior.path if prior else None]
    refuse_same_file(output, inputs)
    task = plan(pair, tracker, device, mask, mask_windows, prior, scale)
    grid = tracker.output_grid(pair.grid)
    origin = (tracker.centre_offset,) * 2
    provenance = provenance_of(pair, tracker, prior, scale)
    content = file_content(grid, tracker.spacing, provenance, origin, tracker.extra_layers)
    counts: Counter[str] = Counter()
    with create(output, grid, content, overwrite=overwrite) as writer:
        for part, field in _run(task, grid, engine, block, progress):
            counts.update(field.flag_counts())
            writer.write(part, field.layers())
    return counts


def plan(
    pair: ImagePair,
    tracker: Tracker,
    device: str = "auto",
    mask: AreaMask | None = None,
    mask_windows: bool = False,
    prior: PriorMap | None = None,
    scale: ErrorScale | None = None,
) -> TrackTask:
    """Return the task of a pair, once everything that goes with it fits.

    Raises
    ------
    ParameterError
        The tracker takes no prior, or errors were calibrated for another tracker.
    GridError
        The mask or the prior does not fit the pair.
    """
    if scale is not None:
        scale.check(registry.name_of(type(tracker)), tracker.to_json())
    if prior is not None:
        tracker.check_prior()
        prior = prior.fit(pair.grid, pair.days)
    return TrackTask(pair, tracker, device, mask and mask.fit(pair.grid), mask_windows, prior, scale)


def provenance_of(
    pair: ImagePair, tracker: Tracker, prior: PriorMap | None = None, scale: ErrorScale | None = None
) -> Provenance:
    """Return the provenance of a measurement."""
    return Provenance(
        tracker=registry.name_of(type(tracker)),
        parameters=tracker.to_json(),
        reference=pair.reference.place,
        secondary=pair.secondary.place,
        preprocess=tuple(process.text for process in pair.reference.processes),
        reference_date=pair.reference.acquired,
        secondary_date=pair.secondary.acquired,
        days=pair.days,
        version=sensetrack.__version__,
        prior=None if prior is None else prior.place,
        calibration=None if scale is None else scale.to_json(),
    )


def _run(
    task: TrackTask, grid: Grid, engine: Engine | None, size: int, progress: Progress | None
) -> Iterator[tuple[Block, Field]]:
    """Yield every block and its field in order; raise at the end when nothing at all was measured."""
    tracker = task.tracker
    multiple = tracker.alignment // math.gcd(tracker.alignment, tracker.spacing)
    plan = list(plan_blocks(grid.shape, max(1, size // tracker.spacing), multiple))
    counts: Counter[str] = Counter()
    usable = 0
    fields = (engine or Serial()).map(task, plan)
    for done, (part, field) in enumerate(zip(plan, fields, strict=True), start=1):
        counts.update(field.flag_counts())
        usable += int(np.isfinite(field.dx).sum())
        yield part, field
        if progress is not None:
            progress(done, len(plan))
    if not usable:
        total = grid.height * grid.width
        why = ", ".join(f"{100 * counts[flag.label] / total:.0f} % {flag.label}" for flag in Flag if counts[flag.label])
        raise UnusableImageError(
            f"{task.pair.reference.name} and {task.pair.secondary.name}: nothing to measure ({why}); "
            "check nodata, the mask, the band and that both images show the same place"
        )
