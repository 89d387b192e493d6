"""What is wrong with graphs: one clear line each, with the node and the line, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from products.graphs import graph, node

from sensetrack.errors import GraphError
from sensetrack.graph.check import check, engines, slot_of
from sensetrack.graph.draw import mermaid
from sensetrack.graph.model import Graph
from sensetrack.graph.operators import operator, operators
from sensetrack.graph.operators._base import Context, Operator, Slot, Sources
from sensetrack.graph.problem import Problem
from sensetrack.graph.scene import Scene
from sensetrack.params import param

READ = node("Read", file="a")
WRITE = node("Write", "Read", file="o")


class Smooth(Operator):
    """Made up: runs without SNAP."""

    alias: ClassVar[str] = "Smooth"
    since: ClassVar[Mapping[str, int]] = {"late": 11}
    ours: ClassVar[frozenset[str]] = frozenset({"own"})

    size: int = param(3, "Side of its window.", ge=1, le=9)
    kind: Literal["mean", "median"] = param("mean", "How.")
    late: bool = param(False, "Younger than the rest.")
    own: bool = param(False, "Not in SNAP.")

    def apply(self, sources: Sources, context: Context) -> Scene:
        """Change nothing."""
        return sources.one


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make up an operator, and let Read and Write run without SNAP."""
    monkeypatch.setitem(operators(), "Smooth", Smooth)
    for name in ("Read", "Write"):
        monkeypatch.setattr(operators()[name], "apply", Smooth.apply)


def problems(*nodes: str, snap_version: int | None = None, **parts: str) -> list[Problem]:
    return check(Graph.from_text(graph(*nodes, **parts), strict=False), snap_version=snap_version)


def errors(*nodes: str, **parts: str) -> list[str]:
    return [str(each) for each in problems(*nodes, **parts) if each.level == "error"]


def test_a_good_graph_has_no_problems() -> None:
    assert problems(READ, node("Smooth", "Read", size=5), node("Write", "Smooth", file="o")) == []


PAIR = node("Smooth", "Read").replace("</sources>", '<sourceProduct refid="B"/></sources>')
HEIGHTS = node("Terrain-Correction", "Read", demName="External DEM")
FROM_HEADER = READ.replace("<file>a</file>", '<file refid="x"/>')
WRONG: dict[str, tuple[tuple[str, ...], str]] = {
    "no operator": ((READ, '<node id="N"/>'), "node 'N': names no operator; put <operator>NAME</operator> into it"),
    "unknown operator": ((node("Raed"),), "node 'Raed': no operator 'Raed'; did you mean 'Read'?"),
    "unknown parameter": ((node("Smooth", sise=3),), "Smooth has no parameter 'sise'; did you mean 'size'?"),
    "wrong type": ((node("Smooth", size="many"),), "Smooth: size = 'many': input should be a valid integer"),
    "out of range": ((node("Smooth", size=11),), "size = '11': input should be less than or equal to 9 (>= 1, <= 9)"),
    "outside its set": ((node("Smooth", kind="mode"),), "kind = 'mode': input should be 'mean' or 'median'"),
    "missing parameter": ((node("Read"), WRITE), "node 'Read': Read needs the parameter 'file'"),
    "parameter twice": ((READ.replace("<file>", "<file>b</file><file>"),), "parameter 'file' is given twice"),
    "missing source": ((node("Smooth"),), 'Smooth needs a source: put <sourceProduct refid="ID"/> into <sources>'),
    "too many sources": ((READ, node("Read", id="B"), PAIR), "Smooth takes one source as 'sourceProduct', but has 2"),
    "unknown slot": ((READ, node("Smooth", "Read", slot="sauce")), "Smooth has no source 'sauce'"),
    "source of a reader": ((READ, node("Read", "Read", id="B")), "Read takes no source, but has 'sourceProduct'"),
    "unknown source": ((READ, node("Smooth", "Raed")), "source 'Raed' is no node of the graph, and no source that was"),
    "near source": ((READ, node("Smooth", "Raed")), "given; did you mean 'Read'?"),
    "repeated source": ((READ, node("CreateStack", "Read", "READ")), "source 'Read' is named twice"),
    "source without a name": ((node("Smooth", ""),), "source 'sourceProduct' names no node: give it refid=\"ID\""),
    "own source": ((node("Smooth", "Smooth"),), "node 'Smooth': is its own source"),
    "unknown header parameter": ((FROM_HEADER,), "parameter 'file' takes 'x', which is no parameter of the header"),
    "two to one file": ((READ, WRITE, node("Write", "Read", id="W", file="o")), "another node writes to 'o' as well"),
    "elevation without a file": ((READ, HEIGHTS), "demName = 'External DEM': externalDEMFile is not given"),
    "id twice": ((READ, node("Smooth", id="read")), "node 'read': this id is taken on line 3; ids differ by more than"),
    "no id": (("<node><operator>Read</operator></node>", READ), "a node without an id"),
    "two blocks": ((READ.replace("<sources></sources>", "<sources/><sources/>"),), "has 2 elements <sources>"),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_fault_is_one_line(case: str) -> None:
    nodes, message = WRONG[case]
    found = errors(*nodes)
    assert any(line.startswith("line ") and message in line for line in found), found
    assert all("\n" not in line for line in found)


def test_lines_are_those_of_the_file() -> None:
    found = errors(READ, node("Smooth", "Read", sise=3), node("Write", "Nothing", file="o"), top="<!--\n\n-->\n")
    assert [line.partition(":")[0] for line in found] == ["line 11, node 'Smooth'", "line 18, node 'Write'"]


def test_a_cycle_is_named_in_order() -> None:
    nodes = node("CreateStack", "C", "Read", id="A"), node("Smooth", "A", id="B"), node("Smooth", "B", id="C")
    with pytest.raises(GraphError, match="line 3: nodes wait for each other in a circle: A -> B -> C -> A"):
        Graph.from_text(graph(*nodes, READ))


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("", "it states no version; put <version>1.0</version> into <graph>"),
        ("<version/>", "it states no version"),
        ("<version>1.1</version>", "version '1.1' is not known; it has to be 1.0"),
    ],
)
def test_the_version_is_checked(version: str, message: str) -> None:
    assert any(message in line for line in errors(READ, WRITE, version=version))


