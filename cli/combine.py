"""Combine velocities or series of several views into motion towards east, north and up."""

from __future__ import annotations

import click

from sensetrack.info import Statistics, flag_array, usable_mask
from sensetrack.raster.layers import SUFFIXES
from sensetrack.raster.sample import open_sample
from sensetrack.timeseries.params import CombineParams

from ._command import command as declare
from ._command import option
from ._console import percent, progress, say, say_rows
from ._generate import with_params
from ._options import Computing, Target, with_settings

RADAR = "terrain-corrected radar images of one track: velocity file or series, incidence angle, direction of flight"


@declare(
    "combine",
    example="sensetrack combine -o enu.nc --radar asc.nc 39 -12 --radar desc.nc 39 192 --optical s2.nc --dem dem.tif\n"
    "sensetrack combine -o enu.tif --radar asc.nc incidence.tif -12 --optical series.nc --slope-window 300",
)
@option(
    "--radar",
    nargs=3,
    type=(click.Path(), str, str),
    multiple=True,
    metavar="FILE INCIDENCE HEADING",
    section="Views",
    help=f"View from {RADAR}. Degrees from the vertical and clockwise from north, or rasters of them. Repeat for "
    "several.",
)
@option(
    "--left-radar",
    nargs=3,
    type=(click.Path(), str, str),
    multiple=True,
    metavar="FILE INCIDENCE HEADING",
    section="Views",
    help="The same of a radar that looks to the left of its flight.",
)
@option(
    "--optical",
    type=click.Path(),
    multiple=True,
    metavar="FILE",
    section="Views",
    help="View from orthorectified optical images: velocity file or series. Repeat for several.",
)
@option(
    "--dem",
    type=click.Path(),
    metavar="FILE",
    section="Ground",
    help="Elevation model, in any CRS. [default: the ground is level, as for images brought onto the ellipsoid]",
)
@with_settings("target", Target)
@with_params(CombineParams, "Parameters")
@with_settings("computing", Computing)
def command(
    radar: tuple[tuple[str, str, str], ...],
    left_radar: tuple[tuple[str, str, str], ...],
    optical: tuple[str, ...],
    dem: str | None,
    target: Target,
    params: CombineParams,
    computing: Computing,
) -> None:
    """Combine velocities or series of several views into motion towards true east, true north and up, with errors.

    Two radar views of different directions, or one and optical images, determine all three. Files of `sensetrack
    velocity`, ITS_LIVE pairs and series (their means) take part; all lie on one grid and saw about the same time.
    Radar images were corrected for terrain, so that motion along the ground shows as it is, and motion off the ground
    as a shift along range.
    """
    from sensetrack.timeseries.combine import combine_files
    from sensetrack.timeseries.views import OpticalView, RadarView, view_text

    if not (radar or left_radar or optical):
        raise click.UsageError("give views: --radar FILE INCIDENCE HEADING, --optical FILE")
    views: list[RadarView | OpticalView] = [
        RadarView(file, _angle(incidence), _angle(heading), right)
        for given, right in ((radar, True), (left_radar, False))
        for file, incidence, heading in given
    ]
    views += [OpticalView(file) for file in optical]
    suffix = target.check(SUFFIXES, [dem])
    with computing.open() as engine, progress("combining") as report:
        found = combine_files(
            views, target.output, params, dem=dem, engine=engine, progress=report, overwrite=target.overwrite
        )
    say(target.output)
    rows = [(str(view["file"]), view_text(view)) for view in found.views]
    say_rows(
        [(name, f"{text}; used {percent(n / found.pixels)}") for (name, text), n in zip(rows, found.used, strict=True)]
    )
    rows = [("ground", f"slope from {dem}" if dem is not None else "taken to be level (--dem FILE gives its slope)")]
    rows.append(("determined", percent(found.determined / found.pixels)))
    rows += [(name.replace("_", " "), percent(count / found.pixels)) for name, count in found.left_out.items()]
    say_rows([*rows, *(_motion_rows(target.output, found.units) if suffix in (".nc", ".tif", ".tiff") else [])])


def _angle(text: str) -> float | str:
    """Return degrees, or the name of a raster of them."""
    try:
        return float(text)
    except ValueError:
        return text


def _motion_rows(path: str, units: str) -> list[tuple[str, str]]:
    """Return the median of each component and of its error, and the misfit."""
    file = open_sample(path)
    usable = usable_mask(flag_array(file.read("flags")[0]))

    def median(name: str) -> float:
        values, valid = file.read(name)
        return Statistics.of(values, valid & usable).median

    rows = [
        (name, f"median {median(f'v_{name}'):+.4g}, error {median(f'v_{name}_error'):.2g} {units}")
        for name in ("east", "north", "up")
    ]
    return [*rows, ("misfit", f"median {median('misfit'):.2f} of the errors")]
