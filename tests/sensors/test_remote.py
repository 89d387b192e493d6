"""Products behind URLs: what is read of them, how much of it, and one line for what cannot be read so."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import rasterio
from products.archive import tarred, zipped
from products.landsat import write_landsat
from products.prisma import write_prisma
from products.range_server import Site, serving
from products.sentinel1 import write_sentinel1
from products.sentinel2 import Sentinel2Truth, write_sentinel2
from products.sentinel2_bucket import cog_bucket

import sensetrack
from sensetrack.errors import CorruptFileError, InputError, SensetrackError
from sensetrack.raster.image import Image
from sensetrack.raster.remote import BLOCK, RemoteFile, located
from sensetrack.raster.tiles import Block
from sensetrack.sensors import Product, open_product


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Serve the test's folder."""
    with serving(tmp_path, tmp_path / "log.txt") as found:
        yield found


def pixels_of(product: Product, band: str) -> np.ndarray:
    image = pickle.loads(pickle.dumps(product.image(band, mask=False)))
    pixels, valid = image.read()
    return np.where(valid, pixels, np.nan)


def message(error: pytest.ExceptionInfo[SensetrackError]) -> str:
    text = str(error.value)
    assert "\n" not in text and "secret" not in text
    return text


@pytest.fixture
def scene(tmp_path: Path) -> Sentinel2Truth:
    """A Level-2A product, of which ``scene.zip`` is served."""
    truth = write_sentinel2(tmp_path / "safe", "2A", rows=72)
    zipped(truth.path).rename(tmp_path / "scene.zip")
    return truth


@pytest.mark.parametrize(
    "name",
    [
        "{url}/scene.zip",
        "{url}/busy/scene.zip?signature=secret",
        "/vsicurl/{url}/scene.zip",
        "/vsizip//vsicurl/{url}/scene.zip",
        "/vsizip/{{/vsicurl/{url}/scene.zip?signature=secret}}/{safe}",
        "/vsizip/{folder}/scene.zip",
        "/vsizip/{folder}/scene.zip/{safe}/MTD_MSIL2A.xml",
    ],
)
def test_a_zip_behind_a_url_is_a_product(tmp_path: Path, site: Site, scene: Sentinel2Truth, name: str) -> None:
    product = sensetrack.open(name.format(url=site.url, safe=scene.path.name, folder=tmp_path))
    assert isinstance(product, Product) and product.name == scene.path.stem and product.missing == ()
    np.testing.assert_allclose(pixels_of(product, "B08"), scene.reflectance["B08", 10], atol=1e-6)
    assert "secret" not in f"{product.path} {product.image('B08').place} {product.tags()}"


def test_radar_in_a_zip_behind_a_url_is_calibrated(tmp_path: Path, site: Site) -> None:
    path = write_sentinel1(tmp_path / "safe", "GRD").path
    local = open_product(path)
    zipped(path, mac=True).rename(tmp_path / "radar.zip")
    product = open_product(f"{site.url}/radar.zip")
    assert product.name == local.name and product.orbit == local.orbit
    for quantity in ("sigma0", "amplitude"):
        found, expected = (each.image(quantity=quantity).read() for each in (product, local))
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


def test_an_item_behind_a_url_leads_to_its_bands(tmp_path: Path, site: Site, scene: Sentinel2Truth) -> None:
    folder = cog_bucket(tmp_path / "bucket", scene)
    item = next(folder.glob("*.json"))
    place = item.relative_to(tmp_path).as_posix()
    for address in (f"{site.url}/{place}?signature=secret", f"{site.url}/whole/{place}"):
        product = open_product(address)
        assert product.name == scene.path.stem
        if "whole" not in address:
            np.testing.assert_allclose(pixels_of(product, "red"), scene.reflectance["B04", 10], atol=1e-6)
            assert product.band("red").files == (f"{site.url}/{(folder / 'B04.tif').relative_to(tmp_path)}",)


def test_an_item_from_elsewhere_names_no_file_of_this_machine(
    tmp_path: Path, site: Site, scene: Sentinel2Truth
) -> None:
    folder = cog_bucket(tmp_path / "bucket", scene)
    path = next(folder.glob("*.json"))
    item = json.loads(path.read_text())
    for asset in item["assets"].values():
        name = Path(asset["href"]).name
        asset["href"] = f"file://{folder}/{name}" if "B04" in name else f"{folder}/{name}"
    path.write_text(json.dumps(item))
    product = open_product(f"{site.url}/{path.relative_to(tmp_path).as_posix()}")
    assert product.band("red").files == ()
    assert all(file.startswith(site.url) for band in product.available for file in band.files)


