"""Compare a time series with surveyed points: stakes with GNSS, total stations, corner reflectors."""

from __future__ import annotations

import numpy as np

from ._command import argument
from ._command import command as declare
from ._console import percent, say, say_rows
from ._options import Target, with_settings


@declare(
    "stakes",
    example="sensetrack timeseries pairs/*.nc -o series.nc\nsensetrack stakes series.nc points.csv -o comparison.csv",
)
@argument("series", help="Cube of `sensetrack timeseries`, .nc or .zarr.")
@argument("points", help="CSV with the columns name,x,y,date,east,north: CRS of the cube, metres.")
@with_settings("target", Target)
def command(series: str, points: str, target: Target) -> None:
    """Compare a time series with surveyed points, over the time between their first and last survey in it.

    x, y is where a point was at first, in the CRS of the cube; east and north are metres from any origin. The table has
    a row for each point and axis: metres surveyed, those of the pixel around it, and the error that the series states.
    """
    from sensetrack.timeseries.stakes import stakes_file

    target.check((".csv",), [series, points])
    found = stakes_file(series, points, target.output, overwrite=target.overwrite)
    misses = np.array([row.series - row.surveyed for row in found])
    errors = np.array([row.error for row in found])
    spread = 1.4826 * float(np.median(np.abs(misses - np.median(misses))))
    say(f"{target.output}: {len({row.name for row in found})} points")
    say_rows(
        [
            ("difference", f"median {np.median(misses):+.2f} m, spread {spread:.2f} m"),
            ("stated errors", f"median {np.median(errors):.2f} m"),
            ("within one", f"{percent(float(np.mean(np.abs(misses) < errors)))}, 68 % expected"),
        ]
    )
