"""Write one HTML page on a folder of results: maps to explore, numbers, reasons, provenance."""

from __future__ import annotations

import click

from sensetrack.report.html import report

from ._command import argument, option
from ._command import command as declare
from ._console import say
from ._options import Target, with_settings


@declare(
    "report",
    example="sensetrack report results -o report.html --stable rock.gpkg\n"
    "sensetrack report displacement.tif velocity.nc -o report.html",
)
@argument("source", nargs=-1, required=True, help="A folder, or displacement, velocity and truth files.")
@with_settings("target", Target)
@option(
    "--stable",
    type=click.Path(),
    metavar="FILE",
    section="What to show",
    help="Ground that does not move. [default: a file called 'stable' in the folder]",
)
@option(
    "--image",
    type=click.Path(),
    metavar="FILE",
    section="What to show",
    help="Backdrop of all maps. [default: the reference images, where they still are]",
)
@option("--title", section="What to show", help="Heading. [default: the dates, or the name of the folder]")
def command(source: tuple[str, ...], target: Target, stable: str | None, image: str | None, title: str | None) -> None:
    """Write one HTML page on results: maps to explore, numbers, why pixels are empty, and where it all comes from.

    The page needs no network and no other file.
    """
    target.check((".html",), [*source, stable, image])
    report(
        source[0] if len(source) == 1 else list(source),
        target.output,
        stable=stable,
        image=image,
        title=title,
        overwrite=target.overwrite,
    )
    say(target.output)
