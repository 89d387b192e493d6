"""The commands on graphs: list, show, check."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest
from click.testing import Result
from products.graphs import graph, node

from sensetrack.graph.model import Graph, shipped_graphs

Run = Callable[..., Result]

TOP = """<!--
Two steps.

More of it.

sensors: any

variables:
  input : what to read
  looks = 4 : how many
-->
"""
GOOD = graph(
    node("Read", file="${input}"),
    node("Multilook", "Read", id="Looks", nRgLooks="${looks}"),
    node("Offset-Tracking", "Looks"),
    node("Write", "Offset-Tracking", file="o.tif", formatName="GeoTIFF"),
    top=TOP,
)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A graph of four nodes, one of which only SNAP runs."""
    path = tmp_path / "good.xml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A graph with three errors."""
    path = tmp_path / "bad.xml"
    path.write_text(
        GOOD.replace("nRgLooks", "nRangeLooks").replace('refid="Looks"', 'refid="Look"').replace("1.0", "1")
    )
    return path


def test_list_names_every_graph(run: Run) -> None:
    lines = run("graph", "list").stdout.splitlines()
    assert next(line for line in lines if line.startswith("  s1_grd_rtc ")).split()[1] == "SNAP"
    assert "Sentinel-1 GRD" in lines
    for name in shipped_graphs():
        (line,) = (line for line in lines if line.split()[0] == name)
        assert Graph.read(name, strict=False).about.summary in line
    listed = json.loads(run("graph", "list", "--json").stdout)
    assert [each["name"] for each in listed] == list(shipped_graphs())
    assert {each["name"]: each["engines"] for each in listed}["landsat_c2_pan"] == ["native"]


def test_show_says_what_a_graph_does(run: Run, good: Path) -> None:
    lines = run("graph", "show", good, "-P", "looks=2").stdout.splitlines()
    assert lines[:3] == ["good: Two steps", "  sensors  any", "  runs in  SNAP"]
    assert "  More of it." in lines
    assert "  input  needed  what to read" in lines and "  looks  4       how many" in lines
    nodes = lines[lines.index("Nodes") + 1 :]
    assert nodes == [
        "  Read",
        "    file  ${input}",
        "  Multilook  (Looks)",
        "    from      Read",
        "    nRgLooks  2",
        "  Offset-Tracking  (SNAP only)",
        "    from  Looks",
        "  Write",
        "    from        Offset-Tracking",
        "    file        o.tif",
        "    formatName  GeoTIFF",
    ]


def test_show_takes_graphs_that_are_wrong(run: Run, bad: Path) -> None:
    result = run("graph", "show", bad, "-P", "lokos=3")
    assert "there is no variable 'lokos'; did you mean 'looks'?" in result.stderr
    assert "version '1' is not known" in result.stderr and "  Offset-Tracking  (SNAP only)" in result.stdout


def test_show_prints_the_xml(run: Run, good: Path) -> None:
    shipped = (resources.files("sensetrack.graphs") / "s1_grd_rtc.xml").read_bytes()
    assert run("graph", "show", "s1_grd_rtc", "--xml").stdout_bytes == shipped
    filled = run("graph", "show", good, "--xml", "-P", "input=a&b").stdout
    assert filled == GOOD.replace("${input}", "a&amp;b").replace("${looks}", "4")


def test_show_prints_json(run: Run, good: Path) -> None:
    shown = json.loads(run("graph", "show", good, "--json", "-P", "input=x").stdout)
    assert (shown["name"], shown["engines"], shown["sensors"]) == ("good", ["SNAP"], "any")
    assert shown["variables"][0] == {"name": "input", "default": None, "description": "what to read"}
    assert shown["nodes"][1] == {
        "id": "Looks",
        "operator": "Multilook",
        "runs": "native",
        "sources": [{"slot": "sourceProduct", "node": "Read"}],
        "parameters": {"nRgLooks": "4"},
    }


