"""Write a displacement file as numbered points with metres, velocity and probability."""

from __future__ import annotations

from sensetrack.velocity.points import PointsParams, points_file

from ._command import argument
from ._command import command as declare
from ._console import say
from ._generate import with_params
from ._options import Target, with_settings


@declare(
    "points",
    example="sensetrack points displacement.tif -o points.csv\n"
    "sensetrack points displacement.tif -o points.csv --units m/d --days 12 --pixel-size 10",
)
@argument("file", help="A displacement file, .tif or .nc.")
@with_settings("target", Target)
@with_params(PointsParams, "Parameters")
def command(file: str, target: Target, params: PointsParams) -> None:
    """Write a displacement file as a CSV of numbered points.

    Columns: point, x, y, dX and dY in pixels (right, down) and in metres (east, north), length in metres, velocity, and
    the probability of the match (the quality of trackers other than cnn). What is not known is left empty: metres
    without the size of a pixel, velocity without a time base. For velocity with errors there is the command `velocity`.
    """
    target.check((".csv",), [file])
    count = points_file(file, target.output, params, overwrite=target.overwrite)
    say(f"{target.output}: {count} points")
