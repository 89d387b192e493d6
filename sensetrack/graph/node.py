"""A node of a graph: an operator with its sources and parameters, as the graph has them and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from sensetrack.errors import GraphError, did_you_mean
from sensetrack.graph.operators import operator
from sensetrack.graph.operators._base import Operator
from sensetrack.graph.problem import Problem
from sensetrack.graph.variables import is_open
from sensetrack.params import limits_of

COMMON_SPELLINGS = {"bandNames": "sourceBands", "sourceBandNames": "sourceBands", "maskNames": "sourceMasks"}
"""Other spellings of parameters, which SNAP takes of every operator that has them."""


@dataclass(frozen=True)
class SourceRef:
    """Where a node takes a scene from.

    Attributes
    ----------
    slot : str
        Name of the element in ``<sources>``.
    node : str
        Id of another node, or name of a source of the header or the command line.
    """

    slot: str
    node: str


@dataclass(frozen=True)
class Node:
    """A step of a graph.

    Attributes
    ----------
    id : str
    operator : str
        Its name, as the graph spells it.
    sources : tuple of SourceRef
        In the order of the graph.
    parameters : mapping of str to object
        Text; lists of mappings where elements hold elements. Empty ones are left out, since they mean the default.
    line : int
        Of the file, from 1.
    references : mapping of str to str
        Parameters that take what another node has found (``node.property``), which only SNAP does.
    """

    id: str
    operator: str
    sources: tuple[SourceRef, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    line: int = 0
    references: Mapping[str, str] = field(default_factory=dict)

    def typed(self) -> Operator:
        """Return the operator with checked parameters.

        Raises
        ------
        GraphError
            There is no such operator or parameter (the nearest is named), or a value does not fit.
        """
        made, problems = self.check()
        problems += [
            Problem(
                f"{self.operator}: {name} takes '{reference}' of another node, which only SNAP does", self.id, self.line
            )
            for name, reference in self.references.items()
        ]
        problems += [
            Problem(f"{self.operator}: {name} = {_shown(value)}: its variable has no value", self.id, self.line)
            for name, value in self.parameters.items()
            if is_open(value)
        ]
        if made is None or problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            raise GraphError(f"{problems[0]}{more}")
        return made

    def check(self) -> tuple[Operator | None, list[Problem]]:
        """Return the operator with checked parameters, or None, and what is wrong with it; nothing is raised.

        Values that still hold variables are not looked at.
        """
        try:
            cls = operator(self.operator)
        except GraphError as error:
            return None, [Problem(str(error), self.id, self.line)]
        values = {self.spelled(cls, name): value for name, value in self.parameters.items() if not is_open(value)}
        made = cls.__new__(cls)
        try:
            cls.__pydantic_validator__.validate_python(values, self_instance=made)
        except ValidationError as error:
            left = {self.spelled(cls, name) for name in self.parameters} | set(self.references)
            sentences = _sentences(cls, error, left)
            return None, [Problem(sentence, self.id, self.line) for sentence in sentences]
        return made, []

    @staticmethod
    def spelled(cls: type[Operator], name: str) -> str:
        """Return how an operator spells a parameter."""
        other = cls.renamed.get(name) or COMMON_SPELLINGS.get(name, name)
        return other if name not in cls.model_fields and other in cls.model_fields else name


def _sentences(cls: type[Operator], error: ValidationError, given: set[str]) -> Iterator[str]:
    """Yield one sentence for each bad parameter: its name, its value and what would work."""
    what = cls.alias
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        message = f"{message[:1].lower()}{message[1:]}"
        if item["type"] == "extra_forbidden":
            yield f"{what} has no parameter '{name}'{did_you_mean(name, cls.model_fields)}"
        elif item["type"] == "missing":
            if name not in given:
                yield f"{what} needs the parameter '{name}'"
        elif not name:
            yield f"{what}: {message}"
        else:
            limits = limits_of(cls, str(item["loc"][0])) if item["loc"][0] in cls.model_fields else ""
            yield f"{what}: {name} = {_shown(item['input'])}: {message}{f' ({limits})' if limits else ''}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:76]}...{text[-1]}"
