"""From a displacement field to a velocity field, in memory or block by block between files."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine

from sensetrack.displacement import Displacement, Field, read_header
from sensetrack.errors import GridError, InputError, ParameterError, UnusableImageError
from sensetrack.log import logger
from sensetrack.provenance import Provenance
from sensetrack.raster import layers as files
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.raster.write import check_target, refuse_same_file
from sensetrack.types import Mask, PathLike
from sensetrack.velocity import itslive, product
from sensetrack.velocity.convert import convert, rate, sample_field
from sensetrack.velocity.params import VelocityParams
from sensetrack.velocity.product import Velocity
from sensetrack.velocity.scale import Metres, centre_metres, metres_per_pixel, scale_at_centre
from sensetrack.velocity.stable import Sample, StableShift, independent_share, shift_of_mask, shift_of_slow
from sensetrack.velocity.summary import LAYERS, ComponentErrors, Summary

if TYPE_CHECKING:
    from sensetrack.raster.mask import AreaMask

BLOCK = 512
"""Side of a block in output pixels: one tile of a displacement file."""

NOTABLE_SCALE = 0.01
"""Scale error of a projection that is worth a warning."""

Progress = Callable[[int, int], None]
"""Called with the blocks done and the blocks in all."""

_log = logger(__name__)


def velocity(displacement: Displacement, params: VelocityParams | None = None, stable: Mask | None = None) -> Velocity:
    """Turn a displacement field into velocity along map x (east) and map y (north).

    Parameters
    ----------
    displacement : Displacement
    params : VelocityParams, optional
        Default: metres per year with errors calibrated on stable ground where a mask is given.
    stable : ndarray of bool, optional
        Where the ground does not move, ``(row, col)`` on the output grid.

    Returns
    -------
    Velocity

    Raises
    ------
    ParameterError
        No positive time base; no pixel size for an image without CRS; a stable mask that is missing or not used.
    InputError
        The mask does not fit, or holds too few measured points.
    UnusableImageError
        The field has no usable value.

    Notes
    -----
    Not for slant-range radar geometry: range and azimuth pixels must be brought onto a map first.
    """
    params = params or VelocityParams()
    if stable is not None and stable.shape != displacement.grid.shape:
        raise InputError(f"the stable mask has shape {stable.shape}, the displacement field {displacement.grid.shape}")
    grid, field = displacement.grid, displacement.field
    plan = [Block(row, 0, min(BLOCK, grid.height - row), grid.width) for row in range(0, grid.height, BLOCK)]
    blocks = ((part, field.crop(*part.slices), None if stable is None else stable[part.slices]) for part in plan)
    conversion = _Conversion.prepare(
        grid, displacement.spacing, displacement.provenance, params, stable is not None, blocks
    )
    layers = {name: np.empty(grid.shape, np.uint8 if name == "flags" else np.float32) for name in LAYERS}
    for part in plan:
        for name, values in conversion(part, field.crop(*part.slices)).items():
            layers[name][part.slices] = values
    return Velocity(grid=grid, **layers, summary=conversion.summary)


def velocity_file(
    source: PathLike,
    output: PathLike,
    params: VelocityParams | None = None,
    stable: AreaMask | None = None,
    *,
    overwrite: bool = False,
    keep_empty: bool = False,
    packed: bool = False,
    progress: Progress | None = None,
) -> tuple[Summary, Counter[str]]:
    """Turn a displacement file into a velocity file in bounded memory; the result is that of `velocity`.

    Parameters
    ----------
    source : path-like
        Displacement file, ``.tif`` or ``.nc``.
    output : path-like
        ``.tif``, ``.nc`` (ITS_LIVE pair schema), or points as ``.csv``, ``.parquet``, ``.gpkg``.
    params : VelocityParams, optional
    stable : AreaMask, optional
        Where the ground does not move.
    overwrite : bool
        Whether an existing file may be replaced.
    keep_empty : bool
        Whether tables also hold points without a value.
    packed : bool
        int16 netCDF, as ITS_LIVE stores velocity.
    progress : callable, optional
        The file is read twice: once to measure errors, once to convert.

    Returns
    -------
    Summary
    Counter
        How many pixels are measurements and how many carry each flag.

    Raises
    ------
    OutputError
        The output is the input, exists already, has an unknown suffix or cannot be written.
    ParameterError, InputError, UnusableImageError
        As `velocity`.
    """
    params = params or VelocityParams()
    refuse_same_file(output, [source])
    files.check_suffix(output)
    check_target(output, overwrite=overwrite)
    file = files.LayerFile.open(source)
    spacing, origin, provenance = read_header(file)
    if stable is not None:
        stable = _place(stable, file.grid, spacing, origin)
    plan = list(plan_blocks(file.grid.shape, BLOCK))
    done = itertools.count(1)

    def read(part: Block) -> Field:
        return Field.from_layers(file.read(part))

    def tick() -> None:
        if progress is not None:
            progress(next(done), 2 * len(plan))

    def blocks() -> Iterator[tuple[Block, Field, Mask | None]]:
        for part in plan:
            window = file.grid.crop(part.row, part.col, part.shape)
            yield part, read(part), None if stable is None else stable.read(window)
            tick()

    conversion = _Conversion.prepare(file.grid, spacing, provenance, params, stable is not None, blocks())
    content = product.file_content(output, file.grid, conversion.summary, packed=packed)
    is_netcdf = Path(output).suffix.lower() == ".nc"
    counts: Counter[str] = Counter()
    with files.create(output, file.grid, content, overwrite=overwrite, keep_empty=keep_empty) as writer:
        for part in plan:
            field = read(part)
            counts.update(field.flag_counts())
            layers = conversion(part, field)
            writer.write(part, layers | (itslive.derived_layers(layers, conversion.summary) if is_netcdf else {}))
            tick()
    return conversion.summary, counts


@dataclasses.dataclass(frozen=True, eq=False)
class _Conversion:
    """All that a block needs to become velocity, once the whole field has been looked at."""

    grid: Grid
    spacing: int
    params: VelocityParams
    summary: Summary

    @classmethod
    def prepare(
        cls,
        grid: Grid,
        spacing: int,
        provenance: Provenance,
        params: VelocityParams,
        has_mask: bool,
        blocks: Iterable[tuple[Block, Field, Mask | None]],
    ) -> _Conversion:
        """Go over the field once: measure stable ground and typical errors from bounded samples."""
        days, dates = params.period(provenance)
        method = _method(params, has_mask)
        centre = centre_metres(grid, spacing, params.pixel_size, params.distances)
        _warn_of_scale(grid, params)
        everywhere, ground = Sample(), Sample()
        for part, field, mask in blocks:
            layers = field.layers()
            everywhere.add(part.row, part.col, field.measured, layers)
            if mask is not None and method == "mask":
                ground.add(part.row, part.col, field.measured & mask, layers)
        if not everywhere.count:
            raise UnusableImageError("the displacement field has no measured point; its flags say why")
        share = independent_share(spacing, params.coherence(provenance))
        stable = StableShift()
        if method == "mask":
            stable = shift_of_mask(ground, share, params.min_stable)
        elif method == "slow":
            stable = shift_of_slow(everywhere, share, params.min_stable)
        factor = rate(params, days)
        x, y = _statistics(sample_field(everywhere.layers()), centre, factor, stable, params)
        provenance = dataclasses.replace(
            provenance,
            days=days,
            reference_date=dates[0] if dates else None,
            secondary_date=dates[1] if dates else None,
        ).after(f"velocity {params.to_json()}")
        window = params.window_of(provenance)
        summary = Summary(
            units=params.units,
            days=days,
            stable=stable,
            shift_subtracted=params.subtract_shift and stable.method != "none",
            x=x,
            y=y,
            provenance=provenance,
            window=None if window is None else _size(centre, window),
        )
        return cls(grid, spacing, params, summary)

    def __call__(self, part: Block, field: Field) -> dict[str, np.ndarray]:
        """Return the velocity layers of one block."""
        params, summary = self.params, self.summary
        window = self.grid.crop(part.row, part.col, part.shape)
        metres = metres_per_pixel(window, self.spacing, params.pixel_size, params.distances)
        return convert(field, metres, rate(params, summary.days), summary.stable, params)


def _place(mask: AreaMask, grid: Grid, spacing: int, origin: tuple[float, float]) -> AreaMask:
    """Return the mask placed on the input images of an output grid; a mask picture lies on them pixel by pixel."""
    image = mask.image
    if image is None or image.grid.is_georeferenced:
        return mask.fit(grid)
    needed = [math.floor(first + count * spacing) for first, count in zip(origin, grid.shape, strict=True)]
    if any(size < least for size, least in zip(image.grid.shape, needed, strict=True)):
        raise GridError(
            f"{mask.name} has no georeference and {image.grid.width} x {image.grid.height} pixels, the images have at "
            f"least {needed[1]} x {needed[0]}; use a mask of their size or with a georeference"
        )
    pixels = grid.transform @ Affine.scale(1 / spacing) @ Affine.translation(-origin[1], -origin[0])
    return mask.fit(Grid(image.grid.shape, pixels, grid.crs))


def _method(params: VelocityParams, has_mask: bool) -> str:
    """Return where stable ground comes from: ``mask``, ``slow`` or ``none``."""
    chosen = "mask" if has_mask else "none"
    method = chosen if params.stable_from == "auto" else params.stable_from
    if method == "mask" and not has_mask:
        raise ParameterError("stable_from = 'mask' needs a stable mask (--stable FILE); or pass --stable-from slow")
    if method != "mask" and has_mask:
        raise ParameterError(f"stable_from = '{method}' does not use the stable mask; pass mask, or leave the mask out")
    if method == "none" and params.error_from == "stable":
        raise ParameterError("error_from = 'stable' needs stable ground: a mask (--stable FILE) or --stable-from slow")
    return method


def _warn_of_scale(grid: Grid, params: VelocityParams) -> None:
    scale = scale_at_centre(grid) if params.distances == "map" else 1.0
    if abs(scale - 1.0) > NOTABLE_SCALE:
        _log.warning(
            "%s lengthens distances by a factor of %.3f here, and so the velocities; pass --distances ground for "
            "metres on the ellipsoid",
            crs_name(grid.crs),
            scale,
        )


def _statistics(
    points: Field, centre: Metres, factor: float, stable: StableShift, params: VelocityParams
) -> tuple[ComponentErrors, ComponentErrors]:
    """Typical errors of vx and vy over the field, and stable ground in their units, at the scale of the centre."""
    final = convert(points, centre, factor, stable, params)
    plain = params.with_changes(error_from="covariance", subtract_shift=False)
    modeled = convert(points, centre, factor, stable, plain)
    components = []
    for name, by_dx, by_dy in (("vx", centre.x_dx, centre.x_dy), ("vy", centre.y_dx, centre.y_dy)):
        components.append(
            ComponentErrors(
                error=_median(final[f"{name}_error"]),
                error_modeled=_median(modeled[f"{name}_error"]),
                error_stationary=factor * math.hypot(by_dx * stable.sigma_dx, by_dy * stable.sigma_dy),
                stable_shift=float(factor * (by_dx * stable.dx + by_dy * stable.dy)),
                stable_shift_error=factor * math.hypot(by_dx * stable.dx_error, by_dy * stable.dy_error),
            )
        )
    return components[0], components[1]


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else math.nan


def _size(centre: Metres, window: float) -> tuple[float, float]:
    """Width and height in metres of a window of ``window`` pixels."""
    return (
        window * math.hypot(float(centre.x_dx), float(centre.y_dx)),
        window * math.hypot(float(centre.x_dy), float(centre.y_dy)),
    )
