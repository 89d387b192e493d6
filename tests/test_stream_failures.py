"""Streaming what cannot be measured or written: one clear line, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import rasterio

from sensetrack.engine import Engine, Serial, Threads
from sensetrack.errors import (
    CorruptFileError,
    DeviceError,
    InputError,
    OutputError,
    ParameterError,
    SensetrackError,
    UnusableImageError,
)
from sensetrack.pair import ImagePair
from sensetrack.raster.grid import Grid
from sensetrack.raster.mask import AreaMask
from sensetrack.stream import track, track_file
from sensetrack.trackers import Tracker, registry

ROOT = Path(__file__).resolve().parents[1]
Write = Callable[..., Path]
MakeGrid = Callable[..., Grid]
MakeTracker = Callable[..., Tracker]
Texture = Callable[..., np.ndarray]


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


# What cannot be measured


@pytest.mark.parametrize("engine", [Serial(), Threads(2)], ids=["serial", "threads"])
def test_all_nodata_is_one_clear_error(
    write_raster: Write, utm_grid: MakeGrid, texture: Texture, tmp_path: Path, engine: Engine, brightness: MakeTracker
) -> None:
    grid = utm_grid((64, 64))
    empty = write_raster(np.full((64, 64), -1, np.int16), "empty.tif", grid=grid, nodata=-1)
    full = write_raster(texture((64, 64)), "full.tif", grid=grid)
    for paths in ((empty, full), (full, empty)):
        with pytest.raises(UnusableImageError) as error:
            track_file(ImagePair.open(*paths), brightness(), tmp_path / "out.tif", engine=engine, block=32)
        assert message(error) == (
            f"{paths[0].name} and {paths[1].name}: nothing to measure (100 % nodata); "
            "check nodata, the mask, the band and that both images show the same place"
        )
    assert {path.name for path in tmp_path.iterdir()} == {"empty.tif", "full.tif"}


def test_valid_parts_that_do_not_meet(
    write_raster: Write, utm_grid: MakeGrid, texture: Texture, brightness: MakeTracker
) -> None:
    left, right = texture((64, 64)), texture((64, 64))
    left[:, 20:], right[:, :40] = np.nan, np.inf
    grid = utm_grid((64, 64))
    pair = ImagePair.open(write_raster(left, "a.tif", grid=grid), write_raster(right, "b.tif", grid=grid))
    with pytest.raises(UnusableImageError, match=r"a.tif and b.tif: nothing to measure \(100 % nodata\)"):
        track(pair, brightness(reach=2))


def test_an_empty_mask(image_pair: ImagePair, brightness: MakeTracker) -> None:
    with pytest.raises(UnusableImageError, match=r"nothing to measure \(100 % masked\)"):
        track(image_pair, brightness(), mask=AreaMask.from_array(np.zeros(image_pair.grid.shape, np.bool_)))


def test_nan_and_infinity_stay_where_they_are(
    write_raster: Write, utm_grid: MakeGrid, texture: Texture, brightness: MakeTracker
) -> None:
    clean, dirty = texture((80, 80)), texture((80, 80))
    dirty[40, 40], dirty[41, 40] = np.nan, np.inf
    grid = utm_grid((80, 80))
    paths = [write_raster(array, f"{name}.tif", grid=grid) for name, array in (("a", clean), ("b", dirty))]
    field = track(ImagePair.open(*paths), brightness(reach=2)).field
    assert field.measured.all()
    np.testing.assert_array_equal(field.dx, 0)
    assert set(np.unique(field.extra["count"][2:-2, 2:-2])) == {62, 64}


def test_a_constant_image_is_flat_and_says_so(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    grid = utm_grid((200, 200))
    constant = write_raster(np.full((200, 200), 7, np.uint8), "constant.tif", grid=grid)
    textured = write_raster(texture((200, 200)), "textured.tif", grid=grid)
    for paths in ((constant, textured), (textured, constant), (constant, constant)):
        with pytest.raises(UnusableImageError) as error:
            track(ImagePair.open(*paths), registry.get("pcc")(window=32, step=16))
        assert "flat" in message(error)


def test_a_window_larger_than_the_image(
    write_raster: Write, texture: Texture, tmp_path: Path, brightness: MakeTracker
) -> None:
    paths = [write_raster(texture((40, 30), seed=s), f"{s}.tif") for s in (1, 2)]
    with pytest.raises(ParameterError) as error:
        track_file(ImagePair.open(*paths), brightness(reach=20), tmp_path / "d.tif")
    assert message(error).startswith(
        "the image of 40 x 30 pixels is smaller than the 44 pixels that these parameters need"
    )
    assert not (tmp_path / "d.tif").exists()


def test_a_device_that_is_not_there(image_pair: ImagePair, brightness: MakeTracker) -> None:
    with pytest.raises(DeviceError, match="device 'cuda:7': this algorithm runs on cpu only"):
        track(image_pair, brightness(), device="cuda:7")


# Whole or not at all


def test_outputs_are_checked_before_the_work(
    image_pair: ImagePair, pair_files: tuple[Path, Path], tmp_path: Path, brightness: MakeTracker
) -> None:
    tracker = brightness(fails_above=0)  # would raise InputError on the first block
    for output, says in (
        (pair_files[0], "is also an input; choose another output name"),
        (pair_files[1], "is also an input; choose another output name"),
        (tmp_path / "absent" / "d.tif", "does not exist"),
        (tmp_path / "d.doc", "use .tif, .tiff, .nc, .csv, .parquet, .gpkg"),
    ):
        with pytest.raises(OutputError) as error:
            track_file(image_pair, tracker, output, overwrite=True)
        assert message(error).startswith(str(output))
        assert message(error).endswith(says)
    (tmp_path / "d.tif").touch()
    with pytest.raises(OutputError, match=r"d.tif: exists already; choose another name or pass --overwrite$"):
        track_file(image_pair, tracker, tmp_path / "d.tif")
    mask = tmp_path / "mask.tif"
    with rasterio.open(
        mask,
        "w",
        driver="GTiff",
        width=510,
        height=403,
        count=1,
        dtype="uint8",
        crs=image_pair.grid.crs,
        transform=image_pair.grid.transform,
    ) as ds:
        ds.write(np.ones((403, 510), np.uint8), 1)
    with pytest.raises(OutputError, match="is also an input"):
        track_file(image_pair, tracker, mask, mask=AreaMask.open(mask), overwrite=True)


@pytest.mark.parametrize("engine", ["serial", "threads", "dask"])
def test_an_error_in_a_block_stops_the_run_and_leaves_nothing(
    request: pytest.FixtureRequest,
    write_raster: Write,
    utm_grid: MakeGrid,
    texture: Texture,
    engine: str,
    tmp_path: Path,
    brightness: MakeTracker,
) -> None:
    array = texture((200, 200))
    array[150, 150] = 1e6
    paths = [write_raster(array, f"{name}.tif", grid=utm_grid((200, 200))) for name in "ab"]
    runs = {"serial": Serial(), "threads": Threads(2)}
    chosen = runs[engine] if engine in runs else request.getfixturevalue("dask_engine")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"^too bright$"):
        track_file(
            ImagePair.open(*paths), brightness(fails_above=1e5), tmp_path / "out" / "d.tif", engine=chosen, block=32
        )
    assert not list((tmp_path / "out").iterdir())


def test_a_cut_off_file_is_one_clear_error(
    pair_files: tuple[Path, Path], image_pair: ImagePair, tmp_path: Path, brightness: MakeTracker
) -> None:
    pair_files[1].write_bytes(pair_files[1].read_bytes()[: pair_files[1].stat().st_size // 2])
    (tmp_path / "out").mkdir()
    with pytest.raises(CorruptFileError) as error:
        track_file(image_pair, brightness(), tmp_path / "out" / "d.tif", engine=Threads(2), block=64)
    assert message(error).startswith(f"{pair_files[1]}: its pixels cannot be read, is it cut off? (")
    assert not list((tmp_path / "out").iterdir())


def test_a_progress_bar_that_fails_leaves_nothing(
    image_pair: ImagePair, tmp_path: Path, brightness: MakeTracker
) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        track_file(image_pair, brightness(), tmp_path / "out" / "d.tif", engine=Threads(2), block=64, progress=stop)
    assert not list((tmp_path / "out").iterdir())


INTERRUPTED = """
import sys
from sensetrack.engine import open_engine
from sensetrack.pair import ImagePair
from sensetrack.stream import track_file
from tests.conftest import Brightness

if __name__ == "__main__":
    engine, reference, secondary, output = sys.argv[1:]
    workers = None if engine == "serial" else 2
    with open_engine(engine, workers) as chosen:
        track_file(
            ImagePair.open(reference, secondary), Brightness(), output, engine=chosen, block=8,
            progress=lambda done, total: print(done, flush=True),
        )
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("engine", ["serial", "threads", "dask"])
def test_an_interrupt_leaves_neither_files_nor_processes(
    pair_files: tuple[Path, Path], tmp_path: Path, engine: str
) -> None:
    script = tmp_path / "run.py"
    script.write_text(INTERRUPTED, encoding="utf-8")
    output = tmp_path / "out" / "d.tif"
    output.parent.mkdir()
    run = subprocess.Popen(
        [sys.executable, str(script), engine, *map(str, pair_files), str(output)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    assert run.stdout.readline() == "1\n"
    family = [psutil.Process(run.pid), *psutil.Process(run.pid).children(recursive=True)]
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does, which tells the workers too
    _, said = run.communicate(timeout=60)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert run.returncode != 0
    assert not list(output.parent.iterdir())
    gone, alive = psutil.wait_procs(family, timeout=10)
    assert not alive
    assert len(gone) == len(family)
