"""The command that says which SNAP is used."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from products.fake_gpt import install

from sensetrack.errors import SnapError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its gpt is a script for a shell")
Say = Callable[..., Result]


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Say:
    """Run the command, as a group has it, where no SNAP is installed."""
    from sensetrack.graph.snap import find

    for name in ("SENSETRACK_GPT", "SNAP_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(find, "_usual_folders", lambda: [tmp_path / "snap"])
    group = click.Group("graph")
    importlib.import_module("sensetrack.cli._graph_snap").add_to(group)
    return lambda *words: CliRunner().invoke(group, ["snap", *words])


def test_without_snap_it_says_where_it_looked(say: Say) -> None:
    result = say()
    assert result.exit_code == 0 and result.stdout.startswith("no SNAP was found (SENSETRACK_GPT is not set; ")
    assert "esa-snappy is not installed" in result.stdout
    found = json.loads(say("--json").stdout)
    assert found["snap"] is None and "install SNAP from" in found["why"] and not found["esa_snappy"]["installed"]


def test_what_is_installed(say: Say, tmp_path: Path) -> None:
    gpt = install(tmp_path / "snap")
    text = say().stdout
    assert text.startswith("SNAP 9.0.0\n") and f"{gpt} (a usual folder)" in text
    assert f"53.3 GB, of it 1.0 GB cache ({gpt}.vmoptions)" in text and "14 at a time, 512 x 512 pixels" in text
    found = json.loads(say("--gpt", str(gpt), "--json").stdout)
    assert found["snap"]["version"] == "9.0.0" and found["snap"]["found_by"] == "as named" and found["why"] == ""


def test_parameters_of_an_operator(say: Say, tmp_path: Path) -> None:
    assert isinstance(say("--operator", "Speckle-Filter").exception, SnapError)
    install(tmp_path / "snap")
    text = say("--operator", "Speckle-Filter").stdout
    assert "filterSizeX: int; default 3; (1, 100]\n  The kernel x dimension\n" in text
    assert "filter: string; default Lee Sigma; one of None, Boxcar, Lee Sigma, Refined Lee" in text
    first = json.loads(say("--operator", "Read", "--json").stdout)[0]
    assert first["name"] == "file" and first["required"]
    assert "has no operator 'Raed'; did you mean 'Read'?" in str(say("--operator", "Raed").exception)
