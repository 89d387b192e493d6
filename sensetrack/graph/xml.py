"""The text of a graph: bytes to text and back without a change, parsed safely, and changed in one place at a time."""

from __future__ import annotations

import codecs
import re
import xml.parsers.expat
from dataclasses import dataclass

from sensetrack.errors import GraphError, InputError
from sensetrack.graph.variables import escape
from sensetrack.sensors._xml import Node as Element
from sensetrack.sensors._xml import parse_xml

LARGEST = 4 * 2**20
"""Bytes that a graph may have."""

_DECLARED = re.compile(rb"""\A\s{0,99}<\?xml[^>]{0,99}?\bencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""")
_ENCODING = re.compile(r"""(\A\s{0,99}<\?xml[^>]{0,99}?)\s{1,99}encoding\s*=\s*["'][^"']*["']""")
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_KNOWN = re.compile(r"utf-8|ascii|iso8859-\d+|cp125\d")


@dataclass(frozen=True)
class Document:
    """The text of a graph and how it is stored.

    Attributes
    ----------
    text : str
        With its line ends, without a byte-order mark.
    encoding : str
    mark : bytes
        Byte-order mark.
    """

    text: str
    encoding: str = "utf-8"
    mark: bytes = b""

    @classmethod
    def decode(cls, content: bytes, file: str) -> Document:
        """Take a file's bytes.

        Raises
        ------
        GraphError
            It is too large, or not in the encoding that it declares.
        """
        if len(content) > LARGEST:
            raise GraphError(f"{file}: has more than {LARGEST // 2**20} MB, which no graph has")
        for mark, encoding in _BOMS:
            if content.startswith(mark):
                return cls(_decoded(content[len(mark) :], encoding, file), encoding, mark)
        declared = _DECLARED.match(content)
        encoding = declared.group(1).decode() if declared else "utf-8"
        try:
            known = codecs.lookup(encoding).name
        except LookupError:
            known = ""
        if not _KNOWN.fullmatch(known):
            raise GraphError(f"{file}: declares the encoding '{encoding}'; store it as UTF-8")
        return cls(_decoded(content, known, file), known)

    def encode(self) -> bytes:
        """Return the bytes that were decoded; characters that the encoding lacks become references."""
        return self.mark + self.text.encode(self.encoding, "xmlcharrefreplace")


def parse(text: str, file: str) -> Element:
    """Parse a graph; comments are left out.

    Entities and document types are refused, nothing is fetched.

    Raises
    ------
    GraphError
        It is not well-formed, too deep, or declares a document type.
    """
    plain = _ENCODING.sub(r"\1", text)
    try:
        return parse_xml(plain.encode("utf-8", "surrogatepass"), file)
    except InputError as error:
        raise GraphError(str(error).replace("product metadata never does", "graphs never do")) from error


def with_parameter(text: str, node: str, name: str, value: str) -> str:
    """Return the text of a graph with one parameter changed, added, or emptied, and nothing else.

    Parameters
    ----------
    text : str
        Well-formed XML of a graph.
    node : str
        Id of the node, as it is written.
    name : str
    value : str
        Not escaped; may hold variables.

    Returns
    -------
    str

    Raises
    ------
    GraphError
        There is no such node, or its parameter holds more than text.
    """
    finder = _Finder(node, name)
    finder.run(text)
    content = escape(value)
    if finder.found is not None:
        start, opened, closing, end = finder.found
        if finder.is_nested:
            raise GraphError(f"node '{node}': {name} holds a list of elements, which is no text to be replaced")
        if opened < 0:  # <name/>, which holds no text yet
            tag = text[start:end]
            head = tag.rstrip().removesuffix("/>").rstrip()
            return f"{text[:start]}{head}>{content}</{name}>{text[end:]}"
        return f"{text[:opened]}{content}{text[closing:]}"
    if finder.parameters is not None:
        start, opened, closing, end = finder.parameters
        if opened < 0:
            tag = text[start:end]
            head = tag.rstrip().removesuffix("/>").rstrip()
            return f"{text[:start]}{head}><{name}>{content}</{name}></parameters>{text[end:]}"
        inner = text[opened:closing]
        kept = inner.rstrip()
        indent = finder.indent(text) or inner[len(kept) :]
        return f"{text[:opened]}{kept}{indent}<{name}>{content}</{name}>{inner[len(kept) :]}{text[closing:]}"
    if finder.node is None:
        raise GraphError(f"no node '{node}'")
    closing = finder.node[2]
    return f"{text[:closing]}<parameters><{name}>{content}</{name}></parameters>{text[closing:]}"


