"""Options and texts that the commands on graphs share."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import click

from sensetrack.graph.check import engines
from sensetrack.graph.draw import changed, kind_of
from sensetrack.graph.model import Graph
from sensetrack.graph.problem import Problem

from ._command import Option
from ._console import say, say_rows
from ._options import Settings

WIDTH = 110
"""Columns of texts."""


def _pairs(ctx: click.Context, param: click.Parameter, given: Sequence[str]) -> dict[str, str]:
    """Take ``name=value`` apart."""
    found: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise click.BadParameter(f"'{text}' is not of the form name=value", ctx, param)
        if name.strip() in found:
            raise click.BadParameter(f"'{name.strip()}' is given twice", ctx, param)
        found[name.strip()] = value
    return found


@dataclass(frozen=True)
class Values(Settings):
    """What is put into a graph: values of its variables, and files that its nodes take."""

    variables: dict[str, str]
    sources: dict[str, str]

    options: ClassVar[Sequence[click.Parameter]] = (
        Option(
            ["-P", "--variable", "variables"],
            multiple=True,
            callback=_pairs,
            metavar="NAME=VALUE",
            section="Graph",
            help="Value of a variable; repeat for several. 'sensetrack graph show' tells which there are.",
        ),
        Option(
            ["-S", "--source", "sources"],
            multiple=True,
            callback=_pairs,
            metavar="NAME=FILE",
            section="Graph",
            help="File that nodes take as the source of that name; repeat for several.",
        ),
    )

    def read(self, path: str, *, strict: bool = True) -> Graph:
        """Read a graph with these values."""
        return Graph.read(path, self.variables, self.sources, strict=strict)


def say_graph(graph: Graph) -> None:
    """Print what a graph does, its variables and its nodes."""
    say(graph.name + (f": {graph.about.summary}" if graph.about.summary else ""))
    say_rows([("sensors", graph.about.sensors or "-"), ("runs in", engine_text(graph))])
    prose = graph.about.text.partition("\n")[2].strip()
    for paragraph in filter(None, prose.split("\n\n")):
        say()
        _say_wrapped(paragraph)
    if graph.variables:
        say()
        say("Variables (-P name=value)")
        _say_variables(graph)
    say()
    say("Nodes")
    for node in graph.ordered():
        notes = [node.id] if node.id != node.operator else []
        notes += {"snap": ["SNAP only"], "unknown": ["not known"]}.get(kind_of(node), [])
        say(f"  {node.operator}" + (f"  ({', '.join(notes)})" if notes else ""))
        sources = ", ".join(source.node for source in node.sources)
        say_rows([*([("from", sources)] if sources else []), *changed(node)], indent=4)


def graph_json(graph: Graph) -> dict[str, Any]:
    """Return a graph as JSON has it."""
    return {
        "name": graph.name,
        "path": str(graph.path) if graph.path else None,
        "summary": graph.about.summary,
        "description": graph.about.text,
        "sensors": graph.about.sensors,
        "engines": list(engines(graph)),
        "variables": [
            {"name": item.name, "default": item.default, "description": item.description} for item in graph.variables
        ],
        "nodes": [
            {
                "id": node.id,
                "operator": node.operator,
                "runs": kind_of(node),
                "sources": [{"slot": source.slot, "node": source.node} for source in node.sources],
                "parameters": dict(node.parameters) | dict(node.references),
            }
            for node in graph.ordered()
        ],
    }


def engine_text(graph: Graph) -> str:
    """Return what can run a graph as text."""
    return ", ".join(engines(graph)) or "nothing that is known here"


def say_problem(graph: str, problem: Problem) -> None:
    """Print one problem: errors to stderr, also under ``-q``."""
    line = f"{graph}: {problem.level}: {problem}"
    if problem.level == "error":
        click.echo(line, err=True)
    else:
        say(line)


def _say_variables(graph: Graph) -> None:
    shown = [(item, "needed" if item.default is None else item.default or "(empty)") for item in graph.variables]
    name = max(len(item.name) for item, _ in shown)
    default = max(len(text) for _, text in shown)
    for item, text in shown:
        head = f"  {item.name:<{name}}  {text:<{default}}  "
        for line in textwrap.wrap(item.description, max(40, WIDTH - len(head))) or [""]:
            say(f"{head}{line}".rstrip())
            head = " " * len(head)


def _say_wrapped(paragraph: str) -> None:
    for line in textwrap.wrap(" ".join(paragraph.split()), WIDTH - 2):
        say(f"  {line}")
