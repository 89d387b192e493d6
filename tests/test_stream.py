"""Streaming: the same result whatever the blocks and the engine, bounded, and whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sensetrack.displacement import LAYERS, Displacement, Flag
from sensetrack.engine import Engine, Serial, Threads
from sensetrack.errors import (
    CorruptFileError,
    GridError,
)
from sensetrack.pair import ImagePair
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image
from sensetrack.raster.mask import AreaMask
from sensetrack.stream import track, track_file
from sensetrack.trackers import Tracker, registry

Write = Callable[..., Path]
MakeGrid = Callable[..., Grid]
MakeTracker = Callable[..., Tracker]
Texture = Callable[..., np.ndarray]


def assert_same(one: Displacement, other: Displacement) -> None:
    assert one.grid == other.grid
    for name, layer in one.field.layers().items():
        np.testing.assert_array_equal(layer, other.field.layers()[name], err_msg=name)


# The same result


def test_blocks_do_not_show(image_pair: ImagePair, brightness: MakeTracker) -> None:
    whole = track(image_pair, brightness(), block=4096)
    assert whole.grid.shape == (100, 127)
    assert whole.field.measured.mean() > 0.9
    for size in (1, 50, 128, 300):
        if size > 1:
            assert_same(track(image_pair, brightness(), block=size), whole)
    small = ImagePair(
        *(Image.from_array(image.read()[0][:40, :44]) for image in (image_pair.reference, image_pair.secondary))
    )
    assert_same(track(small, brightness(), block=1), track(small, brightness()))


def test_a_stream_measures_what_the_arrays_give(image_pair: ImagePair, brightness: MakeTracker) -> None:
    (first, first_valid), (second, second_valid) = image_pair.reference.read(), image_pair.secondary.read()
    tracker = brightness(reach=0)
    direct = tracker.track(first, second, first_valid, second_valid)
    streamed = track(image_pair, tracker, block=100).field
    for name, layer in direct.layers().items():
        np.testing.assert_array_equal(streamed.layers()[name], layer)


def test_every_engine_writes_the_same_bytes(
    image_pair: ImagePair, tmp_path: Path, dask_engine: Engine, brightness: MakeTracker
) -> None:
    written = {}
    engines = {"serial": Serial(), "threads": Threads(3), "dask": dask_engine, "again": Threads(2)}
    for name, engine in engines.items():
        counts = track_file(image_pair, brightness(), tmp_path / f"{name}.tif", engine=engine, block=128)
        written[name] = (tmp_path / f"{name}.tif").read_bytes()
        assert sum(counts[label] for label in ("measured", "nodata")) == 100 * 127
    assert len(set(written.values())) == 1
    assert_same(Displacement.open(tmp_path / "dask.tif"), track(image_pair, brightness()))


def test_dask_runs_pairs_in_memory_with_masks(
    image_pair: ImagePair, dask_engine: Engine, brightness: MakeTracker
) -> None:
    arrays = ImagePair(
        *(
            Image.from_array(*(image.read()[:1]), image_pair.grid)
            for image in (image_pair.reference, image_pair.secondary)
        )
    )
    inside = np.zeros(image_pair.grid.shape, np.bool_)
    inside[100:200, 100:300] = True
    mask = AreaMask.from_array(inside)
    assert_same(
        track(arrays, brightness(), mask=mask, engine=dask_engine, block=128), track(arrays, brightness(), mask=mask)
    )


def test_the_file_tells_where_it_comes_from(
    image_pair: ImagePair, pair_files: tuple[Path, Path], tmp_path: Path, brightness: MakeTracker
) -> None:
    track_file(image_pair, brightness(reach=3), tmp_path / "d.tif")
    with rasterio.open(tmp_path / "d.tif") as ds:
        tags = ds.tags()
        assert ds.descriptions == (*LAYERS, "count")
        assert ds.transform.a == 40.0
    assert tags["tracker"] == "brightness"
    assert '"reach": 3' in tags["parameters"]
    assert tags["reference"] == str(pair_files[0])
    assert tags["days"] == "10.0"
    provenance = Displacement.open(tmp_path / "d.tif").provenance
    assert provenance.secondary_date == datetime(2020, 1, 11, tzinfo=UTC)


def test_progress_counts_the_blocks(image_pair: ImagePair, brightness: MakeTracker) -> None:
    seen: list[tuple[int, int]] = []
    track(image_pair, brightness(), block=256, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 4) for done in range(1, 5)]


def test_complex_pairs_stream(write_raster: Write, texture: Texture, brightness: MakeTracker) -> None:
    paths = [write_raster(texture((64, 80), seed=s, is_complex=True), f"{s}.tif") for s in (1, 2)]
    field = track(ImagePair.open(*paths), brightness(), block=32).field
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


def test_outside_a_mask_nothing_is_measured(image_pair: ImagePair, brightness: MakeTracker) -> None:
    inside = np.zeros(image_pair.grid.shape, np.bool_)
    inside[200:300, 240:400] = True
    whole = track(image_pair, brightness())
    masked = track(image_pair, brightness(), mask=AreaMask.from_array(inside), block=100)
    centres = inside[2::4, 2::4][:100, :127]
    np.testing.assert_array_equal(masked.field.flags & Flag.MASKED > 0, ~centres)
    assert np.isnan(masked.field.dx[~centres]).all()
    np.testing.assert_array_equal(masked.field.dx[centres], whole.field.dx[centres])


def test_a_mask_may_keep_rock_out_of_the_windows(image_pair: ImagePair, brightness: MakeTracker) -> None:
    inside = np.zeros(image_pair.grid.shape, np.bool_)
    inside[200:300, 240:400] = True
    mask = AreaMask.from_array(inside)
    field = track(image_pair, brightness(), mask=mask, mask_windows=True, block=100).field
    first, second = image_pair.reference.read()[0], image_pair.secondary.read()[0]
    # The first cell inside: of its window, 16 pixels wide, a part lies inside.
    np.testing.assert_allclose(field.dx[50, 60], (second - first)[200:210, 240:250].mean(), rtol=1e-5)
    assert field.extra["count"][50, 60] == 100
    assert field.extra["count"][60, 80] == 256


def test_blocks_outside_the_mask_are_not_even_read(
    pair_files: tuple[Path, Path], image_pair: ImagePair, brightness: MakeTracker
) -> None:
    inside = np.zeros(image_pair.grid.shape, np.bool_)
    inside[:60, :60] = True
    pair_files[0].write_bytes(pair_files[0].read_bytes()[: pair_files[0].stat().st_size * 3 // 4])
    field = track(image_pair, brightness(), mask=AreaMask.from_array(inside), block=80).field
    assert field.measured.sum() == 225
    with pytest.raises(CorruptFileError):
        track(image_pair, brightness(), block=80)


def test_a_mask_that_does_not_fit_is_refused_before_the_work(
    image_pair: ImagePair, tmp_path: Path, brightness: MakeTracker
) -> None:
    mask = AreaMask.from_array(np.ones((10, 10), np.bool_))
    with pytest.raises(GridError, match="the mask array has no georeference and 10 x 10 pixels"):
        track_file(image_pair, brightness(fails_above=0), tmp_path / "d.tif", mask=mask)
