"""Pass an image through image filters: high-pass, contrast, speckle, orientation, and more."""

from __future__ import annotations

from typing import Any

import click

from sensetrack.coregister.write import write_images
from sensetrack.params import read_mapping
from sensetrack.preprocess import describe, preprocess_image, preprocess_pair, registry
from sensetrack.raster.image import Image
from sensetrack.specs import image_filter_of

from ._command import argument, option
from ._command import command as declare
from ._console import percent, progress, say, say_rows
from ._options import BAND, NODATA, Computing, Target, with_option, with_settings
from ._plugins import parameter_notes


@declare(
    "preprocess",
    example="sensetrack preprocess 2020-01-31.tif -o sharp.tif --filter clahe --filter highpass:sigma=8\n"
    "sensetrack preprocess scene.tif -o grey.tif --filter bands:method=pca",
    notes=lambda: parameter_notes(registry, "--filter"),
)
@argument("image", help="Any raster that GDAL opens, or its URL.")
@with_settings("target", Target)
@option(
    "--filter",
    "specs",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    section="What to do",
    help="Pass through this image filter; repeat for several, the first one first.",
)
@option(
    "--params",
    "file",
    type=click.Path(),
    metavar="FILE",
    section="What to do",
    help="Read the filters from the list 'preprocess' of a YAML or JSON file, as trackers do; --filter wins over it.",
)
@option(
    "--like",
    type=click.Path(),
    metavar="FILE",
    section="What to do",
    help="The other image of a pair: what must mean the same in both (the component of the bands) is learnt there.",
)
@with_option(BAND)
@with_option(NODATA)
@with_settings("computing", Computing)
def command(
    image: str,
    target: Target,
    specs: tuple[str, ...],
    file: str | None,
    like: str | None,
    band: str | None,
    nodata: float | None,
    computing: Computing,
) -> None:
    """Pass an image through image filters.

    Invalid pixels never take part and never spread. The result is float32, or complex where a filter makes it so
    (orientation, gradient), with NaN where there is nothing. Trackers do the same on the way, without a file in
    between: --preprocess NAME.
    """
    texts: list[Any] = list(specs) or (read_mapping(file).get("preprocess") if file else None) or []
    if not texts:
        raise click.UsageError("name at least one image filter with --filter; 'sensetrack filters' lists them")
    filters = [image_filter_of(text) for text in texts]
    target.check((".tif", ".tiff"), [image, like])
    source = Image.open(image, band=band, nodata=nodata)
    if like is None:
        result = preprocess_image(source, filters)
    else:
        partner = Image.open(like, band=band, nodata=nodata)
        result = preprocess_pair(partner, source, filters)[1]
    steps = [describe(each) for each in filters]
    with computing.open() as engine, progress("filtering") as bar:
        share = write_images(
            [result],
            target.output,
            names=["filtered"],
            tags={"preprocess": "; ".join(steps)},
            engine=engine,
            progress=bar,
            overwrite=target.overwrite,
        )
    say(target.output)
    size = f"{source.grid.height} rows x {source.grid.width} columns"
    kind = "complex64" if result.is_complex else "float32"
    say_rows([("size", size), ("pixels", f"{kind}, {percent(share)} valid"), ("filters", "; ".join(steps))])
