"""The operators and parameters that the installed SNAP knows, from its own help."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sensetrack.errors import SnapError, did_you_mean
from sensetrack.graph.snap.find import Snap, Stamp, ask_gpt, version_of

_OPTION = re.compile(r"^  -P(\S+?)=<(.*?)>(?:\s+(.*))?$")
_SAMPLE = re.compile(r"^( +)<parameters>\n(.*?)^\1</parameters>", re.M | re.S)
_OPERATOR = re.compile(r"^  (\S+)(?:\s{2,}(.*))?$")
_known: dict[tuple[Stamp, str], Mapping[str, GptParameter]] = {}


@dataclass(frozen=True)
class GptParameter:
    """A parameter of an operator, as the installed SNAP describes it.

    Attributes
    ----------
    name : str
    type : str
        ``"string"``, ``"boolean"``, ``"int"``, ``"double"``, ``"file"``, ``"string,string,string,..."``; ``"nested"``
        where it is made of elements.
    description : str
    default : str or None
    values : tuple of str
        What it may be; empty: anything of its type.
    interval : str
        Such as ``"(0, *)"``; empty: any number.
    pattern : str
        Regular expression of its text; empty: any.
    unit : str
    required, not_empty : bool
    """

    name: str
    type: str
    description: str = ""
    default: str | None = None
    values: tuple[str, ...] = ()
    interval: str = ""
    pattern: str = ""
    unit: str = ""
    required: bool = False
    not_empty: bool = False


def known_parameters(snap: Snap, operator: str) -> Mapping[str, GptParameter]:
    """Return the parameters of an operator by name, from ``gpt OPERATOR -h``; asked once for each.

    Parameters that are out of use are not in the help, though a graph may still name them.

    Parameters
    ----------
    snap : Snap
    operator : str
        Such as ``"Terrain-Correction"``.

    Raises
    ------
    SnapError
        This SNAP has no such operator, or does not answer.
    """
    key = (version_of(snap.gpt), operator)
    if key not in _known:
        text = ask_gpt(snap.gpt, operator, "-h")
        if "Parameter Options:" not in text and f"gpt {operator}" not in text:
            names = known_operators(snap)
            raise SnapError(f"SNAP {snap.version} has no operator '{operator}'{did_you_mean(operator, names)}")
        _known[key] = MappingProxyType(parse_help(text))
    return _known[key]


def known_operators(snap: Snap) -> Mapping[str, str]:
    """Return the operators of the installed SNAP with what they do, from ``gpt -h``.

    Parameters
    ----------
    snap : Snap

    Raises
    ------
    SnapError
        It does not answer.
    """
    _, found, text = ask_gpt(snap.gpt, "-h").partition("\nOperators:\n")
    rows = (_OPERATOR.match(line) for line in text.splitlines() if found)
    return {row[1]: (row[2] or "").strip() for row in rows if row}


def parse_help(text: str) -> dict[str, GptParameter]:
    """Return the parameters that the help of an operator describes.

    Parameters
    ----------
    text : str
        What ``gpt OPERATOR -h`` prints.
    """
    entries = list[tuple[str, str, list[str]]]()
    _, _, options = text.replace("\r\n", "\n").partition("Parameter Options:\n")
    options, _, sample = options.partition("Graph XML Format:\n")
    for line in options.splitlines():
        match = _OPTION.match(line)
        if match is not None:
            entries.append((match[1], match[2], [match[3] or ""]))
        elif entries and line.strip():
            entries[-1][2].append(line.strip())
    found = {name: _describe(name, kind, lines) for name, kind, lines in entries}
    for name in _in_sample(sample or text):
        found.setdefault(name, GptParameter(name, "nested"))
    return found


def _describe(name: str, kind: str, lines: list[str]) -> GptParameter:
    values: dict[str, str] = {}
    said = list[str]()
    for line in lines:
        for key, pattern in _FACTS.items():
            match = pattern.match(line)
            if match is not None:
                values[key] = match[1] if pattern.groups else "yes"
                break
        else:
            said.append(line)
    return GptParameter(
        name=name,
        type=kind,
        description=" ".join(said).strip(),
        default=values.get("default"),
        values=tuple(re.findall(r"'([^']*)'", values.get("values", ""))),
        interval=values.get("interval", ""),
        pattern=values.get("pattern", ""),
        unit=values.get("unit", ""),
        required="required" in values,
        not_empty="not_empty" in values,
    )


_FACTS = {
    "default": re.compile(r"^Default value is '(.*)'\.$"),
    "values": re.compile(r"^Value must be one of (.*?)\.?$"),
    "interval": re.compile(r"^Valid interval is (.*?)\.?$"),
    "pattern": re.compile(r"^Pattern for valid values is '(.*)'\.$"),
    "unit": re.compile(r"^Parameter unit is '(.*)'\.$"),
    "required": re.compile(r"^This is a mandatory parameter\.$"),
    "not_empty": re.compile(r"^The value must not be empty\.$"),
}


def _in_sample(text: str) -> list[str]:
    """Return the names in the sample of a graph, where nested parameters stand that are no options."""
    block = _SAMPLE.search(text)
    if block is None:
        return []
    return re.findall(rf"^{block[1]}  <([\w.-]+)[ />]", block[2], re.M)
