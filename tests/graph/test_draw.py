"""Drawings of graphs: what boxes show, where they stand, Mermaid text and pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from products.graphs import graph, node

from sensetrack.errors import OutputError, ParameterError
from sensetrack.graph.draw import COLOURS, Layout, boxes_of, changed, edges_of, lay_out, mermaid, shortened, text_of
from sensetrack.graph.model import Graph
from sensetrack.report.graph import draw_graph

BANDS = {"targetBand": {"name": "ratio", "expression": "a / b"}}
BRANCHES = graph(
    node("Read", id="A", file="a" * 60),
    node("Read", id="B", file="b"),
    node("Multilook", "A", nRgLooks="4", nAzLooks="1"),
    node("CreateStack", "Multilook", "B", "dem", extent="Maximum"),
    node("Offset-Tracking", "CreateStack"),
    node("Write", "Offset-Tracking", file="o", formatName="GeoTIFF"),
    node("Unheard", "A", id='odd "<id>"'.replace('"', "&quot;").replace("<", "&lt;"), much=BANDS),
)


@pytest.fixture
def branches() -> Graph:
    """Two readers, a file from outside, and two ends, one of an operator that nobody knows."""
    return Graph.from_text(BRANCHES, "branches", sources={"dem": "dem.tif"})


def test_boxes_show_what_differs_from_the_default(branches: Graph) -> None:
    boxes = {box.id: box for box in boxes_of(branches)}
    assert list(boxes) == ["dem", "A", "B", "Multilook", "CreateStack", "Offset-Tracking", "Write", 'odd "<id>"']
    assert (boxes["dem"].kind, boxes["dem"].lines) == ("file", (("file", "dem.tif"),))
    assert boxes["Multilook"].lines == (("nRgLooks", "4"),)
    assert boxes["A"].lines == (("file", "a" * 43 + "…"),)
    assert (boxes["A"].subtitle, boxes["Write"].subtitle) == ("A", "")
    assert boxes["Offset-Tracking"].kind == "snap" and boxes['odd "<id>"'].kind == "unknown"
    assert boxes['odd "<id>"'].lines == (("much", "ratio"),)


def test_boxes_do_not_grow_without_end() -> None:
    many = node("Unheard", **{f"p{number}": number + 1 for number in range(9)})
    (box,) = boxes_of(Graph.from_text(graph(many)))
    assert box.lines[-1] == ("...", "and 5 more") and len(box.lines) == 5


def test_variables_and_references_are_shown() -> None:
    subset = node("Subset", geoRegion="${area}", fullSwath="false").replace(
        "</parameters>", '<a refid="x.y"/></parameters>'
    )
    read = Graph.from_text(graph(subset), strict=False)
    assert changed(read.nodes[0]) == [("geoRegion", "${area}"), ("a", "<- x.y")]


def test_texts() -> None:
    assert text_of(" a\n  b ") == "a b"
    assert text_of([{"name": "a"}, {"bandName": "b"}, {"c": "d"}]) == "a, b, {'c': 'd'}"
    assert shortened("x" * 44) == "x" * 44 and shortened("x" * 45) == "x" * 43 + "…"


def test_mermaid(branches: Graph) -> None:
    lines = mermaid(branches).splitlines()
    assert lines[0] == "flowchart TD"
    assert '    n3["<b>Multilook</b><br/>nRgLooks: 4"]:::native' in lines
    assert '    n7["<b>Unheard</b> odd #quot;#lt;id#gt;#quot;<br/>much: ratio"]:::unknown' in lines
    assert [line.strip() for line in lines if "-->" in line] == [
        "n1 --> n3",
        "n3 --> n4",
        "n2 --> n4",
        "n0 --> n4",
        "n4 --> n5",
        "n5 --> n6",
        "n1 --> n7",
    ]
    assert {line.split()[1] for line in lines if "classDef" in line} == set(COLOURS)


def test_layers_of_a_chain() -> None:
    assert lay_out("abc", [("a", "b"), ("b", "c")]) == Layout(
        [["a"], ["b"], ["c"]], {("a", "b"): [(0, 0), (1, 0)], ("b", "c"): [(1, 0), (2, 0)]}
    )
    assert lay_out([], []) == Layout([], {})


def test_long_edges_have_a_place_in_each_layer() -> None:
    layout = lay_out("abcd", [("a", "b"), ("b", "c"), ("c", "d"), ("a", "d")])
    path = layout.paths["a", "d"]
    assert [layer for layer, _ in path] == [0, 1, 2, 3]
    assert all(layout.layers[layer][place] == "" for layer, place in path[1:-1])


def test_sources_stand_just_above_what_takes_them() -> None:
    layout = lay_out("asbc", [("a", "b"), ("b", "c"), ("s", "c")])
    assert set(layout.layers[1]) == {"b", "s"}


def test_crossings_are_avoided() -> None:
    layout = lay_out(["a", "b", "y", "x"], [("a", "x"), ("b", "y")])
    assert layout.layers == [["a", "b"], ["x", "y"]]


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=14))
def test_every_box_has_its_place_below_its_sources(pairs: list[tuple[int, int]]) -> None:
    edges = [(str(min(pair)), str(max(pair))) for pair in pairs if pair[0] != pair[1]]
    boxes = [str(number) for number in range(8)]
    layout = lay_out(boxes, edges)
    placed = {name: layer for layer, names in enumerate(layout.layers) for name in names if name}
    assert sorted(placed) == boxes and sum(1 for names in layout.layers for name in names if name) == 8
    assert all(placed[start] < placed[end] for start, end in edges)
    for (start, end), path in layout.paths.items():
        ends = [layout.layers[layer][place] for layer, place in (path[0], path[-1])]
        assert ends == [start, end]
        assert [layer for layer, _ in path] == list(range(placed[start], placed[end] + 1))


def test_pictures_have_every_box_in_its_colour(branches: Graph, tmp_path: Path) -> None:
    from PIL import Image as Picture

    draw_graph(branches, tmp_path / "g.png", dpi=60)
    with Picture.open(tmp_path / "g.png") as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert min(pixels.shape[:2]) > 200
    for fill, _ in COLOURS.values():
        colour = [int(fill[at : at + 2], 16) for at in (1, 3, 5)]
        assert (pixels == colour).all(axis=2).sum() > 200


def test_pictures_name_every_operator(branches: Graph, tmp_path: Path) -> None:
    draw_graph(branches, tmp_path / "g.svg")
    root = etree.parse(tmp_path / "g.svg").getroot()
    texts = ["".join(item.itertext()) for item in root.iter("{http://www.w3.org/2000/svg}text")]
    for box in boxes_of(branches):
        assert box.title in texts and all(name in texts and value in texts for name, value in box.lines)
    assert texts.count("Read") == 2 and "branches" in texts and "SNAP only" in texts
    draw_graph(branches, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "g.svg").read_bytes()
    assert len(edges_of(branches)) == 7


def test_pictures_do_not_replace_files(branches: Graph, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"\.png, \.pdf, \.svg"):
        draw_graph(branches, tmp_path / "g.gif")
    (tmp_path / "g.svg").write_text("mine")
    with pytest.raises(OutputError):
        draw_graph(branches, tmp_path / "g.svg")
    draw_graph(branches, tmp_path / "g.svg", overwrite=True)
    assert "mine" not in (tmp_path / "g.svg").read_text()
