"""One image of several bands: which, by what names, and the same for both of a pair."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rasterio.enums import ColorInterp
from scipy.ndimage import gaussian_filter, zoom

from sensetrack.errors import InputError, ParameterError
from sensetrack.pair import ImagePair
from sensetrack.preprocess import preprocess_image, preprocess_pair
from sensetrack.preprocess._texture import texture_scores
from sensetrack.preprocess.bands import Bands
from sensetrack.preprocess.highpass import Highpass
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

SHAPE = (150, 170)
Make = Callable[..., np.ndarray]
Write = Callable[..., Path]


@pytest.fixture
def scene(texture: Make) -> np.ndarray:
    """Three bands of one ground: alike in two units, and one that is mostly noise."""
    ground = texture(SHAPE, mean=0, std=1)
    rng = np.random.default_rng(0)
    return np.stack([100 + 10 * ground, 3000 + 500 * ground, 50 + rng.normal(0, 5, SHAPE)]).astype(np.float32)


def weights_of(image: Image) -> dict[int, float]:
    return dict(zip(image.bands, image.weights or (1 / len(image.bands),) * len(image.bands), strict=True))


@pytest.mark.parametrize(("band", "number"), [(2, 2), ("2", 2), ("nir", 2), ("green", 1)])
def test_one_band(write_raster: Write, scene: np.ndarray, band: int | str, number: int) -> None:
    path = write_raster(scene, names=["green", "nir", "swir"])
    each = Bands(band=band)
    assert each.method == "one"
    result = preprocess_image(Image.open(path), [each])
    np.testing.assert_array_equal(result.read()[0], scene[number - 1])


def test_the_mean_needs_all_bands(write_raster: Write, scene: np.ndarray) -> None:
    scene[1, 10:20, 10:20] = -1
    path = write_raster(scene, nodata=-1)
    pixels, valid = preprocess_image(Image.open(path), [Bands(method="mean")]).read()
    np.testing.assert_allclose(pixels[valid], scene.mean(axis=0)[valid], rtol=1e-5)
    assert (~valid).sum() == 100
    assert not valid[10:20, 10:20].any()
    pixels, valid = preprocess_image(Image.open(path), [Bands(method="mean", among=(1, 3))]).read()
    assert valid.all()
    np.testing.assert_allclose(pixels, scene[[0, 2]].mean(axis=0), rtol=1e-5)


def test_the_component_weighs_what_bands_share(write_raster: Write, scene: np.ndarray) -> None:
    image = preprocess_image(Image.open(write_raster(scene)), [Bands(method="pca")])
    weights = weights_of(image)
    # Two bands in one direction, each divided by its deviation, and of the third next to nothing.
    assert weights[1] / weights[2] == pytest.approx(50, rel=0.01)
    assert abs(weights[3]) < 0.1 * weights[1]
    assert sum(map(abs, weights.values())) == pytest.approx(1)
    np.testing.assert_allclose(
        image.read()[0], np.tensordot([weights[n] for n in (1, 2, 3)], scene, 1), rtol=1e-5, atol=1e-4
    )


def test_bright_ground_stays_bright(write_raster: Write, scene: np.ndarray) -> None:
    scene[1] = 4000 - scene[1]
    weights = weights_of(preprocess_image(Image.open(write_raster(scene[:2])), [Bands()]))
    assert weights[1] > 0
    assert weights[2] < 0
    assert weights[1] + weights[2] > 0


def test_bands_that_agree_give_their_mean_and_flat_ones_nothing(write_raster: Write, scene: np.ndarray) -> None:
    same = np.stack([scene[0], scene[0], np.full(SHAPE, 7.0, np.float32)])
    weights = weights_of(preprocess_image(Image.open(write_raster(same)), [Bands()]))
    assert weights == {1: pytest.approx(0.5), 2: pytest.approx(0.5)}
    flat = preprocess_image(Image.open(write_raster(same * 0 + 7, "flat.tif")), [Bands()])
    np.testing.assert_allclose(flat.read()[0], 7, rtol=1e-5)


def scores(*bands: np.ndarray) -> list[float]:
    return texture_scores([Image.from_array(band) for band in bands]).tolist()


@pytest.mark.parametrize("slope", [2.0, 3.0])
def test_noise_and_blur_count_against_a_band(ground: Make, slope: float) -> None:
    sharp = ground((512, 512), slope=slope)
    rng = np.random.default_rng(0)
    noise = [rng.normal(size=sharp.shape) for _ in range(4)]
    good, worse, bad, none = scores(sharp + 0.5 * noise[0], 7 * sharp + 14 * noise[1], sharp + 8 * noise[2], noise[3])
    assert good > worse > 1.3 * bad
    assert bad > 10 * none
    coarse = zoom(sharp[::2, ::2], 2, order=1)
    one, other, blurred, wide = scores(sharp + noise[0], noise[1] - sharp, gaussian_filter(sharp, 2), coarse)
    assert min(one, other) > 1.5 * max(blurred, wide)


def test_of_two_bands_the_noisier_loses(ground: Make) -> None:
    sharp = ground((300, 300))
    rng = np.random.default_rng(0)
    good, bad = scores(sharp + rng.normal(0, 0.5, sharp.shape), 5 * (sharp + rng.normal(0, 4, sharp.shape)))
    assert good > 1.5 * bad


def test_flat_bands_have_no_texture(ground: Make) -> None:
    sharp = ground((200, 200))
    flat, *rest = scores(np.full(sharp.shape, 93.7), sharp, sharp + 1)
    assert flat < 1e-6
    assert rest == pytest.approx([0.5, 0.5], abs=0.02)
    assert scores(sharp[:50, :50], sharp[:50, :50]) == [0, 0]


def test_the_best_texture(write_raster: Write, ground: Make) -> None:
    sharp = ground((300, 300))
    rng = np.random.default_rng(0)
    bands = np.stack([sharp + rng.normal(0, 10, sharp.shape), 40 * sharp, gaussian_filter(sharp, 3), sharp**2])
    bands[3] += rng.normal(0, 0.1 * bands[3].std(), sharp.shape)
    image = preprocess_image(Image.open(write_raster(bands.astype(np.float32))), [Bands(method="best-texture")])
    assert weights_of(image) == {2: 1}


def test_a_pair_shares_the_references_weights_by_name(write_raster: Write, scene: np.ndarray) -> None:
    first = write_raster(scene, "a.tif", names=["green", "nir", "swir"])
    second = write_raster(scene[::-1] * 2, "b.tif", names=["swir", "nir", "green"])
    reference, secondary = preprocess_pair(Image.open(first), Image.open(second), [Bands()])
    assert secondary.bands == (3, 2, 1)
    assert secondary.weights == reference.weights
    np.testing.assert_allclose(secondary.read()[0], 2 * reference.read()[0], rtol=1e-5)
    assert secondary.processes[0].text == 'bands {"among": [], "band": null, "method": "pca"}'


@pytest.mark.parametrize("names", [(), ("Band 1", "Band 2", "Band 3"), ("x", "x", "x")])
def test_bands_without_names_are_found_by_number(
    write_raster: Write, scene: np.ndarray, names: tuple[str, ...]
) -> None:
    first = write_raster(scene, "a.tif", names=["green", "nir", "swir"])
    second = write_raster(scene, "b.tif", names=names)
    assert preprocess_pair(Image.open(first), Image.open(second), [Bands()])[1].bands == (1, 2, 3)


def test_partners_that_lack_a_band(write_raster: Write, scene: np.ndarray) -> None:
    first = Image.open(write_raster(scene, "a.tif", names=["green", "nir", "swir"]))
    named = Image.open(write_raster(scene, "b.tif", names=["green", "red", "swir"]))
    with pytest.raises(
        InputError, match=r"b.tif has no band 'nir', which the other image has; it has green, red, swir"
    ):
        preprocess_pair(first, named, [Bands()])
    single = Image.open(write_raster(scene[0], "c.tif"))
    with pytest.raises(InputError, match=r"c.tif has 1 bands, so it lacks band 3"):
        preprocess_pair(first, single, [Bands()])


def test_pictures(write_raster: Write, scene: np.ndarray) -> None:
    levels = np.clip(scene / scene.max(axis=(1, 2), keepdims=True) * 255, 0, 255).astype(np.uint8)
    alpha = np.full((1, *SHAPE), 255, np.uint8)
    alpha[0, :5] = 0
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    image = Image.open(write_raster(np.concatenate([levels, alpha]), "p.png", colours=colours))
    assert preprocess_image(image, [Bands(band="blue")]).bands == (3,)
    result = preprocess_image(image, [Bands(method="mean")])
    assert result.bands == (1, 2, 3), "alpha is no band"
    assert not result.read()[1][:5].any()
    assert result.read()[1][5:].all()


def test_a_real_picture(shared_data: Path) -> None:
    image = Image.open(shared_data / "pairs" / "giv-perito-moreno" / "20200101.jpg")
    result = preprocess_image(image, [Bands()])
    assert result.bands == (1, 2, 3)
    assert all(0.25 < weight < 0.45 for weight in result.weights or ())
    one = preprocess_image(image, [Bands(method="best-texture")])
    assert len(one.bands) == 1
    np.testing.assert_array_equal(
        one.read(Block(0, 0, 50, 60))[0], Image.open(image.path, band=one.bands[0]).read(Block(0, 0, 50, 60))[0]
    )


def test_pixels_that_something_changed_before(write_raster: Write, scene: np.ndarray) -> None:
    image = Image.open(write_raster(scene))
    with pytest.raises(InputError, match="bands must be the first image filter"):
        preprocess_image(image, [Highpass(), Bands()])


def test_resampled_images_and_pickles(write_raster: Write, scene: np.ndarray, utm_grid: Make) -> None:
    first = write_raster(scene, "a.tif", grid=utm_grid(SHAPE))
    second = write_raster(scene, "b.tif", grid=utm_grid(SHAPE, x=500_005.0))
    pair = ImagePair.open(first, second, coregister=True)
    pair = pair.with_images(*preprocess_pair(pair.reference, pair.secondary, [Bands(), Highpass(sigma=3)]))
    block = Block(20, 20, 60, 60)
    again = pickle.loads(pickle.dumps(pair))
    for one, other in zip(pair.read(block), again.read(block), strict=True):
        np.testing.assert_array_equal(one, other)
    assert pair.secondary.weights == pair.reference.weights
    assert pair.secondary.warp is not None


def test_complex_bands_can_only_be_taken_singly(write_raster: Write, texture: Make) -> None:
    both = np.stack([texture(SHAPE, seed=seed, is_complex=True) for seed in (0, 1)])
    image = Image.open(write_raster(both))
    np.testing.assert_array_equal(preprocess_image(image, [Bands(band=2)]).read()[0], both[1])
    with pytest.raises(InputError, match="is complex: the phases of its bands differ, so name one with bands:band=N"):
        preprocess_image(image, [Bands()])


def test_arrays_have_one_band(texture: Make) -> None:
    array = texture(SHAPE)
    for each in (Bands(), Bands(band=1), Bands(method="mean"), Bands(method="best-texture")):
        np.testing.assert_array_equal(each.apply(array)[0], array)
    with pytest.raises(InputError, match="no band 2; an array has one"):
        Bands(band=2).apply(array)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "one"}, "method = 'one' with band = None"),
        ({"method": "mean", "band": 2}, "method = 'mean' with band = 2"),
        ({"band": 2, "among": (1, 2)}, "has no meaning for one band"),
        ({"method": "ica"}, "method = 'ica'"),
    ],
)
def test_settings_that_contradict_each_other(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        Bands(**settings)


def test_unknown_bands_are_named(write_raster: Write, scene: np.ndarray) -> None:
    image = Image.open(write_raster(scene, names=["green", "nir", "swir"]))
    with pytest.raises(InputError, match="no band 'nur'; did you mean 'nir'"):
        preprocess_image(image, [Bands(band="nur")])
    with pytest.raises(InputError, match="band 7 is not there; it has bands 1 to 3"):
        preprocess_image(image, [Bands(method="mean", among=(1, 7))])