def test_show_draws(run: Run, good: Path, tmp_path: Path) -> None:
    for suffix, start in ((".svg", b"<?xml"), (".png", b"\x89PNG"), (".mmd", b"flowchart TD")):
        output = tmp_path / f"out{suffix}"
        assert run("graph", "show", good, "-o", output).stdout.strip() == str(output)
        assert output.read_bytes().startswith(start)
        assert "exists" in run("graph", "show", good, "-o", output, status=1).stderr
    run("graph", "show", good, "-o", tmp_path / "out.mmd", "--overwrite")
    assert ".svg, .png, .pdf, .mmd" in run("graph", "show", good, "-o", tmp_path / "x.gif", status=1).stderr
    assert "good.xml" in run("graph", "show", good, "-o", good, "--overwrite", status=1).stderr
    assert good.read_text() == GOOD


def test_check_passes_what_is_good(run: Run, good: Path) -> None:
    result = run("graph", "check", good, "-P", "input=a")
    assert result.stdout.splitlines() == [
        f"{good}: note: only SNAP runs Offset-Tracking (node 'Offset-Tracking')",
        f"{good}: good, 4 nodes, runs in SNAP",
    ]
    assert result.stderr == ""
    assert "note: needs -P input=...: what to read" in run("graph", "check", good).stdout
    assert run("graph", "check", good, "-q").output == ""


def test_check_says_everything_that_is_wrong(run: Run, bad: Path, good: Path, tmp_path: Path) -> None:
    result = run("graph", "check", bad, good, tmp_path / "none.xml", "-P", "input=a", status=1)
    assert [line.removeprefix(f"{bad}: ") for line in result.stderr.splitlines()] == [
        "error: line 13: version '1' is not known; it has to be 1.0",
        "error: line 19, node 'Looks': Multilook has no parameter 'nRangeLooks'; did you mean 'nRgLooks'?",
        "error: line 26, node 'Offset-Tracking': source 'Look' is no node of the graph, and no source that was given; "
        "did you mean 'Looks'?",
        f"error: {tmp_path / 'none.xml'}: there is no such file",
    ]
    assert f"{good}: good" in result.stdout


def test_check_knows_versions_of_snap(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "g.xml"
    noise = node("ThermalNoiseRemoval", "Read", clipNegativeValues="true")
    path.write_text(graph(node("Read", file="a"), noise, node("Write", "ThermalNoiseRemoval", file="o")))
    run("graph", "check", path)
    run("graph", "check", path, "--snap-version", 14)
    result = run("graph", "check", path, "--snap-version", 9, status=1)
    assert "SNAP before version 10 does not know clipNegativeValues" in result.stderr
    assert "8 is not in the range" in run("graph", "check", path, "--snap-version", 8, status=2).stderr


@pytest.mark.parametrize("text", ["input", "=x", " =x"])
def test_values_have_names(run: Run, good: Path, text: str) -> None:
    assert f"'{text}' is not of the form name=value" in run("graph", "show", good, "-P", text, status=2).stderr


def test_values_are_given_once(run: Run, good: Path) -> None:
    result = run("graph", "show", good, "-P", "input=a=b", "-P", "input=c", status=2)
    assert "'input' is given twice" in result.stderr
    assert '"file": "a=b"' in run("graph", "show", good, "-P", "input=a=b", "--json").stdout


def test_sources_from_outside(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "g.xml"
    path.write_text(graph(node("Subset", "scene"), node("Write", "Subset", file="o")))
    assert "source 'scene' is no node" in run("graph", "check", path, status=1).stderr
    run("graph", "check", path, "-S", "scene=a.zip")


def test_wrong_use(run: Run, good: Path) -> None:
    assert "not both" in run("graph", "show", good, "--xml", "--json", status=2).stderr
    assert "did you mean 's1_grd_rtc'?" in run("graph", "show", "s1_grd_rct", status=1).stderr
