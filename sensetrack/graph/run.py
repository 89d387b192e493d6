"""Runs a graph by what can run it: this package alone, or SNAP."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any, Literal

from sensetrack.errors import GraphError, ParameterError, SnapError, did_you_mean
from sensetrack.graph.check import NATIVE, check, engines, needs_snap
from sensetrack.graph.model import Graph
from sensetrack.graph.native import Outcome, Report, run_native
from sensetrack.graph.operators._base import Context as Context
from sensetrack.graph.operators.io import Write
from sensetrack.graph.problem import raise_first
from sensetrack.graph.snap import GptRun, GptSettings, Snap, find_snap, run_gpt
from sensetrack.log import logger

_log = logger(__name__)

GraphEngine = Literal["native", "gpt", "auto"]


def run_graph(
    graph: Graph,
    *,
    engine: GraphEngine = "auto",
    context: Context | None = None,
    output: Path | None = None,
    report: Report | None = None,
    gpt: Path | None = None,
    settings: GptSettings | None = None,
    log: Path | None = None,
) -> list[Outcome]:
    """Run a graph.

    What is wrong with parameters is an error before anything runs, unless SNAP was asked for by name: then it is a
    warning, since other versions know other parameters.

    Parameters
    ----------
    graph : Graph
    engine : {"native", "gpt", "auto"}
        This package alone, SNAP, or the first of both that can run all nodes.
    context : Context, optional
        What operators may use; of it SNAP gets the folder and whether outputs may be replaced.
    output : Path, optional
        File for the result of the last node, of a graph without Write.
    report : callable, optional
        Called with the id of a node and how much of its work is done, of how much.
    gpt : Path, optional
        SNAP's program, or its folder; default: looked for.
    settings : GptSettings, optional
        How SNAP runs.
    log : Path, optional
        Where to keep all that SNAP says; default: beside the first output, with ``.gpt.log`` behind its name.

    Returns
    -------
    list of Outcome
        What was written; of what SNAP wrote, the share of valid pixels is not known (NaN).

    Raises
    ------
    GraphError
        The graph is wrong, or no engine is there that can run it.
    SnapError
        SNAP failed.
    ParameterError
        There is no such engine.
    SensetrackError
        As `sensetrack.graph.native.run_native`.
    """
    if engine not in ("native", "gpt", "auto"):
        raise ParameterError(f"engine = '{engine}'{did_you_mean(engine, ('native', 'gpt', 'auto'))}")
    context = context or Context()
    problems = check(graph)
    if engine == "gpt":
        # The SNAP that is there may know parameters and values that are not known here.
        for problem in problems:
            if problem.level == "error":
                _log.warning("%s: %s; left to SNAP to judge", graph.name, problem)
    else:
        raise_first(problems, graph.name)
    if engine == "native" or (engine == "auto" and NATIVE in engines(graph)):
        return run_native(graph, context, output=output, report=report)
    return _with_snap(graph, _snap(graph, engine, gpt), context, output, report, settings, log)


def _snap(graph: Graph, engine: GraphEngine, gpt: Path | None) -> Snap:
    """Return the SNAP that runs a graph."""
    foreign = ", ".join(f"{node.operator} (node '{node.id}')" for node in graph.nodes if needs_snap(node))
    try:
        return find_snap(gpt)
    except SnapError as error:
        if engine == "gpt":
            raise
        some = "them" if "," in foreign else "it"
        raise SnapError(
            f"{graph.name}: only SNAP runs {foreign}, and {error}; or take {some} out of the graph, which then runs "
            "without SNAP"
        ) from error


def _with_snap(
    graph: Graph,
    snap: Snap,
    context: Context,
    output: Path | None,
    report: Report | None,
    settings: GptSettings | None,
    log: Path | None,
) -> list[Outcome]:
    writers = [node for node in graph.nodes if node.operator in (Write.alias, *Write.also)]
    if writers and output is not None:
        raise GraphError(f"{graph.name} writes its results by itself; leave out -o, or the Write nodes")
    if not writers and output is None:
        raise GraphError(f"{graph.name} has no Write: name the file for the result of its last node with -o")
    first = output or context.path(str(writers[0].parameters.get("file", "target")))
    if log is None:
        first.parent.mkdir(parents=True, exist_ok=True)
        log = first.with_name(f"{first.name}.gpt.log")
    _log.info("%s: running in SNAP %s, %s", graph.name, snap.version, snap.gpt)
    done = run_in_snap(
        graph,
        snap,
        log=log,
        sources={name: context.place(file) for name, file in graph.source_files.items() if file},
        outputs=None if output is None else [output.absolute()],
        settings=settings,
        folder=context.folder,
        overwrite=context.overwrite,
        progress=None if report is None else lambda part, whole: report("SNAP", part, whole),
    )
    names = [node.id for node in writers] or [graph.header.target or graph.nodes[-1].id]
    return [Outcome(name, path, math.nan) for name, path in zip(names, done.outputs, strict=True)]


def run_in_snap(graph: Graph, snap: Snap, **options: Any) -> GptRun:
    """Run a graph in SNAP, with its values in place.

    Parameters
    ----------
    graph : Graph
    snap : Snap
    **options
        As `sensetrack.graph.snap.run_gpt`.

    Raises
    ------
    GraphError, OutputError
        As `sensetrack.graph.snap.run_gpt`.
    """
    with tempfile.TemporaryDirectory(prefix="sensetrack-graph-") as scratch:
        copy = Path(scratch) / f"{graph.name}.xml"
        copy.write_bytes(graph.encoded())
        return run_gpt(snap, copy, **options)
