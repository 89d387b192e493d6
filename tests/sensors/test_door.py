"""One door for products and rasters, in Python and in every command."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from products.broken import climbing_zip, tiny_hdf5
from products.landsat import write_landsat
from products.sentinel2 import write_sentinel2

import sensetrack
from sensetrack.coregister.regrid import open_bands
from sensetrack.errors import InputError, NotARasterError
from sensetrack.pair import ImagePair
from sensetrack.preprocess import preprocess_image
from sensetrack.raster.bands import names_of_bands, number_of_band, with_bands
from sensetrack.raster.door import may_be_product
from sensetrack.raster.image import Image
from sensetrack.sensors import Product, open_product, product_at, registry
from sensetrack.specs import image_filter_of, tracker_of

Write = Callable[..., Path]


def test_plain_rasters_are_images(write_raster: Write) -> None:
    path = write_raster(np.ones((4, 5), np.uint8))
    image = sensetrack.open(path)
    assert isinstance(image, Image) and image.grid.shape == (4, 5)
    assert product_at(path) is None and not may_be_product(str(path))
    with pytest.raises(InputError, match="no product of a sensor that is known"):
        open_product(path)


def test_a_single_band_of_a_product_is_a_plain_raster(tmp_path: Path) -> None:
    truth = write_landsat(tmp_path)
    image = sensetrack.open(truth.path / f"{truth.name}_B4.TIF")
    assert isinstance(image, Image) and np.array_equal(image.read()[0], truth.dn["B4"])


def test_what_is_neither_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    (tmp_path / "page.xml").write_text("<page/>")
    for name in ("empty", "page.xml"):
        with pytest.raises(InputError, match="neither a raster nor a product of a known sensor"):
            sensetrack.open(tmp_path / name)
        with pytest.raises(NotARasterError):
            Image.open(tmp_path / name)
    with pytest.raises(NotARasterError, match="not a raster"):
        sensetrack.open(tmp_path / "text.txt")
    with pytest.raises(InputError, match="no such file"):
        sensetrack.open(tmp_path / "nothing")
    with pytest.raises(InputError, match="unsafe name"):
        sensetrack.open(climbing_zip(tmp_path / "a.zip"))


def test_the_folder_around_a_file_that_nobody_knows_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outline as GeoJSON may lie in a folder of a million files."""
    (tmp_path / "rock.geojson").write_text('{"type": "FeatureCollection", "features": []}')

    def refused(*_: object) -> None:
        raise AssertionError("the folder was listed")

    monkeypatch.setattr("sensetrack.sensors._container._folder_files", refused)
    assert product_at(tmp_path / "rock.geojson") is None


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "<GDAL_WMS>" + "y" * 5000, "DERIVED_SUBDATASET:AMPLITUDE:a.tif"])
def test_what_is_no_path_at_all_is_left_to_gdal(name: str) -> None:
    assert not may_be_product(name)


def test_a_tiny_hdf5_file_is_one_error(tmp_path: Path) -> None:
    path = tiny_hdf5(tmp_path / "tiny.h5")
    with pytest.raises(InputError, match=r"tiny\.h5"):
        sensetrack.open(path)


def test_pairs_of_products_are_tracked(tmp_path: Path) -> None:
    path = write_landsat(tmp_path, "L2SP", shape=(96, 96)).path
    pair = ImagePair.open(path, path, band="nir", days=10)
    assert pair.reference.band_names == ("B5",) and pair.reference.metadata["scene"] == path.name
    field = sensetrack.track(pair, tracker_of("pcc:window=32,step=16")).field
    known = np.isfinite(field.dx)
    assert known.any() and np.abs(field.dx[known]).max() < 1e-3


def test_products_of_two_days_know_their_days(tmp_path: Path) -> None:
    first = write_sentinel2(tmp_path / "a", rows=72).path
    image = Image.open(first, band="B08")
    assert image.acquired is not None and image.name == first.name and image.place == str(first.resolve())
    assert ImagePair.open(first, first).days is None


def test_image_filters_work_on_products(tmp_path: Path) -> None:
    image = Image.open(write_landsat(tmp_path, shape=(64, 64)).path, band="B4")
    filtered = preprocess_image(image, [image_filter_of("highpass:sigma=3")])
    assert filtered.read()[1].any()
    assert names_of_bands(image) == {1: "B4"} and number_of_band(image, "B4") == 1 and with_bands(image, (1,)) is image
    with pytest.raises(InputError, match=r"no band B5 beside B4.*sensetrack convert"):
        number_of_band(image, "B5")


def test_all_bands_of_a_product_share_a_grid(tmp_path: Path) -> None:
    path = write_landsat(tmp_path, "L2SP").path
    images = open_bands(path, "all")
    assert [image.band_names[0] for image in images] == ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "ST_B10"]
    pan = open_bands(write_landsat(tmp_path / "other").path, "all")
    assert [image.band_names[0] for image in pan] == ["B8"]


def test_a_broken_plug_in_closes_no_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    point = EntryPoint("broken", "no_such_module:Sensor", "sensetrack.sensors")
    registry.names()
    monkeypatch.setitem(registry.__dict__, "_foreign", {"broken": point})
    (tmp_path / "empty").mkdir()
    assert (
        product_at(tmp_path / "empty") is None and "'broken' of no_such_module:Sensor cannot be loaded" in caplog.text
    )
    assert isinstance(sensetrack.open(write_landsat(tmp_path).path), Product)


def test_sensors_are_loaded_when_they_are_needed(write_raster: Write) -> None:
    path = write_raster(np.ones((4, 5), np.uint8))
    code = (
        f"import sys, sensetrack; sensetrack.Image.open({str(path)!r}); "
        "print([name for name in sys.modules if name.startswith(('sensetrack.sensors', 'lxml', 'h5py'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
