"""Variables of graphs, ``${name}``: their documentation, and values in their place before the XML is parsed.

SNAP puts values into the text of the whole file. Here comments are left alone, values are escaped as XML wants it, and
each value is used as it is, whatever it holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sensetrack.errors import GraphError, did_you_mean

LEFT_TO_SNAP = frozenset({"ORIGINAL_NAME", "SLAVE_NUMBER_ID", "SECONDARY_NUMBER_ID"})
"""Placeholders in parameters of operators, such as Collocate's patterns, which are no variables of the graph."""

LONGEST_LINE = 1000
"""Characters of a line that documents a variable."""

_SPECIAL = re.compile(r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)", re.S)
_VARIABLE = re.compile(r"\$\{([^${}<>&]*)\}|\$([^\W\d]\w*(?:\.\w+)*)")
_WHOLE = re.compile(r">\$([^\W\d]\w*)<")
_ONLY_BARE = re.compile(r"\$[^\W\d]\w*")
_LINE = re.compile(r"\s*([^\W\d][\w.-]*)\s*(?:=\s*(.*?))?\s+:\s+(.+?)\s*")
_HEADING = re.compile(r"\s*variables\s*:\s*", re.I)
_LABEL = re.compile(r"(sensors|engines) {0,9}: {0,9}(.+)", re.I)
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\t": "&#9;", "\n": "&#10;"}
_ESCAPES["\r"] = "&#13;"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Variable:
    """A variable of a graph.

    Attributes
    ----------
    name : str
    default : str or None
        None: it must be given; ``""``: nothing stands in its place.
    description : str
    """

    name: str
    default: str | None
    description: str


@dataclass(frozen=True)
class Description:
    """What the comments at the top of a graph say of it.

    Attributes
    ----------
    summary : str
        Their first line, without a full stop.
    text : str
        All of it without the list of variables.
    sensors : str
        What stands after ``sensors:``.
    engines : str
        What stands after ``engines:``, ``native`` where SNAP does not run it as it is meant.
    variables : tuple of Variable
    """

    summary: str = ""
    text: str = ""
    sensors: str = ""
    engines: str = ""
    variables: tuple[Variable, ...] = ()


