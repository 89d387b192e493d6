"""Each way in which SNAP fails is one line that says what to do; nothing useless gets to the place of an output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sensetrack.errors import SnapError
from sensetrack.graph.snap import GptSettings, Snap, run_gpt, run_operator

Chain = Callable[..., Path]
Wrong = Callable[[str], None]
LeftBehind = Callable[[], list[str]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("heap", "the heap of Java is too small; raise memory"),
        ("buffer", "the heap of Java is too small"),
        ("killed", "the system killed it.*lower memory"),
        ("orbit", "node 'Apply-Orbit-File': there is no orbit file for 04-JAN-2022.*sensetrack download orbits"),
        ("cosmo", "Apply-Orbit-File does not take CSKS4 products, which bring their orbit; take that node out"),
        ("reader", "no reader knows 'scene.zip'; test whether the archive is damaged"),
        ("spi", "no operator 'Calibartion'; check the spelling, or install the toolbox"),
        ("srtm", "node 'Terrain-Correction': SRTM ends at 60 degrees.*Copernicus 30m Global DEM"),
        ("version", "lacks <version>1.0</version>"),
        ("bigtiff", "GeoTIFF ends at 4 GB; set formatName of Write to GeoTIFF-BigTIFF"),
        ("xml", "two XML parsers of this SNAP"),
        ("strange", "it ended with exit status 1: Operator 'SubsetOp': Value for 'Region' is negative"),
        ("offline strange", "could not be fetched.*External DEM.*it says: .*Value for 'Region' is negative"),
        ("gdal strange", "exit status 1: Operator 'SubsetOp': Value for 'Region' is negative"),
        # These end with 0.
        ("outside", "the region lies outside the scene S1A_IW; check it, and that longitude comes before latitude"),
        ("dem", "the elevation model covers nothing of the scene"),
        ("nothing", r"a.tif: SNAP did not write it \(it wrote nothing\)"),
        ("empty", r"a.tif: SNAP wrote a file without content"),
        ("broken", r"a.tif: SNAP wrote what cannot be read"),
        ("zeros", r"a.tif: SNAP wrote only zeros or nodata"),
        ("nans", r"a.tif: SNAP wrote only zeros or nodata"),
        ("offline zeros", "only zeros or nodata; an elevation model or the geoid could not be fetched"),
    ],
)
def test_failures_are_explained(
    words: str, message: str, snap: Snap, chain: Chain, out: Path, wrong: Wrong, left_behind: LeftBehind
) -> None:
    wrong(words)
    (out / "a.tif").write_text("what was there before")
    with pytest.raises(SnapError, match=message) as caught:
        run_gpt(snap, chain(file=str(out / "a")), log=out / "log")
    said = str(caught.value)
    assert said.endswith(f"log: {out / 'log'}") and "\n" not in said and ".partial" not in said and len(said) < 700
    assert left_behind() == ["a.tif"] and (out / "a.tif").read_text() == "what was there before"
    assert (out / "log").stat().st_size > 100


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("empty", "scene.dim: SNAP wrote a file without content"),
        ("bandless", r"scene.dim: SNAP wrote no band \(no image in scene.data\)"),
        ("zeros", "scene.dim: SNAP wrote only zeros or nodata"),
    ],
)
def test_dimap_is_looked_into(
    words: str, message: str, snap: Snap, chain: Chain, out: Path, wrong: Wrong, left_behind: LeftBehind
) -> None:
    wrong(words)
    with pytest.raises(SnapError, match=message):
        run_gpt(snap, chain(file=str(out / "scene"), format="BEAM-DIMAP"), log=out / "log")
    assert left_behind() == []


@pytest.mark.parametrize("words", ["gdal", "retrieving", "latin", "flood"])
def test_harmless_words_do_no_harm(words: str, snap: Snap, chain: Chain, out: Path, wrong: Wrong) -> None:
    wrong(words)
    assert run_gpt(snap, chain(file=str(out / "a")), log=out / "log").outputs[0].is_file()
    kept = (out / "log").read_bytes()
    assert {"latin": b"Stra\xe4e", "flood": b"x" * 3_000_000}.get(words, b"INFO") in kept


def test_zeros_may_be_what_is_wanted(snap: Snap, chain: Chain, out: Path, wrong: Wrong) -> None:
    wrong("zeros")
    settings = GptSettings(accept_empty=True)
    assert run_gpt(snap, chain(file=str(out / "a")), log=out / "log", settings=settings).outputs[0].is_file()


def test_a_missing_file_and_an_unset_variable(snap: Snap, chain: Chain, out: Path) -> None:
    graph = chain(operator="Read", parameters="<file>${scene}</file>", file=str(out / "a"))
    with pytest.raises(SnapError, match="node 'Read': the variable 'scene' of the graph has no value; give one"):
        run_gpt(snap, graph, log=out / "log")
    with pytest.raises(SnapError, match=r"node 'Read': the file nowhere\.zip does not exist"):
        run_gpt(snap, graph, log=out / "log", variables={"scene": "nowhere.zip"})


def test_a_long_log_keeps_its_end(
    snap: Snap, chain: Chain, out: Path, wrong: Wrong, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sensetrack.graph.snap import _listen

    monkeypatch.setattr(_listen, "LONGEST_LOG", 50_000)
    wrong("flood nothing")
    with pytest.raises(SnapError, match="did not write it"):
        run_gpt(snap, chain(file=str(out / "a")), log=out / "log")
    kept = (out / "log").read_text()
    assert len(kept) < 3_000_000 and "bytes are left out; its last lines:]" in kept


GRAPH = "<removeThermalNoise>true</removeThermalNoise><clipNegativeValues>false</clipNegativeValues>"


def test_a_parameter_of_another_version(snap: Snap, chain: Chain, out: Path) -> None:
    graph = chain(operator="ThermalNoiseRemoval", parameters=GRAPH, file=str(out / "a"))
    with pytest.raises(SnapError, match=r"node 'ThermalNoise.*no parameter 'clipNegativeValues'.*drop_unknown"):
        run_gpt(snap, graph, log=out / "log")


def test_unknown_parameters_are_left_out_on_demand(
    snap: Snap, chain: Chain, out: Path, calls: Callable[[], list[list[str]]], caplog: pytest.LogCaptureFixture
) -> None:
    before = chain(
        operator="ThermalNoiseRemoval", parameters=f"{GRAPH}<another>1, 2</another>", file=str(out / "a")
    ).read_text()
    result = run_gpt(
        snap, out.parent / "graph.xml", log=out / "log", settings=GptSettings(drop_unknown=True), outputs=[out / "a"]
    )
    assert result.outputs == (out / "a.tif",) and result.outputs[0].is_file()
    assert [(item.node, item.parameter, item.value) for item in result.dropped] == [
        ("ThermalNoiseRemoval", "clipNegativeValues", "false"),
        ("ThermalNoiseRemoval", "another", "1, 2"),
    ]
    assert "left out clipNegativeValues=false, which this SNAP does not know" in caplog.text
    assert [call[1] for call in calls() if "graph.xml" in call[0]] == ["-e"] * 3
    assert (out.parent / "graph.xml").read_text() == before


def test_an_unknown_parameter_without_the_name_of_its_node(snap: Snap, chain: Chain, out: Path, wrong: Wrong) -> None:
    wrong("nameless")
    graph = chain(operator="ThermalNoiseRemoval", parameters=GRAPH, file=str(out / "a"))
    result = run_gpt(snap, graph, log=out / "log", settings=GptSettings(drop_unknown=True))
    assert [item.parameter for item in result.dropped] == ["clipNegativeValues"]


@pytest.mark.parametrize(
    ("words", "format", "file", "message"),
    [
        ("broken", "NetCDF4-CF", "a.nc", "a.nc: SNAP wrote what is no nc file"),
        ("empty", "ENVI", "a.hdr", "a: SNAP wrote a file without content"),
    ],
)
def test_other_formats(
    words: str, format: str, file: str, message: str, snap: Snap, chain: Chain, out: Path, wrong: Wrong
) -> None:
    graph = chain(file=str(out / file), format=format)
    assert run_gpt(snap, graph, log=out / "log").outputs[0].exists()
    wrong(words)
    with pytest.raises(SnapError, match=message):
        run_gpt(snap, graph, log=out / "log")


def test_dropping_helps_against_nothing_else(snap: Snap, chain: Chain, out: Path, wrong: Wrong) -> None:
    wrong("heap")
    graph = chain(operator="Subset", file=str(out / "a"))
    with pytest.raises(SnapError, match="heap"):
        run_gpt(snap, graph, log=out / "log", settings=GptSettings(drop_unknown=True))
    with pytest.raises(SnapError, match="it has no operator 'Calibration'"):
        run_gpt(
            snap,
            chain(operator="Calibration", parameters="<x>1</x>", file=str(out / "a")),
            log=out / "log",
            settings=GptSettings(drop_unknown=True),
        )


def test_unknown_parameters_of_a_single_operator(snap: Snap, out: Path) -> None:
    given = {"demName": "SRTM 3Sec", "saveLatLon": True}
    with pytest.raises(SnapError, match="no parameter 'saveLatLon'"):
        run_operator(snap, "Terrain-Correction", given, {}, out / "a.tif", log=out / "log")
    settings = GptSettings(drop_unknown=True)
    result = run_operator(snap, "Terrain-Correction", given, {}, out / "a.tif", log=out / "log", settings=settings)
    assert str(result.dropped[0]) == "Terrain-Correction: left out saveLatLon=true, which this SNAP does not know"
    with pytest.raises(SnapError, match="no operator 'Terrain-Corection'"):
        run_operator(snap, "Terrain-Corection", {}, {}, out / "a.tif", log=out / "log")
