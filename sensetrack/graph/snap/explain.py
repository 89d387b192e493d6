"""What the failures of ``gpt`` mean, each in one line with what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LONGEST_SAID = 400
"""Characters of its own words that are shown."""


@dataclass(frozen=True)
class Sign:
    """Something that ``gpt`` prints, and what it means.

    Attributes
    ----------
    name : str
        Of the failure.
    pattern : Pattern
        What it prints; groups fill in the text.
    text : str
        What it means and what to do.
    always : bool
        Whether the result is useless even if ``gpt`` says that all went well.
    is_guess : bool
        Whether it is also printed when nothing is wrong, so that its own words have to be shown with it.
    """

    name: str
    pattern: re.Pattern[str]
    text: str
    always: bool = False
    is_guess: bool = False


def _sign(name: str, pattern: str, text: str, *, always: bool = False, is_guess: bool = False) -> Sign:
    return Sign(name, re.compile(pattern, re.I), text, always, is_guess)


KILLED = _sign(
    "killed",
    r"\d%\s*Killed\b|\bline \d+:\s+\d+ Killed\b",
    "the system killed it, mostly because memory and swap were full; lower memory (the heap of Java, -Xmx), "
    "close other programs, or use a machine with more",
)

SIGNS = (
    _sign(
        "heap",
        r"OutOfMemoryError|Java heap space|Cannot construct DataBuffer|GC overhead limit",
        "the heap of Java is too small; raise memory (-Xmx, about 75 % of the machine's) and cache with it, lower "
        "parallelism, set clear_cache, or split the graph",
        always=True,
    ),
    KILLED,
    _sign(
        "java heap option",
        r"Could not reserve enough space|Invalid maximum heap size|Too small (?:initial|maximum) heap",
        "Java does not get the heap that was asked for; lower memory (-Xmx) below what is free, such as 8G",
    ),
    _sign(
        "no java",
        r"No suitable Java Virtual Machine|JAVA_HOME .*not|UnsupportedClassVersionError",
        "it does not find the Java that it needs; install SNAP again with the Java that comes with it",
    ),
    _sign(
        "unknown parameter",
        r"(?:Operator '(?P<operator>[^']+)': )?unknown (?:element|parameter) '(?P<name>[^']+)'",
        "this version of SNAP has no parameter '{name}'; take it out of the graph, or set drop_unknown",
    ),
    _sign(
        "unknown operator",
        r"SPI not found for operator '(?P<name>[^']+)'|Unknown operator(?: name)? '(?P<other>[^']+)'",
        "it has no operator '{name}{other}'; check the spelling, or install the toolbox that brings it "
        "(Microwave toolbox for radar, Optical toolbox for Sentinel-2)",
    ),
    _sign(
        "unset variable",
        r"Specified '(?P<field>\w+)' \[[^\]]*\$\{(?P<name>[^}]+)\}[^\]]*\]",
        "the variable '{name}' of the graph has no value; give one (-P{name}=...)",
    ),
    _sign(
        "missing file",
        r"Specified '(?P<field>\w+)' \[(?P<name>.*?)\] does not exist",
        "the file {name} does not exist; check the path",
    ),
    _sign(
        "missing source",
        r"Mandatory source product \(field '(?P<name>[^']+)'\) not set",
        "the source '{name}' of a node is missing; name it in its <sources> or give it (-S{name}=...)",
    ),
    _sign(
        "no orbit",
        r"No valid orbit file found for (?P<name>[\w.: -]+?\d{4}|[^.;]+)",
        "there is no orbit file for {name}; fetch it with sensetrack download orbits into the folder of SNAP's orbit "
        "files, use orbitType 'Sentinel Restituted (Auto Download)' for scenes younger than 20 days, or set "
        "continueOnFail to true",
    ),
    _sign(
        "orbit for this sensor",
        r"(?:orbit.*)?not suitable for a (?P<name>.+?) product",
        "Apply-Orbit-File does not take {name} products, which bring their orbit; take that node out",
    ),
    _sign(
        "no reader",
        r"No product reader found for (?:file|format):?\s*(?P<name>.*\S)",
        "no reader knows {name}; test whether the archive is damaged, set formatName of Read, or install the toolbox "
        "that reads it",
    ),
    _sign(
        "no writer",
        r"No data product writer for the '(?P<name>[^']+)' format",
        "it cannot write the format '{name}'; use GeoTIFF-BigTIFF, GeoTIFF, BEAM-DIMAP or NetCDF4-CF",
    ),
    _sign(
        "no intersection",
        r"No intersection with source product boundary\s*(?P<name>\S*)",
        "the region lies outside the scene {name}; check it, and that longitude comes before latitude",
        always=True,
    ),
    _sign(
        "nothing corrected",
        r"no valid output was produced.*verify the DEM",
        "the elevation model covers nothing of the scene; check its extent and nodata value, or give another one "
        "(demName 'External DEM' with externalDEMFile)",
        always=True,
    ),
    _sign(
        "outside SRTM",
        r"outside of SRTM valid area",
        "SRTM ends at 60 degrees north and south; use demName 'Copernicus 30m Global DEM' or 'External DEM'",
    ),
    _sign(
        "graph version",
        r"Wrong version given|No version is specified|Empty graph",
        "the graph lacks <version>1.0</version> or nodes; correct the file",
    ),
    _sign(
        "XML parser",
        r"(?:SAXParser|DocumentBuilder|XPath|XMLInput|Transformer)Factory\S* .*"
        r"(?:not found|not be instantiated|Provider)",
        "two XML parsers of this SNAP are in each other's way; update SNAP, or put -Djavax.xml.parsers."
        "SAXParserFactory=com.sun.org.apache.xerces.internal.jaxp.SAXParserFactoryImpl into bin/gpt.vmoptions",
    ),
    _sign(
        "TIFF too large",
        r"File size too big\. TIFF",
        "GeoTIFF ends at 4 GB; set formatName of Write to GeoTIFF-BigTIFF",
    ),
    _sign(
        "disk full",
        r"No space left on device|not enough space on the disk",
        "the disk is full; make room there, or in the user folder of SNAP",
        always=True,
    ),
    _sign(
        "download",
        r"ElevationFile: http retrieving|(?:response code|error|status)[^\n]{0,20}\b40[34]\b|"
        r"Unable to download|(?:UnknownHost|Connect)Exception",
        "an elevation model or the geoid could not be fetched, its server is gone or the machine offline; give a file "
        "(demName 'External DEM' with externalDEMFile), and put the geoid into auxdata of SNAP's user folder",
        is_guess=True,
    ),
)
"""The known ones, the surest first: of several that are there, the first explains."""

_NODE = re.compile(r"\[NodeId: (?P<node>[^\]]+)\]")
_HARMLESS = re.compile(
    r"^\.{2,}[.\d%\s]*(?:done\.?)?\s*$|^\s*$|^\s*at \S|^\s*\.\.\. \d+ more|^Executing |"
    r"GDAL .*not found on system|^Picked up |^(?:INFO|FINE|CONFIG|DEBUG):",
    re.I,
)
_TELLING = re.compile(r"^(?:Error:|SEVERE:|Caused by:)|Exception\b", re.I)


@dataclass(frozen=True)
class Heard:
    """A sign that was seen, in the words of ``gpt``.

    Attributes
    ----------
    sign : Sign
    groups : mapping of str to str
        What fills in the text.
    node : str
        The node it says it of; empty where it does not.
    """

    sign: Sign
    groups: Mapping[str, str]
    node: str = ""

    @property
    def text(self) -> str:
        """What happened and what to do, with the node where it is known."""
        text = self.sign.text.format(**self.groups)
        return f"node '{self.node}': {text}" if self.node else text


def hear(line: str) -> list[Heard]:
    """Return the signs in a line.

    Parameters
    ----------
    line : str
        One line of what ``gpt`` prints.

    Returns
    -------
    list of Heard
    """
    found = []
    for sign in SIGNS:
        match = sign.pattern.search(line)
        if match is not None:
            node = _NODE.search(line)
            groups = {name: value or "" for name, value in match.groupdict().items()}
            found.append(Heard(sign, groups, node["node"] if node else ""))
    return found


def surest(heard: Iterable[Heard]) -> Heard | None:
    """Return the sign that explains most, or None.

    Parameters
    ----------
    heard : iterable of Heard
    """
    return min(heard, key=lambda each: SIGNS.index(each.sign), default=None)


def explain(text: str) -> str:
    """Return what a message of SNAP means and what to do, or the message itself in one line.

    Parameters
    ----------
    text : str
        What it printed, or the text of an exception.
    """
    lines = text.splitlines()
    known = surest(each for line in lines for each in hear(line))
    return known.text if known is not None else last_words(lines)


def is_telling(line: str) -> bool:
    """Whether a line says something: no progress, no stack trace, no notice.

    Parameters
    ----------
    line : str
    """
    return not _HARMLESS.search(line)


def last_words(lines: Iterable[str]) -> str:
    """Return the last lines that say something, errors before others, in one line.

    Parameters
    ----------
    lines : iterable of str
        What was printed, in order.
    """
    said = list(dict.fromkeys(" ".join(line.split()) for line in lines if is_telling(line)))
    errors = [line.removeprefix("Error: ") for line in said if _TELLING.search(line)]
    text = " | ".join((errors or said)[-3:])
    return text if len(text) <= LONGEST_SAID else f"{text[:LONGEST_SAID]}..."