def describe(text: str) -> Description:
    """Read the comments at the top of a graph, above its version.

    Below a line ``variables:`` each line is ``name : description`` where a value must be given, or
    ``name = default : description``; lines of another form go on with the description above; an empty line ends it.

    Parameters
    ----------
    text : str
        XML of a graph, before anything is put in the place of variables.

    Returns
    -------
    Description
    """
    top = _top(text)
    comments = [part[4:-3].replace("\r\n", "\n") for part, kind in _parts(top) if kind == "comment"]
    variables: dict[str, Variable] = {}
    kept: list[str] = []
    labels: dict[str, str] = {}
    for comment in comments:
        kept.append("")
        reading = False
        for line in comment.split("\n"):
            if _HEADING.fullmatch(line):
                reading = True
            elif reading and line.strip():
                _take(line, variables)
            elif label := _LABEL.fullmatch(line.strip()):
                labels[label.group(1).lower()] = label.group(2)
            else:
                reading = False
                kept.append(line.strip())
    prose = re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()
    summary = prose.partition("\n")[0].removesuffix(".")
    return Description(
        summary, prose, labels.get("sensors", ""), labels.get("engines", "").lower(), tuple(variables.values())
    )


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of ``${name}`` and ``$name``; what has no value stays.

    Parameters
    ----------
    text : str
        XML.
    values : mapping of str to str
        Not escaped.

    Returns
    -------
    str

    Raises
    ------
    GraphError
        A value holds characters that XML cannot hold.
    """
    for name, value in values.items():
        if _FORBIDDEN.search(value):
            raise GraphError(f"variable '{name}' = {value!r}: has control characters, which XML cannot hold")

    def put(match: re.Match[str]) -> str:
        name = match.group(1) if match.group(1) is not None else match.group(2)
        return escape(values[name]) if name in values else match.group()

    def put_raw(match: re.Match[str]) -> str:
        name = match.group(1) if match.group(1) is not None else match.group(2)
        return values[name].replace("]]>", "]]]]><![CDATA[>") if name in values else match.group()

    puts = {"text": put, "raw": put_raw}
    return "".join(_VARIABLE.sub(puts[kind], part) if kind in puts else part for part, kind in _parts(text))


def placeholders(text: str) -> tuple[str, ...]:
    """Return the names in ``${...}`` outside comments, each once, but those that operators know themselves."""
    return _names(text, 1)


def is_open(value: object) -> bool:
    """Whether a parameter still holds variables: ``${name}`` anywhere in it, or nothing but ``$name``."""
    if isinstance(value, Mapping):
        return any(map(is_open, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_open, value))
    return isinstance(value, str) and bool(placeholders(value) or _ONLY_BARE.fullmatch(value))


def bare_names(text: str) -> tuple[str, ...]:
    """Return the names in ``$...`` outside comments, each once: variables, or references to bands."""
    return _names(text, 2)


def first_lines(text: str) -> dict[str, int]:
    """Return the line, from 1, on which each variable first stands outside comments, by ``${name}`` or ``$name``."""
    found: dict[str, int] = {}
    line = 1
    for part, kind in _parts(text):
        start = 0
        for match in _VARIABLE.finditer(part) if kind != "comment" else ():
            line += part.count("\n", start, match.start())
            start = match.start()
            found.setdefault(match.group(), line)
        line += part.count("\n", start)
    return found


def whole_values(text: str) -> set[str]:
    """Return the names in ``$name`` that are all that an element holds."""
    return set(_WHOLE.findall(text))


def check_values(
    values: Mapping[str, str], variables: Iterable[Variable], text: str, sources: Iterable[str] = ()
) -> str:
    """Say which of the values that were given stand for no variable of a graph; ``""`` where all do."""
    known = {variable.name for variable in variables} | set(placeholders(text)) | set(bare_names(text)) | set(sources)
    wrong = [name for name in values if name not in known]
    return "; ".join(f"there is no variable '{name}'{did_you_mean(name, known)}" for name in wrong)


def unresolved(text: str, values: Mapping[str, str], variables: Iterable[Variable]) -> str:
    """Say which placeholders have no value, with their documentation; ``""`` where all have one."""
    documented = {variable.name: variable.description for variable in variables}
    named = [*placeholders(text), *(name for name in bare_names(text) if name in documented)]
    missing = [name for name in dict.fromkeys(named) if name not in values]
    if not missing:
        return ""
    lines = [f"{name or '(a placeholder without a name)'}{_about(documented.get(name))}" for name in missing]
    how = "give them with -P name=value, or -S name=file where they are sources"
    return f"variables without a value, {how}: {'; '.join(lines)}"


def escape(value: str) -> str:
    """Return text as it may stand in elements and attributes of XML."""
    return "".join(_ESCAPES.get(character, character) for character in value)


def _about(description: str | None) -> str:
    return f" ({description})" if description else ""


def _top(text: str) -> str:
    """Return what stands before the first element in ``<graph>``; those in comments do not count."""
    end = 0
    for part, kind in _parts(text):
        found = re.search(r"<(?!graph\b)[^\W\d]", part) if kind == "text" else None
        if found:
            return text[: end + found.start()]
        end += len(part)
    return text


def _take(line: str, variables: dict[str, Variable]) -> None:
    match = _LINE.fullmatch(line) if len(line) <= LONGEST_LINE else None
    if match:
        name, default, description = match.groups()
        variables[name] = Variable(name, default, description)
    elif variables:
        last = variables[next(reversed(variables))]
        variables[last.name] = Variable(last.name, last.default, f"{last.description} {line.strip()}")


def _names(text: str, group: int) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for part, kind in _parts(text):
        if kind != "comment":
            found |= {match.group(group): None for match in _VARIABLE.finditer(part) if match.group(group) is not None}
    return tuple(name for name in found if name not in LEFT_TO_SNAP)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Yield the text in parts: ``comment``, ``raw`` (CDATA) and ``text``."""
    start = 0
    for match in _SPECIAL.finditer(text):
        yield text[start : match.start()], "text"
        yield match.group(), "comment" if match.group().startswith("<!--") else "raw"
        start = match.end()
    yield text[start:], "text"