def test_graphs_without_nodes_and_other_files_are_told() -> None:
    assert errors() == ["line 1: it has no nodes"]
    with pytest.raises(GraphError, match=r"g\.xml: line 1: the first element is <kml>, and not <graph>"):
        Graph.from_text("<kml/>", "g.xml")


def test_all_problems_are_found_and_the_first_is_raised() -> None:
    nodes = READ, node("Smooth", "Raed", sise=1, size=99), node("Wirte", "Smooth")
    text = graph(*nodes, version="<version>2</version>")
    assert len(errors(*nodes, version="<version>2</version>")) == 5
    with pytest.raises(GraphError, match=r"version '2'.*\(and 1 more: see 'sensetrack graph check'\)"):
        Graph.from_text(text)


def test_typed_parameters() -> None:
    read = Graph.from_text(graph(READ, node("Smooth", "Read", size=" 5 ", kind="", late="TRUE")))
    typed = read.node("Smooth").typed()
    assert isinstance(typed, Smooth)
    assert (typed.size, typed.kind, typed.late) == (5, "mean", True)
    with pytest.raises(GraphError, match=r"line 3, node 'Read': Read: .*pixelRegion"):
        Graph.from_text(graph(node("Read", file="a", pixelRegion="1,2"))).node("Read").typed()
    with pytest.raises(GraphError, match=r"needs the parameter 'file' \(and 1 more\)"):
        Graph.from_text(graph(node("Read", fiel="a"))).node("Read").typed()


def test_common_spellings_are_taken() -> None:
    read = Graph.from_text(
        graph(node("Read", file="a", bandNames="B1,B2"), node("Calibration", "Read", sourceBandNames="x"))
    )
    assert read.node("Read").typed().sourceBands == ("B1", "B2")  # type: ignore[attr-defined]
    assert read.node("Calibration").typed().sourceBands == ("x",)  # type: ignore[attr-defined]


def test_parameters_of_other_nodes_are_left_to_snap() -> None:
    smooth = node("Smooth", "Read").replace("<parameters>", '<parameters><size refid="Read.best"/>')
    read = Graph.from_text(graph(READ, smooth, node("Write", "Smooth", file="o")))
    assert read.node("Smooth").references == {"size": "Read.best"}
    found = [str(each) for each in check(read)]
    assert found[0] == "line 8, node 'Smooth': size takes 'Read.best' of another node, which only SNAP does"
    assert engines(read) == ("SNAP",)
    with pytest.raises(GraphError, match="which only SNAP does"):
        read.node("Smooth").typed()


