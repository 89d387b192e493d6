"""CLAHE against OpenCV's, and what masks and windows do to its tiles."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from sensetrack.preprocess.clahe import Clahe
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

Texture = Callable[..., np.ndarray]


@pytest.mark.parametrize("limit", [2.0, 4.0, 40.0])
def test_agrees_with_opencv_on_8_bit_pictures(texture: Texture, limit: float) -> None:
    image = texture((256, 320), mean=90, std=25) * np.linspace(0.3, 1.6, 320)
    picture = image.clip(0, 255).round().astype(np.uint8)
    picture[0, :2] = 0, 255
    result, _ = Clahe(tile=64, limit=limit, tails=0).apply(picture)
    expected = cv2.createCLAHE(limit, (5, 4)).apply(picture) / 255
    # Theirs takes the upper end of a bin, ours where in the bin the value lies.
    difference = result - expected
    assert np.abs(difference).max() < 0.05
    assert np.median(np.abs(difference)) < 0.01


def test_only_valid_pixels_count(texture: Texture) -> None:
    image = texture((256, 256))
    valid = np.ones(image.shape, np.bool_)
    valid[:, 128:] = False
    each = Clahe(tails=0)
    image[0, :2] = image.min(), image.max()
    masked, good = each.apply(image, valid)
    np.testing.assert_array_equal(good, valid)
    # The image that ends at a border of tiles.
    alone, _ = each.apply(image[:, :128], state=each.fit(Image.from_array(image, valid=valid)))
    np.testing.assert_array_equal(masked[:, :128], alone)


def test_tiles_with_few_valid_pixels_hardly_count(texture: Texture) -> None:
    image = texture((256, 256))
    valid = np.ones(image.shape, np.bool_)
    valid[:, 128:] = False
    each = Clahe()
    state = each.fit(Image.from_array(image))
    without, _ = each.apply(image, valid, state)
    valid[::64, 140] = True
    image[::64, 140] = image.max()
    few, _ = each.apply(image, valid, state)
    assert 0 < np.abs(few - without)[:, :128].max() < 0.01


def test_tiles_begin_at_the_corner_of_the_image(texture: Texture) -> None:
    image = Image.from_array(texture((300, 280)))
    each = Clahe(tile=32)
    whole, _ = each.bind(image, each.fit(image)).read()
    window = Block(83, 71, 61, 45)
    part, _ = each.apply(
        image.read(window.expand(each.margin))[0],
        state=each.fit(image),
        origin=(window.row - each.margin, window.col - each.margin),
    )
    inner = slice(each.margin, -each.margin)
    np.testing.assert_array_equal(part[inner, inner], whole[window.slices])


def test_the_limit_bounds_the_slope() -> None:
    """What is cut off is spread over all bins, which adds 1 at most."""
    rng = np.random.default_rng(0)
    image = np.where(rng.random((256, 256)) < 0.9, rng.uniform(0.4, 0.44, (256, 256)), rng.random((256, 256)))
    for limit in (1.5, 5.0):
        result, _ = Clahe(tile=64, limit=limit, tails=0).apply(image)
        flat = (image > 0.405) & (image < 0.435)
        slope = np.polyfit(image[flat], result[flat], 1)[0]
        assert limit < slope < limit + 1


def test_no_grey_values_are_lost(texture: Texture) -> None:
    image = texture((128, 128))
    result, _ = Clahe(tile=128, bins=16).apply(image)
    assert np.unique(result).size > 0.95 * np.unique(image).size
    order = np.argsort(image.ravel())
    assert (np.diff(result.ravel()[order]) >= 0).all()
