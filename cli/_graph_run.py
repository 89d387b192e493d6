"""The command ``run`` of the group ``graph``."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sensetrack.errors import OutputError
from sensetrack.raster.write import check_target

from ._command import argument, option
from ._command import command as declare
from ._console import percent, say, stages
from ._graph import Values
from ._options import with_settings

if TYPE_CHECKING:
    from sensetrack.graph.model import Graph
    from sensetrack.graph.native import Outcome

OUTPUT = "output"
"""Variable that graphs use for the file that they write."""


def add_to(group: click.Group) -> None:
    """Add the command to a group."""
    group.add_command(command)


@declare(
    "run",
    short_help="Run a graph, without SNAP or in it",
    example="sensetrack graph run s2_l2a_default -P input=S2A_MSIL2A.SAFE -o bands.tif\n"
    "sensetrack graph run mine.xml -P input=scene.zip -P output=out.tif --engine gpt\n"
    "sensetrack graph run chain.xml -S sourceProduct=scene.tif -o out.tif --workers 2",
)
@argument("graph", help="Name of a shipped graph, or an XML file.")
@with_settings("values", Values)
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    section="Output",
    help="File to write, .tif or .nc: the variable 'output' of a graph that has one, else the result of the last node "
    "of a graph without Write.",
)
@option("--overwrite", is_flag=True, section="Output", help="Replace outputs that exist.")
@option(
    "--engine",
    type=click.Choice(["auto", "native", "gpt"]),
    default="auto",
    show_default=True,
    section="Computing",
    help="What runs the graph: this package alone (native), SNAP (gpt), or the first of both that can. Unlike in other "
    "commands; blocks of pixels always run on threads here, see --workers and --scheduler.",
)
@option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    section="Computing",
    help="Threads; tiles at a time in SNAP. [default: one per core]",
)
@option(
    "--scheduler",
    metavar="ADDRESS",
    section="Computing",
    help="Run blocks on a Dask scheduler, such as tcp://host:8786; native only.",
)
@option(
    "--orbits",
    type=click.Path(path_type=Path),
    metavar="PATH",
    section="Data",
    help="Folder of orbit files, or one of them, for Apply-Orbit-File; native only.",
)
@option(
    "--geoid",
    type=click.Path(path_type=Path),
    metavar="FILE",
    section="Data",
    help="Raster with heights of the geoid above the ellipsoid, in m, for terrain corrections; native only.",
)
@option(
    "--download/--no-download",
    default=False,
    show_default=True,
    section="Data",
    help="Fetch orbit files and elevation models that are not there; native only, SNAP does as it is set up.",
)
@option(
    "--gpt",
    type=click.Path(path_type=Path),
    metavar="PATH",
    section="SNAP",
    help="gpt or the folder of SNAP, in place of looking for it.",
)
@option("--memory", metavar="SIZE", section="SNAP", help="Heap of Java, such as 12G. [default: as SNAP is set up]")
@option(
    "--drop-unknown",
    is_flag=True,
    section="SNAP",
    help="Leave out parameters that this version of SNAP does not know, and say which.",
)
@option(
    "--log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    section="SNAP",
    help="Where to keep all that SNAP says. [default: beside the output, with .gpt.log behind its name]",
)
def command(graph: str, values: Values, output: Path | None, **options: Any) -> None:
    """Run a graph and write what its Write nodes say, without SNAP where all its operators are known here.

    Everything is checked before: parameters, files to read and to write. -v names the nodes as they are applied.
    """
    read, rest = _read(graph, values, output)
    for outcome in _run(read, rest, options):
        share = "" if math.isnan(outcome.valid) else f": {percent(outcome.valid)} of pixels valid"
        say(f"{outcome.path}{share}")


def _read(name: str, values: Values, output: Path | None) -> tuple[Graph, Path | None]:
    """Return the graph, and the output where it is not a variable of the graph."""
    if output is None or OUTPUT in values.variables:
        return values.read(name), output
    from sensetrack.graph.variables import placeholders

    if OUTPUT not in placeholders(values.read(name, strict=False).original):
        return values.read(name), output
    filled = Values(variables={**values.variables, OUTPUT: str(output)}, sources=values.sources)
    return filled.read(name), None


def _run(graph: Graph, output: Path | None, options: dict[str, Any]) -> list[Outcome]:
    from sensetrack.engine import open_engine
    from sensetrack.graph.operators._base import Context
    from sensetrack.graph.run import run_graph
    from sensetrack.graph.snap import GptSettings

    if output is not None and output.is_dir():
        raise OutputError(f"{output}: is a folder; name a file")
    if output is not None and output.parent.is_dir():
        check_target(output, overwrite=options["overwrite"])
    workers, scheduler = options["workers"], options["scheduler"]
    with contextlib.ExitStack() as stack:
        kind = "threads" if scheduler is None else "dask"
        context = Context(
            orbits=options["orbits"],
            geoid=options["geoid"],
            download=options["download"],
            engine=stack.enter_context(open_engine(kind, workers, scheduler)),
            overwrite=options["overwrite"],
        )
        report = stack.enter_context(stages())
        return run_graph(
            graph,
            engine=options["engine"],
            context=context,
            output=output,
            report=report,
            gpt=options["gpt"],
            settings=GptSettings(memory=options["memory"], parallelism=workers, drop_unknown=options["drop_unknown"]),
            log=options["log"],
        )
