"""The command that runs graphs: without SNAP, in it, or in what there is; outputs, sources and what goes wrong."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import Result
from products.fake_gpt import install
from products.scenes import grid_of
from products.sentinel2 import write_sentinel2

Run = Callable[..., Result]
A = np.arange(30.0 * 40).reshape(30, 40).astype(np.float32)
READ = '<node id="Read"><operator>Read</operator><parameters><file>${input}</file></parameters></node>'
SUBSET = """<node id="Subset"><operator>Subset</operator><sources><sourceProduct refid="Read"/></sources>
<parameters><region>2,3,10,8</region></parameters></node>"""
WRITE = """<node id="Write"><operator>Write</operator><sources><sourceProduct refid="{}"/></sources>
<parameters><file>${{output}}</file><formatName>GeoTIFF</formatName></parameters></node>"""
ABOUT = "<!--\nA test.\n\nvariables:\n  input : the file to read\n  output : the file to write\n-->\n"


@pytest.fixture
def image(write_raster: Callable[..., Path]) -> Path:
    return write_raster(A, "a.tif", grid=grid_of(A.shape), names=["p"])


@pytest.fixture
def graph(tmp_path: Path) -> Callable[..., Path]:
    """Write a graph of some nodes."""

    def make(*nodes: str, about: str = ABOUT) -> Path:
        path = tmp_path / "graph.xml"
        path.write_text(f'{about}<graph id="G"><version>1.0</version>{"".join(nodes)}</graph>')
        return path

    return make


@pytest.fixture
def no_snap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide whatever SNAP there is, and return where one would be found."""
    from sensetrack.graph.snap import find

    for name in ("SENSETRACK_GPT", "SNAP_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(find, "_usual_folders", lambda: [tmp_path / "snap"])
    return tmp_path / "snap"


def fails(run: Run, message: str, *words: object, status: int = 1) -> None:
    """Run a command line that must fail with one line."""
    line = run(*words, status=status).stderr
    assert re.search(message, line) and line.startswith("Error: ") and line.count("\n") == 1, line


def pixels(path: Path) -> np.ndarray:
    with rasterio.open(path) as ds:
        found: np.ndarray = ds.read(1)
        return found


def test_a_shipped_graph(run: Run, tmp_path: Path) -> None:
    """What ``-o`` names is the variable of the graph."""
    truth = write_sentinel2(tmp_path / "in", "2A", rows=72)
    out = tmp_path / "deep" / "er" / "o.tif"
    text = run("graph", "run", "s2_l2a_default", "-P", f"input={truth.path}", "-o", out, "--workers", 2).stdout
    assert text == f"{out}: 83.3 % of pixels valid\n"
    np.testing.assert_array_equal(pixels(out), truth.dn["B02", 10])


def test_a_graph_without_write(run: Run, tmp_path: Path, graph: Any, image: Path) -> None:
    out = tmp_path / "o.nc"
    made = graph(READ, SUBSET, about="")
    assert run("graph", "run", made, "-P", f"input={image}", "-o", out).stdout == f"{out}: 100.0 % of pixels valid\n"
    assert out.exists()
    plain = run("graph", "run", made, "-P", f"input={image}", "-o", tmp_path / "plain", "-q")
    assert plain.stdout == ""
    np.testing.assert_array_equal(pixels(tmp_path / "plain.tif"), A[3:11, 2:12])
    fails(run, "has no Write: name the file .* with -o", "graph", "run", made, "-P", f"input={image}")


def test_sources_and_nodes_on_request(run: Run, tmp_path: Path, graph: Any, image: Path) -> None:
    made = graph(SUBSET.replace('"Read"', '"scene"'), about="")
    found = run("graph", "run", made, "-S", f"scene={image}", "-o", tmp_path / "o.tif", "-v")
    np.testing.assert_array_equal(pixels(tmp_path / "o.tif"), A[3:11, 2:12])
    assert "INFO: node 'Subset' (Subset): Subset_a, 1 band of 8 x 10 pixels\n" in found.stderr


def test_outputs(run: Run, tmp_path: Path, graph: Any, image: Path) -> None:
    made, out = graph(READ, SUBSET, WRITE.format("Subset")), tmp_path / "o.tif"
    words = ("graph", "run", made, "-P", f"input={image}")
    run(*words, "-P", f"output={out}")
    fails(run, r"o.tif: exists already; .* --overwrite", *words, "-o", out)
    run(*words, "-o", out, "--overwrite")
    fails(run, "writes its results by itself", *words, "-P", f"output={out}", "-o", tmp_path / "p.tif", "--overwrite")
    fails(run, "is also an input", *words, "-o", image, "--overwrite")
    fails(run, "BEAM-DIMAP", "graph", "run", graph(READ), "-P", f"input={image}", "-o", tmp_path / "o.dim")


@pytest.mark.parametrize(
    ("words", "message", "status"),
    [
        (("nope",), "no graph 'nope' is shipped", 1),
        (("s2_l2a_default", "-P", "output=o.tif"), "variable 'input'|input", 1),
        (
            ("s2_l2a_default", "-P", "input=none.zip", "-o", "o.tif"),
            r"node 'Read' \(Read\): file 'none.zip'",
            1,
        ),
        (("s2_l2a_default", "-P", "inptu=x", "-o", "o.tif"), "did you mean 'input'", 1),
        (
            ("s2_l2a_default", "-P", "input=x", "-o", "o.tif", "--scheduler", "tcp://x:1", "--workers", "2"),
            "workers = 2 means nothing with the running scheduler",
            2,
        ),
    ],
)
def test_what_goes_wrong(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], message: str, status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    fails(run, message, "graph", "run", *words, status=status)
    assert not list(tmp_path.iterdir())


def test_wrong_use(run: Run, tmp_path: Path, image: Path, graph: Any) -> None:
    assert "'x' is not of the form name=value" in run("graph", "run", "g", "-P", "x", status=2).stderr
    assert "--engine" in run("graph", "run", "g", "--engine", "threads", status=2).stderr
    broken = tmp_path / "broken.tif"
    broken.write_text("no raster")
    fails(
        run,
        r"node 'Read' \(Read\): .*broken.tif: not a raster",
        "graph",
        "run",
        graph(READ),
        "-P",
        f"input={broken}",
        "-o",
        tmp_path / "o.tif",
    )


FOREIGN = """<node id="X"><operator>Apply-Orbit-File</operator><sources><sourceProduct refid="Read"/></sources></node>
<node id="Warp"><operator>Warp</operator><sources><sourceProduct refid="X"/></sources></node>"""


def test_neither_can_run_it(run: Run, tmp_path: Path, graph: Any, image: Path, no_snap: Path) -> None:
    words = ("graph", "run", graph(READ, FOREIGN), "-P", f"input={image}", "-o", tmp_path / "o.tif")
    fails(run, r"only SNAP runs Warp \(node 'Warp'\), and no SNAP was found .* take it out of the graph", *words)
    fails(run, r"only SNAP runs Warp \(node 'Warp'\); install SNAP and use --engine gpt", *words, "--engine", "native")
    fails(run, "no SNAP was found", *words, "--engine", "gpt")


@pytest.mark.skipif(sys.platform == "win32", reason="its gpt is a script for a shell")
def test_in_snap(
    run: Run, tmp_path: Path, graph: Any, image: Path, no_snap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpt = install(no_snap)
    calls = tmp_path / "calls.jsonl"
    monkeypatch.setenv("FAKE_GPT_CALLS", str(calls))
    made, out = graph(READ, SUBSET, WRITE.format("Subset")), tmp_path / "out" / "o.tif"
    words = (
        "graph",
        "run",
        made,
        "-P",
        f"input={image}",
        "-o",
        out,
        "--engine",
        "gpt",
        "--memory",
        "3G",
        "--workers",
        2,
    )
    found = run(*words, "-v")
    assert found.stdout == f"{out}\n" and f"running in SNAP 9.0.0, {gpt}" in found.stderr
    assert out.exists() and (out.parent / "o.tif.gpt.log").exists()
    said = calls.read_text()
    assert '"-J-Xmx3G"' in said and '"-q", "2"' in said
    calls.unlink()
    run(*words[:-6], "--engine", "auto", "--overwrite")
    assert not calls.exists()  # nothing asks for SNAP where it is not needed
    odd = graph(READ, SUBSET.replace("<region>", "<newest>1</newest><region>"), WRITE.format("Subset"))
    words = (*words[:2], odd, *words[3:], "--overwrite")
    fails(run, "Subset has no parameter 'newest'", *words, "--engine", "auto")
    found = run(*words, status=1).stderr
    assert "WARNING: graph: line" in found and "left to SNAP to judge" in found and "SNAP failed: " in found
    assert "left out newest=1, which this SNAP does not know" in run(*words, "--drop-unknown").stderr
    graph(READ, SUBSET, WRITE.format("Subset"))
    monkeypatch.setenv("FAKE_GPT", "heap")
    fails(run, r"heap of Java.*o.tif.gpt.log", *words, "--overwrite")
