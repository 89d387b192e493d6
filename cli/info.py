"""Say what a file is: image, displacement or velocity, its grid, layers and statistics."""

from __future__ import annotations

import json
import math
from typing import Any

import click

from sensetrack.errors import InputError, OutputError
from sensetrack.info import (
    FileInfo,
    LayerInfo,
    look_at,
    product_item,
    stac_item,
    write_footprint,
    write_quicklook,
)
from sensetrack.provenance import steps_of
from sensetrack.raster.image import Image
from sensetrack.raster.write import check_target, refuse_same_file
from sensetrack.sensors import product_at

from ._command import argument, option
from ._command import command as declare
from ._console import percent, say, say_rows, share_rows
from ._product import grid_rows, say_product


@declare("info", example="sensetrack info displacement.tif\nsensetrack info scene.tif --json > scene.json")
@argument("file", help="A product of a sensor, any raster that GDAL opens, a displacement file or a velocity file.")
@option("--json", "as_json", is_flag=True, section="Output", help="Print a STAC Item.")
@option("--quicklook", type=click.Path(), metavar="FILE", section="Output", help="Also draw a small picture, .png.")
@option(
    "--footprint",
    type=click.Path(),
    metavar="FILE",
    section="Output",
    help="Also write its outline, .gpkg or .geojson.",
)
@option("--overwrite", is_flag=True, section="Output", help="Replace the picture or the outline if it exists.")
def command(file: str, as_json: bool, quicklook: str | None, footprint: str | None, overwrite: bool) -> None:
    """Say what a file is: a product with its bands, orbit and angles, or a raster with its layers and statistics.

    Of a product (Sentinel-1, Sentinel-2, Landsat, ...; folder, archive or metadata file) only the metadata are read.
    Of our own displacement and velocity files it also says why pixels are empty.
    """
    if quicklook is not None:
        if not quicklook.lower().endswith(".png"):
            raise OutputError(f"{quicklook}: quicklooks are written as .png")
        check_target(quicklook, overwrite=overwrite)
        refuse_same_file(quicklook, [file])
    product = product_at(file)
    if quicklook is not None:
        write_quicklook(Image.open(file) if product is None else product, quicklook, overwrite=overwrite)
    if footprint is not None:
        if product is None:
            raise InputError(f"{file}: is no product of a sensor, so it states no outline; leave out --footprint")
        refuse_same_file(footprint, [file])
        write_footprint(product, footprint, overwrite=overwrite)
    if product is not None:
        if as_json:
            _print_item(file, product_item(product))
        else:
            say_product(product)
        return
    info = look_at(file)
    if as_json:
        _print_item(file, stac_item(info))
        return
    _say_file(info)


def _print_item(file: str, item: dict[str, Any]) -> None:
    click.echo(json.dumps(item, indent=2))
    if item["properties"]["datetime"] is None and "start_datetime" not in item["properties"]:
        click.echo(f"{file}: no acquisition time is known, so 'datetime' is null", err=True)


def _say_file(info: FileInfo) -> None:
    say(f"{info.path}: {info.kind}")
    say_rows([*grid_rows(info.grid), *_pair_rows(info)])
    say()
    _say_layers(info)
    if info.flags is not None:
        say()
        say("Flags, share of all pixels (a pixel can carry several)")
        say_rows(share_rows(info.flags))
    if info.step > 1:
        say()
        say(f"Statistics come from a read decimated by {info.step} in both directions.")


def _pair_rows(info: FileInfo) -> list[tuple[str, str]]:
    source = info.provenance
    if source is None:
        rows = [("acquired", f"{info.start:%Y-%m-%d %H:%M:%S} UTC")] if info.start else []
        return rows + [("preprocess", step) for step in steps_of(info.tags)]
    rows = [("tracker", source.tracker), ("reference", source.reference), ("secondary", source.secondary)]
    if info.start and info.end:
        rows.append(("dates", f"{info.start:%Y-%m-%d} to {info.end:%Y-%m-%d}"))
    if info.days is not None:
        rows.append(("days", f"{info.days:.10g}"))
    if "spacing" in info.tags:
        rows.append(("spacing", f"{info.tags['spacing']} input pixels"))
    rows += [("preprocess", step) for step in source.preprocess]
    rows += _view_rows(info)
    rows += [("parameters", source.parameters)]
    rows += [("then", step) for step in source.history]
    return [(name, value) for name, value in rows if value not in ("", "{}")]


def _view_rows(info: FileInfo) -> list[tuple[str, str]]:
    """Return the views that a file of `combine` was made from."""
    if "views" not in info.tags:
        return []
    from sensetrack.timeseries.views import view_text

    return [("view", f"{view['file']}: {view_text(view)}") for view in json.loads(info.tags["views"])]


def _say_layers(info: FileInfo) -> None:
    """Print one aligned line of statistics per layer."""
    heads = ("layer", "type", "unit", "valid", "min", "median", "mean", "max", "std")
    table = [heads, *(_layer_cells(layer) for layer in info.layers if layer.name != "flags")]
    widths = [max(len(row[column]) for row in table) for column in range(len(heads))]
    for row in table:
        texts = [f"{cell:<{width}}" for cell, width in zip(row[:3], widths[:3], strict=True)]
        numbers = [f"{cell:>{width}}" for cell, width in zip(row[3:], widths[3:], strict=True)]
        say("  " + "  ".join([*texts, *numbers]).rstrip())


def _layer_cells(layer: LayerInfo) -> tuple[str, ...]:
    values = layer.statistics
    numbers = (values.minimum, values.median, values.mean, values.maximum, values.std)
    texts = ("-" if math.isnan(number) else f"{number:.4g}" for number in numbers)
    return layer.name, layer.dtype, layer.unit, percent(values.share), *texts
