"""Velocities or series of several views into motion towards east, north and up, block by block in bounded memory."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

import sensetrack
from sensetrack.displacement import FLAGS_LAYER, Flag
from sensetrack.engine import Engine, Serial
from sensetrack.errors import GridError, InputError
from sensetrack.log import logger
from sensetrack.provenance import Provenance
from sensetrack.raster import layers as files
from sensetrack.raster.tiles import plan_blocks
from sensetrack.raster.write import check_target, refuse_same_file
from sensetrack.timeseries.enu import to_enu
from sensetrack.timeseries.motion import COMPONENTS, CORRELATIONS, CombineTask
from sensetrack.timeseries.params import CombineParams
from sensetrack.timeseries.slope import Slope
from sensetrack.timeseries.views import LEFT_OUT, PRODUCT, OpenView, OpticalView, RadarView, check_grids
from sensetrack.types import PathLike, Progress

BLOCK = 128
"""Side of a block: its equations take some ten megabytes."""

COMMON = 0.8
"""Share of the longest period that all views have to have in common to be taken for views of one motion."""

_log = logger(__name__)


@dataclass(frozen=True)
class Combined:
    """What came out of `combine_files`.

    Attributes
    ----------
    units : {"m/yr", "m/d"}
    views : tuple of dict
        What is known of each, as the file says it too.
    pixels : int
    determined : int
        Pixels with a value.
    used : tuple of int
        Pixels at which each view takes part.
    left_out : Counter
        Pixels at which some view is left out, by the names of `LEFT_OUT`.
    """

    units: Literal["m/yr", "m/d"]
    views: tuple[dict[str, Any], ...]
    pixels: int
    determined: int
    used: tuple[int, ...]
    left_out: Counter[str]


def combine_files(
    views: Sequence[RadarView | OpticalView],
    output: PathLike,
    params: CombineParams | None = None,
    *,
    dem: PathLike | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> Combined:
    """Combine velocities or series of several views into motion towards true east, true north and up.

    The views must have measured one motion, over about the same time, on one grid. Their errors are taken to be
    independent of each other. See `geocoded_rows` for what a radar sees.

    Parameters
    ----------
    views : sequence of RadarView and OpticalView
        Of velocity files the velocity takes part, of series their means.
    output : path-like
        ``.nc``, ``.tif``, or points as ``.csv``, ``.parquet``, ``.gpkg``.
    params : CombineParams, optional
    dem : path-like, optional
        Elevation model with which the radar images were terrain-corrected, or another one, in any CRS. Without it the
        ground is taken to be level, as it is for images that were brought onto the ellipsoid.
    engine : Engine, optional
        Default: `Serial`. The bytes are the same on all.
    progress : callable, optional
    overwrite : bool
        Whether an existing output may be replaced.

    Returns
    -------
    Combined

    Raises
    ------
    InputError
        A file is neither a velocity file nor a series, is given twice, or the views do not determine the motion.
    ParameterError
        An angle is out of range.
    GridError
        The views lie on different grids, on one without a CRS, or away from the elevation model.
    OutputError
        The output has another suffix, exists already, is an input or cannot be written.
    """
    params = params or CombineParams()
    files.check_suffix(output)
    check_target(output, overwrite=overwrite)
    opened = tuple(OpenView.open(view) for view in views)
    inputs = [path for view in opened for path in view.inputs]
    refuse_same_file(output, [*inputs, dem])
    _check(opened, params)
    grid = check_grids(list(opened))
    if grid.crs is None:
        raise GridError(
            f"{opened[0].path} has no CRS, so where north is cannot be known; assign one to the images with "
            "'gdal_edit -a_srs EPSG:...' before they are tracked"
        )
    slope = None if dem is None else Slope.open(dem, grid, params.slope_window)
    per_day = all(view.per_day for view in opened)
    task = CombineTask(grid, opened, slope, params, per_day)
    descriptions = tuple(view.description() for view in opened)
    _warn_of_periods(opened)
    blocks = list(plan_blocks(grid.shape, BLOCK))
    units: Literal["m/yr", "m/d"] = "m/d" if per_day else "m/yr"
    used, determined, left_out = np.zeros(len(opened), np.int64), 0, Counter[str]()
    with files.create(output, grid, _content(opened, dem, params, units), overwrite=overwrite) as writer:
        results = (engine or Serial()).map(task, blocks)
        for done, (block, (layers, here)) in enumerate(zip(blocks, results, strict=True), start=1):
            writer.write(block, layers)
            used += here
            determined += int(np.count_nonzero(np.isfinite(layers["v_up"])))
            left_out.update({name: int(np.count_nonzero(layers["left_out"] & bit)) for name, bit in LEFT_OUT.items()})
            if progress is not None:
                progress(done, len(blocks))
    return Combined(units, descriptions, grid.height * grid.width, determined, tuple(used.tolist()), +left_out)


def _check(views: Sequence[OpenView], params: CombineParams) -> None:
    """Raise where views cannot say what is wanted of them, whatever their pixels hold."""
    if not views:
        raise InputError("nothing to combine: give velocity files or series of several views")
    paths = [Path(view.path).resolve() for view in views]
    for one, other in itertools.combinations(range(len(views)), 2):
        if paths[one] == paths[other]:
            raise InputError(f"{views[one].path} is given as two views; each file is one")
    rows = np.concatenate([view.level_rows() for view in views])
    prior = tuple(min(value, 1.0) if math.isfinite(value) else value for value in params.prior or (math.inf,) * 3)
    level = to_enu(np.zeros((len(rows), 1)), np.ones((len(rows), 1)), rows, (prior[0], prior[1], prior[2]))[0]
    if not np.isfinite(level).all():
        what = "one view does" if len(views) == 1 else f"{len(views)} views of one direction do"
        raise InputError(
            f"{what} not determine motion towards east, north and up; add a view of another direction, or say how far "
            "a component may be from zero (--north-prior, --east-prior, --up-prior)"
        )


def _warn_of_periods(views: Sequence[OpenView]) -> None:
    periods = [view.period for view in views if view.period is not None]
    unknown = [view.path for view in views if view.period is None]
    if unknown and len(views) > 1:
        _log.warning("%s: no dates, so whether its time is that of the other views is not known", ", ".join(unknown))
    share = common_share(periods)
    if share < COMMON:
        _log.warning(
            "the views have only %.0f %% of the longest of their periods in common (%s); where motion changes with "
            "time they saw another one: cut the series to one period",
            100 * share,
            ", ".join(f"{start:%Y-%m-%d} to {end:%Y-%m-%d}" for start, end in periods),
        )


def common_share(periods: Sequence[tuple[datetime, datetime]]) -> float:
    """Return the length of what periods have in common over that of the longest; 1 for fewer than two."""
    if len(periods) < 2:
        return 1.0
    common = (min(end for _, end in periods) - max(start for start, _ in periods)).total_seconds()
    longest = max((end - start).total_seconds() for start, end in periods)
    return max(0.0, common) / longest


def _content(views: Sequence[OpenView], dem: PathLike | None, params: CombineParams, units: str) -> files.Content:
    unit = {"m/yr": "meter/year", "m/d": "meter/day"}[units]
    layers = [files.Layer(f"v_{name}", f"velocity towards {_TOWARDS[name]}", unit) for name in COMPONENTS]
    layers += [files.Layer(f"v_{name}_error", f"standard error of v_{name}", unit) for name in COMPONENTS]
    layers += [files.Layer(f"rho_{a}_{b}", f"correlation of the errors of v_{a} and v_{b}") for a, b in CORRELATIONS]
    layers += [
        files.Layer("vx", "horizontal velocity along the x axis of the map", unit),
        files.Layer("vy", "horizontal velocity along the y axis of the map", unit),
        files.Layer("misfit", "misfit of the views in units of their errors; its mean square is 1 where these hold"),
        files.Layer("views", "views that take part", dtype="uint8", attributes={"valid_min": np.uint8(0)}),
        files.Layer(
            "left_out",
            "why views are left out",
            dtype="uint8",
            attributes={
                "flag_masks": np.array(list(LEFT_OUT.values()), np.uint8),
                "flag_meanings": " ".join(LEFT_OUT),
            },
        ),
        FLAGS_LAYER,
    ]
    periods = [view.period for view in views if view.period is not None]
    origin = Provenance(
        parameters=params.to_json(),
        reference_date=min((start for start, _ in periods), default=None),
        secondary_date=max((end for _, end in periods), default=None),
        version=sensetrack.__version__,
    )
    inputs = sorted({path for view in views for path in view.inputs} | ({str(dem)} if dem is not None else set()))
    tags = {
        "product": PRODUCT,
        "title": "surface velocity towards east, north and up",
        "source": f"sensetrack {sensetrack.__version__}, combination of {len(views)} views",
        **{name: value for name, value in origin.to_tags().items() if value not in ("", "[]")},
        "units": units,
        "axes": "v_east, v_north towards true east and north; vx along map x, vy along map y; metres on the ground",
        "views": json.dumps([view.description() for view in views]),
        "dem": "" if dem is None else str(dem),
        "sha256": json.dumps({path: _digest(path) for path in inputs}),
        "flag_masks": ",".join(str(int(flag)) for flag in Flag),
        "flag_meanings": " ".join(flag.label for flag in Flag),
        "comment": "a year has 365.25 days of 86400 s",
    }
    names = tuple(layer.name for layer in layers)
    return files.Content("motion", tuple(layers), tags, columns=names, value="v_up")


_TOWARDS = {"east": "true east", "north": "true north", "up": "the zenith"}


def _digest(path: str) -> str | None:
    """Return the SHA-256 of a file, None for what is no file here, such as a URL."""
    if not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
