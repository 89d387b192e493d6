"""Everything that is wrong with a graph, or worth to know before it runs: in SNAP, in which version, or without it."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.model import Graph
from sensetrack.graph.node import Node
from sensetrack.graph.operators import operator, operators
from sensetrack.graph.operators._base import Operator, Slot
from sensetrack.graph.problem import Problem
from sensetrack.graph.variables import bare_names, first_lines, placeholders, whole_values
from sensetrack.types import PathLike

SNAP_VERSIONS = range(9, 15)
"""Versions of SNAP whose parameters are known."""

NATIVE = "native"
"""What a graph says after ``engines:`` where SNAP does not run it as it is meant."""

EXTERNAL = "External DEM"
"""What ``demName`` must be where a file with heights is given."""


def check_graph(
    path: PathLike,
    variables: Mapping[str, str] | None = None,
    sources: Mapping[str, str] | None = None,
    *,
    snap_version: int | None = None,
) -> tuple[Graph, list[Problem]]:
    """Read a graph and say everything that is wrong with it.

    Parameters
    ----------
    path : str or Path
        A file, or the name of a shipped graph.
    variables, sources : mapping of str to str, optional
        As for `Graph.read`. Documented variables without a value are only noted.
    snap_version : int, optional
        Main version of SNAP that has to know all parameters.

    Returns
    -------
    graph : Graph
    problems : list of Problem
        Errors first, then warnings and notes, each in the order of the file.

    Raises
    ------
    GraphError
        It cannot be read at all.
    """
    graph = Graph.read(path, variables, sources, strict=False)
    return graph, check(graph, snap_version=snap_version)


def check(graph: Graph, *, snap_version: int | None = None) -> list[Problem]:
    """Say everything that is wrong with a graph that was read, errors first; see `check_graph`."""
    found = [*graph.problems, *_variables(graph)]
    is_native = graph.about.engines == NATIVE
    broken = {problem.node for problem in graph.problems}
    for node in graph.nodes:
        found += _node(node, has_sources=node.id not in broken, snap_version=snap_version, native=is_native)
    found += _ends(graph)
    foreign = [f"{node.operator} (node '{node.id}')" for node in graph.nodes if needs_snap(node)]
    if is_native:
        found.append(Problem("it is meant for the native engine, not for SNAP", level="note"))
    if foreign:
        found.append(Problem(f"only SNAP runs {', '.join(foreign)}", level="note"))
    order = ("error", "warning", "note")
    return sorted(found, key=lambda problem: (order.index(problem.level), problem.line))


def engines(graph: Graph) -> tuple[str, ...]:
    """Return what can run a graph: ``native``, ``SNAP``, or both; SNAP also where an operator is not known here."""
    found = [] if any(map(needs_snap, graph.nodes)) else [NATIVE]
    ours = graph.about.engines == NATIVE or any(map(_has_ours, graph.nodes))
    return tuple(found) if ours else (*found, "SNAP")


def needs_snap(node: Node) -> bool:
    """Whether only SNAP runs a node, if anything does."""
    try:
        return bool(node.references) or not operator(node.operator).is_native()
    except GraphError:
        return True


def _has_ours(node: Node) -> bool:
    try:
        return bool(operator(node.operator).ours & set(node.parameters))
    except GraphError:
        return False


def slot_of(cls: type[Operator], name: str) -> Slot | None:
    """Return the place of an operator that an element in ``<sources>`` means, or None."""
    for slot in cls.slots:
        number = r"(?:\.?\d+)?" if slot.many else ""
        if any(re.fullmatch(re.escape(each) + number, name) for each in (slot.name, *slot.aliases)):
            return slot
    return None


def _variables(graph: Graph) -> Iterator[Problem]:
    known = {variable.name: variable for variable in graph.variables}
    files = {*graph.source_files, *graph.header.sources}
    given = {*graph.values, *files, *(("sourceProducts",) if files else ())}
    lines, whole = first_lines(graph.original), whole_values(graph.original)
    bare = [name for name in bare_names(graph.original) if name in known]
    for name in dict.fromkeys([*placeholders(graph.original), *bare]):
        if name in given:
            continue
        if name not in known:
            text = f"variable '{name}' has no value: give -P {name}=value, or -S {name}=file where it is a source"
            yield Problem(text, line=lines[f"${{{name}}}"])
        else:
            yield Problem(f"needs -P {name}=...: {known[name].description}", level="note")
    used = {*placeholders(graph.original), *bare_names(graph.original), *_references(graph)}
    for name in known:
        if name not in used:
            yield Problem(f"variable '{name}' is documented, but not used", level="warning")
    for name in bare_names(graph.original):
        if name in given:
            continue
        first = name.partition(".")[0]
        if name not in known and name in whole:
            text = f"'${name}' looks like a variable without a value: give -P {name}=value"
            yield Problem(text, line=lines[f"${name}"], level="warning")
        elif name not in known and first in known:
            text = f"'${name}' is no variable: to append to '{first}', write '${{{first}}}{name[len(first) :]}'"
            yield Problem(text, line=lines[f"${name}"], level="warning")


def _references(graph: Graph) -> set[str]:
    """Return the parameters of the header that nodes take with ``refid``."""
    return set(re.findall(r"\brefid\s*=\s*[\"']([^\"']*)[\"']", graph.original))


def _node(node: Node, *, has_sources: bool, snap_version: int | None, native: bool) -> Iterator[Problem]:
    if not node.operator:
        return
    try:
        cls = operator(node.operator)
    except GraphError as error:
        yield _unknown(node, error)
        return
    _, problems = node.check()
    yield from problems

    def say(text: str, level: str = "error") -> Problem:
        return Problem(text, node.id, node.line, level)  # type: ignore[arg-type]

    if has_sources:
        for text in _slots(node, cls):
            yield say(text)
    for name, reference in node.references.items():
        yield say(f"{name} takes '{reference}' of another node, which only SNAP does", "warning")
    if cls.any_parameter:
        unknown = [name for name in node.parameters if node.spelled(cls, name) not in cls.model_fields]
        slips = [name for name in unknown if _is_near(name, cls.model_fields)]
        for name in slips:
            yield say(f"{cls.alias} may have no parameter '{name}'{did_you_mean(name, cls.model_fields)}", "warning")
        rest = ", ".join(name for name in unknown if name not in slips)
        if rest:
            yield say(f"parameters of {cls.alias} that are not checked: {rest}", "note")
    given = {node.spelled(cls, name) for name in (*node.parameters, *node.references)}
    for name in sorted(given & cls.ours):
        yield say(f"SNAP does not know {name} of {cls.alias}, and stops at it", "note" if native else "warning")
    for name in sorted(given & set(cls.since)):
        text = f"SNAP before version {cls.since[name]} does not know {name}"
        if snap_version is None:
            yield say(f"{text} of {cls.alias}", "note")
        elif snap_version < cls.since[name]:
            yield say(f"{text}, and stops at it: take it out for SNAP {snap_version}")
    yield from (say(text, level) for text, level in _elevation(node))


def _unknown(node: Node, error: GraphError) -> Problem:
    """Say of an operator that is not known whether its name is likely to be a slip, or one of SNAP's many others."""
    if _is_near(node.operator, operators()):
        return Problem(str(error), node.id, node.line)
    near = difflib.get_close_matches(node.operator, operators(), n=1, cutoff=0.74)
    nearest = f"; did you mean '{near[0]}'?" if near else ""
    text = f"operator '{node.operator}' is not known here: if SNAP has it, it runs there, and is not checked{nearest}"
    return Problem(text, node.id, node.line, "warning")


