"""Graphs from XML and back: nodes, sources, order, and the same bytes."""

from __future__ import annotations

import codecs
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from products.graphs import graph, node

from sensetrack.errors import GraphError, SensetrackError
from sensetrack.graph.model import Graph, Node, SourceRef
from sensetrack.graph.xml import LARGEST, Document

CHAIN = graph(
    node("Read", file="a.zip"),
    node("Calibration", "Read", outputBetaBand="true"),
    node("Write", "Calibration", file="o"),
)

GUI = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>\r
<!-- a comment, with ${nothing} -->\r
<graph   id='Graph' >\r
  <version>1.0</version>\r
  <node id="Read">\r
    <operator>Read</operator>\r
    <sources/>\r
    <parameters class="com.bc.ceres.binding.dom.XppDomElement">\r
      <file>${input}</file><!-- here --><formatName/>\r
    </parameters>\r
  </node>\r
  <node id="Write"><operator>Write</operator><sources><sourceProduct refid="Read"></sourceProduct></sources></node>\r
  <applicationData id="Presentation">\r
    <Description/>\r
    <node id="Read"><displayPosition x="37.0" y="134.0"/></node>\r
  </applicationData>\r
  <extra a="1"   b='2'>\t</extra>\r
</graph>\r
"""


def test_nodes_are_read() -> None:
    read, calibration, write = Graph.from_text(CHAIN).nodes
    assert read == Node("Read", "Read", (), {"file": "a.zip"}, 3)
    assert calibration.sources == (SourceRef("sourceProduct", "Read"),)
    assert calibration.parameters == {"outputBetaBand": "true"}
    assert (calibration.line, write.line) == (8, 13)


def test_what_windows_of_snap_add_is_passed_over() -> None:
    graph_ = Graph.from_text(GUI, variables={"input": "x"})
    assert [each.id for each in graph_.nodes] == ["Read", "Write"]
    assert graph_.node("Read").parameters == {"file": "x"}


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_an_unchanged_graph_has_the_same_bytes(tmp_path: Path, mark: bytes) -> None:
    path, copy = tmp_path / "g.xml", tmp_path / "copy.xml"
    path.write_bytes(mark + GUI.encode())
    Graph.read(path, {"input": "x"}).write(copy)
    assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "UTF-16", "UTF-16LE", "windows-1252", "US-ASCII"])
def test_encodings_are_kept(tmp_path: Path, encoding: str) -> None:
    text = GUI.replace("UTF-8", encoding).replace("a comment", "a comment" if encoding == "US-ASCII" else "Gletscher é")
    mark = codecs.BOM_UTF16_LE if encoding == "UTF-16LE" else b""
    path = tmp_path / "g.xml"
    path.write_bytes(mark + text.encode(encoding))
    read = Graph.read(path, {"input": "Öl"})
    assert read.node("read").parameters["file"] == "Öl"
    read.write(tmp_path / "copy.xml")
    assert (tmp_path / "copy.xml").read_bytes() == path.read_bytes()
    (tmp_path / "filled.xml").write_bytes(read.encoded())
    assert Graph.read(tmp_path / "filled.xml").node("Read").parameters["file"] == "Öl"


def test_changing_a_parameter_changes_only_that() -> None:
    graph_ = Graph.from_text(GUI, variables={"input": "x"})
    changed = graph_.with_parameter("READ", "file", "a & ${input}")
    assert changed.original == GUI.replace("${input}", "a &amp; ${input}")
    assert changed.node("Read").parameters == {"file": "a & x"}
    assert graph_.original == GUI and graph_.node("Read").parameters == {"file": "x"}
    emptied = graph_.with_parameter("Read", "formatName", "GeoTIFF")
    assert emptied.original == GUI.replace("<formatName/>", "<formatName>GeoTIFF</formatName>")


def test_parameters_are_added_as_the_others_stand() -> None:
    graph_ = Graph.from_text(GUI, variables={"input": "x"})
    added = graph_.with_parameter("Read", "sourceBands", "B1")
    line = "<formatName/>\r\n      <sourceBands>B1</sourceBands>\r\n"
    assert added.original == GUI.replace("<formatName/>\r\n", line)
    without = graph_.with_parameter("Write", "file", "o").original
    assert "</sources><parameters><file>o</file></parameters></node>\r\n" in without


@pytest.mark.parametrize("block", ["<parameters/>", "<parameters  a='>' />", "<parameters></parameters>"])
def test_parameters_are_added_where_there_are_none(block: str) -> None:
    text = CHAIN.replace("<parameters><outputBetaBand>true</outputBetaBand></parameters>", block)
    changed = Graph.from_text(text).with_parameter("Calibration", "sourceBands", "é<")
    assert changed.node("Calibration").parameters == {"sourceBands": "é<"}
    assert len(changed.original) == len(text) + len("<sourceBands>é&lt;</sourceBands>") + (
        0 if block.endswith("</parameters>") else len("<parameters></parameters>") - len("<parameters/>")
    ) - (1 if " />" in block else 0)


def test_lists_of_elements_are_not_overwritten() -> None:
    maths = node("BandMaths", "Read", targetBands={"targetBand": {"name": "n"}})
    with pytest.raises(GraphError, match="targetBands holds a list of elements"):
        Graph.from_text(graph(node("Read"), maths)).with_parameter("BandMaths", "targetBands", "x")


@given(value=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=20), data=st.data())
@settings(max_examples=60)
def test_any_parameter_can_be_set(value: str, data: st.DataObject) -> None:
    value = "".join(each for each in value if each not in "\ufffe\uffff$")
    where = data.draw(st.sampled_from(["Read", "Calibration", "Write"]))
    name = data.draw(st.sampled_from(["file", "outputBetaBand", "other"]))
    before = Graph.from_text(CHAIN)
    after = before.with_parameter(where, name, value)
    expected = {each.id: dict(each.parameters) for each in before.nodes}
    expected[where] = {**expected[where], name: value.strip()}
    expected[where] = {key: each for key, each in expected[where].items() if each}
    assert {each.id: dict(each.parameters) for each in after.nodes} == expected
    assert after.with_parameter(where, name, "x").original == before.with_parameter(where, name, "x").original


def test_lists_of_elements_become_mappings() -> None:
    bands = [{"targetBand": {"name": "a", "expression": "x &lt; 1"}}, {"targetBand": {"name": "b", "type": ""}}]
    maths = node(
        "BandMaths", "Read", targetBands=bands, variables={"variable": {"name": "k"}}, other={"a": "1", "b": "2"}
    )
    names = node("BandSelect", "Read", sourceBands=[{"band": "B2"}, {"band": "B3"}])
    read = Graph.from_text(graph(node("Read"), maths, names))
    assert read.node("BandMaths").parameters == {
        "targetBands": [{"name": "a", "expression": "x < 1"}, {"name": "b"}],
        "variables": [{"name": "k"}],
        "other": [{"a": "1", "b": "2"}],
    }
    assert read.node("BandSelect").parameters == {"sourceBands": "B2,B3"}
    one = Graph.from_text(graph(node("Subset", sourceBands={"band": "B2"}))).nodes[0]
    assert one.parameters == {"sourceBands": "B2"}


def test_sources_come_in_every_form() -> None:
    texts = (
        '<source>A</source><source refid="b"/>',
        "<sourceProducts>a, B</sourceProducts>",
        '<sourceProduct refid="A"/><sourceProduct.1 refid="B"/>',
        "<sourceProduct>A</sourceProduct><sourceProduct1>B</sourceProduct1>",
    )
    for text in texts:
        stack = node("CreateStack").replace("<sources></sources>", f"<sources>{text}</sources>")
        read = Graph.from_text(graph(node("Read", id="A"), node("Read", id="B"), stack))
        assert [source.node for source in read.node("CreateStack").sources] == ["A", "B"]


def test_sources_from_outside() -> None:
    header = '<header><source name="dem">${folder}/dem.tif</source><source name="open"/></header>'
    stack = node("CreateStack", id="all").replace("<sources></sources>", "<sources><s>${sourceProducts}</s></sources>")
    text = graph(
        node("Subset", "scene"), node("Subset", "dem", id="d"), node("Subset", "${other}", id="o"), stack, header=header
    )
    read = Graph.from_text(text, variables={"folder": "/x"}, sources={"scene": "a.zip", "other": "b.zip"})
    assert read.source_files == {"dem": "/x/dem.tif", "open": "", "scene": "a.zip", "other": "b.zip"}
    assert [each.sources[0].node for each in read.nodes[:3]] == ["scene", "dem", "other"]
    assert [source.node for source in read.node("all").sources] == ["scene", "other", "dem", "open"]
    with pytest.raises(GraphError, match="source 'scene' is no node"):
        Graph.from_text(text, variables={"folder": "/x"}, sources={"other": "b.zip"})


def test_the_order_is_that_of_the_data_and_otherwise_of_the_file() -> None:
    text = graph(
        node("Write", "C"),
        node("Read", id="B"),
        node("Subset", "B", "A", id="C"),
        node("Read", id="A"),
        node("Read", id="D"),
    )
    assert [each.id for each in Graph.from_text(text).ordered()] == ["B", "A", "C", "Write", "D"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=20), st.permutations(range(10)))
def test_sources_always_come_first(pairs: list[tuple[int, int]], order: list[int]) -> None:
    edges = {(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]}
    nodes = [node("X", *(f"n{a}" for a, b in sorted(edges) if b == each), id=f"n{each}") for each in order]
    ordered = [each.id for each in Graph.from_text(graph(*nodes)).ordered()]
    assert sorted(ordered) == [f"n{number}" for number in range(10)]
    assert all(ordered.index(f"n{a}") < ordered.index(f"n{b}") for a, b in edges)


def test_nodes_are_found_in_any_case() -> None:
    read = Graph.from_text(CHAIN)
    assert read.node("wRITE").operator == "Write"
    with pytest.raises(GraphError, match=r"no node 'Wite'; did you mean 'Write'\?"):
        read.node("Wite")


def test_graphs_travel(tmp_path: Path) -> None:
    read = Graph.from_text(CHAIN, "chain")
    assert pickle.loads(pickle.dumps(read)).nodes == read.nodes


@given(st.binary(max_size=300))
@settings(max_examples=150)
def test_any_bytes_are_a_graph_or_an_error(content: bytes) -> None:
    for each in (content, CHAIN.encode().replace(b"Calibration", content), codecs.BOM_UTF16_BE + content):
        try:
            read = Graph.from_text(Document.decode(each, "g").text, strict=False)
        except SensetrackError as error:
            assert "\n" not in str(error).strip()
        else:
            assert Document.decode(each, "g").encode() == each and read.original == read.document.text


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    cases = {
        "large": (b" " * (LARGEST + 1), "more than 4 MB"),
        "binary": (b"\x89PNG\xff", "is no text in utf-8"),
        "odd": (b'<?xml version="1.0" encoding="rot13"?><graph/>', "encoding 'rot13'; store it as UTF-8"),
        "empty": (b"", "cannot be read as XML"),
        "cut": (CHAIN.encode()[:80], "cannot be read as XML"),
        "nul": (CHAIN.encode() + b"\0", "cannot be read as XML"),
    }
    for name, (content, message) in cases.items():
        path = tmp_path / f"{name}.xml"
        path.write_bytes(content)
        with pytest.raises(GraphError, match=message) as error:
            Graph.read(path)
        assert str(path) in str(error.value) or name in ("large",)
    with pytest.raises(GraphError, match="cannot be read"):
        Graph.read(tmp_path)
    with pytest.raises(GraphError, match="there is no such file"):
        Graph.read(tmp_path / "none.xml")
    with pytest.raises(GraphError, match=r"no graph 's1_grd_defualt' is shipped; did you mean 's1_grd_default'\?"):
        Graph.read("s1_grd_defualt")
    with pytest.raises(GraphError, match="cannot be read"):
        Graph.read("a\0b")


def test_entities_are_refused() -> None:
    laughs = '<!DOCTYPE g [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + CHAIN.replace("a.zip", "&b;")
    outside = '<!DOCTYPE g [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + CHAIN.replace("a.zip", "&a;")
    for text in (laughs, outside, "<!DOCTYPE graph>" + CHAIN, CHAIN.replace("a.zip", "&a;")):
        with pytest.raises(GraphError, match=r"document type or entities, which graphs never do|cannot be read as XML"):
            Graph.from_text(text)


def test_deep_and_long_graphs_are_refused() -> None:
    with pytest.raises(GraphError, match="cannot be read as XML"):
        Graph.from_text(CHAIN.replace("a.zip", "<a>" * 10**4 + "</a>" * 10**4))
    with pytest.raises(GraphError, match="more than 2000 nodes"):
        Graph.from_text(graph(*(node("Read", id=f"n{number}") for number in range(2001))))


def test_long_circles_are_cut_short() -> None:
    ring = [node("Subset", f"n{(number + 1) % 2000}", id=f"n{number}") for number in range(2000)]
    with pytest.raises(GraphError, match=r"circle: n0 -> n1999 -> .* -> \.\.\. -> n1 -> n0"):
        Graph.from_text(graph(*ring))
