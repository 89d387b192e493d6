"""List, show, check and run processing graphs of SNAP."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sensetrack.errors import OutputError, SensetrackError
from sensetrack.graph.check import SNAP_VERSIONS, check_graph, engines
from sensetrack.graph.draw import mermaid
from sensetrack.graph.model import Graph, shipped_graphs
from sensetrack.raster.write import atomic, check_target, refuse_same_file

from ._command import argument, group, option, subcommand
from ._console import say
from ._graph import Values, engine_text, graph_json, say_graph, say_problem
from ._graph_run import add_to as add_run_to
from ._graph_snap import add_to as add_snap
from ._options import with_settings

PICTURES = (".svg", ".png", ".pdf", ".mmd")
"""What graphs are drawn as; the last one is the text of Mermaid."""


@group(
    "graph",
    example="sensetrack graph list\n"
    "sensetrack graph show s1_grd_sigma0_db\n"
    "sensetrack graph show s1_grd_sigma0_db --xml > mine.xml\n"
    "sensetrack graph check mine.xml -P input=scene.zip -P output=out.tif",
)
def command() -> None:
    """Processing graphs: the XML files of SNAP's GPT, and those that come with this package.

    A graph is a chain of operators with their parameters. Take one that is shipped, or any that SNAP wrote.
    """


add_run_to(command)


@subcommand(command, "list", short_help="The graphs that are shipped", example="sensetrack graph list")
@option("--json", "as_json", is_flag=True, section="Output", help="Print everything as JSON.")
def list_graphs(as_json: bool) -> None:
    """List the graphs that are shipped, by the products that they take, and what can run them."""
    graphs = [Graph.read(name, strict=False) for name in shipped_graphs()]
    if as_json:
        click.echo(json.dumps([graph_json(graph) for graph in graphs], indent=2))
        return
    names = max(len(graph.name) for graph in graphs)
    runs = max(len(engine_text(graph)) for graph in graphs)
    by_sensor: dict[str, list[Graph]] = {}
    for graph in graphs:
        by_sensor.setdefault(graph.about.sensors, []).append(graph)
    for sensor in sorted(by_sensor):
        say(sensor)
        for graph in by_sensor[sensor]:
            say(f"  {graph.name:<{names}}  {engine_text(graph):<{runs}}  {graph.about.summary}".rstrip())


@subcommand(
    command,
    "show",
    short_help="Variables and nodes of a graph; its XML; a drawing",
    example="sensetrack graph show s1_slc_default\nsensetrack graph show mine.xml -o mine.svg",
)
@argument("graph", help="Name of a shipped graph, or an XML file.")
@with_settings("values", Values)
@option("--xml", "as_xml", is_flag=True, section="Output", help="Print the XML; with -P, with the values in it.")
@option("--json", "as_json", is_flag=True, section="Output", help="Print everything as JSON.")
@option(
    "-o",
    "--output",
    metavar="FILE",
    section="Output",
    help=f"Draw the graph: {', '.join(PICTURES)} (Mermaid text).",
)
@option("--overwrite", is_flag=True, section="Output", help="Replace the drawing if it exists.")
def show(graph: str, values: Values, as_xml: bool, as_json: bool, output: str | None, overwrite: bool) -> None:
    """Show what a graph does: its variables, its operators, and parameters that differ from their defaults.

    Nodes that only SNAP runs are marked, and have another colour in drawings.
    """
    if as_xml and as_json:
        raise click.UsageError("give --xml or --json, not both")
    read = values.read(graph, strict=False)
    for problem in read.problems:
        say_problem(graph, problem)
    if output is not None:
        _draw(read, output, overwrite)
    if as_xml:
        click.echo(read.encoded() if values.variables or values.sources else read.document.encode(), nl=False)
    elif as_json:
        click.echo(json.dumps(graph_json(read), indent=2))
    elif output is not None:
        say(output)
    else:
        say_graph(read)


@subcommand(
    command,
    "check",
    short_help="Everything that is wrong with a graph",
    example="sensetrack graph check mine.xml\nsensetrack graph check *.xml --snap-version 9",
)
@argument("graphs", nargs=-1, required=True, help="XML files, or names of shipped graphs.")
@with_settings("values", Values)
@option(
    "--snap-version",
    type=click.IntRange(SNAP_VERSIONS[0], SNAP_VERSIONS[-1]),
    metavar="N",
    section="Graph",
    help=f"Version of SNAP that has to know all parameters, {SNAP_VERSIONS[0]} to {SNAP_VERSIONS[-1]}.",
)
def check(graphs: tuple[str, ...], values: Values, snap_version: int | None) -> None:
    """Check graphs before they run: structure, operators, sources, parameters and their values.

    All that is wrong is said at once, with its line in the file; the exit status is then 1.
    """
    failed = False
    for name in graphs:
        try:
            graph, problems = check_graph(name, values.variables, values.sources, snap_version=snap_version)
        except SensetrackError as error:
            click.echo(f"error: {error}", err=True)
            failed = True
            continue
        for problem in problems:
            say_problem(name, problem)
        wrong = any(problem.level == "error" for problem in problems)
        failed |= wrong
        if not wrong:
            say(f"{name}: good, {len(graph.nodes)} nodes, runs in {', '.join(engines(graph))}")
    if failed:
        raise click.exceptions.Exit(1)


def _draw(graph: Graph, output: str, overwrite: bool) -> None:
    suffix = Path(output).suffix.lower()
    if suffix not in PICTURES:
        raise OutputError(f"{output}: graphs are drawn as {', '.join(PICTURES)}")
    refuse_same_file(output, [graph.path])
    check_target(output, overwrite=overwrite)
    if suffix == ".mmd":
        with atomic(output, overwrite=overwrite) as part:
            Path(part).write_text(mermaid(graph), encoding="utf-8")
        return
    from sensetrack.report.graph import draw_graph

    draw_graph(graph, output, overwrite=overwrite)


add_snap(command)
