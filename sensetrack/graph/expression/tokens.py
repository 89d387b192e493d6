"""Cuts the text of an expression into words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sensetrack.errors import GraphError

LONGEST = 100_000
"""Characters that an expression may have."""

_WORDS = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>0[xX][0-9a-fA-F]+ | (?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<quoted>'[^']*')
  | (?P<name>\$?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)* | \$\d+(?:\.[A-Za-z0-9_]+)+)
  | (?P<sign>\|\||&&|==|!=|<=|>=|[<>?:|^&+\-*/%!~(),=\[\]])
    """,
    re.VERBOSE | re.ASCII,
)

Kind = Literal["number", "quoted", "name", "sign", "end"]


@dataclass(frozen=True)
class Token:
    """A word of an expression.

    Attributes
    ----------
    kind : {"number", "quoted", "name", "sign", "end"}
    text : str
        Without the quotes of a quoted name.
    position : int
        Of its first character, from 1.
    """

    kind: Kind
    text: str
    position: int


def tokens_of(text: str) -> list[Token]:
    """Return the words of an expression, and an end.

    Raises
    ------
    GraphError
        There is a character that means nothing, a quote that is not closed, or too much text.
    """
    if len(text) > LONGEST:
        raise GraphError(f"an expression of {len(text)} characters is longer than the {LONGEST} that are read")
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _WORDS.match(text, place)
        if match is None:
            raise error(text, place + 1, _reason(text[place]))
        kind, word = match.lastgroup, match[0]
        if kind == "quoted":
            found.append(Token("quoted", word[1:-1], place + 1))
        elif kind != "space":
            found.append(Token(kind, word, place + 1))  # type: ignore[arg-type]
        place = match.end()
    return [*found, Token("end", "", len(text) + 1)]


def error(text: str, position: int, reason: str) -> GraphError:
    """Return the error for a place in an expression; it shows the text around it."""
    start = max(0, position - 1 - 30)
    near = text[start : position + 30].replace("\n", " ")
    shown = f"{'...' if start else ''}{near}{'...' if position + 30 < len(text) else ''}"
    return GraphError(f"expression, character {position}: {reason} (in '{shown}')")


def _reason(character: str) -> str:
    if character == "'":
        return "the quote is not closed"
    if character == '"':
        return "names of bands are quoted by ', not by \""
    return f"'{character}' means nothing here"
