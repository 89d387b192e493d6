"""From the XML of a graph to its nodes and its header, with everything that is wrong in between."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sensetrack.errors import did_you_mean
from sensetrack.graph.node import Node, SourceRef
from sensetrack.graph.problem import Problem
from sensetrack.graph.variables import Variable, placeholders
from sensetrack.sensors._xml import Node as Element

VERSION = "1.0"

MOST_NODES = 2000
"""Nodes that a graph may have."""

LONGEST_CIRCLE = 12
"""Nodes of a circle that are named."""


@dataclass(frozen=True)
class Header:
    """What the header of a graph says.

    Attributes
    ----------
    sources : mapping of str to str
        Files by name; ``""`` where the command line has to give one.
    parameters : tuple of Variable
    target : str
        Id of the node whose result is the graph's; ``""`` where it says none.
    """

    sources: Mapping[str, str] = field(default_factory=dict)
    parameters: tuple[Variable, ...] = ()
    target: str = ""


def read_header(root: Element) -> Header:
    """Read the header, where there is one."""
    header = root.optional("header")
    if header is None:
        return Header()
    sources = {name: item.text for item in header.all("source") if (name := item.attribute("name"))}
    parameters = []
    for item in header.all("parameter"):
        name = item.attribute("name")
        if name:
            default = item.text or item.attribute("defaultValue")
            parameters.append(Variable(name, default, item.attribute("description") or item.attribute("label") or ""))
    target = header.optional("target")
    refid = (target.attribute("refid") or target.text) if target is not None else ""
    return Header(sources, tuple(parameters), refid or "")


def read_nodes(
    root: Element, values: Mapping[str, str], sources: Iterable[str]
) -> tuple[tuple[Node, ...], list[Problem]]:
    """Read the nodes of a graph.

    Parameters
    ----------
    root : Node of the XML
    values : mapping of str to str
        Of parameters of the header, for ``<x refid="name"/>``.
    sources : iterable of str
        Names of the sources of the header and the command line.

    Returns
    -------
    nodes : tuple of Node
        In the order of the file, without those that cannot be told apart.
    problems : list of Problem
    """
    problems = _frame(root)
    if len(root.all("node")) > MOST_NODES:
        return (), [Problem(f"it has more than {MOST_NODES} nodes, which is refused")]
    elements: dict[str, Element] = {}
    for element in root.all("node"):
        name = (element.attribute("id") or "").strip()
        line = _line(element)
        if not name:
            problems.append(Problem("a node without an id", line=line))
        elif name.lower() in elements:
            first = _line(elements[name.lower()])
            problems.append(Problem(f"this id is taken on line {first}; ids differ by more than case", name, line))
        else:
            elements[name.lower()] = element
    ids = {key: (element.attribute("id") or "").strip() for key, element in elements.items()}
    names = {**{source.lower(): source for source in sources}, **ids}
    nodes = []
    for key, element in elements.items():
        node, found = _node(element, ids[key], names, values)
        nodes.append(node)
        problems += found
    problems += _cycles(nodes)
    return tuple(nodes), problems


def sort_nodes(nodes: Iterable[Node]) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Order nodes so that each comes after its sources, otherwise as they are.

    Returns
    -------
    nodes : tuple of Node
        Without those on a cycle, and those behind one.
    cycle : tuple of str
        Ids of the nodes on the first cycle, in the order in which data would flow; empty where there is none.
    """
    everything = {node.id: node for node in nodes}
    places = {name: place for place, name in enumerate(everything)}
    waits = {name: {source.node for source in node.sources} & set(everything) for name, node in everything.items()}
    after: dict[str, list[str]] = {name: [] for name in everything}
    for name, before in waits.items():
        for each in before:
            after[each].append(name)
    ready = [place for name, place in places.items() if not waits[name]]
    heapq.heapify(ready)
    by_place = list(everything.values())
    done: dict[str, Node] = {}
    while ready:
        node = by_place[heapq.heappop(ready)]
        done[node.id] = node
        for name in after[node.id]:
            waits[name].discard(node.id)
            if not waits[name]:
                heapq.heappush(ready, places[name])
    return tuple(done.values()), _first_cycle({name: each for name, each in everything.items() if name not in done})


def _frame(root: Element) -> list[Problem]:
    """Say what is wrong with the root, its version and that it has nodes."""
    if root.tag != "graph":
        return [Problem(f"the first element is <{root.tag}>, and not <graph>: this is no graph", line=_line(root))]
    problems = []
    version = root.optional("version")
    if version is None or not version.text:
        problems.append(
            Problem(f"it states no version; put <version>{VERSION}</version> into <graph>", line=_line(root))
        )
    elif version.text != VERSION:
        problems.append(Problem(f"version '{version.text}' is not known; it has to be {VERSION}", line=_line(version)))
    if not root.all("node"):
        problems.append(Problem("it has no nodes", line=_line(root)))
    return problems


