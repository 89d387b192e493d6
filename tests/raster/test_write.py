"""Writing: whole files under their final name or none, the same bytes every time, and no silent loss."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sensetrack.errors import InputError, OutputError, SensetrackError
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block, plan_blocks, whole
from sensetrack.raster.write import TiledWriter, atomic, check_target, refuse_same_file

MakeGrid = Callable[..., Grid]

needs_posix = pytest.mark.skipif(os.name != "posix", reason="limits and signals of POSIX")


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def save(path: Path, grid: Grid, array: np.ndarray, blocks: Iterable[Block]) -> bytes:
    with TiledWriter(path, grid, ("dx", "dy"), {"tracker": "pcc"}) as writer:
        for block in blocks:
            writer.write(block, {"dy": -array[block.slices], "dx": array[block.slices], "unused": array})
    return path.read_bytes()


@pytest.fixture
def field() -> np.ndarray:
    array = np.random.default_rng(0).normal(size=(530, 700)).astype(np.float32)
    array[100:200, 300:500] = np.nan
    return array


def test_the_file_is_what_the_design_says(tmp_path: Path, utm_grid: MakeGrid, field: np.ndarray) -> None:
    grid = utm_grid(field.shape, size=160.0)
    save(tmp_path / "d.tif", grid, field, [whole(field.shape)])
    with rasterio.open(tmp_path / "d.tif") as ds:
        assert ds.profile["driver"] == "GTiff"
        assert ds.block_shapes == [(512, 512)] * 2
        assert ds.profile["compress"] == "deflate"
        assert ds.profile["interleave"] == "band"
        assert ds.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "3"
        assert ds.dtypes == ("float32", "float32")
        assert np.isnan(ds.nodata)
        assert ds.descriptions == ("dx", "dy")
        assert ds.tags()["tracker"] == "pcc"
        assert Grid(ds.shape, ds.transform, ds.crs) == grid
        np.testing.assert_array_equal(ds.read(1), field)
        np.testing.assert_array_equal(ds.read(2), -field)


@pytest.mark.parametrize("size", [64, 341, 1024])
def test_the_same_blocks_give_the_same_bytes(tmp_path: Path, utm_grid: MakeGrid, field: np.ndarray, size: int) -> None:
    grid = utm_grid(field.shape)
    written = save(tmp_path / "d.tif", grid, field, plan_blocks(field.shape, size))
    assert written == save(tmp_path / "again.tif", grid, field, plan_blocks(field.shape, size))
    save(tmp_path / "backwards.tif", grid, field, reversed(list(plan_blocks(field.shape, size))))
    for name in ("d.tif", "backwards.tif"):
        with rasterio.open(tmp_path / name) as ds:
            np.testing.assert_array_equal(ds.read(1), field)


def test_small_blocks_give_the_bytes_of_one_large_one(tmp_path: Path, field: np.ndarray) -> None:
    grid = Grid(field.shape)
    at_once = save(tmp_path / "one.tif", grid, field, [whole(field.shape)])
    assert save(tmp_path / "many.tif", grid, field, plan_blocks(field.shape, 30)) == at_once


def test_what_is_not_written_is_missing(tmp_path: Path, utm_grid: MakeGrid, field: np.ndarray) -> None:
    save(tmp_path / "d.tif", utm_grid(field.shape), field, [Block(470, 0, 50, 60)])
    with rasterio.open(tmp_path / "d.tif") as ds:
        layer = ds.read(1)
    np.testing.assert_array_equal(layer[470:520, :60], field[470:520, :60])
    assert np.isfinite(layer).sum() == 50 * 60


def test_complex_layers(tmp_path: Path, utm_grid: MakeGrid) -> None:
    array = (np.arange(60).reshape(6, 10) * (1 + 2j)).astype(np.complex64)
    with TiledWriter(tmp_path / "c.tif", utm_grid((6, 10)), ("slc",), dtype="complex64") as writer:
        writer.write(Block(0, 0, 6, 10), {"slc": array})
    with rasterio.open(tmp_path / "c.tif") as ds:
        np.testing.assert_array_equal(ds.read(1), array)


# Whole or not at all


def test_nothing_stays_when_the_work_fails(tmp_path: Path, field: np.ndarray) -> None:
    (tmp_path / "d.tif").write_bytes(b"the earlier result")
    for error in (InputError("the work failed"), OSError("a disk of the input"), KeyboardInterrupt()):
        with (
            pytest.raises(type(error)) as raised,
            TiledWriter(tmp_path / "d.tif", Grid(field.shape), ("dx",)) as writer,
        ):
            writer.write(Block(0, 0, 100, 100), {"dx": field[:100, :100]})
            raise error
        assert raised.value is error
    assert [path.name for path in tmp_path.iterdir()] == ["d.tif"]
    assert (tmp_path / "d.tif").read_bytes() == b"the earlier result"


def test_the_final_name_appears_at_the_end_only(tmp_path: Path, field: np.ndarray) -> None:
    with TiledWriter(tmp_path / "d.tif", Grid(field.shape), ("dx",)) as writer:
        writer.write(whole(field.shape), {"dx": field})
        assert not (tmp_path / "d.tif").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["d.tif"]


KILLED = """
import sys, time
import numpy as np
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import Block
from sensetrack.raster.write import TiledWriter

