"""Pairs that pass through image filters as they are read: in any blocks, on every engine, resampled, and bounded."""

from __future__ import annotations

import pickle
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sensetrack.align import align
from sensetrack.coregister.resample import MovedImage, move
from sensetrack.coregister.shift import ShiftModel
from sensetrack.engine import Engine, Serial, Threads
from sensetrack.errors import InputError
from sensetrack.pair import ImagePair
from sensetrack.preprocess import ImageFilter, preprocess_image, preprocess_pair
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.specs import image_filters_of
from sensetrack.stream import track_file
from sensetrack.trackers import Tracker
from sensetrack.trackers.pcc import Pcc

FIVE = ["fill:width=3", "lee:looks=20", "svd", "wallis", "highpass:sigma=5"]
Make = Callable[..., np.ndarray]


def filtered(pair: ImagePair, chain: list[str]) -> ImagePair:
    return pair.with_images(*preprocess_pair(pair.reference, pair.secondary, image_filters_of(chain)))


def test_a_chain_equals_its_filters_one_after_the_other_on_the_whole_array(image_pair: ImagePair) -> None:
    source = image_pair.reference
    pixels, valid = source.read()
    for each in image_filters_of(FIVE):
        pixels, valid = each.apply(pixels, valid)
    image = preprocess_image(source, image_filters_of(FIVE))
    chained, chained_valid = image.read()
    np.testing.assert_array_equal(chained_valid, valid)
    np.testing.assert_allclose(chained, pixels, atol=1e-4 * np.abs(pixels).max())
    assert len(image.processes) == 5
    for block in plan_blocks(source.grid.shape, 128):
        part, part_valid = image.read(block)
        np.testing.assert_array_equal(part_valid, valid[block.slices])
        np.testing.assert_allclose(part, chained[block.slices], atol=1e-4 * np.abs(pixels).max())


@pytest.mark.parametrize("chain", [FIVE, ["orientation"]])
def test_pairs_are_pickled_with_their_filters(image_pair: ImagePair, chain: list[str]) -> None:
    pair = filtered(image_pair, chain)
    again = pickle.loads(pickle.dumps(pair))
    block = Block(30, 60, 150, 170)
    for one, other in zip(pair.read(block), again.read(block), strict=True):
        np.testing.assert_array_equal(one, other)


def test_engines_write_the_same_bytes(
    image_pair: ImagePair, brightness: type[Tracker], dask_engine: Engine, tmp_path: Path
) -> None:
    pair = filtered(image_pair, FIVE)
    files = []
    for name, engine in (("serial", Serial()), ("threads", Threads(3)), ("dask", dask_engine)):
        files.append(tmp_path / f"{name}.tif")
        track_file(pair, brightness(), files[-1], engine=engine, block=128)
    assert files[0].read_bytes() == files[1].read_bytes() == files[2].read_bytes()


def test_what_is_resampled_is_filtered_on_the_new_grid(
    write_raster: Callable[..., Path], texture: Make, utm_grid: Make
) -> None:
    first = write_raster(texture((150, 160)), "a.tif", grid=utm_grid((150, 160)))
    wide = texture((190, 200))
    second = write_raster(wide, "b.tif", grid=utm_grid((190, 200), x=499_800.0, y=5_000_200.0))
    chain = image_filters_of(["wallis", "highpass:sigma=5"])
    pair = ImagePair.open(first, second, coregister=True)
    expected, expected_valid = pair.secondary.read()
    for each in chain:
        expected, expected_valid = each.apply(expected, expected_valid)
    pixels, valid = pair.with_images(*preprocess_pair(pair.reference, pair.secondary, chain)).secondary.read()
    np.testing.assert_array_equal(valid, expected_valid)
    np.testing.assert_allclose(pixels, expected, atol=1e-4)
    with pytest.raises(InputError, match=r"b.tif is filtered as it is read; resample it first and filter it then"):
        preprocess_image(Image.open(second), chain).on_grid(pair.grid)


def test_moved_images_are_filtered_where_they_are_moved_to(image_pair: ImagePair) -> None:
    moved = move(image_pair.secondary, image_pair.grid, ShiftModel.constant(2.0, -3.0))
    chain = image_filters_of(["highpass:sigma=5"])
    image = preprocess_image(moved, chain)
    assert isinstance(image, MovedImage)
    plain, valid = moved.read()
    expected, _ = chain[0].apply(plain, valid)
    np.testing.assert_allclose(image.read()[0], expected, atol=1e-4)
    np.testing.assert_allclose(image.read(Block(100, 200, 90, 80))[0], expected[100:190, 200:280], atol=1e-4)


def test_a_shift_under_a_slope_of_light_is_found_filtered_only(
    write_raster: Callable[..., Path], texture: Make, utm_grid: Make
) -> None:
    shape = (320, 320)
    row, col = np.mgrid[: shape[0], : shape[1]]
    light = 2000 * np.exp(-((row - 150) ** 2 + (col - 200) ** 2) / (2 * 60**2))
    first = write_raster(texture(shape) + light, "a.tif", grid=utm_grid(shape))
    second = write_raster(texture(shape, dx=3.3, dy=-0.7), "b.tif", grid=utm_grid(shape))
    pair, tracker = ImagePair.open(first, second), Pcc(window=64, search=12, normalization="none", taper=0)
    error = []
    for chain in ([], image_filters_of(["orientation"])):
        found = align(pair, tracker, preprocess=chain)
        error.append(np.hypot(found.dx[0] - 3.3, found.dy[0] + 0.7))
    assert error[1] < 0.02
    assert error[1] < error[0]


@pytest.mark.parametrize(
    "chain", [["bands:method=best-texture", "svd"], ["svd:direction=rows"], ["destripe:window=128", "equalize"]]
)
def test_memory_does_not_grow_with_the_image(write_raster: Callable[..., Path], chain: list[str]) -> None:
    """Learning of an image of 25 Mpx, 100 MB as float32 and 25 MB of mask, takes strips and blocks of it."""
    band = np.random.default_rng(0).integers(0, 255, (2500, 2500), np.uint8)
    path = write_raster(np.stack([np.tile(band, (2, 2))] * 2), "big.tif", tiled=True)
    tracemalloc.start()
    try:
        image = preprocess_image(Image.open(path), image_filters_of(chain))
        for block in list(plan_blocks(image.grid.shape, 512))[:2]:
            image.read(block)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert 10 < peak < 110


def test_the_first_filter_sees_the_pixels_and_the_next_what_it_made(texture: Make) -> None:
    seen = []

    class Witness(ImageFilter):
        """Tells what it learns of."""

        @property
        def margin(self) -> int:
            return 0

        def fit(self, image: Image) -> dict[str, np.ndarray]:
            seen.append(float(image.read()[0].mean()))
            return {}

        def _apply(self, pixels, valid, state, origin):  # type: ignore[no-untyped-def]
            return 2 * pixels, valid

    array = texture((60, 70))
    preprocess_image(Image.from_array(array), [Witness(), Witness(), Witness()])
    assert seen == pytest.approx([array.mean() * factor for factor in (1, 2, 4)], rel=1e-4)