def test_only_what_is_needed_is_sent(tmp_path: Path, site: Site, scene: Sentinel2Truth) -> None:
    large = np.random.default_rng(0).bytes(6 * 2**20)
    with zipfile.ZipFile(tmp_path / "scene.zip", "a") as archive:
        for number in range(4):
            archive.writestr(f"{scene.path.name}/HTML/{number}.bin", large)
    product = open_product(f"{site.url}/scene.zip")
    product.image("B08").read(Block(0, 0, 16, 16))
    assert (tmp_path / "scene.zip").stat().st_size > 24 * 2**20
    assert site.sent("scene.zip") < 2**20


def test_a_window_of_a_cog_is_sent_alone(tmp_path: Path, site: Site, write_raster: object) -> None:
    array = np.random.default_rng(0).integers(0, 60000, (2048, 2048), np.uint16)
    tiles = {"tiled": True, "blockxsize": 256, "blockysize": 256}
    write_raster(array, "20200131.tif", **tiles)  # type: ignore[operator]
    image = sensetrack.open(f"{site.url}/20200131.tif")
    assert isinstance(image, Image)
    pixels, _ = image.read(Block(512, 768, 256, 256))
    np.testing.assert_array_equal(pixels, array[512:768, 768:1024])
    assert site.sent("20200131.tif") < 2**19 < array.nbytes


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "he5", "zip", "txt"])
def test_what_cannot_be_read_in_parts_is_said(tmp_path: Path, site: Site, kind: str) -> None:
    if kind in ("he5", "zip"):
        path = write_prisma(tmp_path, "2D").path
        path = zipped(path) if kind == "zip" else path
        why = "in it cannot be read in parts" if kind == "zip" else "HDF5 cannot be read in parts over http"
    else:
        folder = write_landsat(tmp_path / "made").path
        path = next(folder.glob("*_MTL.txt")) if kind == "txt" else tarred(folder, compressed=kind == "tar.gz")
        why = "cannot be listed over http" if kind == "txt" else "a tar archive cannot be read in parts over http"
    path.rename(tmp_path / f"product.{kind}")
    with pytest.raises(InputError) as error:
        sensetrack.open(f"{site.url}/product.{kind}?signature=secret")
    assert why in message(error) and f"{site.url}/product.{kind}: " in message(error)
    assert "download it first" in message(error)


def test_servers_that_do_not_help(tmp_path: Path, site: Site, scene: Sentinel2Truth) -> None:
    with (tmp_path / "large.zip").open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(20 * 2**20)
    cases = {
        f"{site.url}/absent.zip": "cannot be fetched (HTTP 404",
        f"{site.url}/whole/large.zip": "does not send parts of a file; download it first",
        f"{site.url}/large.zip": "cannot be read as a zip archive, is it cut off?",
        "http://127.0.0.1:9/scene.zip": "cannot be fetched (",
    }
    for address, why in cases.items():
        with pytest.raises(InputError) as error:
            sensetrack.open(f"{address}?signature=secret")
        assert message(error).startswith(f"{address}: ") and why in message(error)
    with pytest.raises(SensetrackError) as refused:
        open_product(f"{site.url}/closed/scene.zip?signature=secret")
    assert "/closed/scene.zip: " in message(refused)


def test_a_file_that_changes_is_noticed(tmp_path: Path, site: Site) -> None:
    path = tmp_path / "product.bin"
    path.write_bytes(bytes(3 * BLOCK))
    file = RemoteFile(f"{site.url}/product.bin", fresh=True)
    assert file.size == 3 * BLOCK and file.read(10) == bytes(10)
    path.write_bytes(bytes(4 * BLOCK))
    file.seek(-5, os.SEEK_END)
    with pytest.raises(CorruptFileError, match="has changed while it was read"):
        file.read(5)
    assert RemoteFile(f"{site.url}/product.bin", fresh=True).size == 4 * BLOCK


def test_rasters_in_archives_stay_rasters() -> None:
    for name in ("/vsizip/a.zip/b/c.tif", "/vsitar/{/d/a.tar}/c_B4.TIF", "/vsimem/a.zip", "/vsis3/b/a.zip", "a.zip"):
        assert located(name) == name
    assert located("/vsitar//d/a.tar.gz") == "/d/a.tar.gz"


def test_the_command_takes_urls(tmp_path: Path, site: Site, scene: Sentinel2Truth) -> None:
    def run(*words: object) -> str:
        command = [sys.executable, "-m", "sensetrack", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    address = f"{site.url}/scene.zip?signature=secret"
    said = run("info", address, "--quicklook", tmp_path / "look.png")
    assert "Sentinel-2A L2A product" in said.replace("S2MSI2A", "L2A") and "B08" in said and "secret" not in said
    item = run("info", address, "--json")
    assert json.loads(item)["id"] == scene.path.stem and "secret" not in item
    run("convert", address, "-o", tmp_path / "b08.tif", "--band", "B08", "--no-mask")
    with rasterio.open(tmp_path / "b08.tif") as ds:
        np.testing.assert_allclose(ds.read(1), scene.reflectance["B08", 10], atol=1e-6)
        assert ds.tags()["scene"] == scene.path.stem and "secret" not in str(ds.tags())
