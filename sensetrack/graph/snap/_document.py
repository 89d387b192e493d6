"""The copy of a graph that ``gpt`` gets: as the file, but written elsewhere, and without what was dropped."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sensetrack.errors import GraphError

if TYPE_CHECKING:
    from lxml import etree

_NAMED = re.compile(r"\$\{([\w.]+)\}|\$([A-Za-z_][\w.]*)")
_UNSET = re.compile(r"\$\{([\w.]+)\}")


@dataclass(frozen=True)
class Target:
    """What a Write node writes.

    Attributes
    ----------
    node : str
    path : Path
        Absolute.
    format : str
        As the graph names it.
    """

    node: str
    path: Path
    format: str


@dataclass(frozen=True)
class Dropped:
    """A parameter that was left out because the SNAP that runs does not know it.

    Attributes
    ----------
    node, operator, parameter : str
    value : str
        What the graph gives it, which now has no effect.
    """

    node: str
    operator: str
    parameter: str
    value: str

    def __str__(self) -> str:
        where = f"node '{self.node}' ({self.operator})" if self.node else self.operator
        return f"{where}: left out {self.parameter}={self.value}, which this SNAP does not know"


class Document:
    """A graph file, of which ``gpt`` gets a changed copy.

    Parameters
    ----------
    path : Path
        The graph.
    variables : mapping of str to str
        What is put in place of ``${name}``, as ``gpt`` does: text by text, before the XML is read.

    Raises
    ------
    GraphError
        It cannot be read, is not XML, or a variable makes it so.
    """

    def __init__(self, path: Path, variables: Mapping[str, str]) -> None:
        self.path = path
        self._variables = variables
        try:
            content = path.read_bytes()
        except OSError as error:
            raise GraphError(f"{path}: the graph cannot be read ({error.strerror or error})") from error
        self._root = self._parse(content, "")
        try:
            self._parse(self._filled(content.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape"), "")
        except GraphError as error:
            bad = next((name for name, value in variables.items() if "&" in value or "<" in value), None)
            if bad is None:
                raise
            raise GraphError(
                f"{path}: the value of the variable '{bad}' is no XML text; write &amp; for & and &lt; for < in it"
            ) from error

    def _parse(self, content: bytes, what: str) -> etree._Element:
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        try:
            root = etree.fromstring(content, parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise GraphError(f"{self.path}: is not XML ({' '.join(str(error).split())})") from error
        if root.tag != "graph":
            raise GraphError(f"{self.path}: is no graph of SNAP: it begins with <{root.tag}> instead of <graph>")
        return root

    def _filled(self, text: str) -> str:
        """Return a text with the variables that have a value; others stay, as they do in SNAP."""

        def value(match: re.Match[str]) -> str:
            return self._variables.get(match[1] or match[2], match[0])

        return _NAMED.sub(value, text)

    def _nodes(self) -> Iterator[tuple[str, str, etree._Element]]:
        """Yield the id, the operator and the element of each node."""
        for node in self._root.iterfind("node"):
            yield node.get("id", ""), self._filled(node.findtext("operator", "")).strip(), node

    def _parameter(self, node: etree._Element, name: str) -> str:
        from xml.sax.saxutils import unescape

        return unescape(self._filled(node.findtext(f"parameters/{name}") or "")).strip()

    def targets(self, folder: Path) -> list[Target]:
        """Return what the Write nodes write.

        Parameters
        ----------
        folder : Path
            What names are relative to.

        Raises
        ------
        GraphError
            One has no file, or a variable without a value in it.
        """
        found = list[Target]()
        for node, operator, element in self._nodes():
            if operator.rpartition(".")[2] not in ("Write", "WriteOp"):
                continue
            name = self._parameter(element, "file")
            if not name:
                raise GraphError(f"{self.path}: the node '{node}' (Write) has no file")
            unset = _UNSET.search(name)
            if unset is not None:
                raise GraphError(
                    f"{self.path}: the variable '{unset[1]}' in the file of the node '{node}' has no value; give one"
                )
            path = (folder / Path(name).expanduser()).absolute()
            found.append(Target(node, path, self._parameter(element, "formatName") or "BEAM-DIMAP"))
        return found

    def inputs(self, folder: Path) -> list[Path]:
        """Return the files that the Read nodes name.

        Parameters
        ----------
        folder : Path
            What names are relative to.
        """
        names = [self._parameter(element, "file") for _, operator, element in self._nodes() if operator == "Read"]
        return [folder / name for name in names if name and "$" not in name]

    def write_to(self, places: Mapping[str, Path]) -> None:
        """Let Write nodes write elsewhere.

        Parameters
        ----------
        places : mapping of str to Path
            By the id of the node.
        """
        for node, _, element in self._nodes():
            if node in places:
                file = element.find("parameters/file")
                assert file is not None
                file.text = str(places[node])

    def drop(self, node: str, name: str) -> Dropped | None:
        """Take a parameter out of a node.

        Parameters
        ----------
        node : str
            Its id; ids are alike whatever their case.
        name : str
            Of the parameter.

        Returns
        -------
        Dropped or None
            None where the node has no such parameter.
        """
        for own, operator, element in self._nodes():
            found = element.find(f"parameters/{name}")
            if own.lower() == node.lower() and found is not None:
                value = "".join(found.itertext()).strip()
                found.getparent().remove(found)
                return Dropped(own, operator, name, value)
        return None

    def nodes_with(self, name: str) -> list[tuple[str, str]]:
        """Return the id and the operator of each node that has a parameter of this name."""
        return [
            (node, operator)
            for node, operator, element in self._nodes()
            if element.find(f"parameters/{name}") is not None
        ]

    def operator_of(self, node: str) -> str:
        """Return the operator of a node; empty where there is no such node."""
        return next((operator for own, operator, _ in self._nodes() if own.lower() == node.lower()), "")

    def save(self, path: Path) -> None:
        """Write the copy."""
        from lxml import etree

        path.write_bytes(etree.tostring(self._root, xml_declaration=True, encoding="UTF-8"))
