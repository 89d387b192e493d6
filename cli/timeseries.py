"""Invert overlapping pairs into a time series per pixel, with errors, trend, yearly cycle and alerts."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from sensetrack.timeseries.params import SeriesParams

from ._command import argument, option
from ._command import command as declare
from ._console import percent, progress, say, say_rows
from ._generate import with_params
from ._options import Computing, with_settings


@declare(
    "timeseries",
    example="sensetrack timeseries pairs/*/velocity.nc -o series.nc\n"
    "sensetrack timeseries pairs/*.nc -o series.zarr --smoothness 50 --window 30",
)
@argument("files", nargs=-1, required=True, help="Velocity files of pairs on one grid, ours or ITS_LIVE pairs.")
@option(
    "-o", "--output", required=True, type=click.Path(), metavar="FILE", section="Output", help="Cube: .nc or .zarr."
)
@option("--overwrite", is_flag=True, section="Output", help="Replace the output if it exists.")
@with_params(SeriesParams, "Series")
@with_settings("computing", Computing)
def command(files: tuple[str, ...], output: str, overwrite: bool, params: SeriesParams, computing: Computing) -> None:
    """Invert overlapping pairs into a time series per pixel, with errors.

    Pairs that disagree with the others count less. The cube holds velocities between dates, displacement since the
    first date, mean, trend, yearly cycle and alerts.
    """
    from sensetrack.timeseries.stream import series_file

    with computing.open() as engine, progress("blocks") as report:
        header = series_file(files, output, params, engine=engine, progress=report, overwrite=overwrite)
    say(output)
    values = header.pair_values
    bad = int(np.count_nonzero(values["pair_weight"] < 0.5))
    closure = values["pair_closure"][np.isfinite(values["pair_closure"])]
    rows = [
        ("dates", f"{len(header.dates)}, {header.dates[0]:%Y-%m-%d} to {header.dates[-1]:%Y-%m-%d}"),
        ("pairs", f"{len(header.pairs)}, {bad} of them mostly rejected"),
        ("values", percent(float(np.mean(values["pair_share"])))),
    ]
    if closure.size:
        rows.append(("closure", f"{np.median(closure):.2f} of its error (1.18 where stated errors hold)"))
    say_rows(rows)
    for index in np.argsort(values["pair_weight"])[:bad]:
        first, second = header.pair_names[index]
        say_rows(
            [("rejected", f"{Path(first).name} to {Path(second).name}: {percent(values['pair_rejected'][index])}")]
        )
