"""Streaming: the same result whatever the blocks and the engine, bounded, and whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
import rasterio

from sensetrack.displacement import LAYERS, Displacement, Field, Flag
from sensetrack.engine import Engine, Serial, Threads, open_engine
from sensetrack.errors import (
    CorruptFileError,
    DeviceError,
    GridError,
    InputError,
    OutputError,
    ParameterError,
    SensetrackError,
    UnusableImageError,
)
from sensetrack.pair import ImagePair
from sensetrack.params import param
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.mask import AreaMask
from sensetrack.stream import track, track_file
from sensetrack.trackers import Tracker, registry
from sensetrack.types import Mask, PixelArray

ROOT = Path(__file__).resolve().parents[1]
Write = Callable[..., Path]
MakeGrid = Callable[..., Grid]
Texture = Callable[..., np.ndarray]


class Brightness(Tracker):
    """Gives the mean difference in brightness over a window as ``dx``: no displacement, but all that streams."""

    extra_layers = ("count",)

    reach: int = param(6, "Pixels around a cell that the window covers.", unit="px", ge=0)
    fails_above: float = param(1e9, "Brightness from which it fails.")

    @property
    def spacing(self) -> int:
        """Input pixels per output pixel."""
        return 4

    @property
    def margin(self) -> int:
        """Input pixels around a cell that count."""
        return self.reach

    @property
    def smallest_image(self) -> int:
        """Side of the window."""
        return self.spacing + 2 * self.reach

    def _track(
        self,
        reference: PixelArray,
        secondary: PixelArray,
        reference_valid: Mask,
        secondary_valid: Mask,
        pad: int,
        device: str,
    ) -> Field:
        if float(np.abs(reference).max()) > self.fails_above:
            raise InputError("too bright")
        both = reference_valid & secondary_valid
        difference = np.where(both, np.abs(secondary) - np.abs(reference), 0.0).astype(np.float64)
        rows, cols = ((size - 2 * pad) // self.spacing for size in both.shape)
        total, count = np.zeros((rows, cols)), np.zeros((rows, cols))
        side = self.spacing + 2 * self.reach
        for i in range(side):
            for j in range(side):
                top, left = pad - self.reach + i, pad - self.reach + j
                part = slice(top, top + rows * 4 - 3, 4), slice(left, left + cols * 4 - 3, 4)
                total += difference[part]
                count += both[part]
        field = Field.empty((rows, cols), Flag.NODATA, self.extra_layers)
        layers = dict(field.layers())
        known = count > 0
        for name in ("dx", "dy", "quality", "sigma_dx", "sigma_dy", "rho"):
            layers[name] = np.where(known, total / np.maximum(count, 1), np.nan).astype(np.float32)
        layers["count"] = count.astype(np.float32)
        layers["flags"] = np.where(known, 0, int(Flag.NODATA)).astype(np.uint8)
        return Field.from_layers(layers)


@pytest.fixture
def files(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> tuple[Path, Path]:
    """A pair of 403 x 510 with a hole in each image."""
    grid = utm_grid((403, 510))
    first, second = texture((403, 510)), texture((403, 510), seed=1)
    first[50:90, 100:200] = -1
    second[:, 300:310] = -1
    return (
        write_raster(first, "20200101.tif", grid=grid, nodata=-1),
        write_raster(second, "20200111.tif", grid=grid, nodata=-1),
    )


@pytest.fixture
def pair(files: tuple[Path, Path]) -> ImagePair:
    """The pair of `files`."""
    return ImagePair.open(*files)


@pytest.fixture(scope="module")
def dask_engine() -> Iterator[Engine]:
    """Two processes, which can import this module."""
    sys.path.insert(0, str(ROOT))
    try:
        with open_engine("dask", 2) as engine:
            yield engine
    finally:
        del sys.path[0]


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def assert_same(one: Displacement, other: Displacement) -> None:
    assert one.grid == other.grid
    for name, layer in one.field.layers().items():
        np.testing.assert_array_equal(layer, other.field.layers()[name], err_msg=name)


# The same result


def test_blocks_do_not_show(pair: ImagePair) -> None:
    whole = track(pair, Brightness(), block=4096)
    assert whole.grid.shape == (100, 127)
    assert whole.field.measured.mean() > 0.9
    for size in (1, 50, 128, 300):
        if size > 1:
            assert_same(track(pair, Brightness(), block=size), whole)
    small = ImagePair(*(Image.from_array(image.read()[0][:40, :44]) for image in (pair.reference, pair.secondary)))
    assert_same(track(small, Brightness(), block=1), track(small, Brightness()))


def test_a_stream_measures_what_the_arrays_give(pair: ImagePair) -> None:
    (first, first_valid), (second, second_valid) = pair.reference.read(), pair.secondary.read()
    tracker = Brightness(reach=0)
    direct = tracker.track(first, second, first_valid, second_valid)
    streamed = track(pair, tracker, block=100).field
    for name, layer in direct.layers().items():
        np.testing.assert_array_equal(streamed.layers()[name], layer)


def test_every_engine_writes_the_same_bytes(pair: ImagePair, tmp_path: Path, dask_engine: Engine) -> None:
    written = {}
    engines = {"serial": Serial(), "threads": Threads(3), "dask": dask_engine, "again": Threads(2)}
    for name, engine in engines.items():
        counts = track_file(pair, Brightness(), tmp_path / f"{name}.tif", engine=engine, block=128)
        written[name] = (tmp_path / f"{name}.tif").read_bytes()
        assert sum(counts[label] for label in ("measured", "nodata")) == 100 * 127
    assert len(set(written.values())) == 1
    assert_same(Displacement.open(tmp_path / "dask.tif"), track(pair, Brightness()))


def test_dask_runs_pairs_in_memory_with_masks(pair: ImagePair, dask_engine: Engine) -> None:
    arrays = ImagePair(
        *(Image.from_array(*(image.read()[:1]), pair.grid) for image in (pair.reference, pair.secondary))
    )
    inside = np.zeros(pair.grid.shape, np.bool_)
    inside[100:200, 100:300] = True
    mask = AreaMask.from_array(inside)
    assert_same(
        track(arrays, Brightness(), mask=mask, engine=dask_engine, block=128), track(arrays, Brightness(), mask=mask)
    )


def test_the_file_tells_where_it_comes_from(pair: ImagePair, files: tuple[Path, Path], tmp_path: Path) -> None:
    track_file(pair, Brightness(reach=3), tmp_path / "d.tif")
    with rasterio.open(tmp_path / "d.tif") as ds:
        tags = ds.tags()
        assert ds.descriptions == (*LAYERS, "count")
        assert ds.transform.a == 40.0
    assert tags["tracker"] == "brightness"
    assert '"reach": 3' in tags["parameters"]
    assert tags["reference"] == str(files[0])
    assert tags["days"] == "10.0"
    provenance = Displacement.open(tmp_path / "d.tif").provenance
    assert provenance.secondary_date == datetime(2020, 1, 11, tzinfo=UTC)


def test_progress_counts_the_blocks(pair: ImagePair) -> None:
    seen: list[tuple[int, int]] = []
    track(pair, Brightness(), block=256, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 4) for done in range(1, 5)]


def test_complex_pairs_stream(write_raster: Write, texture: Texture) -> None:
    paths = [write_raster(texture((64, 80), seed=s, is_complex=True), f"{s}.tif") for s in (1, 2)]
    field = track(ImagePair.open(*paths), Brightness(), block=32).field
    expected = np.abs(Image.open(paths[1]).read()[0]) - np.abs(Image.open(paths[0]).read()[0])
    np.testing.assert_allclose(field.dx[8, 10], expected[26:42, 34:50].mean(), rtol=1e-5)


def test_resampling_on_the_way_displaces_nothing(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    reference = write_raster(texture((256, 256)), "a.tif", grid=utm_grid((256, 256)))
    for shift in (0.25, 0.6):
        # The same ground on a grid that starts 30 pixels and a fraction earlier.
        earlier = utm_grid((330, 330), x=500_000 - 10 * (30 + shift), y=5_000_000 + 10 * (30 + shift))
        secondary = write_raster(texture((330, 330), dx=30 + shift, dy=30 + shift), "b.tif", grid=earlier)
        pair = ImagePair.open(reference, secondary, coregister=True)
        field = track(pair, registry.get("pcc")(window=64, step=32, search=5)).field
        assert field.measured.sum() >= 30
        assert abs(np.median(field.dx[field.measured])) < 0.002
        assert abs(np.median(field.dy[field.measured])) < 0.002


# Masks


def test_outside_a_mask_nothing_is_measured(pair: ImagePair) -> None:
    inside = np.zeros(pair.grid.shape, np.bool_)
    inside[200:300, 240:400] = True
    whole = track(pair, Brightness())
    masked = track(pair, Brightness(), mask=AreaMask.from_array(inside), block=100)
    centres = inside[2::4, 2::4][:100, :127]
    np.testing.assert_array_equal(masked.field.flags & Flag.MASKED > 0, ~centres)
    assert np.isnan(masked.field.dx[~centres]).all()
    np.testing.assert_array_equal(masked.field.dx[centres], whole.field.dx[centres])


def test_a_mask_may_keep_rock_out_of_the_windows(pair: ImagePair) -> None:
    inside = np.zeros(pair.grid.shape, np.bool_)
    inside[200:300, 240:400] = True
    mask = AreaMask.from_array(inside)
    field = track(pair, Brightness(), mask=mask, mask_windows=True, block=100).field
    first, second = pair.reference.read()[0], pair.secondary.read()[0]
    # The first cell inside: of its window, 16 pixels wide, a part lies inside.
    np.testing.assert_allclose(field.dx[50, 60], (second - first)[200:210, 240:250].mean(), rtol=1e-5)
    assert field.extra["count"][50, 60] == 100
    assert field.extra["count"][60, 80] == 256


def test_blocks_outside_the_mask_are_not_even_read(files: tuple[Path, Path], pair: ImagePair) -> None:
    inside = np.zeros(pair.grid.shape, np.bool_)
    inside[:60, :60] = True
    files[0].write_bytes(files[0].read_bytes()[: files[0].stat().st_size * 3 // 4])
    field = track(pair, Brightness(), mask=AreaMask.from_array(inside), block=80).field
    assert field.measured.sum() == 225
    with pytest.raises(CorruptFileError):
        track(pair, Brightness(), block=80)


def test_a_mask_that_does_not_fit_is_refused_before_the_work(pair: ImagePair, tmp_path: Path) -> None:
    mask = AreaMask.from_array(np.ones((10, 10), np.bool_))
    with pytest.raises(GridError, match="the mask array has no georeference and 10 x 10 pixels"):
        track_file(pair, Brightness(fails_above=0), tmp_path / "d.tif", mask=mask)


# What cannot be measured


@pytest.mark.parametrize("engine", [Serial(), Threads(2)], ids=["serial", "threads"])
def test_all_nodata_is_one_clear_error(
    write_raster: Write, utm_grid: MakeGrid, texture: Texture, tmp_path: Path, engine: Engine
) -> None:
    grid = utm_grid((64, 64))
    empty = write_raster(np.full((64, 64), -1, np.int16), "empty.tif", grid=grid, nodata=-1)
    full = write_raster(texture((64, 64)), "full.tif", grid=grid)
    for paths in ((empty, full), (full, empty)):
        with pytest.raises(UnusableImageError) as error:
            track_file(ImagePair.open(*paths), Brightness(), tmp_path / "out.tif", engine=engine, block=32)
        assert message(error) == (
            f"{paths[0].name} and {paths[1].name}: nothing to measure (100 % nodata); "
            "check nodata, the mask, the band and that both images show the same place"
        )
    assert {path.name for path in tmp_path.iterdir()} == {"empty.tif", "full.tif"}


def test_valid_parts_that_do_not_meet(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    left, right = texture((64, 64)), texture((64, 64))
    left[:, 20:], right[:, :40] = np.nan, np.inf
    grid = utm_grid((64, 64))
    pair = ImagePair.open(write_raster(left, "a.tif", grid=grid), write_raster(right, "b.tif", grid=grid))
    with pytest.raises(UnusableImageError, match=r"a.tif and b.tif: nothing to measure \(100 % nodata\)"):
        track(pair, Brightness(reach=2))


def test_an_empty_mask(pair: ImagePair) -> None:
    with pytest.raises(UnusableImageError, match=r"nothing to measure \(100 % masked\)"):
        track(pair, Brightness(), mask=AreaMask.from_array(np.zeros(pair.grid.shape, np.bool_)))


def test_nan_and_infinity_stay_where_they_are(write_raster: Write, utm_grid: MakeGrid, texture: Texture) -> None:
    clean, dirty = texture((80, 80)), texture((80, 80))
    dirty[40, 40], dirty[41, 40] = np.nan, np.inf
    grid = utm_grid((80, 80))
    paths = [write_raster(array, f"{name}.tif", grid=grid) for name, array in (("a", clean), ("b", dirty))]
    field = track(ImagePair.open(*paths), Brightness(reach=2)).field
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


def test_a_window_larger_than_the_image(write_raster: Write, texture: Texture, tmp_path: Path) -> None:
    paths = [write_raster(texture((40, 30), seed=s), f"{s}.tif") for s in (1, 2)]
    with pytest.raises(ParameterError) as error:
        track_file(ImagePair.open(*paths), Brightness(reach=20), tmp_path / "d.tif")
    assert message(error).startswith(
        "the image of 40 x 30 pixels is smaller than the 44 pixels that these parameters need"
    )
    assert not (tmp_path / "d.tif").exists()


def test_a_device_that_is_not_there(pair: ImagePair) -> None:
    with pytest.raises(DeviceError, match="device 'cuda:7': this algorithm runs on cpu only"):
        track(pair, Brightness(), device="cuda:7")


# Whole or not at all


def test_outputs_are_checked_before_the_work(pair: ImagePair, files: tuple[Path, Path], tmp_path: Path) -> None:
    tracker = Brightness(fails_above=0)  # would raise InputError on the first block
    for output, says in (
        (files[0], "is also an input; choose another output name"),
        (files[1], "is also an input; choose another output name"),
        (tmp_path / "absent" / "d.tif", "does not exist"),
        (tmp_path / "d.doc", "use .tif, .tiff, .nc, .csv, .parquet, .gpkg"),
    ):
        with pytest.raises(OutputError) as error:
            track_file(pair, tracker, output, overwrite=True)
        assert message(error).startswith(str(output))
        assert message(error).endswith(says)
    (tmp_path / "d.tif").touch()
    with pytest.raises(OutputError, match=r"d.tif: exists already; choose another name or pass --overwrite$"):
        track_file(pair, tracker, tmp_path / "d.tif")
    mask = tmp_path / "mask.tif"
    with rasterio.open(
        mask,
        "w",
        driver="GTiff",
        width=510,
        height=403,
        count=1,
        dtype="uint8",
        crs=pair.grid.crs,
        transform=pair.grid.transform,
    ) as ds:
        ds.write(np.ones((403, 510), np.uint8), 1)
    with pytest.raises(OutputError, match="is also an input"):
        track_file(pair, tracker, mask, mask=AreaMask.open(mask), overwrite=True)


@pytest.mark.parametrize("engine", ["serial", "threads", "dask"])
def test_an_error_in_a_block_stops_the_run_and_leaves_nothing(
    request: pytest.FixtureRequest,
    write_raster: Write,
    utm_grid: MakeGrid,
    texture: Texture,
    engine: str,
    tmp_path: Path,
) -> None:
    array = texture((200, 200))
    array[150, 150] = 1e6
    paths = [write_raster(array, f"{name}.tif", grid=utm_grid((200, 200))) for name in "ab"]
    runs = {"serial": Serial(), "threads": Threads(2)}
    chosen = runs[engine] if engine in runs else request.getfixturevalue("dask_engine")
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"^too bright$"):
        track_file(
            ImagePair.open(*paths), Brightness(fails_above=1e5), tmp_path / "out" / "d.tif", engine=chosen, block=32
        )
    assert not list((tmp_path / "out").iterdir())


def test_a_cut_off_file_is_one_clear_error(files: tuple[Path, Path], pair: ImagePair, tmp_path: Path) -> None:
    files[1].write_bytes(files[1].read_bytes()[: files[1].stat().st_size // 2])
    (tmp_path / "out").mkdir()
    with pytest.raises(CorruptFileError) as error:
        track_file(pair, Brightness(), tmp_path / "out" / "d.tif", engine=Threads(2), block=64)
    assert message(error).startswith(f"{files[1]}: its pixels cannot be read, is it cut off? (")
    assert not list((tmp_path / "out").iterdir())


def test_a_progress_bar_that_fails_leaves_nothing(pair: ImagePair, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    (tmp_path / "out").mkdir()
    with pytest.raises(KeyboardInterrupt):
        track_file(pair, Brightness(), tmp_path / "out" / "d.tif", engine=Threads(2), block=64, progress=stop)
    assert not list((tmp_path / "out").iterdir())


INTERRUPTED = """
import sys
from sensetrack.engine import open_engine
from sensetrack.pair import ImagePair
from sensetrack.stream import track_file
from tests.test_stream import Brightness

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
def test_an_interrupt_leaves_neither_files_nor_processes(files: tuple[Path, Path], tmp_path: Path, engine: str) -> None:
    script = tmp_path / "run.py"
    script.write_text(INTERRUPTED, encoding="utf-8")
    output = tmp_path / "out" / "d.tif"
    output.parent.mkdir()
    run = subprocess.Popen(
        [sys.executable, str(script), engine, *map(str, files), str(output)],
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
