"""SNAP is found where it is, and nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from products.fake_gpt import install

from sensetrack.errors import SnapError
from sensetrack.graph.snap import find, find_snap


def other_program(path: Path, text: str = "GUID partition table tool 3.1", code: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{text}'\nexit {code}\n")
    path.chmod(0o755)
    return path


def test_what_diag_says(gpt: Path, nothing_installed: Path) -> None:
    snap = find_snap(gpt)
    assert snap.version == "9.0.0" and snap.java_version == "1.8.0_242"
    assert snap.home == gpt.parent.parent and snap.gpt == gpt and snap.found_by == "as named"
    assert (snap.processors, snap.parallelism, snap.tile_size) == (16, 14, "512 x 512 pixels")
    assert snap.max_memory == round(53.3 * 2**30) and snap.cache_size == round(1007.5 * 2**20)
    assert snap.user_dir == nothing_installed / ".snap" and snap.settings_file == gpt.with_name("gpt.vmoptions")


@pytest.mark.parametrize("part", ["", "bin", "bin/gpt"])
def test_the_folder_or_the_program_may_be_named(gpt: Path, part: str) -> None:
    assert find_snap(gpt.parent.parent / part).gpt == gpt


def test_a_name_alone_is_looked_for_on_path(gpt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(gpt.parent))
    monkeypatch.setenv("SENSETRACK_GPT", "gpt")
    assert find_snap().gpt == gpt


def test_places_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_installed: Path) -> None:
    usual = install(nothing_installed / "snap")
    assert find_snap().gpt == usual and find_snap().found_by == "a usual folder"
    on_path = install(tmp_path / "elsewhere")
    monkeypatch.setenv("PATH", str(on_path.parent))
    assert find_snap().gpt == on_path
    by_home = install(tmp_path / "by home")
    monkeypatch.setenv("SNAP_HOME", str(by_home.parent.parent))
    assert find_snap().gpt == by_home and find_snap().found_by == "SNAP_HOME"
    by_us = install(tmp_path / "by us")
    monkeypatch.setenv("SENSETRACK_GPT", str(by_us))
    assert find_snap().gpt == by_us
    assert find_snap(usual).gpt == usual


def test_esa_snappy_knows_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gpt = install(tmp_path / "snap 12")
    package = tmp_path / "site" / "esa_snappy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "esa_snappy.ini").write_text(f"[DEFAULT]\nsnap_home = {gpt.parent.parent}\n")
    monkeypatch.syspath_prepend(str(package.parent))
    snap = find_snap()
    assert snap.gpt == gpt and snap.found_by.endswith("esa_snappy.ini")


def test_without_snap_it_says_where_it_looked(nothing_installed: Path) -> None:
    with pytest.raises(SnapError) as caught:
        find_snap()
    said = str(caught.value)
    for part in (
        "SENSETRACK_GPT is not set",
        "SNAP_HOME is not set",
        "no gpt on PATH",
        f"{nothing_installed}/esa-snap",
    ):
        assert part in said
    assert "install SNAP from https://" in said and "\n" not in said


def test_another_gpt_on_path_is_not_snap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = other_program(tmp_path / "path" / "gpt")
    with pytest.raises(SnapError, match="is not SNAP: asked with --diag it says: GUID partition table tool"):
        find_snap()
    home = install(tmp_path / "snap")
    monkeypatch.setenv("SNAP_HOME", str(home.parent.parent))
    assert find_snap().gpt == home != other


def test_what_is_named_on_purpose_is_not_replaced(gpt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNAP_HOME", str(gpt.parent.parent))
    for named in (other_program(tmp_path / "gpt"), tmp_path / "nowhere", tmp_path):
        monkeypatch.setenv("SENSETRACK_GPT", str(named))
        with pytest.raises(SnapError, match=r"\(SENSETRACK_GPT\) is not SNAP"):
            find_snap()


def test_a_broken_snap_home_is_named_and_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_installed: Path
) -> None:
    monkeypatch.setenv("SNAP_HOME", str(tmp_path / "gone"))
    with pytest.raises(SnapError, match=r"no bin/gpt in \S+gone \(SNAP_HOME\)"):
        find_snap()
    assert find_snap(install(nothing_installed / "snap")).version == "9.0.0"


def test_what_cannot_be_started(tmp_path: Path) -> None:
    program = tmp_path / "gpt"
    program.write_bytes(b"\x00\x01")
    with pytest.raises(SnapError, match=r"cannot be started \(Permission denied\)"):
        find_snap(program)
    program.chmod(0o755)
    with pytest.raises(SnapError, match=r"cannot be started \(Exec format error\)"):
        find_snap(program)


def test_a_program_that_waits_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(find, "_TIMEOUT", 0.3)
    program = other_program(tmp_path / "gpt")
    program.write_text("#!/bin/sh\n/bin/sleep 600\n")
    with pytest.raises(SnapError, match="gives no answer within 0 s"):
        find_snap(program)


def test_it_is_asked_once_while_it_stays_the_same(gpt: Path, calls: Callable[[], list[list[str]]]) -> None:
    assert find_snap(gpt) == find_snap(gpt)
    assert calls() == [["--diag"]]
    gpt.with_name("gpt.vmoptions").write_text("-Xmx9G\n")
    find_snap(gpt)
    assert len(calls()) == 2


def test_a_moved_user_folder(gpt: Path, nothing_installed: Path) -> None:
    (gpt.parent.parent / "etc" / "snap.properties").write_text("# x\nsnap.userdir = ${user.home}/scratch\n")
    assert find_snap(gpt).user_dir == nothing_installed / "scratch"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("53.3 GB", 53.3 * 2**30),
        ("53,3 GB", 53.3 * 2**30),
        ("1,007.0 MB", 1007 * 2**20),
        ("1.007,0 MB", 1007 * 2**20),
        ("512 MB", 2**29),
        ("17 bytes", 17),
        ("unknown", None),
        ("., GB", None),
    ],
)
def test_sizes_in_any_language(text: str, size: float | None) -> None:
    assert find._bytes(text) == (None if size is None else round(size))
