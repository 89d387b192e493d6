"""XML of product metadata: read without entities or network, looked up by local names."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

import numpy as np

from sensetrack.errors import InputError, ParameterError
from sensetrack.raster.dates import parse_time
from sensetrack.types import DoubleArray


class Node:
    """An element of an XML file, with what is in it by path; namespaces are left out of every name.

    Paths are as ElementTree takes them: ``a/b``, ``.//c``, ``a[@id='1']``. What is asked for and not there is an
    `InputError` that names the file and the path; ``optional`` methods return None instead.

    Parameters
    ----------
    element : lxml.etree._Element
    file : str
        For messages.
    """

    def __init__(self, element: Any, file: str) -> None:
        self.element = element
        self.file = file

    @property
    def tag(self) -> str:
        """Local name."""
        return str(self.element.tag)

    @property
    def text(self) -> str:
        """Text of the element, without blanks around it."""
        return (self.element.text or "").strip()

    @property
    def children(self) -> list[Node]:
        """Elements directly below."""
        return [Node(child, self.file) for child in self.element]

    def attribute(self, name: str) -> str | None:
        """Return an attribute, or None."""
        value = self.element.get(name)
        return None if value is None else str(value)

    def all(self, path: str) -> list[Node]:
        """Return every element at a path."""
        return [Node(item, self.file) for item in self.element.findall(path)]

    def optional(self, path: str) -> Node | None:
        """Return the first element at a path, or None."""
        found = self.element.find(path)
        return None if found is None else Node(found, self.file)

    def one(self, path: str) -> Node:
        """Return the first element at a path."""
        found = self.optional(path)
        if found is None:
            raise InputError(f"{self.file}: lacks the element {path}")
        return found

    def string(self, path: str) -> str:
        """Return the text at a path."""
        return self.one(path).text

    def optional_string(self, path: str) -> str | None:
        """Return the text at a path, or None where it is absent or empty."""
        found = self.optional(path)
        return (found.text or None) if found is not None else None

    def number(self, path: str) -> float:
        """Return the number at a path."""
        return self._number(path, self.string(path))

    def optional_number(self, path: str) -> float | None:
        """Return the number at a path, or None where it is absent or empty."""
        text = self.optional_string(path)
        return None if text is None else self._number(path, text)

    def integer(self, path: str) -> int:
        """Return the whole number at a path."""
        number = self.number(path)
        if not number.is_integer():
            raise InputError(f"{self.file}: {path} is no whole number: {number:g}")
        return int(number)

    def numbers(self, path: str) -> DoubleArray:
        """Return the numbers of a list at a path, float64; empty where the element is, and NaN where it says so."""
        text = self.string(path)
        try:
            return np.array(text.split(), np.float64)
        except ValueError:
            raise InputError(f"{self.file}: {path} is no list of numbers: '{text[:40]}'") from None

    def time(self, path: str) -> datetime:
        """Return the time (UTC) at a path."""
        text = self.string(path)
        try:
            return parse_time(text.removeprefix("UTC="))
        except ParameterError:
            raise InputError(f"{self.file}: {path} is no time: '{text[:40]}'") from None

    def _number(self, path: str, text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{self.file}: {path} is no number: '{text[:40]}'")
        return number


def parse_xml(content: bytes, file: str) -> Node:
    """Parse XML from anywhere.

    Entities and document types are refused rather than resolved, nothing is fetched, and depth and text lengths stay
    within what libxml2 allows by default.

    Parameters
    ----------
    content : bytes
    file : str
        For messages.

    Returns
    -------
    Node
        The root.

    Raises
    ------
    InputError
        It is no well-formed XML, or declares a document type.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as XML ({' '.join(str(error).split())})") from error
    if root.getroottree().docinfo.doctype or root.getroottree().docinfo.internalDTD is not None:
        raise InputError(f"{file}: declares a document type or entities, which product metadata never does")
    for element in root.iter("*"):
        element.tag = etree.QName(element).localname
    return Node(root, file)
