"""Graphs that only SNAP runs, with a program that behaves as its gpt."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from products.fake_gpt import install

from sensetrack.errors import GraphError
from sensetrack.prepare import PrepareParams, Surroundings, prepare
from sensetrack.raster.image import Image

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the imitation of gpt is a script with a first line")

GRAPH = """<graph id="flat"><version>1.0</version>
<node id="Read"><operator>Read</operator><parameters><file>${input}</file></parameters></node>
<node id="Flat"><operator>Terrain-Flattening</operator><sources><sourceProduct refid="Read"/></sources></node>
<node id="Write"><operator>Write</operator><sources><sourceProduct refid="Flat"/></sources>
<parameters><file>${output}</file><formatName>GeoTIFF</formatName></parameters></node>
</graph>
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "flat & bright.xml"
    path.write_text(GRAPH)
    return path


@pytest.fixture
def snap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENSETRACK_GPT", os.fspath(install(tmp_path / "snap")))
    monkeypatch.delenv("FAKE_GPT", raising=False)


def test_what_snap_wrote_is_brought_onto_the_grid(write_scene, snap, graph: Path, tmp_path: Path) -> None:
    scene = write_scene("a & b.tif", (3, 4))
    params = PrepareParams(graph=(str(graph),), tile_size=512)
    (result,) = prepare([str(scene)], tmp_path / "out", params)
    assert result.reason == ""
    assert result.record is not None
    assert result.record.engine == "gpt"
    pixels, valid = Image.open(result.path).read()
    assert np.array_equal(pixels[valid], np.arange(1, 13))
    assert (tmp_path / "out" / "tiles" / "a & b" / "snap.log").stat().st_size > 0
    assert not list((tmp_path / "out" / "work").iterdir())
    (again,) = prepare([str(scene)], tmp_path / "out", params)
    assert again.reused == 1


def test_what_snap_says_is_the_reason(
    write_scene, snap, graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GPT", "killed")
    params = PrepareParams(graph=(str(graph),))
    (result,) = prepare([str(write_scene("a.tif", (3, 4)))], tmp_path / "out", params)
    assert result.path is None
    assert result.reason
    assert result.reason in json.loads((tmp_path / "out" / "manifest.json").read_text())["failed"]["a"]


def test_without_snap_it_says_where_it_looked(
    write_scene, graph: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSETRACK_GPT", str(tmp_path / "nowhere"))
    params = PrepareParams(graph=(str(graph),))
    (result,) = prepare([str(write_scene("a.tif", (3, 4)))], tmp_path / "out", params)
    assert "nowhere" in result.reason


def test_native_by_name_refuses_what_only_snap_runs(write_scene, graph: Path, tmp_path: Path) -> None:

    with pytest.raises(GraphError, match="Terrain-Flattening"):
        prepare(
            [str(write_scene("a.tif", (3, 4)))],
            tmp_path / "out",
            PrepareParams(graph=(str(graph),)),
            Surroundings(engine="native"),
        )
