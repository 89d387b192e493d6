"""Variables of graphs: what the comments say of them, and values in their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from products.graphs import graph, node

from sensetrack.errors import GraphError
from sensetrack.graph.model import Graph
from sensetrack.graph.variables import Variable, bare_names, describe, placeholders, substitute
from sensetrack.graph.xml import parse

TOP = """<?xml version="1.0" encoding="UTF-8"?>
<!--
Does something.

In two paragraphs.

sensors: Sentinel-1 GRD
engines: Native

variables:
  input : what to read: a file
  dem = Copernicus 30m Global DEM : elevation model, or
      a file
  file = : may be empty

Not a variable : any more
-->
"""


def test_comments_document_variables() -> None:
    about = describe(graph(node("Read"), top=TOP))
    assert about.summary == "Does something"
    assert about.text == "Does something.\n\nIn two paragraphs.\n\nNot a variable : any more"
    assert (about.sensors, about.engines) == ("Sentinel-1 GRD", "native")
    assert about.variables == (
        Variable("input", None, "what to read: a file"),
        Variable("dem", "Copernicus 30m Global DEM", "elevation model, or a file"),
        Variable("file", "", "may be empty"),
    )


def test_windows_line_ends_document_the_same() -> None:
    assert describe(graph(top=TOP).replace("\n", "\r\n")) == describe(graph(top=TOP))


def test_comments_below_the_top_document_nothing() -> None:
    text = graph("<!--\nvariables:\n x : y\n-->", node("Read"), top="<!-- <node> in a comment -->")
    assert describe(text).variables == ()
    assert describe(text).summary == "<node> in a comment"


def test_a_graph_without_comments_says_nothing() -> None:
    assert describe(graph(node("Read"))) == describe("")


def test_values_take_both_forms() -> None:
    text = "<a b='${x}'>$x ${x}.tif $x.tif ${y} $y</a>"
    assert substitute(text, {"x": "1"}) == "<a b='1'>1 1.tif $x.tif ${y} $y</a>"


def test_dots_belong_to_bare_names() -> None:
    expression = "$sourceProduct.0.band + $other.b"
    assert substitute(expression, {"sourceProduct": "S"}) == expression
    assert bare_names(expression) == ("sourceProduct.0.band", "other.b")


def test_values_are_taken_as_they_are() -> None:
    values = {"a": "${b} $b & <c>", "b": "2"}
    assert substitute("<x>${a}</x>", values) == "<x>${b} $b &amp; &lt;c&gt;</x>"


def test_comments_and_cdata_are_told_apart() -> None:
    text = "<x><!-- ${a} <![CDATA[ ${a} --><![CDATA[${a} <!-- ${a} ]]>${a}</x>"
    expected = "<x><!-- ${a} <![CDATA[ ${a} --><![CDATA[<1 <!-- <1 ]]>&lt;1</x>"
    assert substitute(text, {"a": "<1"}) == expected
    assert placeholders(text) == ("a",)
    assert placeholders("<!-- ${a}") == ()


def test_cdata_cannot_be_left() -> None:
    text = substitute("<x><![CDATA[a${v}b]]></x>", {"v": "]]><y/>"})
    root = parse(text, "t")
    assert root.text == "a]]><y/>b" and root.children == []


def test_patterns_of_operators_are_no_variables() -> None:
    assert placeholders("${ORIGINAL_NAME}_S${SLAVE_NUMBER_ID} ${x}") == ("x",)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r"), max_size=40))
def test_any_value_arrives(value: str) -> None:
    value = "".join(character for character in value if character not in "\ufffe\uffff")
    text = substitute("<a b='${v}'>${v}|<![CDATA[${v}]]></a>", {"v": value})
    root = parse(text, "t").element
    assert root.get("b") == value
    raw = value.replace("\r\n", "\n").replace("\r", "\n")  # what XML makes of line ends in CDATA
    assert root.text == f"{value}|{raw}"


@given(st.text(max_size=60))
def test_no_text_is_too_strange(text: str) -> None:
    describe(text)
    assert substitute(text, {}) == text
    assert "${" in text or placeholders(text) == ()


@pytest.mark.parametrize("value", ["a\x00b", "\x1b[0m", "\ud800", "\uffff"])
def test_values_that_xml_cannot_hold_are_refused(value: str) -> None:
    with pytest.raises(GraphError, match=r"variable 'v' = .*control characters"):
        substitute("<a>${v}</a>", {"v": value})


def test_long_lines_take_no_time() -> None:
    for line in (" " * 10**5, "a = " + " " * 10**5, "a" * 10**5 + ":", "<?xml " + " " * 10**5):
        describe(f"<!--\nvariables:\n{line}\n-->")
        placeholders(line + "${" * 10**4)


def test_all_missing_values_are_said_at_once() -> None:
    text = graph(node("Read", file="${input}"), node("Write", "Read", file="${output}", formatName="${x}"), top=TOP)
    with pytest.raises(GraphError) as error:
        Graph.from_text(text, "g.xml")
    message = str(error.value)
    assert "input (what to read: a file); output; x" in message and "-P name=value" in message
    assert message.count("\n") == 0


def test_values_win_over_defaults() -> None:
    text = graph(node("Read", file="${dem}|${file}|${input}"), top=TOP)
    assert Graph.from_text(text, "g", {"input": "a"}).node("Read").parameters["file"] == "Copernicus 30m Global DEM||a"
    graph_ = Graph.from_text(text, "g", {"input": "a", "dem": "b", "file": "c"})
    assert graph_.node("Read").parameters["file"] == "b|c|a"
    assert graph_.values == {"input": "a", "dem": "b", "file": "c"}


def test_unknown_variables_are_refused() -> None:
    with pytest.raises(GraphError, match=r"there is no variable 'inptu'; did you mean 'input'\?"):
        Graph.from_text(graph(node("Read", file="${input}"), top=TOP), "g", {"input": "a", "inptu": "b"})


def test_parameters_of_the_header_are_variables() -> None:
    header = (
        '<header><parameter name="size" type="int" defaultValue="3" description="how large"/>'
        '<parameter name="look">7</parameter><parameter name="open"/></header>'
    )
    multilook = node("Multilook", id="M").replace("<parameters>", '<parameters><nRgLooks refid="size"/>')
    text = graph(multilook, node("Read", file="${look}${open}"), header=header)
    read = Graph.from_text(text, "g", {"open": "x"})
    assert read.variables[0] == Variable("size", "3", "how large")
    assert read.node("M").parameters == {"nRgLooks": "3"}
    assert read.node("Read").parameters == {"file": "7x"}
    assert Graph.from_text(text, "g", {"open": "x", "size": "5"}).node("M").parameters == {"nRgLooks": "5"}
