"""What a file calls its bands, and images that read others of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rasterio.enums import ColorInterp

from sensetrack.errors import InputError
from sensetrack.raster.bands import names_of_bands, number_of_band, with_bands
from sensetrack.raster.image import Image
from sensetrack.raster.tiles import Block

Write = Callable[..., Path]
BANDS = np.arange(3 * 6 * 7, dtype=np.float32).reshape(3, 6, 7)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("green", "nir", ""), {1: "green", 2: "nir", 3: ""}),
        (("band 1", "Band_2", "3"), {1: "", 2: "", 3: ""}),
        (("B2", "B3", "B4"), {1: "B2", 2: "B3", 3: "B4"}),
        (("x", "x", "y"), {1: "", 2: "", 3: "y"}),
    ],
)
def test_names_tell_bands_apart(write_raster: Write, names: tuple[str, ...], expected: dict[int, str]) -> None:
    assert names_of_bands(Image.open(write_raster(BANDS, names=names))) == expected


def test_colours_are_names_and_alpha_is_no_band(write_raster: Write) -> None:
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha)
    path = write_raster(np.full((4, 6, 7), 200, np.uint8), "p.tif", colours=colours, photometric="RGB")
    image = Image.open(path)
    assert names_of_bands(image) == {1: "red", 2: "green", 3: "blue"}
    assert number_of_band(image, "blue") == 3
    assert number_of_band(image, "2") == 2


def test_an_array_has_one_band() -> None:
    image = Image.from_array(BANDS[0])
    assert names_of_bands(image) == {1: ""}
    assert number_of_band(image, 1) == 1
    with pytest.raises(InputError, match="no band red; an array has one"):
        number_of_band(image, "red")
    assert with_bands(image, (1,), (2.0,)) is image


def test_other_bands_and_weights(write_raster: Write) -> None:
    image = Image.open(write_raster(BANDS))
    np.testing.assert_array_equal(with_bands(image, (3,)).read()[0], BANDS[2])
    np.testing.assert_allclose(with_bands(image, (1, 3)).read()[0], BANDS[[0, 2]].mean(axis=0))
    weighted = with_bands(image, (3, 1), (2.0, -0.5))
    np.testing.assert_allclose(weighted.read(Block(1, 2, 3, 4))[0], (2 * BANDS[2] - 0.5 * BANDS[0])[1:4, 2:6])
    np.testing.assert_allclose(weighted.read_overview(100)[0], 2 * BANDS[2] - 0.5 * BANDS[0])
    single = with_bands(image, (2,), (3.0,))
    np.testing.assert_allclose(single.read()[0], 3 * BANDS[1])


def test_a_weighted_sum_is_valid_where_all_its_bands_are(write_raster: Write) -> None:
    array = BANDS.copy()
    array[0, 0, 0] = array[2, 5, 6] = -1
    image = with_bands(Image.open(write_raster(array, nodata=-1)), (1, 2), (0.5, 2.0))
    pixels, valid = image.read()
    assert np.argwhere(~valid).tolist() == [[0, 0]]
    assert pixels[0, 0] == 0


def test_a_nodata_value_of_the_users_stays(write_raster: Write) -> None:
    path = write_raster(BANDS, nodata=-1)
    assert with_bands(Image.open(path), (2,)).nodata == -1
    assert with_bands(Image.open(path, nodata=5), (2,)).nodata == 5


def test_unknown_bands(write_raster: Write) -> None:
    image = Image.open(write_raster(BANDS, names=("green", "nir", "swir")))
    with pytest.raises(
        InputError, match=r"image.tif: no band 'swirl'; did you mean 'swir'\? \(or a number from 1 to 3"
    ):
        number_of_band(image, "swirl")
    with pytest.raises(InputError, match="band 4 is not there; it has bands 1 to 3"):
        number_of_band(image, 4)