def _decoded(content: bytes, encoding: str, file: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise GraphError(f"{file}: is no text in {encoding} (byte {error.start})") from None


Place = tuple[int, int, int, int]
"""Where an element stands: its start, the end of its start tag (-1: that ends the element), its end tag, its end."""


class _Finder:
    """Finds where a parameter of a node stands in the text; it is called on texts that were parsed before."""

    def __init__(self, node: str, name: str) -> None:
        self.id = node
        self.name = name
        self.node: Place | None = None
        self.parameters: Place | None = None
        self.found: Place | None = None
        self.first: int | None = None
        self.is_nested = False
        self._path: list[tuple[str, int]] = []
        self._inside = False

    def run(self, text: str) -> None:
        """Parse; positions are counted in bytes, and turned into those of characters."""
        content = _ENCODING.sub(lambda m: m.group(1).ljust(len(m.group())), text)
        data = content.encode("utf-8")
        self._data = data
        parser = xml.parsers.expat.ParserCreate("utf-8")
        self._parser = parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.Parse(data, True)
        for name in ("node", "parameters", "found"):
            place = getattr(self, name)
            if place is not None:
                setattr(self, name, tuple(at if at < 0 else len(data[:at].decode("utf-8")) for at in place))
        if self.first is not None:
            self.first = len(data[: self.first].decode("utf-8"))

    def indent(self, text: str) -> str:
        """Return the white space before the first parameter."""
        if self.first is None:
            return ""
        before = text[: self.first]
        return before[len(before.rstrip()) :]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        at = self._parser.CurrentByteIndex
        self._path.append((_local(tag), at))
        path = [part for part, _ in self._path]
        if len(path) == 2 and path[1] == "node":
            self._inside = attributes.get("id", "").strip() == self.id and self.node is None
        if self._inside and len(path) == 4 and path[2] == "parameters" and self.first is None:
            self.first = at
        if self._inside and len(path) > 4 and path[2] == "parameters" and path[3] == self.name:
            self.is_nested = True

    def _end(self, tag: str) -> None:
        path = [part for part, _ in self._path]
        start = self._path.pop()[1]
        if not self._inside or len(path) > 4:
            return
        if len(path) == 4 and path[2:] == ["parameters", self.name] and self.found is None:
            self.found = self._place(start)
        elif len(path) == 3 and path[2] == "parameters" and self.parameters is None:
            self.parameters = self._place(start)
        elif len(path) == 2:
            self.node = self._place(start)
            self._inside = False

    def _place(self, start: int) -> Place:
        """Return where the element that ends here stands."""
        closing = self._parser.CurrentByteIndex
        opened = _tag_end(self._data, start)
        if closing == start or self._data[opened - 2 : opened] == b"/>":
            return start, -1, start, opened
        return start, opened, closing, _tag_end(self._data, closing)


def _tag_end(data: bytes, start: int) -> int:
    """Return the position behind the tag that starts here; ``>`` may stand in quotes."""
    quote = b""
    for at in range(start, len(data)):
        character = data[at : at + 1]
        if quote:
            quote = b"" if character == quote else quote
        elif character in (b'"', b"'"):
            quote = character
        elif character == b">":
            return at + 1
    return len(data)


def _local(tag: str) -> str:
    return tag.rpartition(":")[2]
