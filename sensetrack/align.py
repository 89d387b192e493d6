"""Measures the residual shift of a pair with a tracker and takes it out of the secondary.

Windows are spread over the whole image, a few thousand at most, so that the cost does not grow with the scene; memory
is bounded as for any tracking.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine

from sensetrack.coregister.evidence import window_centres
from sensetrack.coregister.fit import fit_shift
from sensetrack.coregister.resample import MovedImage, move
from sensetrack.coregister.shift import Kind, ShiftModel, check_kind
from sensetrack.coregister.write import write_images
from sensetrack.displacement import Displacement, Field, Flag
from sensetrack.engine import Engine, Serial
from sensetrack.pair import ImagePair
from sensetrack.preprocess import ImageFilter, preprocess_pair
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.methods import Method
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.raster.write import check_target, refuse_same_file
from sensetrack.stream import BLOCK, TrackTask, provenance_of, track
from sensetrack.trackers import Tracker, registry
from sensetrack.types import PathLike, Progress

WINDOWS = 2500
"""Windows to measure: 100 would tell a shift to a tenth of a window's error, more make outliers harmless."""

FEW_WINDOWS = 225
"""Windows below which they may overlap by more than half, which adds little but cost."""

SMALL_SHIFT = 1.0
"""Shift in px above which the pair is measured again with the secondary moved, so that a tracker's bias at long
displacements is gone."""

_OVERVIEW = 256
_LARGEST_STEP = 1024


