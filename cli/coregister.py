"""Bring the later image onto the earlier one's grid and take out the shift that remains."""

from __future__ import annotations

import json
from typing import Any

import click

from sensetrack.align import align, align_file
from sensetrack.coregister.regrid import RegridParams, common_grid, open_bands, regrid_file
from sensetrack.coregister.resample import move
from sensetrack.coregister.shift import KINDS, ShiftModel
from sensetrack.errors import OutputError
from sensetrack.pair import ImagePair
from sensetrack.raster.grid import Grid, crs_name
from sensetrack.raster.image import Image
from sensetrack.raster.mask import AreaMask
from sensetrack.raster.write import check_target, refuse_same_file
from sensetrack.specs import image_filters_of, tracker_of

from ._command import argument, option
from ._command import command as declare
from ._console import progress, say, say_rows
from ._generate import with_params
from ._options import BAND, NODATA, Computing, with_option, with_settings


@declare(
    "coregister",
    example="sensetrack coregister earlier.tif later.tif -o later-on-earlier.tif --stable rock.gpkg\n"
    "sensetrack coregister earlier.tif later.tif --report-only --shift affine\n"
    "sensetrack coregister a.tif b.tif -o b-utm.tif --reference-output a-utm.tif --crs utm --resolution 10",
)
@argument("reference", help="The earlier image.")
@argument("secondary", help="The later image, in any CRS and pixel size.")
@option("-o", "--output", type=click.Path(), metavar="FILE", section="Output", help="The secondary on the grid: .tif.")
@option(
    "--reference-output",
    type=click.Path(),
    metavar="FILE",
    section="Output",
    help="Also write the reference on the grid, where that is not its own.",
)
@option("--overwrite", is_flag=True, section="Output", help="Replace outputs that exist.")
@option("--all-bands", is_flag=True, section="Output", help="Write every band, not only the one that is measured.")
@option("--report-only", is_flag=True, section="Output", help="Measure the shift and write nothing.")
@option("--json", "as_json", is_flag=True, section="Output", help="Print the shift as JSON, as --model reads it.")
@option(
    "--shift",
    type=click.Choice(["none", *KINDS]),
    default="shift",
    show_default=True,
    section="Shift",
    help="What is measured and taken out: nothing, a constant, an affine or a second-order polynomial shift.",
)
@option(
    "--stable",
    type=click.Path(),
    metavar="FILE",
    section="Shift",
    help="Where nothing moves: a raster (non-zero) or polygons. [default: what most of the image agrees on]",
)
@option("--invert-stable", is_flag=True, section="Shift", help="Nothing moves outside of it instead.")
@option(
    "--tracker",
    default="pcc",
    show_default=True,
    metavar="NAME[:KEY=VALUE,...]",
    section="Shift",
    help="What measures, such as pcc:window=128,search=40 for shifts of up to 40 px.",
)
@option(
    "--preprocess",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    section="Shift",
    help="Image filter that both images pass through before the shift is measured; what is written does not.",
)
@option(
    "--model",
    type=click.Path(),
    metavar="FILE",
    section="Shift",
    help="Take out this shift, from --json of another run, in place of measuring.",
)
@with_option(BAND)
@with_option(NODATA)
@with_params(RegridParams, "Grid and resampling")
@with_settings("computing", Computing)
@option("--device", default="auto", show_default=True, section="Computing", help="The tracker's, as for its command.")
def command(
    reference: str,
    secondary: str,
    output: str | None,
    reference_output: str | None,
    overwrite: bool,
    all_bands: bool,
    report_only: bool,
    as_json: bool,
    shift: str,
    stable: str | None,
    invert_stable: bool,
    tracker: str,
    preprocess: tuple[str, ...],
    model: str | None,
    band: str | None,
    nodata: float | None,
    params: RegridParams,
    computing: Computing,
    device: str,
) -> None:
    """Bring the later image onto the earlier one's grid and take out the shift that remains.

    The shift is measured with a tracker in some 2500 windows and fitted robustly, so that what moves does not count;
    grid and shift then change in one resampling. Pixels are written as float32, NaN where there is nothing.
    """
    _check(output, reference_output, overwrite, report_only, stable, invert_stable, [reference, secondary, stable])
    first, second = (Image.open(path, band=band, nodata=nodata) for path in (reference, secondary))
    grid = common_grid([first, second], params)
    pair = ImagePair(_on(first, grid, params), _on(second, grid, params))
    options: dict[str, Any] = {"device": device, "preprocess": image_filters_of(preprocess, band)}
    found: ShiftModel | None = None if model is None else ShiftModel.open(model)
    if shift != "none" and found is None:
        options |= {"kind": shift, "stable": None if stable is None else AreaMask.open(stable, inverse=invert_stable)}
        with computing.open() as engine, progress("measuring the shift") as bar:
            found = align(pair, tracker_of(tracker), engine=engine, progress=bar, **options)
    if output is not None and not report_only:
        bands = open_bands(secondary, "all", nodata=nodata) if all_bands else [second]
        with computing.open() as engine, progress("resampling") as bar:
            keywords: dict[str, Any] = {"engine": engine, "progress": bar, "overwrite": overwrite}
            if found is None:
                regrid_file(bands, grid, output, params.resampling, **keywords)
            else:
                align_file(pair, output, model=found, bands=bands, resampling=params.resampling, **keywords)
            if reference_output is not None:
                bands = open_bands(reference, "all", nodata=nodata) if all_bands else [first]
                regrid_file(bands, grid, reference_output, params.resampling, **keywords)
    if as_json:
        click.echo(found.to_json() if found is not None else json.dumps(None))
        return
    _say(found, grid, first.grid, None if report_only else output, reference_output)


def _on(image: Image, grid: Grid, params: RegridParams) -> Image:
    return image if image.grid.difference(grid) is None else move(image, grid, None, params.resampling)


def _check(
    output: str | None,
    reference_output: str | None,
    overwrite: bool,
    report_only: bool,
    stable: str | None,
    invert_stable: bool,
    inputs: list[str | None],
) -> None:
    if invert_stable and stable is None:
        raise click.UsageError("--invert-stable needs --stable FILE")
    if report_only:
        if output is not None or reference_output is not None:
            raise click.UsageError("--report-only writes nothing; leave it out, or leave out -o and --reference-output")
        return
    if output is None:
        raise click.UsageError("give -o FILE, or --report-only to measure the shift alone")
    for name in (output, reference_output):
        if name is not None:
            if not name.lower().endswith((".tif", ".tiff")):
                raise OutputError(f"{name}: images are written as .tif")
            refuse_same_file(name, inputs)
            check_target(name, overwrite=overwrite)


def _say(found: ShiftModel | None, grid: Grid, own: Grid, output: str | None, reference_output: str | None) -> None:
    if found is not None:
        say(found.summary())
        say(f"largest shift in the image: {found.largest(grid.shape):.3f} px")
    if output is None:
        return
    say(output)
    width, height = grid.pixel_size
    say_rows([("size", f"{grid.height} rows x {grid.width} columns"), ("CRS", crs_name(grid.crs))])
    say_rows([("pixel", f"{width:.10g} x {height:.10g}")] if grid.is_georeferenced else [])
    if reference_output is not None:
        say(reference_output)
    elif own.difference(grid):
        say("The grid is not the reference's own: write the reference on it too, with --reference-output FILE.")
