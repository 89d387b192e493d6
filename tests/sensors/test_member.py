"""Random access to files inside archives."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensetrack.errors import CorruptFileError, InputError
from sensetrack.sensors import Container
from sensetrack.sensors._member import open_member

SIZE = 20_000_000
KINDS = ("stored.zip", "deflated.zip", "plain.tar", "packed.tar.gz")


@pytest.fixture(scope="module")
def content() -> bytes:
    """Bytes that deflate well and repeat nowhere."""
    noise = np.random.default_rng(0).integers(0, 40, SIZE // 4, dtype=np.uint32)
    return (np.arange(SIZE // 4, dtype=np.uint32) + noise).astype("<u4").tobytes()


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> dict[str, Path]:
    """The same file in every kind of archive, behind another one."""
    folder = tmp_path_factory.mktemp("archives")
    found = {}
    for name in KINDS:
        path = found[name] = folder / name
        if name.endswith("zip"):
            method = zipfile.ZIP_STORED if name.startswith("stored") else zipfile.ZIP_DEFLATED
            with zipfile.ZipFile(path, "w", method, compresslevel=1) as archive:
                archive.writestr("first.txt", "x" * 1000)
                archive.writestr("folder/data.bin", content)
            continue
        with tarfile.open(path, "w:gz" if name.endswith("gz") else "w") as tar:
            for item, data in (("first.txt", b"x" * 1000), ("folder/data.bin", content)):
                info = tarfile.TarInfo(item)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
    return found


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    jumps=st.lists(st.tuples(st.integers(0, SIZE + 10), st.integers(0, 300_000)), min_size=1, max_size=4),
)
def test_any_part_in_any_order(
    archives: dict[str, Path], content: bytes, kind: str, jumps: list[tuple[int, int]]
) -> None:
    stream = open_member(Container.open(archives[kind]), "folder/data.bin")
    assert not isinstance(stream, str)
    with stream:
        assert stream.seek(0, io.SEEK_END) == SIZE
        for place, count in jumps:
            stream.seek(place)
            assert stream.read(count) == content[place : place + count]


def test_other_ways_of_packing_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.bin", b"1" * 100)
    with tarfile.open(tmp_path / "a.tar", "w:bz2") as tar:
        tar.addfile(tarfile.TarInfo("a.bin"))
    for name in ("a.zip", "a.tar"):
        with pytest.raises(InputError, match="unpack it first"):
            open_member(Container.open(tmp_path / name), "a.bin")


def test_damage_shows_when_it_is_read(tmp_path: Path, archives: dict[str, Path]) -> None:
    path = tmp_path / "damaged.zip"
    data = bytearray(archives["deflated.zip"].read_bytes())
    data[300_000:300_400] = b"\xff" * 400
    path.write_bytes(data)
    stream = open_member(Container.open(path), "folder/data.bin")
    assert not isinstance(stream, str)
    with stream, pytest.raises(OSError, match="damaged archive"):
        stream.read()


def test_an_index_that_lies(tmp_path: Path, archives: dict[str, Path]) -> None:
    path = tmp_path / "lying.zip"
    data = bytearray(archives["stored.zip"].read_bytes())
    data[0:4] = b"JUNK"
    path.write_bytes(data)
    with pytest.raises(CorruptFileError, match="no local header"):
        open_member(Container(str(path), "zip", str(path), {"first.txt": 1000}), "first.txt")