def _is_near(name: str, known: Iterable[str]) -> bool:
    """Whether a name differs from a known one by little more than a slip, or by the order of its letters."""
    folded = [each.lower() for each in known]
    letters = sorted(name.lower())
    close = difflib.get_close_matches(name.lower(), folded, n=1, cutoff=0.8)
    return bool(close) or any(sorted(each) == letters for each in folded)


def _slots(node: Node, cls: type[Operator]) -> Iterator[str]:
    filled: Counter[str] = Counter()
    known = [slot.name for slot in cls.slots]
    for source in node.sources:
        slot = slot_of(cls, source.slot)
        if slot is None and not known:
            yield f"{cls.alias} takes no source, but has '{source.slot}'"
        elif slot is None:
            yield f"{cls.alias} has no source '{source.slot}'{did_you_mean(source.slot, known)}"
        else:
            filled[slot.name] += 1
    for slot in cls.slots:
        count = filled[slot.name]
        if count > 1 and not slot.many:
            yield f"{cls.alias} takes one source as '{slot.name}', but has {count}"
        if not count and not slot.optional and not (filled and len(cls.slots) > 1 and slot.many):
            yield f'{cls.alias} needs a source: put <{slot.name} refid="ID"/> into <sources>'


def _elevation(node: Node) -> Iterator[tuple[str, str]]:
    """Say where an elevation model and a file of heights do not go together, which SNAP passes over."""
    name, file = node.parameters.get("demName"), node.parameters.get("externalDEMFile")
    if name == EXTERNAL and not file:
        yield f"demName = '{EXTERNAL}': externalDEMFile is not given", "error"
    elif file and name != EXTERNAL and not placeholders(str(name)):
        yield f"externalDEMFile has no effect unless demName = '{EXTERNAL}', but it is '{name}'", "warning"


def _ends(graph: Graph) -> Iterator[Problem]:
    """Say where results are not written, or several to one file."""
    if not graph.nodes:
        return
    writers = [node for node in graph.nodes if node.operator in ("Write", "WriteOp")]
    taken = {source.node for node in graph.nodes for source in node.sources}
    if not writers:
        last = graph.nodes[-1]
        yield Problem(f"it has no Write: what its last node '{last.id}' makes is written", level="note")
    else:
        for node in graph.nodes:
            if node not in writers and node.id not in taken and node.id != graph.header.target:
                yield Problem("nothing takes its result", node.id, node.line, "warning")
    files = Counter(node.parameters.get("file") for node in writers)
    for node in writers:
        file = node.parameters.get("file")
        if file and files[file] > 1:
            yield Problem(f"another node writes to '{file}' as well", node.id, node.line)