def test_what_older_versions_do_not_know() -> None:
    nodes = READ, node("Smooth", "Read", late="true"), node("Write", "Smooth", file="o")
    assert [(each.level, each.text) for each in problems(*nodes)] == [
        ("note", "SNAP before version 11 does not know late of Smooth")
    ]
    old = problems(*nodes, snap_version=10)
    assert [(each.level, each.text) for each in old] == [
        ("error", "SNAP before version 11 does not know late, and stops at it: take it out for SNAP 10")
    ]
    assert problems(*nodes, snap_version=11) == []


def test_who_runs_a_graph() -> None:
    ours = graph(READ, node("Smooth", "Read", own="true"), node("Write", "Smooth", file="o"))
    assert engines(Graph.from_text(graph(READ, WRITE))) == ("native", "SNAP")
    assert engines(Graph.from_text(ours)) == ("native",)
    assert engines(Graph.from_text(graph(READ, node("Warp", "Read")))) == ("SNAP",)
    assert engines(Graph.from_text(graph(READ, node("BiophysicalOp", "Read")))) == ("SNAP",)
    native = "<!--\nengines: native\n-->"
    assert engines(Graph.from_text(graph(READ, WRITE, top=native))) == ("native",)
    assert [(each.level, each.text) for each in problems(READ, WRITE, top=native)] == [
        ("note", "it is meant for the native engine, not for SNAP")
    ]
    assert "SNAP does not know own of Smooth" in str(check(Graph.from_text(ours))[0])


def test_notes_say_what_needs_snap_and_what_is_not_checked() -> None:
    texts = [
        (each.level, each.text)
        for each in problems(
            READ,
            node("Warp", "Read", rmsTreshold="3", someThing="1"),
            node("Interferogram", "Warp", cohWinAz="3"),
            node("Write", "Interferogram", file="o"),
        )
    ]
    assert texts == [
        ("warning", "Warp may have no parameter 'rmsTreshold'; did you mean 'rmsThreshold'?"),
        ("note", "only SNAP runs Warp (node 'Warp'), Interferogram (node 'Interferogram')"),
        ("note", "parameters of Warp that are not checked: someThing"),
        ("note", "parameters of Interferogram that are not checked: cohWinAz"),
    ]


@pytest.mark.parametrize(
    "name", ["BiophysicalOp", "GRD-Post", "Oversample", "CP-Decomposition", "PhaseToElevation", "NdviOp"]
)
def test_other_operators_of_snap_are_not_refused(name: str) -> None:
    found = problems(READ, node(name, "Read", anything="1"), node("Write", name, file="o"))
    assert [(each.level, each.text.partition("; did you mean")[0]) for each in found] == [
        ("warning", f"operator '{name}' is not known here: if SNAP has it, it runs there, and is not checked"),
        ("note", f"only SNAP runs {name} (node '{name}')"),
    ]


def test_the_nearest_operator_is_named() -> None:
    found = problems(READ, node("Reed", "Read"), node("Write", "Reed", file="o"))
    assert "did you mean 'Read'?" in found[0].text


@pytest.mark.parametrize(
    "name", ["calibration", "Calibraton", "Terrain Correction", "TerrainCorrection", "Wrpa", "Subsett"]
)
def test_slips_are_errors(name: str) -> None:
    assert any(f"no operator '{name}'; did you mean" in line for line in errors(READ, node(name, "Read")))


def test_values_that_are_left_out_are_never_defaults() -> None:
    text = graph(node("Read", file="$input"), node("Smooth", "Read", size="${size}", kind="$kind"))
    read = Graph.from_text(text, strict=False)
    assert [(each.level, each.text) for each in check(read)][:3] == [
        ("error", "variable 'size' has no value: give -P size=value, or -S size=file where it is a source"),
        ("warning", "'$input' looks like a variable without a value: give -P input=value"),
        ("warning", "'$kind' looks like a variable without a value: give -P kind=value"),
    ]
    with pytest.raises(GraphError, match=r"size = '\$\{size\}': its variable has no value \(and 1 more\)"):
        read.node("Smooth").typed()
    with pytest.raises(GraphError, match=r"file = '\$input': its variable has no value"):
        Graph.from_text(text, variables={"size": "3"}).node("Read").typed()
    maths = node("BandMaths", "Read", targetBands={"targetBand": {"name": "a", "type": "${t}", "expression": "$x.b"}})
    with pytest.raises(GraphError, match=r"targetBands = .*: its variable has no value"):
        Graph.from_text(graph(READ, maths), strict=False).node("BandMaths").typed()


