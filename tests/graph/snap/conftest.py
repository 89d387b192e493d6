"""A SNAP that is none, and graphs for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from products.fake_gpt import install

from sensetrack.graph.snap import Snap, find, find_snap

collect_ignore_glob = ["test_*.py"] if sys.platform == "win32" else []  # its gpt is a script for a shell


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hide whatever SNAP this machine has, and return the home folder that is used instead."""
    for name in ("SENSETRACK_GPT", "SNAP_HOME", "FAKE_GPT", "FAKE_GPT_CALLS"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}")
    monkeypatch.setattr(find, "_usual_folders", lambda: [home / "esa-snap", home / "snap"])
    return home


@pytest.fixture
def gpt(tmp_path: Path) -> Path:
    """The program of a SNAP whose folder has a difficult name."""
    return install(tmp_path / "my SNAP, größer")


@pytest.fixture
def snap(gpt: Path) -> Snap:
    """The SNAP of `gpt`."""
    return find_snap(gpt)


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let ``gpt`` do something wrong."""
    return lambda words: monkeypatch.setenv("FAKE_GPT", words)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[list[str]]]:
    """Return the arguments of every call of ``gpt``."""
    file = tmp_path / "calls.jsonl"
    monkeypatch.setenv("FAKE_GPT_CALLS", str(file))
    return lambda: [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def chain(tmp_path: Path) -> Callable[..., Path]:
    """Write a graph that reads, does something and writes.

    ``chain(name="graph.xml", *, operator="Subset", parameters="", file="${output}", format="GeoTIFF", write=True)``
    """

    def make(
        name: str = "graph.xml",
        *,
        operator: str = "Subset",
        parameters: str = "",
        file: str = "${output}",
        format: str = "GeoTIFF",
        write: bool = True,
    ) -> Path:
        written = f"""<node id="Write"><operator>Write</operator><sources><sourceProduct refid="{operator}"/></sources>
        <parameters><file>{file}</file><formatName>{format}</formatName></parameters></node>"""
        path = tmp_path / name
        path.write_text(
            f"""<graph id="Graph"><version>1.0</version>
        <node id="{operator}"><operator>{operator}</operator><sources/><parameters>{parameters}</parameters></node>
        {written if write else ""}</graph>""",
            encoding="utf-8",
        )
        return path

    return make


@pytest.fixture
def left_behind(out: Path) -> Callable[[], list[str]]:
    """Return what lies in the folder for outputs that should not: all but logs, hidden or not."""
    return lambda: sorted(path.name for path in out.iterdir() if path.name not in ("log", "logs"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A folder for outputs."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder
