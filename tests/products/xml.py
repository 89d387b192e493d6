"""Small XML documents from nested Python values."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lxml import etree

Content = Any  # text, number, an element, or a sequence of elements


def element(tag: str, content: Content = None, **attributes: Any) -> etree._Element:
    """Return an element that holds text, or other elements."""
    made = etree.Element(tag, {name: str(value) for name, value in attributes.items()})
    if content is None:
        return made
    if isinstance(content, etree._Element):
        made.append(content)
    elif isinstance(content, str | int | float):
        made.text = str(content)
    else:
        made.extend(content)
    return made


def counted(tag: str, items: Iterable[etree._Element]) -> etree._Element:
    """Return a list element with its length as the attribute ``count``."""
    made = element(tag, items)
    made.set("count", str(len(made)))
    return made


def numbers(tag: str, values: Iterable[float], form: str = "{:.6e}") -> etree._Element:
    """Return an element that holds numbers parted by blanks, with ``count``."""
    texts = [form.format(value) for value in values]
    return element(tag, " ".join(texts), count=len(texts))


def fields(**values: Any) -> list[etree._Element]:
    """Return one element for each keyword, in order."""
    return [element(tag, value) for tag, value in values.items()]


def save(path: Path, root: etree._Element) -> None:
    """Write a document, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
