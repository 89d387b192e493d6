"""Displacements as a table of numbered points, with metres, lengths, velocities and probabilities."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Literal

import numpy as np

from sensetrack.displacement import Field, read_header
from sensetrack.params import Params, param
from sensetrack.provenance import Provenance
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import LayerFile
from sensetrack.raster.tiles import Block
from sensetrack.raster.write import atomic, refuse_same_file
from sensetrack.types import PathLike
from sensetrack.velocity.convert import rate
from sensetrack.velocity.params import VelocityParams
from sensetrack.velocity.scale import metres_per_pixel

COLUMNS = ("point", "x", "y", "dX_px", "dY_px", "dX_m", "dY_m", "length_m", "velocity", "probability")
"""Columns of the table."""

ROWS = 256
"""Rows of output pixels that are read at a time."""


class PointsParams(Params):
    """How displacement in pixels becomes metres and velocity, and which points are written."""

    points: Literal["measured", "all"] = param(
        "measured", "Whether points without a flag are written, or all that have a value."
    )
    units: Literal["m/yr", "m/d"] = param("m/yr", "Unit of velocity; a year has 365.25 days.")
    days: float | None = param(None, "Time base, in place of the one in the displacement file.", unit="d", gt=0)
    dates: tuple[datetime, datetime] | None = param(
        None, "Acquisition times (UTC) of reference and secondary, in place of the time base in the file."
    )
    pixel_size: float | None = param(
        None, "Width of an input pixel on the ground, for images without a CRS.", unit="m", gt=0
    )
    distances: Literal["map", "ground"] = param(
        "map", "Whether metres are those of the map projection or those on the ellipsoid."
    )

    @property
    def velocity(self) -> VelocityParams:
        """The settings that velocity has too."""
        return VelocityParams(**self.model_dump(exclude={"points"}))


def points_file(
    source: PathLike, output: PathLike, params: PointsParams | None = None, *, overwrite: bool = False
) -> int:
    """Write a displacement file as a table of points; return how many.

    The columns are `COLUMNS`. Points are numbered from 1, row by row, by their place in the field, so that a point
    bears the same number whatever is kept. ``x, y`` are map coordinates, or pixels of the image where it has no
    georeference; ``dX_px`` is to the right and ``dY_px`` down, ``dX_m`` along map x (east) and ``dY_m`` along map y
    (north). ``velocity`` is the length over the time base, in ``units``; ``probability`` the quality of the
    match. Metres are left empty for images whose pixel size is not known, velocity where there is no time base. No
    shift of stable ground is taken out and no errors are given: `velocity_file` does that.

    Parameters
    ----------
    source : path-like
        A displacement file, ``.tif`` or ``.nc``.
    output : path-like
        A ``.csv``; it appears when it is complete.
    params : PointsParams, optional
    overwrite : bool
        Whether an existing file may be replaced.

    Raises
    ------
    InputError
        The source is not a displacement file.
    OutputError
        The output is the source, exists already or cannot be written.
    """
    params = params or PointsParams()
    file = LayerFile.open(source)
    spacing, _, provenance = read_header(file)
    refuse_same_file(output, [source])
    factor = _rate(params, provenance)
    height, width = file.grid.shape
    count = 0
    with atomic(output, overwrite=overwrite) as part, part.open("w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(COLUMNS)
        for row in range(0, height, ROWS):
            block = Block(row, 0, min(ROWS, height - row), width)
            field = Field.from_layers(file.read(block))
            lines = _lines(field, file.grid.crop(row, 0, block.shape), spacing, row * width, factor, params)
            writer.writerows(lines)
            count += len(lines)
    return count


def _rate(params: PointsParams, provenance: Provenance) -> float | None:
    """Return units of velocity per metre; None where no time base is known."""
    if params.days is None and params.dates is None and provenance.days is None and provenance.secondary_date is None:
        return None
    return rate(params.velocity, params.velocity.period(provenance)[0])


def _lines(
    field: Field, grid: Grid, spacing: int, before: int, factor: float | None, params: PointsParams
) -> list[list[str]]:
    """Return the rows of the table for some rows of the field; ``before`` points lie above."""
    kept = field.measured if params.points == "measured" else np.isfinite(field.dx) & np.isfinite(field.dy)
    rows, cols = np.nonzero(kept)
    x, y = grid.xy(rows, cols)
    dx, dy = (component[kept].astype(np.float64) for component in (field.dx, field.dy))
    east = north = speed = np.full(len(rows), np.nan)
    if grid.crs is not None or params.pixel_size is not None:
        metres = metres_per_pixel(grid, spacing, params.pixel_size, params.distances)
        terms = [np.broadcast_to(term, field.shape)[kept] for term in vars(metres).values()]
        east, north = terms[0] * dx + terms[1] * dy, terms[2] * dx + terms[3] * dy
        speed = np.hypot(east, north) * (np.nan if factor is None else factor)
    columns = (x, y, dx, dy, east, north, np.hypot(east, north), speed, field.quality[kept])
    forms = (".10g", ".10g", ".4f", ".4f", ".5g", ".5g", ".5g", ".6g", ".4f")
    texts = [
        [format(value, form) if np.isfinite(value) else "" for value in column.tolist()]
        for column, form in zip(columns, forms, strict=True)
    ]
    numbers = (before + rows * grid.width + cols + 1).tolist()
    return [[str(number), *line] for number, *line in zip(numbers, *texts, strict=True)]
