"""Runs graphs without SNAP: applies operators in their order, and then writes what they make, block by block."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sensetrack.errors import GraphError, GridError, InputError, OutputError, ParameterError
from sensetrack.graph.check import check, needs_snap
from sensetrack.graph.model import Graph
from sensetrack.graph.node import Node
from sensetrack.graph.operators._base import Context, Operator, Sources
from sensetrack.graph.operators.io import ProductSetReader, Read, Write
from sensetrack.graph.output import GEOTIFF, target_of, write_scene
from sensetrack.graph.problem import raise_first
from sensetrack.graph.reading import read_scene
from sensetrack.graph.scene import Scene
from sensetrack.graph.source import cached
from sensetrack.log import logger
from sensetrack.raster.remote import is_url
from sensetrack.raster.write import check_target, refuse_same_file

_log = logger(__name__)

Report = Callable[[str, int, int], None]
"""Called with the id of the node that writes, and its blocks done and in all."""


@dataclass(frozen=True)
class Outcome:
    """A file that a graph made.

    Attributes
    ----------
    node : str
        Id of the node that wrote it, or whose result it holds.
    path : Path
    valid : float
        Share of valid pixels, of all bands.
    """

    node: str
    path: Path
    valid: float


@dataclass(frozen=True)
class _Target:
    """A file to write."""

    node: str
    path: Path
    format_name: str


def check_native(graph: Graph) -> dict[str, Operator]:
    """Return the operators of a graph by node, once everything that can be known without its files is right.

    Raises
    ------
    GraphError
        Something is wrong with a node, or only SNAP can run some; all of those are named.
    """
    raise_first(check(graph), graph.name)
    foreign = [f"{node.operator} (node '{node.id}')" for node in graph.nodes if needs_snap(node)]
    if foreign:
        some = "it" if len(foreign) == 1 else "them"
        raise GraphError(
            f"{graph.name}: only SNAP runs {', '.join(foreign)}; install SNAP and use --engine gpt, or take {some} "
            "out of the graph"
        )
    return {node.id: node.typed() for node in graph.nodes}


def build(graph: Graph, context: Context) -> dict[str, Scene]:
    """Apply the operators of a graph; no pixel is read.

    Parameters
    ----------
    graph : Graph
    context : Context

    Returns
    -------
    dict of str to Scene
        What each node makes; nodes that hand on several products are left out.

    Raises
    ------
    GraphError
        As `check_native`; or an operator cannot be applied to its sources: the message begins with its node.
    InputError
        A product cannot be read.
    """
    return _build(graph, context, check_native(graph))


def run_native(
    graph: Graph, context: Context, *, output: Path | None = None, report: Report | None = None
) -> list[Outcome]:
    """Run a graph, and write what its Write nodes say.

    What can go wrong is looked for first: parameters, operators that only SNAP has, files to read and to write. Then
    operators are applied, which reads metadata only, and files are written block by block, each read through all
    operators before it; memory does not grow with the scene.

    Parameters
    ----------
    graph : Graph
    context : Context
    output : Path, optional
        File for the result of the last node, of a graph without Write.
    report : callable, optional

    Returns
    -------
    list of Outcome
        In the order of the graph.

    Raises
    ------
    GraphError
        As `build`; or the graph has no Write and no output is given, or both.
    OutputError
        A file exists already, is an input, or cannot be written.
    UnusableImageError
        A result has no valid pixel.
    """
    operators = check_native(graph)
    targets = _targets(graph, operators, context, output)
    inputs = list(_inputs(graph, operators, context))
    _check_files(graph, operators, context, targets, inputs)
    scenes = _build(graph, context, operators)
    outcomes = []
    for target in targets:
        if target.node not in scenes:
            raise GraphError(f"node '{target.node}': hands on several products, which cannot be written as one")
        _log.info("node '%s': writing %s", target.node, target.path)
        scene = scenes[target.node]
        with _named(target.node, "Write"):
            written = write_scene(
                dataclasses.replace(scene, tags={**scene.tags, "graph": graph.name}),
                target.path,
                target.format_name,
                inputs=inputs,
                engine=context.engine,
                progress=None if report is None else _for_node(report, target.node),
                overwrite=context.overwrite,
            )
        outcomes.append(Outcome(target.node, written.path, written.share))
    return outcomes


def _for_node(report: Report, node: str) -> Callable[[int, int], None]:
    return lambda done, total: report(node, done, total)


def _build(graph: Graph, context: Context, operators: Mapping[str, Operator]) -> dict[str, Scene]:
    taken = Counter(source.node for node in graph.nodes for source in node.sources)
    made: dict[str, tuple[Scene, ...]] = {}
    for name, file in graph.source_files.items():
        if taken[name]:
            with _named(name, "source"):
                made[name] = (_kept(read_scene(context.place(file)), taken[name]),)
    for node in graph.ordered():
        here = dataclasses.replace(context, node=node.id)
        operator = operators[node.id]
        with _named(node.id, node.operator):
            if isinstance(operator, ProductSetReader):
                scenes = operator.scenes(here)
            else:
                scenes = (operator.apply(_sources(node, made), here),)
        made[node.id] = tuple(_kept(scene, taken[node.id]) for scene in scenes)
        for scene in scenes:
            _log.info("node '%s' (%s): %s", node.id, node.operator, _summary(scene))
    return {name: scenes[0] for name, scenes in made.items() if len(scenes) == 1}


def _sources(node: Node, made: Mapping[str, tuple[Scene, ...]]) -> Sources:
    """Return the scenes that a node gets, each under a name of its own."""
    named: dict[str, Scene] = {}
    nodes: dict[str, str] = {}
    for source in node.sources:
        for scene in made[source.node]:
            name, number = source.slot, 0
            while name in named:
                number += 1
                name = f"{source.slot}.{number}"
            named[name] = scene
            nodes[name] = source.node
    return Sources(named, nodes)


def _kept(scene: Scene, takers: int) -> Scene:
    """Return a scene whose tiles are kept where several nodes read them."""
    if takers < 2:
        return scene
    return dataclasses.replace(scene, bands=scene.each(lambda band: band.replace(image=cached(band.image))))


def _summary(scene: Scene) -> str:
    sizes = {band.grid.shape for band in scene.bands}
    size = " x ".join(map(str, next(iter(sizes)))) if len(sizes) == 1 else f"{len(sizes)} sizes of"
    count = len(scene.bands)
    return f"{scene.name}, {count} band{'' if count == 1 else 's'} of {size} pixels"


@contextmanager
def _named(node: str, operator: str) -> Iterator[None]:
    """Put the node before the message of what goes wrong inside."""
    try:
        yield
    except (GraphError, InputError, GridError, ParameterError, OutputError) as error:
        start = f"node '{node}' ({operator})"
        if str(error).startswith(start):
            raise
        raise type(error)(f"{start}: {error}") from error


def _targets(graph: Graph, operators: Mapping[str, Operator], context: Context, output: Path | None) -> list[_Target]:
    """Return the files to write."""
    found = []
    for node in graph.nodes:
        operator = operators[node.id]
        if isinstance(operator, Write):
            with _named(node.id, node.operator):
                path, _ = target_of(context.path(operator.file), operator.formatName)
            found.append(_Target(node.id, path, operator.formatName))
    if found and output is not None:
        raise GraphError(
            f"{graph.name} writes its results by itself, to {', '.join(str(each.path) for each in found)}; leave out "
            "-o, or the Write nodes"
        )
    if not found:
        last = graph.header.target or graph.nodes[-1].id
        if output is None:
            raise GraphError(f"{graph.name} has no Write: name the file for the result of node '{last}' with -o")
        suffix = output.suffix.lower()
        path, _ = target_of(output, "BEAM-DIMAP" if suffix else GEOTIFF)
        found.append(_Target(last, path, "BEAM-DIMAP" if suffix else GEOTIFF))
    return found


def _inputs(graph: Graph, operators: Mapping[str, Operator], context: Context) -> Iterator[str]:
    for file in graph.source_files.values():
        yield context.place(file)
    for operator in operators.values():
        if isinstance(operator, Read):
            yield context.place(operator.file)


def _check_files(
    graph: Graph, operators: Mapping[str, Operator], context: Context, targets: list[_Target], inputs: list[str]
) -> None:
    """Raise where a file to read is not there, or one to write cannot be written."""
    for node in graph.nodes:
        operator = operators[node.id]
        if isinstance(operator, Read):
            place = context.place(operator.file)
            if not (is_url(place) or place.startswith("/vsi") or Path(place).exists()):
                raise GraphError(f"node '{node.id}' ({node.operator}): file '{place}' does not exist")
    for number, target in enumerate(targets):
        if any(target.path == other.path for other in targets[:number]):
            raise GraphError(f"two nodes write to {target.path}")
        if target.path.parent.is_dir():
            check_target(target.path, overwrite=context.overwrite)
        refuse_same_file(target.path, inputs)
    for name, file in graph.source_files.items():
        if not file:
            raise GraphError(f"source '{name}' of {graph.name} has no file: give -S {name}=FILE")
