"""Chains of image filters on images and pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sensetrack.errors import InputError
from sensetrack.preprocess import ImageFilter, describe, preprocess_image, preprocess_pair
from sensetrack.preprocess.clahe import Clahe
from sensetrack.preprocess.decibel import Decibel
from sensetrack.preprocess.highpass import Highpass
from sensetrack.preprocess.minmax import Minmax
from sensetrack.preprocess.orientation import Orientation
from sensetrack.raster.image import Image

Texture = Callable[..., np.ndarray]


class SharedMinmax(Minmax):
    """The range of the reference speaks for both."""

    is_shared = True


def test_filters_run_in_their_order(texture: Texture) -> None:
    image = texture((90, 100))
    first, second = Highpass(sigma=3), Minmax()
    expected, _ = second.apply(first.apply(image)[0])
    result, _ = preprocess_image(Image.from_array(image), [first, second]).read()
    np.testing.assert_allclose(result, expected, atol=1e-6)
    other, _ = preprocess_image(Image.from_array(image), [second, first]).read()
    assert np.abs(other - expected).max() > 0.1


def test_each_image_of_a_pair_is_judged_by_itself_unless_it_is_shared(texture: Texture) -> None:
    pair = Image.from_array(texture((60, 70))), Image.from_array(3 * texture((60, 70), seed=1) + 50)
    for each in preprocess_pair(*pair, [Minmax()]):
        assert (each.read()[0].min(), each.read()[0].max()) == (0, 1)
    low, high = pair[0].read()[0].min(), pair[0].read()[0].max()
    _, second = preprocess_pair(*pair, [SharedMinmax()])
    np.testing.assert_allclose(second.read()[0], (pair[1].read()[0] - low) / (high - low), rtol=1e-5)


@pytest.mark.parametrize("last", [Clahe(), Orientation(), Minmax()])
def test_what_needs_real_pixels_says_so_after_orientation(texture: Texture, last: ImageFilter) -> None:
    image = Image.from_array(texture((60, 70)))
    with pytest.raises(InputError, match=f"complex after orientation, which {type(last).__name__} has no meaning"):
        preprocess_image(image, [Orientation(), last])
    assert not preprocess_image(image, [Orientation(), Decibel()]).is_complex


def test_a_filter_is_described_by_name_and_parameters() -> None:
    assert describe(Highpass(sigma=3)) == 'highpass {"shape": "gaussian", "sigma": 3.0}'
    assert describe(Minmax()) == "minmax {}"
