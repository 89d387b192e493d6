"""Writing images: bands, names, and what cannot share a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio

from sensetrack.coregister.write import band_name, image_tags, write_images
from sensetrack.errors import GridError
from sensetrack.raster.grid import Grid
from sensetrack.raster.image import Image


def test_bands_take_the_names_that_are_given(utm_grid: Callable[..., Grid], tmp_path: Path) -> None:
    grid = utm_grid((600, 700))
    images = [Image.from_array(np.full(grid.shape, value), grid) for value in (1.0, 2.0)]
    share = write_images(images, tmp_path / "out.tif", names=["a", "b"], tags={"note": "mine"})
    with rasterio.open(tmp_path / "out.tif") as ds:
        assert ds.descriptions == ("a", "b") and ds.tags()["note"] == "mine"
        assert (ds.read(1) == 1).all() and (ds.read(2) == 2).all()
    assert share == 1.0


def test_grids_that_differ_cannot_share_a_file(utm_grid: Callable[..., Grid], tmp_path: Path) -> None:
    images = [Image.from_array(np.ones(shape), utm_grid(shape)) for shape in ((5, 5), (6, 5))]
    with pytest.raises(GridError, match=r"cannot share a file: size 5 x 5 against 5 x 6"):
        write_images(images, tmp_path / "out.tif")


def test_invalid_pixels_are_written_as_nan_and_the_image_is_left_alone(tmp_path: Path) -> None:
    pixels = np.arange(12.0).reshape(3, 4)
    image = Image.from_array(pixels, nodata=5.0)
    assert write_images([image], tmp_path / "out.tif") == pytest.approx(11 / 12)
    written, valid = Image.open(tmp_path / "out.tif").read()
    assert not valid[1, 1] and valid.sum() == 11
    np.testing.assert_array_equal(written[valid], pixels[valid].astype(np.float32))
    assert np.isfinite(image.read()[0]).all()


def test_a_mean_of_bands_says_so(write_raster: Callable[..., Path]) -> None:
    path = write_raster(np.ones((3, 4, 5), np.uint8), names=("red", "green", "blue"))
    assert band_name(Image.open(path, band="mean")) == "mean"
    assert band_name(Image.open(path, band="green")) == "green"
    assert image_tags(Image.open(path))["source"] == str(path.resolve())
