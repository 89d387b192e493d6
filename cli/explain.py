"""Say why one pixel of a displacement is what it is: both windows, the correlation, the flags."""

from __future__ import annotations

import click

from sensetrack.report.explain import explain

from ._command import argument, option
from ._command import command as declare
from ._console import say


@declare(
    "explain",
    example="sensetrack explain displacement.tif 54 38 -o why.png\n"
    "sensetrack explain displacement.tif 600150 5189300 --map",
    context_settings={"ignore_unknown_options": True},
)
@argument("file", help="A displacement file, .tif or .nc.")
@argument("col", type=float, help="Column of the pixel, from 0 at the left (with --map: x).")
@argument("row", type=float, help="Row of the pixel, from 0 at the top (with --map: y).")
@option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="FILE",
    section="Output",
    help="Picture to draw: .png, .pdf or .svg. [default: text only]",
)
@option("--overwrite", is_flag=True, section="Output", help="Replace the output if it exists.")
@option("--map", "map_coordinates", is_flag=True, section="Input", help="The place is given as x and y of the CRS.")
@option(
    "--reference",
    type=click.Path(),
    metavar="FILE",
    section="Input",
    help="The earlier image. [default: where the file says]",
)
@option(
    "--secondary",
    type=click.Path(),
    metavar="FILE",
    section="Input",
    help="The later image. [default: where the file says]",
)
@option("--band", metavar="B", section="Input", help="Band of the images, as it was tracked.")
@option(
    "--window",
    type=click.IntRange(min=8),
    metavar="N",
    section="Input",
    help="Side of the windows to show, in pixels. [default: the tracker's]",
)
def command(
    file: str,
    col: float,
    row: float,
    output: str | None,
    overwrite: bool,
    map_coordinates: bool,
    reference: str | None,
    secondary: str | None,
    band: str | None,
    window: int | None,
) -> None:
    """Say why one pixel of a displacement is what it is.

    Its values and flags in words, how well both windows correlate, and what its neighbours say; with -o also as a
    picture.
    """
    found = explain(
        file,
        col,
        row,
        output,
        map_coordinates=map_coordinates,
        reference=reference,
        secondary=secondary,
        band=band,
        window=window,
        overwrite=overwrite,
    )
    say(str(found))
    if output is not None:
        say(output)
