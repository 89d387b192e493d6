"""Say what a file is: image, displacement or velocity, its grid, layers and statistics."""

from __future__ import annotations

import json
import math

import click

from sensetrack.info import FileInfo, LayerInfo, look_at, stac_item
from sensetrack.provenance import steps_of
from sensetrack.raster.grid import Grid, crs_name

from ._command import argument, option
from ._command import command as declare
from ._console import percent, say, say_rows, share_rows


@declare("info", example="sensetrack info displacement.tif\nsensetrack info scene.tif --json > scene.json")
@argument("file", help="Any raster that GDAL opens, a displacement file or a velocity file.")
@option("--json", "as_json", is_flag=True, section="Output", help="Print a STAC Item.")
def command(file: str, as_json: bool) -> None:
    """Say what a file is: its size, CRS, layers, dates, statistics and, for our own products, why pixels are empty."""
    info = look_at(file)
    if as_json:
        item = stac_item(info)
        click.echo(json.dumps(item, indent=2))
        if item["properties"]["datetime"] is None and "start_datetime" not in item["properties"]:
            click.echo(f"{file}: no acquisition time is known, so 'datetime' is null", err=True)
        return
    say(f"{info.path}: {info.kind}")
    say_rows([*_grid_rows(info.grid), *_pair_rows(info)])
    say()
    _say_layers(info)
    if info.flags is not None:
        say()
        say("Flags, share of all pixels (a pixel can carry several)")
        say_rows(share_rows(info.flags))
    if info.step > 1:
        say()
        say(f"Statistics come from a read decimated by {info.step} in both directions.")


def _grid_rows(grid: Grid) -> list[tuple[str, str]]:
    rows = [("size", f"{grid.height} rows x {grid.width} columns")]
    if not grid.is_georeferenced:
        return [*rows, ("CRS", "none: coordinates are pixels")]
    width, height = grid.pixel_size
    unit = " degrees" if grid.is_geographic else " m" if grid.crs and grid.crs.linear_units == "metre" else ""
    xmin, ymin, xmax, ymax = grid.bounds
    return [
        *rows,
        ("CRS", crs_name(grid.crs)),
        ("pixel", f"{width:.10g} x {height:.10g}{unit}"),
        ("extent", f"x {xmin:.10g} to {xmax:.10g}, y {ymin:.10g} to {ymax:.10g}"),
    ]


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
    rows += [("parameters", source.parameters)]
    rows += [("then", step) for step in source.history]
    return [(name, value) for name, value in rows if value not in ("", "{}")]


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
