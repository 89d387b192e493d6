"""Bring scenes of any sensors onto one grid, as tiles that every tracker takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sensetrack.errors import ParameterError
from sensetrack.prepare import Prepared, PrepareParams, Surroundings, plan
from sensetrack.prepare import prepare as run
from sensetrack.raster.grid import crs_name

from ._command import argument, option
from ._command import command as declare
from ._console import percent, progress, say, say_rows
from ._errors import FAILED
from ._generate import with_params
from ._options import Computing, with_settings


@declare(
    "prepare",
    example="sensetrack prepare S1A_*.zip -o prepared --aoi 10.5,46.7,10.9,46.9 --resolution 10 --download\n"
    "sensetrack prepare scenes/* -o prepared --graph sentinel1=my-graph.xml --aoi valley.gpkg -P demFile=dem.tif\n"
    "sensetrack adaptive-lk prepared/EARLIER.vrt prepared/LATER.vrt -o D.tif",
)
@argument("scenes", nargs=-1, required=True, help="Products of any sensors, or rasters on a map.")
@option(
    "-o",
    "--output",
    required=True,
    type=click.Path(),
    metavar="DIR",
    section="Output",
    help="Folder for the tiles, one .vrt per scene, index.gpkg and manifest.json.",
)
@option("--overwrite", is_flag=True, section="Output", help="Make again what is there; else it is kept and gone on.")
@option("--plan", "only_plan", is_flag=True, section="Output", help="Say what would be done, and do nothing.")
@option(
    "--checksums/--no-checksums",
    default=True,
    section="Output",
    help="Put the SHA-256 of the inputs into the manifest.",
)
@with_params(PrepareParams, "Graph and grid")
@option(
    "-P",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    section="Graph and grid",
    help="Set a variable of the graphs; repeat for several. 'sensetrack graph show NAME' lists them.",
)
@option(
    "--graph-engine",
    type=click.Choice(["auto", "native", "gpt"]),
    default="auto",
    show_default=True,
    section="Graph and grid",
    help="What runs the graphs: auto takes SNAP only for what this package cannot do itself.",
)
@option("--orbits", type=click.Path(), metavar="DIR", section="Geometry", help="Folder, or file, with orbits (EOF).")
@option("--geoid", type=click.Path(), metavar="FILE", section="Geometry", help="Raster of the EGM96 geoid.")
@option(
    "--download/--no-download",
    default=False,
    section="Geometry",
    help="Download orbits and elevation models that are not there.",
)
@with_settings("computing", Computing)
def command(
    scenes: tuple[str, ...],
    output: str,
    overwrite: bool,
    only_plan: bool,
    checksums: bool,
    params: PrepareParams,
    variables: tuple[str, ...],
    graph_engine: Any,
    orbits: str | None,
    geoid: str | None,
    download: bool,
    computing: Computing,
) -> None:
    """Bring scenes of any sensors onto one grid, as tiles that every tracker takes.

    Each scene goes through a processing graph, or its sensor's reader, that suits its kind; pixel edges of the grid lie
    on multiples of the resolution, so that what is made at different times fits together. Scenes run in parallel. A
    run that was stopped goes on where it was, and a scene that fails stops no other.
    """
    around = Surroundings(
        engine=graph_engine,
        variables=dict(_split(text) for text in variables),
        orbits=None if orbits is None else Path(orbits),
        geoid=None if geoid is None else Path(geoid),
        download=download,
        checksums=checksums,
        overwrite=overwrite,
    )
    if only_plan:
        _say_plan(scenes, output, params, around)
        return
    with computing.open() as engine, progress("scenes" if len(scenes) > 1 else "tiles") as report:
        results = run(scenes, output, params, around, engine=engine, progress=report)
    _say_results(results, output)


def _split(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ParameterError(f"-P {text}: write NAME=VALUE")
    return name, value


def _say_plan(scenes: tuple[str, ...], output: str, params: PrepareParams, around: Surroundings) -> None:
    planned = plan(scenes, output, params, around)
    grid = planned.grid
    across = -(-grid.height // params.tile_size) * -(-grid.width // params.tile_size)
    say_rows(
        [
            ("grid", f"{grid.height} rows x {grid.width} columns of {grid.pixel_size[0]:g} in {crs_name(grid.crs)}"),
            ("tiles", f"{across} per scene, of up to {params.tile_size} pixels"),
        ]
    )
    for job in planned.jobs:
        say(job.scene.name)
        rows = [("sensor", job.scene.sensor or "plain raster"), ("graph", f"{job.recipe.name} ({job.recipe.engine})")]
        say_rows([*rows, *((f"-P {name}", value) for name, value in job.recipe.variables.items())])


def _say_results(results: list[Prepared], output: str) -> None:
    for each in results:
        if each.record is None:
            continue
        tiles = [tile for tile in each.record.tiles if tile.file]
        kept = f", {each.reused} of them kept" if each.reused else ""
        say(str(each.path))
        say_rows(
            [
                ("graph", f"{each.record.graph} ({each.record.engine})"),
                ("bands", ", ".join(each.record.bands)),
                ("tiles", f"{len(tiles)}{kept}, {percent(each.record.valid)} valid"),
            ]
        )
    if any(each.record for each in results):
        say(str(Path(output) / "manifest.json"))
        say(str(Path(output) / "index.gpkg"))
    failed = [each for each in results if each.record is None]
    for each in failed:
        named = each.reason.startswith(each.scene)
        click.echo(f"Error: {'' if named else each.scene + ': '}{each.reason}", err=True)
    if failed:
        raise click.exceptions.Exit(FAILED)
