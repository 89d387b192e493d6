"""What an expression is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Number:
    """A number that is written out."""

    value: float


@dataclass(frozen=True)
class Name:
    """A band, a variable or a constant.

    Attributes
    ----------
    text : str
        Without quotes.
    position : int
        Of its first character in the expression, from 1.
    quoted : bool
        Whether it is a band for certain.
    """

    text: str
    position: int
    quoted: bool = False


@dataclass(frozen=True)
class Unary:
    """``-``, ``+``, ``!`` or ``~`` before an operand."""

    operator: str
    operand: Tree


@dataclass(frozen=True)
class Chain:
    """Operands with operators of one rank between them, worked out from left to right.

    Flat, so that a sum of hundreds of bands is no deep tree.
    """

    first: Tree
    rest: tuple[tuple[str, Tree], ...]


@dataclass(frozen=True)
class Choice:
    """``condition ? then : otherwise``."""

    condition: Tree
    then: Tree
    otherwise: Tree


@dataclass(frozen=True)
class Call:
    """A function with its arguments.

    Attributes
    ----------
    name : str
    arguments : tuple of Tree
    number : int
        How many calls were begun before it in the expression: what tells random functions apart.
    """

    name: str
    arguments: tuple[Tree, ...]
    number: int = 0


Tree: TypeAlias = Number | Name | Unary | Chain | Choice | Call


def names_in(tree: Tree) -> Iterator[Name]:
    """Yield all names of a tree, from left to right."""
    if isinstance(tree, Name):
        yield tree
    elif isinstance(tree, Unary):
        yield from names_in(tree.operand)
    elif isinstance(tree, Chain):
        yield from names_in(tree.first)
        for _, operand in tree.rest:
            yield from names_in(operand)
    elif isinstance(tree, Choice):
        for part in (tree.condition, tree.then, tree.otherwise):
            yield from names_in(part)
    elif isinstance(tree, Call):
        for argument in tree.arguments:
            yield from names_in(argument)
