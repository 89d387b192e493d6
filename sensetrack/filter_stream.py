"""Filters and repairs a displacement file, block by block in bounded memory."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from affine import Affine

from sensetrack.displacement import LAYERS, Field, Flag, file_content, read_header
from sensetrack.engine import Engine, Serial
from sensetrack.errors import ParameterError
from sensetrack.filters import Filter, apply_all, registry
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile, create
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.raster.write import refuse_same_file
from sensetrack.repair import check_fill, check_smooth, fill_gaps, fill_margin, median_smooth
from sensetrack.types import PathLike, Progress

BLOCK = 1024
"""Side of a block in output pixels: two tiles of the file, large beside any margin."""


@dataclass(frozen=True)
class FilterTask:
    """Filters one block of a file; pickles as a path and parameters.

    The steps run in this order, each on the result of the one before: mask, filters, smooth, fill, drop.

    Attributes
    ----------
    source : LayerFile
    filters : tuple of Filter
    passes : int
        How often the filters judge.
    mask : AreaMask or None
        Placed on the grid of the images.
    smooth : int or None
        Window of `median_smooth`.
    fill : float or None
        Distance of `fill_gaps`.
    drop : bool
        Whether values that are not usable become NaN.
    """

    source: LayerFile
    filters: tuple[Filter, ...]
    passes: int = 1
    mask: AreaMask | None = None
    smooth: int | None = None
    fill: float | None = None
    drop: bool = False

    @property
    def margin(self) -> int:
        """Output pixels around a block that influence its result: the sum over all steps."""
        judging = self.passes * max((each.margin for each in self.filters), default=0)
        smoothing = 0 if self.smooth is None else self.smooth // 2
        filling = 0 if self.fill is None else fill_margin(self.fill)
        return judging + smoothing + filling

    def __call__(self, block: Block) -> Field:
        """Return the filtered field of ``block``."""
        area = block.expand(self.margin).clip(self.source.grid.shape)
        assert area is not None
        field = Field.from_layers(self.source.read(area))
        if self.mask is not None:
            inside = self.mask.read(self.source.grid.crop(area.row, area.col, area.shape))
            field = field.with_flag(~inside, Flag.MASKED)
        field = apply_all(field, self.filters, self.passes)
        if self.smooth is not None:
            field = median_smooth(field, self.smooth)
        if self.fill is not None:
            field = fill_gaps(field, self.fill)
        if self.drop:
            field = field.blank(~field.usable)
        return field.crop(*block.within(area))

    def steps(self) -> list[str]:
        """Return what it does as entries of a displacement's history."""
        found = [] if self.mask is None else [f"mask {self.mask.name}{' (inverse)' if self.mask.inverse else ''}"]
        found += [f"filter {registry.name_of(type(each))} {each.to_json()}" for each in self.filters]
        if self.filters and self.passes > 1:
            found.append(f"filter passes {self.passes}")
        found += [] if self.smooth is None else [f"smooth {self.smooth}"]
        found += [] if self.fill is None else [f"fill {self.fill:g}"]
        return [*found, "drop"] if self.drop else found


