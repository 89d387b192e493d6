"""Graphs: the nodes of an XML file in their order, with values in the place of its variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Self

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.node import Node, SourceRef
from sensetrack.graph.problem import Problem, raise_first
from sensetrack.graph.structure import Header, read_header, read_nodes, sort_nodes
from sensetrack.graph.variables import (
    Description,
    Variable,
    check_values,
    describe,
    substitute,
    unresolved,
)
from sensetrack.graph.xml import LARGEST, Document, parse, with_parameter
from sensetrack.raster.write import atomic
from sensetrack.types import PathLike

__all__ = ["Graph", "Header", "Node", "SourceRef", "Variable", "shipped_graphs"]


@dataclass(frozen=True, eq=False)
class Graph:
    """A processing graph, as SNAP's GPT takes it.

    Made by `read` and `from_text`.

    Attributes
    ----------
    name : str
        That of a shipped graph, or of the file without its suffix.
    path : Path or None
        The file; None for shipped graphs and texts.
    nodes : tuple of Node
        In the order of the file.
    variables : tuple of Variable
        Those that are documented, in comments at the top and as parameters of the header.
    values : mapping of str to str
        What was put in the place of variables: what was given, and defaults.
    header : Header
    source_files : mapping of str to str
        Files by name, from the command line and the header; nodes may take them as sources.
    about : Description
        What the comments at the top say.
    document : Document
        The text before anything was put in the place of variables.
    problems : tuple of Problem
        What is wrong with its structure; empty unless it was read with ``strict=False``.
    """

    name: str
    path: Path | None
    nodes: tuple[Node, ...]
    variables: tuple[Variable, ...]
    values: Mapping[str, str]
    header: Header
    source_files: Mapping[str, str]
    about: Description
    document: Document
    problems: tuple[Problem, ...] = ()
    _text: str = field(default="", repr=False)
    _given: Mapping[str, str] = field(default_factory=dict, repr=False)
    _strict: bool = field(default=True, repr=False)

    @classmethod
    def read(
        cls,
        path: PathLike,
        variables: Mapping[str, str] | None = None,
        sources: Mapping[str, str] | None = None,
        *,
        strict: bool = True,
    ) -> Self:
        """Read a file, or a graph that is shipped.

        Parameters
        ----------
        path : str or Path
            A file; or the name of a shipped graph, such as ``s1_grd_default``.
        variables : mapping of str to str, optional
            Values of variables, over the defaults that the graph documents.
        sources : mapping of str to str, optional
            Files by name, which nodes may take as sources.
        strict : bool
            False: variables without a value stay as they are, and what is wrong goes into `problems`.

        Raises
        ------
        GraphError
            There is no such file or graph, it is no graph, or, where ``strict``, something is wrong with it.
        """
        name, file, content = _content(path)
        document = Document.decode(content, str(path))
        return cls._make(document, name, str(path), file, variables or {}, sources or {}, strict)

    @classmethod
    def from_text(
        cls,
        text: str,
        name: str = "graph",
        variables: Mapping[str, str] | None = None,
        sources: Mapping[str, str] | None = None,
        *,
        strict: bool = True,
    ) -> Self:
        """Read the text of a graph, as `read` does."""
        return cls._make(Document(text), name, name, None, variables or {}, sources or {}, strict)

    @classmethod
    def _make(
        cls,
        document: Document,
        name: str,
        file: str,
        path: Path | None,
        given: Mapping[str, str],
        sources: Mapping[str, str],
        strict: bool,
    ) -> Self:
        about = describe(document.text)
        declared = read_header(parse(document.text, file))
        named = {variable.name for variable in about.variables}
        variables = about.variables + tuple(each for each in declared.parameters if each.name not in named)
        problems = []
        wrong = check_values(given, variables, document.text, sources)
        if wrong:
            problems.append(Problem(wrong))
        defaults = {each.name: each.default for each in variables if each.default is not None}
        values = {**defaults, **{key: str(value) for key, value in given.items()}}
        files = {key: str(value) for key, value in sources.items()}
        names = [*files, *(name for name in declared.sources if name not in files)]
        named_sources = {"sourceProducts": ",".join(names)} if names else {}
        named_sources |= {name: name for name in names}
        full = {**named_sources, **values}
        missing = unresolved(document.text, full, variables)
        if missing and strict:
            problems.append(Problem(missing))
        if strict:
            raise_first(problems, file)
        text = substitute(document.text, full)
        root = parse(text, file)
        header = read_header(root)
        files = {**header.sources, **files}
        nodes, found = read_nodes(root, values, files)
        problems += found
        if strict:
            raise_first(problems, file)
        return cls(
            name=name,
            path=path,
            nodes=nodes,
            variables=variables,
            values=values,
            header=header,
            source_files=files,
            about=about,
            document=document,
            problems=tuple(problems),
            _text=text,
            _given=dict(given),
            _strict=strict,
        )

    def ordered(self) -> tuple[Node, ...]:
        """Return the nodes so that each comes after its sources, otherwise in the order of the file."""
        return sort_nodes(self.nodes)[0]

    def node(self, name: str) -> Node:
        """Return the node of an id, in any case.

        Raises
        ------
        GraphError
            There is none; the nearest is named.
        """
        for node in self.nodes:
            if node.id.lower() == name.lower():
                return node
        raise GraphError(f"{self.name}: no node '{name}'{did_you_mean(name, [node.id for node in self.nodes])}")

    def text(self) -> str:
        """Return the XML with values in the place of variables, as SNAP may take it."""
        return self._text

    def encoded(self) -> bytes:
        """Return `text` in the encoding that it declares, for a file."""
        return dataclasses.replace(self.document, text=self._text).encode()

    @property
    def original(self) -> str:
        """The XML as it was read, with its variables."""
        return self.document.text

    def write(self, path: PathLike) -> None:
        """Write the graph with its variables: the same bytes as were read, but for parameters that were changed."""
        with atomic(path) as temporary:
            Path(temporary).write_bytes(self.document.encode())

    def with_parameter(self, node: str, name: str, value: str) -> Self:
        """Return the graph with a parameter of a node changed or added, and nothing else.

        Parameters
        ----------
        node : str
            Id.
        name : str
        value : str
            May hold variables; ``""``: the default.

        Raises
        ------
        GraphError
            There is no such node, or the parameter is a list of elements.
        """
        text = with_parameter(self.original, self.node(node).id, name, value)
        document = dataclasses.replace(self.document, text=text)
        return self._make(document, self.name, self.name, self.path, self._given, self.source_files, self._strict)


def shipped_graphs() -> tuple[str, ...]:
    """Return the names of the graphs that are shipped."""
    folder = resources.files("sensetrack.graphs")
    return tuple(sorted(item.name.removesuffix(".xml") for item in folder.iterdir() if item.name.endswith(".xml")))


def _content(path: PathLike) -> tuple[str, Path | None, bytes]:
    """Return the name, the file and the bytes of a graph."""
    text = str(path)
    if text in shipped_graphs():
        return text, None, (resources.files("sensetrack.graphs") / f"{text}.xml").read_bytes()
    file = Path(text)
    try:
        with file.open("rb") as stream:
            return file.stem, file, stream.read(LARGEST + 1)
    except FileNotFoundError:
        if "/" in text or "\\" in text or file.suffix.lower() == ".xml":
            raise GraphError(f"{path}: there is no such file") from None
        raise GraphError(f"no graph '{path}' is shipped{did_you_mean(text, shipped_graphs())}") from None
    except (OSError, ValueError) as error:
        raise GraphError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
