"""What can be wrong with a graph, one line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sensetrack.errors import GraphError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a graph, or worth to know.

    Attributes
    ----------
    text : str
        One sentence, without a full stop.
    node : str
        Id of the node; ``""`` where it concerns the whole graph.
    line : int
        Of the file, from 1; 0 where it has none.
    level : str
        ``error``: it cannot run; ``warning``: it can, but perhaps not everywhere, or not as meant; ``note``.
    """

    text: str
    node: str = ""
    line: int = 0
    level: Literal["error", "warning", "note"] = "error"

    def __str__(self) -> str:
        """Return where and what."""
        where = [f"line {self.line}"] if self.line else []
        where += [f"node '{self.node}'"] if self.node else []
        return f"{', '.join(where)}: {self.text}" if where else self.text


def raise_first(problems: Sequence[Problem], file: str) -> None:
    """Raise for the first error among some problems; nothing where there is none.

    Raises
    ------
    GraphError
        It names the file, and how many more there are.
    """
    errors = [problem for problem in problems if problem.level == "error"]
    if not errors:
        return
    more = f" (and {len(errors) - 1} more: see 'sensetrack graph check')" if len(errors) > 1 else ""
    raise GraphError(f"{file}: {errors[0]}{more}")