def filter_file(
    source: PathLike,
    output: PathLike,
    filters: Sequence[Filter],
    *,
    mask: AreaMask | None = None,
    smooth: int | None = None,
    fill: float | None = None,
    passes: int = 1,
    drop: bool = False,
    engine: Engine | None = None,
    block: int = BLOCK,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Counter[str]:
    """Filter a displacement file into another one, in bounded memory.

    The steps are, in this order: mask, filters, smooth, fill, drop. Filters raise flags and alter nothing; each
    judges the same field, so their order does not matter. Values under a flag stay in the file, so that another
    filter may be tried on it, unless ``drop`` is on.

    Parameters
    ----------
    source : path-like
        A displacement file, ``.tif`` or ``.nc``.
    output : path-like
        Any suffix that `Displacement.save` writes; it appears only when it is complete.
    filters : sequence of Filter
        May be empty when another step is asked for.
    mask : AreaMask, optional
        Where displacements are kept; pixels whose centre lies outside become NaN with the flag ``masked``, and are no
        evidence for their neighbours.
    passes : int
        How often the filters judge; see `apply_all`.
    smooth : int, optional
        Window of `median_smooth` in output pixels.
    fill : float, optional
        Largest distance of `fill_gaps` in output pixels. What is filled is flagged ``filled``; pixels without data
        or outside the mask stay empty.
    drop : bool
        Write NaN wherever a flag other than ``filled`` is raised.
    engine : Engine, optional
        Default: `Serial`. The result is the same on all.
    block : int
        Side of a block in output pixels.
    progress : callable, optional
    overwrite : bool
        Whether an existing file may be replaced.

    Returns
    -------
    Counter
        How many output pixels are measurements and how many carry each flag.

    Raises
    ------
    InputError
        The source is not a displacement file.
    GridError
        The mask does not fit.
    ParameterError
        Nothing is asked for, or a setting is out of range.
    OutputError
        The output is the source, exists already or cannot be written.
    """
    _check(filters, mask, smooth, fill, passes, drop, block)
    file = LayerFile.open(source)
    spacing, origin, provenance = read_header(file)
    refuse_same_file(output, [source])
    placed = None if mask is None else _place(mask, file.grid, spacing, origin)
    task = FilterTask(file, tuple(filters), passes, placed, smooth, fill, drop)
    for step in task.steps():
        provenance = provenance.after(step)

    extra = tuple(name for name in file.names if name not in LAYERS)
    content = file_content(file.grid, spacing, provenance, origin, extra)
    foreign = {name: text for name, text in file.tags.items() if name not in _FORMAT_TAGS}
    content = dataclasses.replace(content, tags={**foreign, **content.tags})
    counts: Counter[str] = Counter()
    plan = list(plan_blocks(file.grid.shape, block))
    with create(output, file.grid, content, overwrite=overwrite) as writer:
        fields = (engine or Serial()).map(task, plan)
        for done, (part, field) in enumerate(zip(plan, fields, strict=True), start=1):
            counts.update(field.flag_counts())
            writer.write(part, field.layers())
            if progress is not None:
                progress(done, len(plan))
    return counts


_FORMAT_TAGS = ("AREA_OR_POINT", "Conventions")
"""Tags that belong to a file format and not to what is in it."""


def _check(
    filters: Sequence[Filter],
    mask: AreaMask | None,
    smooth: int | None,
    fill: float | None,
    passes: int,
    drop: bool,
    block: int,
) -> None:
    if not (filters or mask is not None or smooth is not None or fill is not None or drop):
        raise ParameterError(
            f"nothing to do: name a filter ({', '.join(registry.names())}), a mask, smooth, fill or drop"
        )
    if passes < 1:
        raise ParameterError(f"passes = {passes}: the filters must judge at least once")
    if block < 1:
        raise ParameterError(f"block = {block}: at least 1 output pixel is needed")
    if smooth is not None:
        check_smooth(smooth)
    if fill is not None:
        check_fill(fill)


def _place(mask: AreaMask, grid: Grid, spacing: int, origin: tuple[float, float]) -> AreaMask:
    """Check a mask against the images of a displacement and place it there.

    Their grid follows from the output's but for its size, as a tracker leaves out what does not fill a cell: a mask
    image that covers the output is taken to be of the images' size.
    """
    row, col = origin
    transform = grid.transform @ Affine.scale(1 / spacing) @ Affine.translation(-col, -row)
    shape = math.floor(row + grid.height * spacing), math.floor(col + grid.width * spacing)
    own = None if mask.image is None or mask.image.grid.is_georeferenced else mask.image.grid.shape
    if own is not None and own[0] >= shape[0] and own[1] >= shape[1]:
        shape = own
    return mask.fit(Grid(shape, transform, grid.crs))
