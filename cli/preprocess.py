"""Pass an image through image filters: high-pass, contrast, speckle, orientation, and more."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from sensetrack.coregister.write import write_images
from sensetrack.errors import ParameterError, did_you_mean
from sensetrack.params import read_mapping
from sensetrack.preprocess import describe, preprocess_image, preprocess_pair, registry
from sensetrack.provenance import steps_of
from sensetrack.raster.bands import names_of_bands
from sensetrack.raster.image import Image
from sensetrack.specs import image_filters_of

from ._command import argument, option
from ._command import command as declare
from ._console import busy, percent, progress, say, say_rows
from ._generate import dump_option, dumped
from ._options import BAND, NODATA, Computing, Target, with_option, with_settings
from ._plugins import parameter_notes

KEY = "preprocess"
"""Under which a parameter file lists image filters."""


@declare(
    "preprocess",
    example="sensetrack preprocess 2020-01-31.tif -o sharp.tif --filter clahe --filter highpass:sigma=8\n"
    "sensetrack preprocess scene.tif -o grey.tif --filter bands:method=pca\n"
    "sensetrack preprocess --filter lee:looks=4.4 --filter decibel --dump-params > sar.yaml\n"
    "sensetrack preprocess sigma0.tif -o calm.tif --params sar.yaml",
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
@with_option(dump_option("What to do"))
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
    chain = list(specs) or _chain_of(file)
    filters = image_filters_of(chain, band)
    if not filters:
        raise click.UsageError("name at least one image filter with --filter; 'sensetrack filters' lists them")
    if dumped(None, {KEY: ("Image filters, the first one first.", chain)}):
        return
    target.check((".tif", ".tiff"), [image, like])
    source = Image.open(image, band=band, nodata=nodata)
    start = time.perf_counter()
    with busy("learning of the image"):
        if like is None:
            result = preprocess_image(source, filters)
        else:
            result = preprocess_pair(Image.open(like, band=band, nodata=nodata), source, filters)[1]
    steps = [describe(each) for each in filters]
    with computing.open() as engine, progress("filtering") as bar:
        share = write_images(
            [result],
            target.output,
            names=["filtered"],
            tags={KEY: json.dumps([*steps_of(source.metadata), *steps])},
            engine=engine,
            progress=bar,
            overwrite=target.overwrite,
        )
    seconds = time.perf_counter() - start
    say(target.output)
    kind = "complex64" if result.is_complex else "float32"
    rows = [
        ("size", f"{source.grid.height} rows x {source.grid.width} columns"),
        ("pixels", f"{kind}, {percent(share)} valid"),
        *(("filter", step) for step in steps),
        *(_band_rows(result) if any(each.is_first for each in filters) else ()),
        ("time", f"{seconds:.1f} s"),
    ]
    say_rows(rows)


def _chain_of(file: str | None) -> list[Any]:
    """Return the list of image filters of a parameter file, which may hold a tracker's parameters as well."""
    if file is None:
        return []
    content = read_mapping(file)
    if KEY not in content:
        raise ParameterError(f"{file}: lists no image filters under '{KEY}'{did_you_mean(KEY, content)}")
    chain = content[KEY]
    return list(chain) if isinstance(chain, list) else [chain]


def _band_rows(result: Image) -> list[tuple[str, str]]:
    """Say which bands were read, where a filter has chosen them."""
    names = names_of_bands(result)
    weights = result.weights or (1.0,) * len(result.bands)
    parts = [f"{weight:.3g} x {names[band] or band}" for band, weight in zip(result.bands, weights, strict=True)]
    return [("bands", " + ".join(parts).replace("+ -", "- "))]
