"""What a drawing of a graph shows, where each box stands, and the drawing as Mermaid text."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sensetrack.errors import GraphError
from sensetrack.graph.check import needs_snap
from sensetrack.graph.model import Graph
from sensetrack.graph.node import Node
from sensetrack.graph.operators import operator
from sensetrack.graph.variables import is_open

Kind = Literal["native", "snap", "file", "unknown"]
"""Who runs a node: this package or SNAP; a file of the command line; nobody knows."""

MOST_LINES = 5
"""Parameters that a box shows."""

LONGEST_VALUE = 44
"""Characters of a value that a box shows."""

COLOURS: Mapping[Kind, tuple[str, str]] = {
    "native": ("#e3f1ee", "#2f7f79"),
    "snap": ("#fdebcf", "#c07a13"),
    "file": ("#eceff3", "#7b8794"),
    "unknown": ("#fbe0e0", "#b23b3b"),
}
"""Fill and edge of boxes."""


@dataclass(frozen=True)
class Box:
    """A node in a drawing.

    Attributes
    ----------
    id : str
    title : str
        Its operator.
    kind : str
    lines : tuple of (str, str)
        Parameters that differ from their defaults.
    """

    id: str
    title: str
    kind: Kind
    lines: tuple[tuple[str, str], ...] = ()

    @property
    def subtitle(self) -> str:
        """The id, where it says more than the operator."""
        return "" if self.id == self.title else self.id


def boxes_of(graph: Graph) -> list[Box]:
    """Return the boxes of a graph: its sources from outside, then its nodes in their order."""
    ids = {node.id for node in graph.nodes}
    outside = dict.fromkeys(ref.node for node in graph.nodes for ref in node.sources if ref.node not in ids)
    boxes = []
    for name in outside:
        file = graph.source_files.get(name, "")
        boxes.append(Box(name, name, "file", (("file", shortened(file)),) if file else ()))
    for node in graph.ordered():
        rows = tuple((name, shortened(text)) for name, text in changed(node))
        more = len(rows) - MOST_LINES
        if more > 0:
            rows = (*rows[: MOST_LINES - 1], ("...", f"and {more + 1} more"))
        boxes.append(Box(node.id, node.operator, kind_of(node), rows))
    return boxes


def edges_of(graph: Graph) -> list[tuple[str, str]]:
    """Return from which box to which scenes flow, in the order of the nodes."""
    return [(ref.node, node.id) for node in graph.ordered() for ref in node.sources]


def kind_of(node: Node) -> Kind:
    """Return who runs a node."""
    try:
        operator(node.operator)
    except GraphError:
        return "unknown"
    return "snap" if needs_snap(node) else "native"


def changed(node: Node) -> list[tuple[str, str]]:
    """Return the parameters of a node that differ from their defaults, as text, and those that cannot be compared."""
    try:
        cls = operator(node.operator)
    except GraphError:
        return [(name, text_of(value)) for name, value in node.parameters.items()]
    made, _ = node.check()
    rows = []
    for name, value in node.parameters.items():
        own = node.spelled(cls, name)
        field = cls.model_fields.get(own)
        if made is not None and field is not None and not field.is_required() and not is_open(value):
            default = field.get_default(call_default_factory=True, validated_data={})
            if getattr(made, own, None) == default:
                continue
        rows.append((name, text_of(value)))
    return rows + [(name, f"<- {reference}") for name, reference in node.references.items()]


def text_of(value: Any) -> str:
    """Return a parameter as one line of text; of lists of elements, what they are called."""
    if not isinstance(value, (list, tuple)):
        return " ".join(str(value).split())
    parts = []
    for item in value:
        named = isinstance(item, Mapping) and (item.get("name") or item.get("bandName"))
        parts.append(str(named or item))
    return ", ".join(parts)


def shortened(text: str) -> str:
    """Return a text in the length that a box takes."""
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"


def mermaid(graph: Graph) -> str:
    """Return a graph as a flow chart of Mermaid, which many viewers of Markdown draw."""
    boxes = boxes_of(graph)
    names = {box.id: f"n{number}" for number, box in enumerate(boxes)}
    lines = ["flowchart TD"]
    for box in boxes:
        head = f"<b>{_quoted(box.title)}</b>" + (f" {_quoted(box.subtitle)}" if box.subtitle else "")
        rows = [f"{_quoted(name)}: {_quoted(value)}" for name, value in box.lines]
        lines.append(f'    {names[box.id]}["{"<br/>".join([head, *rows])}"]:::{box.kind}')
    lines += [f"    {names[start]} --> {names[end]}" for start, end in edges_of(graph)]
    for kind in dict.fromkeys(box.kind for box in boxes):
        fill, edge = COLOURS[kind]
        lines.append(f"    classDef {kind} fill:{fill},stroke:{edge},color:#1c2430")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Layout:
    """Where boxes stand.

    Attributes
    ----------
    layers : list of list of str
        Ids from left to right, layer by layer from the sources down.
    paths : mapping of (str, str) to list of (int, int)
        The layer and the place in it of each point that an edge goes through, ends included.
    """

    layers: list[list[str]]
    paths: dict[tuple[str, str], list[tuple[int, int]]]


def lay_out(boxes: Sequence[str], edges: Sequence[tuple[str, str]]) -> Layout:
    """Place boxes in layers, each below all that it takes from, with few crossings.

    Layers by the longest path from a source; edges that pass layers get a place in each (K. Sugiyama et al., IEEE
    Trans. SMC 11, 1981), and places are ordered by the mean of their neighbours', down and up again.

    Parameters
    ----------
    boxes : sequence of str
        In an order in which each comes after all that it takes from.
    edges : sequence of (str, str)

    Returns
    -------
    Layout
        ``""`` stands in layers where only an edge passes.
    """
    depth: dict[str, int] = {}
    for box in boxes:
        depth[box] = max((depth[start] + 1 for start, end in edges if end == box), default=0)
    for box in reversed(boxes):  # sources come down to what takes them
        below = [depth[end] for start, end in edges if start == box]
        if below and not any(end == box for _, end in edges):
            depth[box] = min(below) - 1
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for box in boxes:
        layers[depth[box]].append(box)
    chains: dict[tuple[str, str], list[str]] = {}
    for start, end in dict.fromkeys(edges):
        passed = [f"{start}\n{end}\n{layer}" for layer in range(depth[start] + 1, depth[end])]
        for layer, name in enumerate(passed, start=depth[start] + 1):
            layers[layer].append(name)
        chains[start, end] = [start, *passed, end]
    links = [pair for chain in chains.values() for pair in itertools.pairwise(chain)]
    for sweep in range(4):
        order = range(1, len(layers)) if sweep % 2 == 0 else range(len(layers) - 2, -1, -1)
        for layer in order:
            _sort(layers, layer, -1 if sweep % 2 == 0 else 1, links)
    places = {name: (layer, place) for layer, names in enumerate(layers) for place, name in enumerate(names)}
    paths = {edge: [places[name] for name in chain] for edge, chain in chains.items()}
    return Layout([["" if "\n" in name else name for name in names] for names in layers], paths)


def _sort(layers: list[list[str]], layer: int, side: int, links: Sequence[tuple[str, str]]) -> None:
    """Order a layer by the mean place of its neighbours in the layer beside it, where it has any."""
    beside = {name: _centred(place, layers[layer + side]) for place, name in enumerate(layers[layer + side])}
    weights = {}
    for place, name in enumerate(layers[layer]):
        near = [beside[a] for a, b in links if b == name and a in beside]
        near += [beside[b] for a, b in links if a == name and b in beside]
        weights[name] = sum(near) / len(near) if near else _centred(place, layers[layer])
    layers[layer].sort(key=lambda name: weights[name])


def _centred(place: int, names: Sequence[str]) -> float:
    return place - (len(names) - 1) / 2


def _quoted(text: str) -> str:
    codes = {"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;"}
    return "".join(codes.get(character, character) for character in text)
