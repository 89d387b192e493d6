"""One suite for every registered image filter: a new one is tested before it has a test of its own."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from sensetrack.coregister.write import write_images
from sensetrack.engine import Engine, Threads
from sensetrack.errors import InputError, ParameterError
from sensetrack.params import describe
from sensetrack.preprocess import ImageFilter, preprocess_image, registry
from sensetrack.preprocess.clip import Clip
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block, plan_blocks
from sensetrack.specs import image_filter_of
from sensetrack.trackers.pcc import Pcc

SHAPE = (203, 157)

FILLS = {"fill"}
"""Filters that make invalid pixels valid."""

LARGEST_MARGIN = 384
"""Pixels around a block of 1024 that are still worth reading: three times its pixels."""

Texture = Callable[..., np.ndarray]


@pytest.fixture(params=registry.names())
def each(request: pytest.FixtureRequest) -> ImageFilter:
    """Every registered image filter with its defaults."""
    return registry.get(request.param)()


@pytest.fixture(scope="module")
def holes() -> np.ndarray:
    """Valid pixels of an image with a large hole, a hole at the border, a line and single invalid pixels."""
    valid = np.ones(SHAPE, np.bool_)
    valid[60:95, 50:80] = False
    valid[:20, 120:] = False
    valid[150, :] = False
    valid[np.random.default_rng(5).random(SHAPE) < 0.01] = False
    return valid


def filtered(image: Image, each: ImageFilter) -> Image:
    return each.bind(image, each.fit(image))


def blank_of(each: ImageFilter, valid: np.ndarray, result_valid: np.ndarray) -> np.ndarray:
    """Pixels that a filter has made valid though they were not, and may not have."""
    return result_valid & ~valid if registry.name_of(type(each)) not in FILLS else np.zeros(1, np.bool_)


def test_blocks_equal_the_whole(each: ImageFilter, texture: Texture, holes: np.ndarray) -> None:
    source = Image.from_array(texture(SHAPE, shortest=3.0), valid=holes)
    for image in (filtered(source, each), preprocess_image(source, [Clip(), each])):
        whole, whole_valid = image.read()
        parts, parts_valid = np.zeros_like(whole), np.zeros_like(whole_valid)
        for block in plan_blocks(SHAPE, 67):
            parts[block.slices], parts_valid[block.slices] = image.read(block)
        np.testing.assert_array_equal(parts_valid, whole_valid)
        np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-4 * np.abs(whole).max())


def test_windows_anywhere_equal_the_whole(each: ImageFilter, texture: Texture, holes: np.ndarray) -> None:
    image = filtered(Image.from_array(texture(SHAPE, shortest=3.0), valid=holes), each)
    whole, whole_valid = image.read()
    for window in (Block(-3, -5, 31, 29), Block(71, 40, 53, 61), Block(180, 130, 40, 41)):
        inner = window.clip(SHAPE)
        assert inner is not None
        pixels, valid = (part[inner.within(window)] for part in image.read(window))
        np.testing.assert_array_equal(valid, whole_valid[inner.slices])
        np.testing.assert_allclose(pixels, whole[inner.slices], rtol=0, atol=1e-4 * np.abs(whole).max())


def test_margin_is_worth_reading(each: ImageFilter) -> None:
    assert 0 <= each.margin <= LARGEST_MARGIN


def test_what_lies_under_invalid_pixels_does_not_count(each: ImageFilter, texture: Texture, holes: np.ndarray) -> None:
    image = texture(SHAPE, shortest=3.0)
    before = image.copy()
    results = []
    for rubbish in (np.nan, 1e30, -np.inf):
        pixels, valid = each.apply(np.where(holes, image, np.float32(rubbish)), holes)
        results.append(pixels)
        assert not blank_of(each, holes, valid).any()
        assert np.isfinite(pixels).all()
        assert not pixels[~valid].any()
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
    np.testing.assert_array_equal(image, before)


def test_holes_in_flat_ground_leave_no_trace(each: ImageFilter, holes: np.ndarray) -> None:
    """Neither rounding is blown up nor do the zeros in holes count as ground."""
    for value in (100.1, 12_345.678, 1e-3):
        pixels, valid = each.apply(np.full(SHAPE, value), holes)
        assert valid.sum() > 0.5 * holes.sum()
        inside = pixels[valid]
        assert np.isfinite(inside).all()
        assert np.abs(inside - inside[0]).max() <= 1e-5 * abs(inside[0])


def test_flat_ground_beside_texture_stays_flat(each: ImageFilter, texture: Texture) -> None:
    """A tracker that saw rounding errors or the edges of holes there would find them again, at rest."""
    image, holes = texture((200, 330)), np.ones((200, 330), np.bool_)
    image[:, 120:] = 93.7
    holes[40:100, 240:290] = False
    holes[150:170, ::9] = False
    beyond = 130 + each.margin
    if beyond > 300:
        pytest.skip("its margin is wider than the image")
    pixels, valid = each.apply(image, holes)
    flat, rough = pixels[:, beyond:][valid[:, beyond:]], pixels[:, :110][valid[:, :110]]
    assert flat.size > 1000
    if np.abs(flat - flat[0]).max() > 1e-6 * abs(flat[0]):
        # What sees the whole image at once may change flat ground too, but must not make it rough.
        assert each.margin == 0
        assert flat.std() < 0.05 * rough.std()


def test_says_whether_results_are_complex(each: ImageFilter, texture: Texture) -> None:
    pixels, valid = each.apply(texture((64, 64)))
    assert pixels.dtype == (np.complex64 if each.gives_complex else np.float32)
    assert valid.dtype == np.bool_
    image = Image.from_array(texture((64, 64)))
    bound = filtered(image, each)
    assert bound.is_complex == np.iscomplexobj(bound.read()[0])
    assert pixels.shape == (64, 64)


def test_complex_pixels_are_taken_or_refused(each: ImageFilter, texture: Texture) -> None:
    image = texture((96, 96), is_complex=True)
    if not each.takes_complex:
        with pytest.raises(InputError, match="is complex, which"):
            each.apply(image)
        with pytest.raises(InputError, match="is complex, which"):
            each.bind(Image.from_array(image), {})
        return
    pixels, valid = each.apply(image)
    assert valid.any()
    assert np.iscomplexobj(pixels) == (each.gives_complex is not False)
    assert filtered(Image.from_array(image), each).is_complex == np.iscomplexobj(pixels)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "float64"])
def test_any_pixel_type(each: ImageFilter, texture: Texture, dtype: str) -> None:
    image = texture((80, 90)).round().clip(1, 255)
    expected, _ = each.apply(image)
    pixels, _ = each.apply(image.astype(dtype))
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 7), (40, 5)])
def test_images_smaller_than_the_kernel(each: ImageFilter, texture: Texture, shape: tuple[int, int]) -> None:
    image = Image.from_array(texture(shape))
    for pixels, valid in (each.apply(texture(shape)), filtered(image, each).read()):
        assert pixels.shape == valid.shape == shape
        assert np.isfinite(pixels).all()


def test_nothing_valid_gives_nothing(each: ImageFilter) -> None:
    image = filtered(Image.from_array(np.full((70, 80), np.nan)), each)
    pixels, valid = image.read()
    assert not valid.any()
    assert not pixels.any()
    assert np.iscomplexobj(pixels) == image.is_complex


def test_turning_the_image_turns_the_result(each: ImageFilter, texture: Texture) -> None:
    """What a filter moved by a pixel or a half would lie elsewhere. Slopes change their sign, so lengths count."""
    image = texture((128, 128), shortest=3.0)
    first, first_valid = each.apply(image)
    second, second_valid = (part[::-1, ::-1] for part in each.apply(np.ascontiguousarray(image[::-1, ::-1])))
    np.testing.assert_array_equal(first_valid, second_valid)
    sign = -1 if np.abs(first + second).mean() < np.abs(first - second).mean() else 1
    np.testing.assert_allclose(sign * second, first, rtol=0, atol=1e-3 * np.abs(first).max())


def test_shifts_are_measured_after_it_as_before(each: ImageFilter, texture: Texture) -> None:
    images = [texture((224, 224), dx=dx, dy=dy, shortest=3.5) for dx, dy in ((0.0, 0.0), (1.3, -0.7))]
    (first, first_valid), (second, second_valid) = (each.apply(image) for image in images)
    field = Pcc(window=48, step=16, search=8).track(first, second, first_valid, second_valid)
    inner = slice(2, -2), slice(2, -2)
    assert field.measured[inner].mean() > 0.95
    error = np.hypot(field.dx - 1.3, field.dy + 0.7)[inner]
    assert np.nanmedian(error) < 0.05
    assert np.nanmedian(field.dx[inner]) == pytest.approx(1.3, abs=0.03)
    assert np.nanmedian(field.dy[inner]) == pytest.approx(-0.7, abs=0.03)


def test_parameters_are_described_and_survive_files(each: ImageFilter) -> None:
    for name in type(each).model_fields:
        assert len(describe(type(each), name)) > 20, name
    assert type(each)(**(yaml.safe_load(each.to_yaml()) or {})) == each
    assert type(each)(**json.loads(each.to_json())) == each
    name = registry.name_of(type(each))
    assert image_filter_of(name) == each


def test_unknown_parameters_are_refused(each: ImageFilter) -> None:
    with pytest.raises(ParameterError, match="has no parameter 'sgma'"):
        type(each)(sgma=3)


def test_summary_is_one_line(each: ImageFilter) -> None:
    assert 10 < len(registry.summary(registry.name_of(type(each)))) < 100


def test_parameters_cannot_be_changed(each: ImageFilter) -> None:
    for name in type(each).model_fields:
        with pytest.raises(ValueError, match="frozen"):
            setattr(each, name, 1)


def test_bound_images_pickle_as_their_path(
    each: ImageFilter, texture: Texture, write_raster: Callable[..., Path], holes: np.ndarray
) -> None:
    path = write_raster(texture(SHAPE), nodata=-1, mask=holes)
    image = filtered(Image.open(path), each)
    again = pickle.loads(pickle.dumps(image))
    for first, second in zip(image.read(), again.read(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("engine_name", ["threads", "dask"])
def test_every_engine_writes_the_same(
    each: ImageFilter, image_file: Path, engine_name: str, dask_engine: Engine, tmp_path: Path
) -> None:
    engine = Threads(3) if engine_name == "threads" else dask_engine
    image = filtered(Image.open(image_file), each)
    written = []
    for number, chosen in enumerate((None, engine)):
        write_images([image], tmp_path / f"{number}.tif", engine=chosen)
        written.append(Image.open(tmp_path / f"{number}.tif").read())
    for first, second in zip(*written, strict=True):
        np.testing.assert_array_equal(first, second)
    pixels, valid = image.read()
    np.testing.assert_array_equal(written[0][1], valid)
    np.testing.assert_allclose(written[0][0], pixels, rtol=0, atol=1e-4 * np.abs(pixels).max())


@pytest.fixture(scope="module")
def image_file(texture: Texture, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of several blocks with a hole."""
    path = tmp_path_factory.mktemp("image") / "image.tif"
    image = np.tile(texture((300, 260), shortest=3.0), (4, 1))[:1100]
    image[500:560, 30:170] = np.nan
    write_images([Image.from_array(image)], path)
    return path
