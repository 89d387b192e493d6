"""A graph or an operator runs in gpt, and its output gets to its place."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sensetrack.errors import GraphError, OutputError, ParameterError, SnapError
from sensetrack.graph.snap import GptSettings, Snap, run_gpt, run_operator
from sensetrack.graph.snap._listen import Log
from sensetrack.graph.snap.run import _environment
from sensetrack.raster.image import Image

Chain = Callable[..., Path]
Calls = Callable[[], list[list[str]]]


def test_a_graph_writes_its_output(
    snap: Snap, chain: Chain, out: Path, calls: Calls, left_behind: Callable[[], list[str]]
) -> None:
    steps: list[tuple[int, int]] = []
    final = out / "scene, größer & 1.tif"
    result = run_gpt(
        snap,
        chain(),
        log=out / "logs" / "gpt.log",
        variables={"output": str(final).replace("&", "&amp;")},
        outputs=[final],
        progress=lambda done, total: steps.append((done, total)),
    )
    assert result.outputs == (final,) and result.dropped == () and result.seconds > 0
    pixels, valid = Image.open(final).read()
    assert np.array_equal(pixels, np.arange(1, 13).reshape(3, 4)) and valid.all()
    assert left_behind() == [final.name]
    assert steps[-1] == (100, 100) and steps == sorted(steps)
    log = result.log.read_text()
    assert log.startswith(f"$ '{snap.gpt}'") and "....10%....20%....30%" in log
    (call,) = [call for call in calls() if "--diag" not in call]
    assert call[0].endswith("graph.xml") and call[1] == "-e" and f"-Poutput={final}".replace("&", "&amp;") in call
    assert not Path(call[0]).exists()


def test_settings_become_arguments(snap: Snap, chain: Chain, out: Path, calls: Calls, tmp_path: Path) -> None:
    settings = GptSettings(
        memory="12g", cache="8G", parallelism=2, clear_cache=True, user_dir=tmp_path / "user dir", timeout=60
    )
    run_gpt(
        snap,
        chain(file=str(out / "a.tif")),
        log=out / "log",
        sources={"sourceProduct": tmp_path / "in put.zip"},
        settings=settings,
    )
    call = calls()[-1]
    wanted = ["-J-Xmx12G", f"-Dsnap.userdir={tmp_path / 'user dir'}", "-c", "8G", "-q", "2", "-x"]
    assert call[2 : 2 + len(wanted)] == wanted
    assert f"-SsourceProduct={tmp_path / 'in put.zip'}" in call


@pytest.mark.parametrize("size", ["8 GB", "0G", "8", "-1G", ""])
def test_sizes_that_java_does_not_take(size: str) -> None:
    with pytest.raises(ParameterError, match=r"memory = .*write a number and K, M or G, such as 12G"):
        GptSettings(memory=size)


def test_dimap_moves_with_its_folder(snap: Snap, chain: Chain, out: Path) -> None:
    graph = chain(file=str(out / "scene"), format="BEAM-DIMAP")
    for _ in range(2):  # the second time, both are there already
        result = run_gpt(snap, graph, log=out / "log", outputs=[out / "scene.dim"])
        assert result.outputs == (out / "scene.dim",)
        assert sorted(path.name for path in out.iterdir()) == ["log", "scene.data", "scene.dim"]
        assert (out / "scene.data" / "band.img").stat().st_size == 48


def test_a_writer_that_adds_an_extension(snap: Snap, chain: Chain, out: Path) -> None:
    result = run_gpt(snap, chain(file=str(out / "a.tiff")), log=out / "log", outputs=[out / "a.tiff"])
    assert result.outputs == (out / "a.tiff.tif",) and result.outputs[0].is_file()


@pytest.mark.parametrize("file", ["new/${name}_TC", "$new/a_TC", "new/a_TC.tif", "${new}/$name"])
def test_names_are_relative_to_the_folder(file: str, snap: Snap, chain: Chain, out: Path) -> None:
    variables = {"name": "a", "new": "new"}
    result = run_gpt(snap, chain(file=file), log=out / "log", variables=variables, folder=out)
    (made,) = result.outputs
    assert made.parent == out / "new" and made.name in ("a_TC.tif", "a.tif") and made.is_file()


def test_a_graph_without_write(snap: Snap, chain: Chain, out: Path) -> None:
    graph = chain(write=False)
    result = run_gpt(snap, graph, log=out / "log", outputs=[out / "a.tif"])
    assert result.outputs == (out / "a.tif",)
    assert run_gpt(snap, graph, log=out / "log", outputs=[out / "b"]).outputs == (out / "b.dim",)
    with pytest.raises(GraphError, match="has no Write node"):
        run_gpt(snap, graph, log=out / "log")


def test_outputs_that_may_not_be_replaced(snap: Snap, chain: Chain, out: Path, calls: Calls) -> None:
    (out / "a.tif").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        run_gpt(snap, chain(file=str(out / "a")), log=out / "log", overwrite=False)
    assert (out / "a.tif").read_text() == "mine" and calls() == []


def test_an_output_is_no_input(snap: Snap, chain: Chain, out: Path) -> None:
    (out / "a.tif").write_text("mine")
    with pytest.raises(OutputError, match="is also an input"):
        run_gpt(snap, chain(file=str(out / "a.tif")), log=out / "log", sources={"sourceProduct": out / "a.tif"})
    with pytest.raises(OutputError, match="is also an input"):
        run_operator(snap, "Subset", {}, {"source": out / "a.tif"}, out / "a.tif", log=out / "log")
    assert (out / "a.tif").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<graph><node>", "is not XML"),
        ("<svg/>", "begins with <svg>"),
        ("<graph><node id='W'><operator>Write</operator></node></graph>", "node 'W' .Write. has no file"),
        (
            "<graph><node id='W'><operator>Write</operator><parameters><file>${x.y}</file></parameters></node></graph>",
            "variable 'x.y' in the file of the node 'W' has no value",
        ),
    ],
)
def test_graphs_that_cannot_be_run(snap: Snap, tmp_path: Path, text: str, message: str) -> None:
    graph = tmp_path / "bad.xml"
    graph.write_text(text)
    with pytest.raises(GraphError, match=message):
        run_gpt(snap, graph, log=tmp_path / "log")


def test_two_nodes_do_not_write_one_file(snap: Snap, tmp_path: Path) -> None:
    node = "<node id='{}'><operator>Write</operator><parameters><file>{}</file></parameters></node>"
    graph = tmp_path / "two.xml"
    graph.write_text(f"<graph>{node.format('A', 'a')}{node.format('B', 'a.dim')}</graph>")
    with pytest.raises(GraphError, match=r"two nodes write \S+a\.dim"):
        run_gpt(snap, graph, log=tmp_path / "log")


def test_a_value_that_breaks_the_xml(snap: Snap, chain: Chain, out: Path) -> None:
    with pytest.raises(GraphError, match="variable 'output' is no XML text; write &amp; for &"):
        run_gpt(snap, chain(), log=out / "log", variables={"output": f"{out}/a & b.tif"})


def test_an_output_that_the_graph_does_not_write(snap: Snap, chain: Chain, out: Path) -> None:
    with pytest.raises(GraphError, match=r"writes \S+a\.tif, and not \S+b\.tif"):
        run_gpt(snap, chain(file=str(out / "a.tif")), log=out / "log", outputs=[out / "b.tif"])


def test_a_single_operator(snap: Snap, out: Path, calls: Calls) -> None:
    source = out / "in.dim"
    source.touch()
    result = run_operator(
        snap,
        "Terrain-Correction",
        {"saveDEM": True, "pixelSpacingInMeter": 10.0, "demName": None},
        {"sourceProduct": source},
        out / "a b, c",
        "GeoTIFF",
        log=out / "log",
    )
    assert result.outputs == (out / "a b, c.tif",) and result.outputs[0].is_file()
    call = calls()[-1]
    assert call[0] == "Terrain-Correction" and call[-2:] == ["-f", "GeoTIFF"]
    assert [word for word in call if word.startswith("-P")] == ["-PsaveDEM=true", "-PpixelSpacingInMeter=10.0"]


def test_what_a_killed_process_left_is_removed(snap: Snap, chain: Chain, out: Path) -> None:
    import socket

    old = out / f".gpt.{socket.gethostname()}-{2**22 + 1}.abc.partial"
    other = out / ".gpt.elsewhere-1.abc.partial"
    own = out / f".gpt.{socket.gethostname()}-{os.getpid()}.abc.partial"
    for folder in (old, other, own):
        folder.mkdir()
    run_gpt(snap, chain(file=str(out / "a.tif")), log=out / "log")
    assert not old.exists() and other.exists() and own.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems need no help")
@pytest.mark.parametrize(
    ("given", "added"),
    [({}, "C.UTF-8"), ({"LANG": "C"}, "C.UTF-8"), ({"LANG": "de_DE.UTF-8"}, None), ({"LC_ALL": "C.utf8"}, None)],
)
def test_java_reads_names_of_files_as_utf8(
    given: dict[str, str], added: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert (_environment() or {}).get("LC_ALL") == added


def test_the_log_cannot_be_written(snap: Snap, chain: Chain, out: Path) -> None:
    (out / "file").touch()
    with pytest.raises(OutputError, match="the log cannot be written"):
        run_gpt(snap, chain(file=str(out / "a.tif")), log=out / "file" / "log")


def test_the_disk_of_the_log_is_full(
    snap: Snap, chain: Chain, out: Path, left_behind: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(log: Log, arguments: Sequence[str]) -> None:
        """Write nothing yet, so that it is noticed while gpt runs."""

    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr(Log, "begin", begin)
    monkeypatch.setenv("FAKE_GPT", "flood hang")
    with pytest.raises(OutputError, match=r"/dev/full: the log cannot be written \(No space left on device\)"):
        run_gpt(snap, chain(file=str(out / "a.tif")), log="/dev/full")
    assert left_behind() == []


def test_a_folder_that_is_not_there(snap: Snap, chain: Chain, out: Path) -> None:
    with pytest.raises(SnapError, match=r"No such file or directory: \S+nowhere"):
        run_gpt(snap, chain(file=str(out / "a.tif")), log=out / "log", folder=out / "nowhere")


def test_a_program_that_is_gone(snap: Snap, chain: Chain, out: Path, left_behind: Callable[[], list[str]]) -> None:
    snap.gpt.unlink()
    with pytest.raises(SnapError, match="cannot be started"):
        run_gpt(snap, chain(file=str(out / "a.tif")), log=out / "log")
    assert left_behind() == []
