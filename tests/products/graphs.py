"""Graphs as text, for tests: ``graph(node("Read", file="a"), node("Write", "Read", file="b"))``."""

from __future__ import annotations

from collections.abc import Mapping


def node(operator: str, *sources: str, id: str = "", slot: str = "sourceProduct", **parameters: object) -> str:
    """Return a node; further sources get the slots ``sourceProduct.1`` and so on; mappings become elements."""
    slots = [slot, *(f"{slot}.{number}" for number in range(1, len(sources)))]
    taken = "".join(f'<{name} refid="{source}"/>' for name, source in zip(slots, sources, strict=False))
    given = "".join(f"<{name}>{_inner(value)}</{name}>" for name, value in parameters.items())
    return (
        f'  <node id="{id or operator}">\n    <operator>{operator}</operator>\n    <sources>{taken}</sources>\n'
        f"    <parameters>{given}</parameters>\n  </node>\n"
    )


def graph(*nodes: str, top: str = "", version: str = "  <version>1.0</version>\n", header: str = "") -> str:
    """Return a graph of some nodes."""
    return f'{top}<graph id="Test">\n{version}{header}{"".join(nodes)}</graph>\n'


def _inner(value: object) -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_inner(each)}</{name}>" for name, each in value.items())
    if isinstance(value, list):
        return "".join(_inner(each) for each in value)
    return str(value)
