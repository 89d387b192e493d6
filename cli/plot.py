"""Draw a displacement or velocity file as a map, its flags or a histogram."""

from __future__ import annotations

import click

from sensetrack.report.plot import FIGURES, plot_file

from ._command import argument, option
from ._command import command as declare
from ._console import say
from ._options import Target, with_settings


@declare(
    "plot",
    example="sensetrack plot velocity.nc -o speed.png\n"
    "sensetrack plot displacement.tif -o overview.pdf --layer overview\n"
    "sensetrack plot displacement.tif -o scatter.png --layer histogram --stable rock.gpkg",
)
@argument("file", help="A displacement, velocity or truth file, .tif or .nc.")
@with_settings("target", Target)
@option(
    "--layer",
    metavar="NAME",
    section="What to draw",
    help=f"A layer of the file, 'length', 'sigma', or one of {', '.join(FIGURES)}. "
    "[default: the speed, or both components of a displacement]",
)
@option(
    "--image",
    type=click.Path(),
    metavar="FILE",
    section="What to draw",
    help="Grey backdrop, in any CRS. [default: the reference image, where it still is]",
)
@option("--no-image", is_flag=True, section="What to draw", help="Draw no backdrop.")
@option("--arrows/--no-arrows", default=True, section="What to draw", help="Arrows on maps of the speed.")
@option("--stable", type=click.Path(), metavar="FILE", section="What to draw", help="Stable ground, for the histogram.")
@option(
    "--limits", nargs=2, type=float, default=None, metavar="LOW HIGH", section="Look", help="Limits of the colours."
)
@option(
    "--opacity",
    type=click.FloatRange(0, 1),
    default=None,
    metavar="X",
    section="Look",
    help="Of the layer over the backdrop.",
)
@option("--title", section="Look", help="Heading. [default: dates, days and tracker]")
@option(
    "--dpi",
    type=click.FloatRange(20, 1200),
    default=150.0,
    show_default=True,
    metavar="N",
    section="Look",
    help="Dots per inch.",
)
def command(
    file: str,
    target: Target,
    layer: str | None,
    image: str | None,
    no_image: bool,
    arrows: bool,
    stable: str | None,
    limits: tuple[float, float] | None,
    opacity: float | None,
    title: str | None,
    dpi: float,
) -> None:
    """Draw a displacement or velocity file: maps over the image, flags, or histograms of stable ground.

    The suffix of the output chooses its format: .png, .pdf or .svg.
    """
    if no_image and image is not None:
        raise click.UsageError("give --image or --no-image, not both")
    target.check((".png", ".pdf", ".svg"), [file, image, stable])
    plot_file(
        file,
        target.output,
        image=image,
        use_image=not no_image,
        layer=layer,
        arrows=arrows,
        stable=stable,
        limits=limits,
        title=title,
        dpi=dpi,
        overwrite=target.overwrite,
        **({} if opacity is None else {"opacity": opacity}),
    )
    say(target.output)
