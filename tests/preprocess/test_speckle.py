"""Lee's filters on speckle whose ground is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.errors import InputError, ParameterError
from sensetrack.preprocess import ImageFilter, preprocess_image
from sensetrack.preprocess._speckle import speckle_variation
from sensetrack.preprocess.decibel import Decibel
from sensetrack.preprocess.lee import Lee
from sensetrack.preprocess.refined_lee import RefinedLee
from sensetrack.raster.image import Image

LOOKS = 4
FILTERS = [Lee(looks=LOOKS), RefinedLee(looks=LOOKS)]


def speckle(ground: np.ndarray, seed: int = 0) -> np.ndarray:
    """Intensity of ``LOOKS`` looks over a ground."""
    return ground * np.random.default_rng(seed).gamma(LOOKS, 1 / LOOKS, ground.shape)


def looks_of(pixels: np.ndarray) -> float:
    return float(pixels.mean() ** 2 / pixels.var())


@pytest.mark.parametrize("each", FILTERS)
def test_even_ground_comes_out_even_and_as_bright_as_before(each: ImageFilter) -> None:
    image = speckle(np.full((300, 300), 100.0))
    result, _ = each.apply(image)
    inside = result[5:-5, 5:-5]
    assert looks_of(image) == pytest.approx(LOOKS, rel=0.1)
    assert looks_of(inside) > 15 * LOOKS
    assert inside.mean() == pytest.approx(100, rel=0.01)


@pytest.mark.parametrize("each", FILTERS)
def test_without_speckle_texture_stays(each: ImageFilter, texture: Callable[..., np.ndarray]) -> None:
    image = texture((80, 90), shortest=8.0)
    change = [np.std(each.with_changes(looks=looks).apply(image)[0] - image) / image.std() for looks in (1000, LOOKS)]
    assert change[0] < 0.1
    assert change[1] > 3 * change[0]


@pytest.mark.parametrize("direction", range(4))
def test_the_refined_filter_keeps_edges_of_every_direction(direction: int) -> None:
    row, col = np.mgrid[-60:60, -60:60]
    across = (row, col, (row + col) / np.sqrt(2), (row - col) / np.sqrt(2))[direction]
    ground = np.where(across < 0.1, 100.0, 400.0)
    image = speckle(ground)
    near = (np.abs(across) < 4) & (np.abs(row) < 50) & (np.abs(col) < 50)
    errors = {type(each).__name__: np.sqrt(np.mean((each.apply(image)[0] - ground)[near] ** 2)) for each in FILTERS}
    before = np.sqrt(np.mean((image - ground)[near] ** 2))
    assert errors["RefinedLee"] < 0.9 * errors["Lee"]
    assert errors["RefinedLee"] < 0.45 * before


@pytest.mark.parametrize("each", FILTERS)
def test_holes_take_no_part(each: ImageFilter) -> None:
    """A field of constant brightness stays so beside holes, whatever stands in them."""
    image = np.full((60, 60), 50.0)
    valid = np.random.default_rng(0).random(image.shape) > 0.4
    image[~valid] = 1e6
    result, good = each.apply(image, valid)
    np.testing.assert_array_equal(good, valid)
    np.testing.assert_allclose(result[valid], 50, rtol=1e-6)
    assert not result[~valid].any()


def test_single_valid_pixels_stay() -> None:
    valid = np.zeros((30, 30), np.bool_)
    valid[::10, ::10] = True
    image = np.arange(900.0).reshape(30, 30) + 1
    for each in FILTERS:
        np.testing.assert_allclose(each.apply(image, valid)[0][valid], image[valid], rtol=1e-6)


def test_variation_of_speckle() -> None:
    rng = np.random.default_rng(0)
    for looks in (1, 4.4):
        intensity = rng.gamma(looks, 1 / looks, 400_000)
        for quantity, values in (("intensity", intensity), ("amplitude", np.sqrt(intensity))):
            assert speckle_variation(looks, quantity) == pytest.approx(values.var() / values.mean() ** 2, rel=0.02)


def test_amplitude_is_smoothed_as_much_as_its_intensity() -> None:
    amplitude = np.sqrt(speckle(np.full((200, 200), 100.0)))
    right = Lee(looks=LOOKS, quantity="amplitude").apply(amplitude)[0][5:-5, 5:-5]
    wrong = Lee(looks=LOOKS, quantity="intensity").apply(amplitude)[0][5:-5, 5:-5]
    assert looks_of(right**2) > 15 * LOOKS
    # Speckle that is thought four times stronger than it is takes all texture with it.
    assert wrong.std() < right.std()


@pytest.mark.parametrize("each", FILTERS)
def test_decibel_is_refused(each: ImageFilter) -> None:
    image = Image.from_array(speckle(np.full((100, 100), 0.1)))
    with pytest.raises(InputError, match=r"100 % of its pixels are negative.*put .*lee before what makes it so"):
        preprocess_image(image, [Decibel(), each])


def test_even_windows_are_refused() -> None:
    with pytest.raises(ParameterError, match="window = 6: a window has a middle pixel: use 5 or 7"):
        Lee(window=6)
