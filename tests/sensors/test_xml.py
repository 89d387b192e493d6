"""XML from anywhere: no entities, no network, names without namespaces, one error each."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from products.broken import billion_laughs, outside_entity

from sensetrack.errors import InputError
from sensetrack.sensors import parse_xml

TEXT = b"""<?xml version="1.0"?>
<!-- a comment --><?php a?>
<p:root xmlns:p="urn:one" xmlns="urn:two"><a id="1">5</a><a id="2"> 1 2.5 </a><b><p:c>2020-01-02T03:04:05.5Z</p:c></b>
<d/><e>UTC=2020-01-02T03:04:05</e></p:root>"""


def test_elements_are_found_without_namespaces() -> None:
    root = parse_xml(TEXT, "x.xml")
    assert (root.tag, [child.tag for child in root.children]) == ("root", ["a", "a", "b", "d", "e"])
    assert root.integer("a") == 5 and root.number("a") == 5.0 and root.string("a[@id='1']") == "5"
    assert np.array_equal(root.numbers("a[@id='2']"), [1, 2.5])
    assert [each.attribute("id") for each in root.all("a")] == ["1", "2"] and root.one("b").attribute("id") is None
    assert root.time("b/c") == datetime(2020, 1, 2, 3, 4, 5, 500000, tzinfo=UTC)
    assert root.time(".//e") == datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert root.optional("z") is None and root.optional_string("d") is None and root.optional_number("z") is None
    assert root.optional_number("a") == 5 and len(root.numbers("d")) == 0


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda root: root.string("x/y"), "lacks the element x/y"),
        (lambda root: root.number("b/c"), "b/c is no number: '2020-01-02T03:04:05.5Z'"),
        (lambda root: root.integer("d"), "d is no number: ''"),
        (lambda root: root.numbers("b/c"), "is no list of numbers"),
        (lambda root: root.time("a"), "a is no time: '5'"),
    ],
)
def test_what_is_not_there_names_file_and_path(ask: object, why: str) -> None:
    with pytest.raises(InputError, match=why) as error:
        ask(parse_xml(TEXT, "x.xml"))  # type: ignore[operator]
    assert str(error.value).startswith("x.xml: ")


def test_a_fraction_is_no_whole_number() -> None:
    with pytest.raises(InputError, match=r"a is no whole number: 1\.5"):
        parse_xml(b"<r><a>1.5</a></r>", "x.xml").integer("a")


def test_entities_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for path in (billion_laughs(tmp_path / "a.xml"), outside_entity(tmp_path / "b.xml", secret)):
        with pytest.raises(InputError, match=r"document type or entities|cannot be read as XML") as error:
            parse_xml(path.read_bytes(), path.name)
        assert "secret" not in str(error.value)
    with pytest.raises(InputError, match="document type"):
        parse_xml(b'<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd"><r/>', "x.xml")


@pytest.mark.parametrize(
    "content", [b"", b"<a>", b"<a></b>", b"no xml", b"\x00\x01", b"<a>" * 100_000, b"\xff\xfe<a/>"]
)
def test_what_is_no_xml_is_one_error(content: bytes) -> None:
    with pytest.raises(InputError, match=r"x\.xml: cannot be read as XML"):
        parse_xml(content, "x.xml")


@given(st.binary(max_size=200) | st.text(alphabet="<>/ab&;!?-[]\"'=", max_size=60).map(str.encode))
def test_anything_parses_or_is_an_input_error(content: bytes) -> None:
    try:
        root = parse_xml(content, "x.xml")
    except InputError:
        return
    assert root.tag