with TiledWriter(sys.argv[1], Grid((600, 600)), ("dx",)) as writer:
    writer.write(Block(0, 0, 512, 512), {"dx": np.ones((512, 512), np.float32)})
    print("written", flush=True)
    time.sleep(60)
"""


@needs_posix
@pytest.mark.parametrize("name", ["d.tif", "d[1] *.tif"])
def test_a_killed_run_leaves_no_half_file_and_the_next_one_cleans_up(tmp_path: Path, name: str) -> None:
    target = tmp_path / name
    with subprocess.Popen([sys.executable, "-c", KILLED, str(target)], stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "written\n"
        run.kill()
    left = list(tmp_path.iterdir())
    assert len(left) == 1
    assert ".partial" in left[0].name
    save(target, Grid((20, 30)), np.zeros((20, 30), np.float32), [Block(0, 0, 20, 30)])
    assert list(tmp_path.iterdir()) == [target]


def test_the_partial_file_of_a_running_process_is_left_alone(tmp_path: Path) -> None:
    for pid in (1, os.getppid()):
        (tmp_path / f".d.{socket.gethostname()}-{pid}.partial.tif").touch()
    elsewhere = tmp_path / ".d.another-host-1.partial.tif"
    other = tmp_path / f".dd.{socket.gethostname()}-999999999.partial.tif"
    elsewhere.touch()
    other.touch()
    before = set(tmp_path.iterdir())
    with atomic(tmp_path / "d.tif") as part:
        part.write_bytes(b"x")
    assert set(tmp_path.iterdir()) == before | {tmp_path / "d.tif"}


FULL = """
import resource, signal, sys
import numpy as np
from sensetrack.errors import OutputError
from sensetrack.raster.grid import Grid
from sensetrack.raster.tiles import plan_blocks
from sensetrack.raster.write import TiledWriter

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
random = np.random.default_rng(0)
try:
    with TiledWriter(sys.argv[1], Grid((1500, 1500)), ("dx", "dy")) as writer:
        for block in plan_blocks((1500, 1500), 256):
            if sys.argv[3] == "noise":
                noise = random.random(block.shape)
                writer.write(block, {"dx": noise, "dy": noise})
except OutputError as error:
    print(error)
"""


@needs_posix
@pytest.mark.parametrize(
    ("limit", "content"),
    [(0, "noise"), (500_000, "noise"), (3_000_000, "noise"), (20_000, "nothing")],
    ids=["no room at all", "within the first tile", "within a later tile", "when the file is closed"],
)
def test_a_full_disk_is_noticed(tmp_path: Path, limit: int, content: str) -> None:
    arguments = [sys.executable, "-c", FULL, str(tmp_path / "d.tif"), str(limit), content]
    run = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.startswith(f"{tmp_path / 'd.tif'}: cannot be written")
    assert run.stdout.endswith("is the disk full or read-only?\n")
    assert run.stdout.count("\n") == 1
    assert not list(tmp_path.iterdir())


@needs_posix
def test_an_interrupt_leaves_nothing_behind(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", KILLED, str(tmp_path / "d.tif")]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        run.stdout.readline()
        time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=30)
    assert not list(tmp_path.iterdir())


# Names that cannot be written


def test_an_existing_file_needs_permission(tmp_path: Path) -> None:
    path = tmp_path / "d.tif"
    path.write_bytes(b"x")
    with pytest.raises(OutputError) as error, TiledWriter(path, Grid((5, 5)), ("dx",), overwrite=False):
        pass
    assert message(error) == f"{path}: exists already; choose another name or pass --overwrite"
    assert path.read_bytes() == b"x"
    check_target(path)


def test_a_missing_folder_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError) as error:
        check_target(tmp_path / "absent" / "d.tif")
    assert message(error) == f"{tmp_path / 'absent' / 'd.tif'}: the folder {tmp_path / 'absent'} does not exist"
    with pytest.raises(OutputError) as error:
        check_target(tmp_path)
    assert message(error) == f"{tmp_path}: is a folder; name a file"


def test_an_input_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, link = tmp_path / "a.tif", tmp_path / "link.tif"
    path.write_bytes(b"x")
    link.symlink_to(path)
    monkeypatch.chdir(tmp_path)
    for output, inputs in ((path, [None, "a.tif"]), ("a.tif", [link]), (link, [path])):
        with pytest.raises(OutputError) as error:
            refuse_same_file(output, inputs)
        assert message(error) == f"{output}: is also an input; choose another output name"
    refuse_same_file(tmp_path / "b.tif", [path, None, "https://example.org/a.tif"])


def test_a_failed_write_says_what_the_system_said(tmp_path: Path) -> None:
    says = r"a\.png: cannot be written \(No space left on device\); is the disk full"
    with pytest.raises(OutputError, match=says), atomic(tmp_path / "a.png"):
        try:
            raise AttributeError("no such method")
        except AttributeError:
            raise OSError(errno.ENOSPC, "No space left on device")  # noqa: B904 - libraries try one thing after another