def _node(
    element: Element, name: str, names: Mapping[str, str], values: Mapping[str, str]
) -> tuple[Node, list[Problem]]:
    line = _line(element)
    problems = []
    operator = element.optional_string("operator") or ""
    if not operator:
        problems.append(Problem("names no operator; put <operator>NAME</operator> into it", name, line))
    counts = {tag: len(element.all(tag)) for tag in ("operator", "sources", "parameters")}
    problems += [Problem(f"has {n} elements <{tag}>", name, line) for tag, n in counts.items() if n > 1]
    sources, found = _sources(element, name, names)
    problems += found
    parameters: dict[str, Any] = {}
    references: dict[str, str] = {}
    block = element.optional("parameters")
    for item in block.children if block is not None else []:
        if item.tag in parameters or item.tag in references:
            problems.append(Problem(f"parameter '{item.tag}' is given twice", name, _line(item)))
        reference = item.attribute("refid")
        if reference is not None and reference in values:
            parameters[item.tag] = values[reference]
        elif reference is not None and "." in reference:
            references[item.tag] = reference
        elif reference is not None:
            known = did_you_mean(reference, values)
            text = f"parameter '{item.tag}' takes '{reference}', which is no parameter of the header{known}"
            problems.append(Problem(text, name, _line(item)))
        else:
            value = _value(item)
            if value:
                parameters[item.tag] = value
    return Node(name, operator, sources, parameters, line, references), problems


def _sources(element: Element, name: str, names: Mapping[str, str]) -> tuple[tuple[SourceRef, ...], list[Problem]]:
    block = element.optional("sources")
    found: list[SourceRef] = []
    problems = []
    for item in block.children if block is not None else []:
        line = _line(item)
        text = item.attribute("refid") or item.text
        wanted = [part.strip() for part in text.split(",") if part.strip()]
        if not wanted:
            problems.append(Problem(f"source '{item.tag}' names no node: give it refid=\"ID\"", name, line))
        for each in wanted:
            if placeholders(each):
                continue
            if each.lower() not in names:
                others = [known for known in names.values() if known != name]
                tail = did_you_mean(each, others)
                text = f"source '{each}' is no node of the graph, and no source that was given{tail}"
                problems.append(Problem(text, name, line))
                continue
            actual = names[each.lower()]
            if actual in [reference.node for reference in found]:
                problems.append(Problem(f"source '{actual}' is named twice", name, line))
                continue
            found.append(SourceRef(item.tag, actual))
    return tuple(found), problems


def _cycles(nodes: list[Node]) -> list[Problem]:
    _, cycle = sort_nodes(nodes)
    if not cycle:
        return []
    line = next(node.line for node in nodes if node.id == cycle[0])
    if len(cycle) == 1:
        return [Problem("is its own source", cycle[0], line)]
    shown = cycle if len(cycle) <= LONGEST_CIRCLE else (*cycle[: LONGEST_CIRCLE - 2], "...", cycle[-1])
    return [Problem(f"nodes wait for each other in a circle: {' -> '.join([*shown, cycle[0]])}", line=line)]


def _first_cycle(left: Mapping[str, Node]) -> tuple[str, ...]:
    """Follow sources among nodes that wait for each other until one comes again."""
    if not left:
        return ()
    path: dict[str, None] = {}
    here = next(iter(left))
    while here not in path:
        path[here] = None
        here = next(source.node for source in left[here].sources if source.node in left)
    walked = list(path)
    cycle = walked[walked.index(here) :][::-1]
    start = cycle.index(min(cycle, key=list(left).index))
    return tuple(cycle[start:] + cycle[:start])


def _value(item: Element) -> Any:
    """Return what an element holds: text, or a list of mappings, or a list of names as text with commas."""
    children = item.children
    if not children:
        return item.text
    if any(child.children for child in children):
        return [_mapping(child) for child in children]
    if len({child.tag for child in children}) == 1:
        return ",".join(child.text for child in children if child.text)
    return [_mapping(item)]


def _mapping(item: Element) -> dict[str, Any]:
    pairs = ((child.tag, _value(child)) for child in item.children)
    return {tag: value for tag, value in pairs if value}


def _line(element: Element) -> int:
    return int(element.element.sourceline or 0)