def test_ends() -> None:
    assert [str(each) for each in problems(READ, node("Smooth", "Read"))] == [
        "it has no Write: what its last node 'Smooth' makes is written"
    ]
    found = problems(READ, WRITE, node("Smooth", "Read"))
    assert [(each.level, each.node, each.text) for each in found] == [("warning", "Smooth", "nothing takes its result")]
    assert problems(READ, WRITE, node("Smooth", "Read"), header='<header><target refid="Smooth"/></header>') == []


def test_elevation_models_and_files() -> None:
    found = problems(READ, node("Terrain-Correction", "Read", externalDEMFile="d.tif"))
    assert any(each.level == "warning" and "externalDEMFile has no effect unless" in each.text for each in found)


def test_variables_in_a_check() -> None:
    top = "<!--\nvariables:\n  input : the scene\n  size = 5 : of the window\n  spare = 1 : for nothing\n-->"
    nodes = node("Read", file="${input}"), node("Smooth", "Read", size="${size}", kind="${kind}")
    nodes = (*nodes, node("Write", "Smooth", file="$input.tif"))
    found = [(each.level, each.text) for each in problems(*nodes, top=top)]
    assert found == [
        ("error", "variable 'kind' has no value: give -P kind=value, or -S kind=file where it is a source"),
        ("warning", "variable 'spare' is documented, but not used"),
        ("warning", "'$input.tif' is no variable: to append to 'input', write '${input}.tif'"),
        ("note", "needs -P input=...: the scene"),
    ]
    bare = graph(node("Read", file="$input"), top=top)
    assert "needs -P input=...: the scene" in [each.text for each in check(Graph.from_text(bare, strict=False))]
    with pytest.raises(GraphError, match=r"without a value.*: input \(the scene\)"):
        Graph.from_text(bare)
    filled = Graph.from_text(graph(*nodes, top=top), variables={"input": "a", "kind": "mode", "size": "x"})
    assert len([each for each in check(filled) if each.level == "error"]) == 2


@pytest.mark.parametrize(
    ("name", "slot", "found"),
    [
        ("Smooth", "sourceProduct", "sourceProduct"),
        ("Smooth", "sourceProduct.1", None),
        ("CreateStack", "sourceProduct.12", "sourceProducts"),
        ("CreateStack", "sourceProduct3", "sourceProducts"),
        ("CreateStack", "sourceProducts", "sourceProducts"),
        ("CreateStack", "sourceProductX", None),
        ("Reproject", "collocateWith", "collocateWith"),
        ("Read", "sourceProduct", None),
    ],
)
def test_slots(name: str, slot: str, found: str | None) -> None:
    slot_ = slot_of(operator(name), slot)
    assert (slot_.name if isinstance(slot_, Slot) else None) == found


@given(data=st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_graphs_are_told_or_read(data: st.DataObject) -> None:
    nodes = (
        READ,
        node("Smooth", "Read", size=3),
        node("CreateStack", "Smooth", "Read"),
        node("Write", "CreateStack", file="${o}"),
    )
    text = graph(*nodes, top="<!--\nvariables:\n o = 1 : x\n-->\n")
    for _ in range(data.draw(st.integers(1, 3))):
        start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
        lines = data.draw(
            st.sampled_from(["", text[start:stop], "Read", "<node>", "refid='Write'", "${", "&amp;", "sources"])
        )
        text = text[:start] + lines + text[stop if data.draw(st.booleans()) else start :]
    try:
        read = Graph.from_text(text, strict=False)
    except GraphError as error:
        assert "\n" not in str(error)
        return
    found = check(read)
    assert all("\n" not in str(problem) for problem in found)
    assert mermaid(read).startswith("flowchart")
    assert read.document.encode() == text.encode()
