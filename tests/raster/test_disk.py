"""A full disk below the HDF5 library: one clear error, and no crash."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensetrack.errors import OutputError
from sensetrack.raster.disk import DiskFile
from sensetrack.raster.grid import Grid
from sensetrack.raster.layers import save

Layered = Callable[..., tuple]


def fill_up(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Let writes beyond ``room`` bytes fail as on a full disk, the last one after its first half."""
    pwrite = os.pwrite

    def limited(descriptor: int, data: memoryview, offset: int) -> int:
        left = room - offset
        if left <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return pwrite(descriptor, data[:left], offset)

    monkeypatch.setattr(os, "pwrite", limited)


@pytest.mark.parametrize("room", [0, 100, 3_000, 10_000, 60_000, 150_000])
def test_a_full_disk_is_one_output_error_and_leaves_nothing(
    tmp_path: Path, utm_grid: Callable[..., Grid], layered: Layered, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    content, arrays = layered((700, 300))
    fill_up(monkeypatch, room)
    with pytest.raises(OutputError, match=r"a\.nc: cannot be written \(No space left on device\)"):
        save(tmp_path / "a.nc", utm_grid((700, 300)), content, arrays)
    assert list(tmp_path.iterdir()) == []


def test_what_hdf5_wrote_before_and_after_the_failure_reads_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library must not notice, or it would crash while it closes the file."""
    values = np.random.default_rng(0).normal(size=(60, 1000))
    fill_up(monkeypatch, 100_000)
    with pytest.raises(OSError, match="No space left"), DiskFile(tmp_path / "a.h5") as disk:
        with h5py.File(disk, "w") as file:
            for row in range(0, 60, 10):
                file.create_dataset(str(row), data=values[row : row + 10], chunks=(5, 500), compression="gzip")
                file.flush()
        with h5py.File(disk, "r") as file:
            for row in range(0, 60, 10):
                np.testing.assert_array_equal(file[str(row)][...], values[row : row + 10])
        assert disk.error is not None
        assert (tmp_path / "a.h5").stat().st_size <= 100_000


def test_an_error_of_the_caller_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_up(monkeypatch, 10)
    with pytest.raises(RuntimeError, match="stop"), DiskFile(tmp_path / "a") as disk:
        disk.write(bytes(20))
        raise RuntimeError("stop")


@given(
    writes=st.lists(st.tuples(st.integers(0, 60), st.binary(min_size=1, max_size=30)), max_size=12),
    room=st.none() | st.integers(0, 60),
    at=st.integers(0, 100),
    size=st.integers(0, 100),
)
def test_reads_what_was_written_whether_or_not_it_fitted(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[int, bytes]], room: int | None, at: int, size: int
) -> None:
    expected = bytearray()
    with pytest.MonkeyPatch.context() as monkeypatch:
        if room is not None:
            fill_up(monkeypatch, room)
        disk = DiskFile(tmp_path_factory.mktemp("disk") / "a")
        for offset, data in writes:
            disk.seek(offset)
            assert disk.write(data) == len(data) and disk.tell() == offset + len(data)
            expected.extend(bytes(max(0, offset + len(data) - len(expected))))
            expected[offset : offset + len(data)] = data
        assert disk.seek(0, os.SEEK_END) == len(expected)
        assert (disk.error is None) == (room is None or len(expected) <= room)
        disk.seek(at)
        assert disk.read(size) == bytes(expected[at : at + size])
        disk.__exit__(RuntimeError, None, None)