def align(
    pair: ImagePair,
    tracker: Tracker | None = None,
    *,
    preprocess: Sequence[ImageFilter] = (),
    stable: AreaMask | None = None,
    kind: Kind = "shift",
    engine: Engine | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> ShiftModel:
    """Measure the residual shift between two images on one grid, wherever the ground is stable.

    Displacement is measured in about 2500 windows on stable ground, and a robust model of it is fitted
    (`sensetrack.coregister.fit.fit_shift`, which says when finding stable ground automatically fails). If the shift
    exceeds a pixel, the secondary is moved by it as it is read (by whole pixels, which needs no interpolation, where
    the model is a constant), the rest is measured, and the sum is fitted again.

    A frame that is drawn into both images, such as black borders without a nodata value, is the same in both and so
    counts as ground that does not move: declare its value as nodata.

    Parameters
    ----------
    pair : ImagePair
    tracker : Tracker, optional
        Default: phase cross-correlation (`pcc`) as it comes. The shift must lie within its search range.
        A tracker with a parameter ``step`` is spaced out; from any other, which works through the whole image,
        the field is thinned.
    preprocess : sequence of ImageFilter
        What both images pass through before they are measured.
    stable : AreaMask, optional
        Stable ground, where alone is measured; None finds it automatically.
    kind : {"shift", "affine", "polynomial"}
    engine : Engine, optional
        Default: `Serial`.
    device : str
        ``auto``, ``cpu`` or ``cuda[:n]``.
    progress : callable, optional
        Called for each round of measuring anew.

    Returns
    -------
    ShiftModel
        In pixels of the pair's grid.

    Raises
    ------
    ParameterError
        Unknown kind; or the images are smaller than the tracker's window.
    InputError
        As `fit_shift`: too few windows, or they do not agree.
    UnusableImageError
        Nothing could be measured.
    GridError
        The mask does not fit the pair.
    """
    check_kind(kind)
    tracker = tracker or registry.get("pcc")()
    stable = stable and stable.fit(pair.grid)
    pair = dataclasses.replace(pair, reference=_by_spline(pair.reference), secondary=_by_spline(pair.secondary))
    sparse = _Sparse(tracker, tuple(preprocess), stable, engine, device, progress)
    model = _fit(sparse.measure(pair), stable, kind, pair)
    if model.largest(pair.grid.shape) > SMALL_SHIFT:
        near = model if kind != "shift" else ShiftModel.constant(round(model.dx[0]), round(model.dy[0]))
        moved = dataclasses.replace(pair, secondary=move(pair.secondary, pair.grid, near))
        model = _fit(_add(sparse.measure(moved), near), stable, kind, pair)
    return model


def align_file(
    pair: ImagePair,
    output: PathLike,
    tracker: Tracker | None = None,
    *,
    preprocess: Sequence[ImageFilter] = (),
    model: ShiftModel | None = None,
    bands: Sequence[Image] | None = None,
    resampling: Method = "spline",
    stable: AreaMask | None = None,
    kind: Kind = "shift",
    engine: Engine | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    overwrite: bool = False,
) -> ShiftModel:
    """Measure the residual shift of a pair and write the secondary moved onto the reference.

    The secondary's own pixels are resampled once, also where the pair was opened with ``coregister=True``: grid and
    shift change together.

    Parameters
    ----------
    output : path-like
        ``.tif`` on the reference's grid, with the model as JSON in the tag ``shift_model``.
    model : ShiftModel, optional
        Apply this one in place of measuring; ``tracker``, ``preprocess``, ``stable`` and ``kind`` then have no effect.
    bands : sequence of Image, optional
        What to write in place of the band that was measured, such as `open_bands` of the secondary's file.
    resampling : {"spline", "nearest", "bilinear", "cubic", "lanczos", "average"}
        See `sensetrack.coregister.resample.move`. ``spline`` leaves less than 0.01 px; ``cubic`` and ``bilinear``
        leave up to 0.05 px of their own, ``nearest`` half a pixel.
    overwrite : bool
        Whether an existing file may be replaced.
    pair, tracker, preprocess, stable, kind, engine, device, progress
        As in `align`; what is written has not passed through ``preprocess``. Progress then starts anew for the writing.

    Returns
    -------
    ShiftModel
        The model that was applied.

    Raises
    ------
    OutputError
        The output is an input, exists already, cannot be written or does not end in ``.tif``.
    ParameterError, InputError, UnusableImageError, GridError
        As `align` and `sensetrack.coregister.resample.move`.
    """
    check_target(output, overwrite=overwrite)
    refuse_same_file(output, [pair.reference.path, pair.secondary.path])
    if model is None:
        model = align(
            pair,
            tracker,
            preprocess=preprocess,
            stable=stable,
            kind=kind,
            engine=engine,
            device=device,
            progress=progress,
        )
    moved = [move(image, pair.grid, model, resampling) for image in bands or (pair.secondary,)]
    tags = {"resampling": resampling, "reference": pair.reference.place, "shift_model": model.to_json()}
    write_images(moved, output, tags=tags, engine=engine, progress=progress, overwrite=overwrite)
    return model


@dataclass(frozen=True)
class _Sparse:
    """How windows are measured: with which tracker, where and on what."""

    tracker: Tracker
    preprocess: tuple[ImageFilter, ...]
    stable: AreaMask | None
    engine: Engine | None
    device: str
    progress: Progress | None

    def measure(self, pair: ImagePair) -> Displacement:
        """Return the displacement of about `WINDOWS` windows on stable ground."""
        pair = pair.with_images(*preprocess_pair(pair.reference, pair.secondary, self.preprocess))
        area = self._area(pair.grid)
        spacing = math.isqrt(int(area / WINDOWS))
        if "step" in type(self.tracker).model_fields:
            apart = getattr(self.tracker, "window", 0) // 2
            step = min(max(spacing, apart), math.isqrt(int(area / FEW_WINDOWS)), _LARGEST_STEP)
            tracker = self.tracker.with_changes(step=max(step, self.tracker.spacing))
            return track(
                pair, tracker, engine=self.engine, device=self.device, mask=self.stable, progress=self.progress
            )
        return self._thinned(pair, max(1, round(spacing / self.tracker.spacing)))

    def _area(self, grid: Grid) -> float:
        """Return the pixels on stable ground, roughly."""
        pixels = grid.height * grid.width
        if self.stable is None:
            return pixels
        step = max(1, max(grid.shape) // _OVERVIEW)
        return float(pixels * self.stable.read(grid.coarsen(min(step, *grid.shape))).mean())

    def _thinned(self, pair: ImagePair, stride: int) -> Displacement:
        """Track everything and keep every ``stride``-th vector along rows and columns."""
        tracker = self.tracker
        task = _Thin(TrackTask(pair, tracker, self.device, self.stable), stride)
        grid = tracker.output_grid(pair.grid)
        blocks = list(plan_blocks(grid.shape, stride * max(1, BLOCK // (tracker.spacing * stride))))
        shape = grid.shape[0] // stride or 1, grid.shape[1] // stride or 1
        kept = Field.empty(shape, Flag.NODATA, tracker.extra_layers)
        target = kept.layers()
        for done, (block, field) in enumerate(
            zip(blocks, (self.engine or Serial()).map(task, blocks), strict=True), start=1
        ):
            row, col = block.row // stride, block.col // stride
            for name, layer in field.layers().items():
                room = target[name][row : row + layer.shape[0], col : col + layer.shape[1]]
                room[...] = layer[: room.shape[0], : room.shape[1]]
            if self.progress is not None:
                self.progress(done, len(blocks))
        spacing = stride * tracker.spacing
        # The vector kept of each cell of stride x stride lies stride // 2 vectors from the cell's first one.
        offset = tracker.centre_offset + (stride // 2 + 0.5 - stride / 2) * tracker.spacing
        transform = pair.grid.transform @ Affine.translation(offset, offset) @ Affine.scale(spacing)
        thin = Grid(shape, transform, pair.grid.crs)
        return Displacement(thin, kept, spacing, provenance_of(pair, tracker), (offset, offset))


@dataclass(frozen=True)
class _Thin:
    """Measures a block and keeps the vector in the middle of every ``stride`` x ``stride``."""

    task: TrackTask
    stride: int

    def __call__(self, block: Block) -> Field:
        start = self.stride // 2
        picked = (
            slice(min(start, block.height - 1), None, self.stride),
            slice(min(start, block.width - 1), None, self.stride),
        )
        return self.task(block).crop(*picked)


def _fit(displacement: Displacement, stable: AreaMask | None, kind: Kind, pair: ImagePair) -> ShiftModel:
    inside = None if stable is None else stable.read(displacement.grid)
    return dataclasses.replace(fit_shift(displacement, inside, kind), shape=pair.grid.shape)


def _by_spline(image: Image) -> Image:
    """Return an image that is resampled as it is read with the one kernel that displaces no content."""
    return image if image.warp is None or isinstance(image, MovedImage) else move(image, image.grid)


def _add(rest: Displacement, model: ShiftModel) -> Displacement:
    """Return the whole displacement from what was left after the secondary was moved by ``model``.

    The moved secondary has at ``p`` what the secondary has at ``p + model(p)``; content that is found at ``p + rest``
    of the former therefore lies at ``p + rest + model(p + rest)`` of the latter.
    """
    field = rest.field
    rows, cols = window_centres(rest)
    dx, dy = model.predict(rows + field.dy, cols + field.dx)
    whole = dataclasses.replace(field, dx=(field.dx + dx).astype(np.float32), dy=(field.dy + dy).astype(np.float32))
    return dataclasses.replace(rest, field=whole)
